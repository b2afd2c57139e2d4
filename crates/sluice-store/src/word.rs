//! Words of a closed list: an enum here, text with `CHECK` in the schema, the same text in JSON.

/// The text is none of the words of its list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not a {of}; it is one of {words}")]
pub struct NotAWord {
    /// What was read.
    pub word: String,
    /// What the list is of.
    pub of: &'static str,
    /// The list.
    pub words: String,
}

macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident ($of:literal) {
            $($(#[$variant_meta:meta])* $variant:ident => $word:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize,
        )]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// The word in the database, in JSON and on the command line.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::word::NotAWord;

            fn from_str(text: &str) -> Result<$name, crate::word::NotAWord> {
                $name::ALL
                    .iter()
                    .copied()
                    .find(|word| word.as_str() == text)
                    .ok_or_else(|| crate::word::NotAWord {
                        word: text.to_owned(),
                        of: $of,
                        words: [$($word),+].join(", "),
                    })
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What somebody may do. Each role may do what the ones before it may.
    Role ("role") {
        /// Reads.
        Viewer => "viewer",
        /// Starts, cancels, hands in replies.
        Operator => "operator",
        /// Approves, rejects, answers.
        Approver => "approver",
        /// Everything, tokens included.
        Admin => "admin",
    }
}

words! {
    /// Who acts. It comes from the credential, never from what a request says.
    ActorKind ("kind of actor") {
        /// A human being.
        Person => "person",
        /// A program that works at a gate; it can never approve.
        Agent => "agent",
        /// The daemon itself.
        System => "system",
    }
}
