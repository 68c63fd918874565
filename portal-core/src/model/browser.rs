//! A chat's shared browser: one run of it, its state, why it ended (SPEC 11).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One run of a chat's browser, from its start to its end: 32 of `[0-9a-f]`, drawn at random, so that no run
/// of another time, chat or file is taken for it.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(#[schemars(regex(pattern = "^[0-9a-f]{32}$"))] String);

impl RunId {
    /// The id of 16 random bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(bytes)))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RunId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 32 && text.bytes().all(is_hex) {
            Ok(Self(text))
        } else {
            Err("a browser's run is 32 digits from 0 to f".to_owned())
        }
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> String {
        run.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! word_list {
    ($(#[$doc:meta])* $name:ident $what:literal { $($(#[$variant_doc:meta])* $variant:ident $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All there are.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The word, as rows and events keep it.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
        }

        impl TryFrom<&str> for $name {
            type Error = String;

            fn try_from(word: &str) -> Result<Self, String> {
                match word {
                    $($word => Ok($name::$variant),)*
                    _ => Err(format!(concat!($what, " is none of those there are: {:?}"), word)),
                }
            }
        }
    };
}

word_list! {
    /// How far a chat's browser is.
    BrowserState "a browser's state" {
        /// It is wanted, and not there yet.
        Starting "starting",
        /// It runs.
        Running "running",
        /// It is not wanted any more, and still there.
        Stopping "stopping",
        /// It was wanted and is not there; starting it again tries anew.
        Failed "failed",
    }
}

impl BrowserState {
    /// Whether somebody wants it to run.
    pub const fn is_wanted(self) -> bool {
        matches!(self, BrowserState::Starting | BrowserState::Running)
    }
}

word_list! {
    /// Why a browser ends, or never began.
    BrowserEnd "a browser's end" {
        /// Somebody stopped it.
        Asked "asked",
        /// Nobody looked for ten minutes (SPEC 11.2).
        Idle "idle",
        /// It ended by itself.
        Died "died",
        /// What runs browsers did not answer.
        Unreachable "unreachable",
        /// There is no room for another browser.
        Full "full",
        /// This browser cannot be run as it is set up.
        Misconfigured "misconfigured",
        /// It could not be started for another reason.
        Failed "failed",
        /// Nothing runs browsers here any more.
        Unavailable "unavailable",
    }
}
