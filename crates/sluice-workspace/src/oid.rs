//! Names a git object.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Text that is no object name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no object id; it has 40 lower-case hexadecimal digits")]
pub struct InvalidOid {
    text: String,
}

/// The SHA-1 name of a git object; prints as 40 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid(pub(crate) git2::Oid);

impl Oid {
    /// The name that git gives to a file with these bytes.
    pub fn of_blob(bytes: &[u8]) -> Self {
        let oid = git2::Oid::hash_object(git2::ObjectType::Blob, bytes)
            .expect("hashing bytes in memory needs nothing that can fail");
        Self(oid)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({})", self.0)
    }
}

impl FromStr for Oid {
    type Err = InvalidOid;

    /// Takes exactly 40 lower-case hexadecimal digits: an abbreviation is never guessed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 40 || !text.bytes().all(hex) {
            return Err(InvalidOid {
                text: text.to_owned(),
            });
        }
        git2::Oid::from_str(text).map(Self).map_err(|_| InvalidOid {
            text: text.to_owned(),
        })
    }
}

impl Serialize for Oid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Oid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
