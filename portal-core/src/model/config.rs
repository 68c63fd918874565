//! A chat's two configurations (SPEC 3.8, 3.9): whole ones, and partial updates of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HOUR, MINUTE};

/// How often a chat's messages are wiped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WipePreset {
    /// Never.
    #[default]
    #[serde(rename = "off")]
    Off,
    /// Every minute.
    #[serde(rename = "1m")]
    Minute1,
    /// Every 15 minutes.
    #[serde(rename = "15m")]
    Minutes15,
    /// Every hour.
    #[serde(rename = "1h")]
    Hour1,
    /// Every 4 hours.
    #[serde(rename = "4h")]
    Hours4,
    /// Every 24 hours.
    #[serde(rename = "24h")]
    Hours24,
}

impl WipePreset {
    /// The period in milliseconds; none when off.
    pub const fn period(self) -> Option<i64> {
        match self {
            WipePreset::Off => None,
            WipePreset::Minute1 => Some(MINUTE),
            WipePreset::Minutes15 => Some(15 * MINUTE),
            WipePreset::Hour1 => Some(HOUR),
            WipePreset::Hours4 => Some(4 * HOUR),
            WipePreset::Hours24 => Some(24 * HOUR),
        }
    }
}

/// Slow mode: 0 to 21600 seconds between a person's messages; 0 is off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u32", into = "u32")]
pub struct SlowMode(#[schemars(range(max = 21600))] u32);

impl SlowMode {
    /// The pause in seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for SlowMode {
    type Error = String;

    fn try_from(seconds: u32) -> Result<Self, String> {
        if seconds <= 21600 {
            Ok(Self(seconds))
        } else {
            Err("slow mode is 0 to 21600 seconds".into())
        }
    }
}

impl From<SlowMode> for u32 {
    fn from(mode: SlowMode) -> u32 {
        mode.0
    }
}

/// A start page: http or https, at most 2048 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct StartUrl(
    #[schemars(length(max = 2048), regex(pattern = "^https?://"))]
    String,
);

impl TryFrom<String> for StartUrl {
    type Error = String;

    fn try_from(url: String) -> Result<Self, String> {
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        let has_host = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        if has_host && url.len() <= 2048 && !url.chars().any(|c| c.is_control() || c == ' ') {
            Ok(Self(url))
        } else {
            Err("a start URL is an http or https address of at most 2048 bytes".into())
        }
    }
}

impl From<StartUrl> for String {
    fn from(url: StartUrl) -> String {
        url.0
    }
}

/// The browser's name, one of the operator's list (SPEC 3.9): 1-32 of `[a-z0-9-]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct BrowserName(#[schemars(regex(pattern = "^[a-z0-9-]{1,32}$"))] String);

impl BrowserName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BrowserName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=32).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name))
        } else {
            Err("a browser's name is 1 to 32 small letters, digits or hyphens".into())
        }
    }
}

impl From<BrowserName> for String {
    fn from(name: BrowserName) -> String {
        name.0
    }
}

/// The default list of browsers (SPEC 3.9).
pub const DEFAULT_BROWSERS: &[&str] = &[
    "firefox",
    "chromium",
    "google-chrome",
    "ungoogled-chromium",
    "microsoft-edge",
    "brave",
    "vivaldi",
    "opera",
    "tor-browser",
];

macro_rules! config {
    ($(#[$doc:meta])* $name:ident, $(#[$update_doc:meta])* $update:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl Default for $name {
            fn default() -> Self { Self { $($field: $default,)* } }
        }

        $(#[$update_doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $update {
            $($(#[$field_doc])* #[serde(deserialize_with = "present")] pub $field: Option<$type>,)*
        }

        impl $name {
            /// The configuration after an update; the names of the fields that really changed.
            #[must_use]
            pub fn updated(&self, update: $update) -> (Self, Vec<&'static str>) {
                let mut next = self.clone();
                let mut changed = Vec::new();
                $(if let Some(value) = update.$field && value != next.$field {
                    next.$field = value;
                    changed.push(stringify!($field));
                })*
                (next, changed)
            }
        }
    };
}

/// A field that is there has its type's value: null is no way to leave a field out.
pub(crate) fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

config! {
    /// How a chat is set up: `RoomConfig` (SPEC 3.8).
    ChatConfig,
    /// A partial update of [`ChatConfig`]; what is left out stays, and null is refused.
    ChatConfigUpdate {
        /// How often messages are wiped.
        wipe_preset: WipePreset = WipePreset::Off,
        /// Whether joiners see what was said before they joined.
        history_visible: bool = true,
        /// Whether viewers may ask for the browser's control.
        allow_control_requests: bool = false,
        /// Whether only the owner and admins grant control.
        locked_controls: bool = false,
        /// Whether the first who joins gets control.
        implicit_hosting: bool = false,
        /// Whether the cursors of those without control are shown; from the browser's next start on.
        inactive_cursors: bool = false,
        /// The least pause between a person's messages.
        slow_mode_seconds: SlowMode = SlowMode(0),
    }
}

config! {
    /// How a chat's browser is set up (SPEC 3.9). A change takes effect with the browser's next start.
    BrowserConfig,
    /// A partial update of [`BrowserConfig`]; what is left out stays, and null is refused but as `start_url`. It takes
    /// effect with the browser's next start.
    BrowserConfigUpdate {
        /// One of the operator's list.
        browser: BrowserName = BrowserName("firefox".to_owned()),
        /// The page it opens with; null: none.
        start_url: Option<StartUrl> = None,
        /// Whether it shows only the page.
        kiosk: bool = false,
        /// Whether it blocks advertisements.
        adblock: bool = true,
    }
}
