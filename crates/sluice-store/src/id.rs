//! The ids of what the store keeps.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        ///
        /// A UUID of version 7: ids made later sort later, as values and as text.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id.
            #[expect(clippy::new_without_default, reason = "every call gives another id")]
            pub fn new() -> $name {
                $name(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<$name, uuid::Error> {
                text.parse().map($name)
            }
        }
    };
}

id! {
    /// Names one passage through a gate.
    RunId
}

impl RunId {
    /// A new id that sorts after `other`, also when the clock was put back since.
    pub fn after(other: RunId) -> RunId {
        let id = RunId::new();
        if id > other {
            return id;
        }
        // The first 48 bits are the milliseconds since 1970.
        let ms = (other.0.as_u128() >> 80) as u64 + 1;
        let at =
            uuid::Timestamp::from_unix(uuid::NoContext, ms / 1000, (ms % 1000) as u32 * 1_000_000);
        RunId(Uuid::new_v7(at))
    }
}
id! {
    /// Names a question to a person.
    EscalationId
}
id! {
    /// Names one finding of the error history.
    FindingId
}
id! {
    /// Names a token; it is not the secret.
    TokenId
}
id! {
    /// Names an entry of a journal.
    EntryId
}
id! {
    /// Names a message to a webhook.
    DeliveryId
}
id! {
    /// Names checks that were asked for alone.
    CheckId
}

/// Numbers the events of a database: 1, 2, 3 and so on, in the order in which they became visible.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct EventSeq(pub i64);
