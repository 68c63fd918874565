//! Checked text: names, slugs, codes, reasons.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident ($check:path) $(#[schemars($($schema:tt)*)])?;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name($(#[schemars($($schema)*)])? String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str { &self.0 }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> { $check(text).map(Self) }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String { text.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> { Self::try_from(text.to_owned()) }
        }
    )*};
}

texts! {
    /// A user's name: 3-32 of `[A-Za-z0-9._-]`, unique without regard to case (SPEC 1.1).
    Username (username) #[schemars(length(min = 3, max = 32), regex(pattern = r"^[A-Za-z0-9._-]{3,32}$"))];
    /// A chat's name: 2-64 characters after trimming, no control characters, not unique (SPEC 3.1).
    ChatName (chat_name) #[schemars(length(min = 2, max = 64))];
    /// A chat's description: at most 500 characters (SPEC 3.1).
    Description (description) #[schemars(length(max = 500))];
    /// A chat's endorsement, set by admins: 1-32 characters (SPEC 3.1).
    Label (label) #[schemars(length(min = 1, max = 32))];
    /// A chat's public address: 2-32 of `[a-z0-9-]` (SPEC 3.3).
    Slug (slug) #[schemars(length(min = 2, max = 32), regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"))];
    /// An invite code: 16 of `[a-z0-9]` (SPEC 5.1).
    InviteCode (invite_code) #[schemars(regex(pattern = r"^[a-z0-9]{16}$"))];
    /// A sign-up code: 16 of `[a-z0-9]` (SPEC 2.4).
    SignupCode (signup_code) #[schemars(regex(pattern = r"^[a-z0-9]{16}$"))];
    /// Why a moderator acted, or why somebody reports: 1-500 characters, for the target of an act and for
    /// staff only (SPEC 7.1, 7.6).
    Reason (reason) #[schemars(length(min = 1, max = 500))];
    /// What staff write down about a report, for staff only: at most 1000 characters (SPEC 7.6).
    Note (note) #[schemars(length(max = 1000))];
    /// What somebody would talk about: 3-12 of `[a-z0-9]` (SPEC 9.2).
    Interest (interest) #[schemars(length(min = 3, max = 12), regex(pattern = r"^[a-z0-9]{3,12}$"))];
    /// A country: two capital letters, as ISO 3166 names them (SPEC 9.4).
    CountryCode (country_code) #[schemars(regex(pattern = r"^[A-Z]{2}$"))];
    /// A sender's own name for a message, for retries: 1-64 characters (SPEC 6.7).
    ClientId (client_id) #[schemars(length(min = 1, max = 64))];
    /// Another platform where bots let people in, such as `telegram`: 2-32 of `[a-z0-9-]` (SPEC 2.5).
    Platform (platform) #[schemars(length(min = 2, max = 32), regex(pattern = r"^[a-z0-9-]{2,32}$"))];
    /// Who somebody is on another platform, in that platform's own words: 1-128 characters (SPEC 2.3).
    PlatformIdentity (platform_identity) #[schemars(length(min = 1, max = 128))];
    /// A bot's name, for staff: 1-64 characters (SPEC 2.5).
    BotName (bot_name) #[schemars(length(min = 1, max = 64))];
}

fn username(text: String) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if (3..=32).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err("a username is 3 to 32 letters, digits, dots, underscores or hyphens".into())
    }
}

fn chat_name(text: String) -> Result<String, String> {
    let text = text.trim().to_owned();
    bounded(text, 2, 64, "a chat's name")
}

fn description(text: String) -> Result<String, String> {
    bounded_lines(text, 500, "a description")
}

fn label(text: String) -> Result<String, String> {
    bounded(text.trim().to_owned(), 1, 32, "a label")
}

fn reason(text: String) -> Result<String, String> {
    let text = text.trim().to_owned();
    if text.is_empty() {
        return Err("a reason is not empty; leave it out where it may be missing".into());
    }
    bounded_lines(text, 500, "a reason")
}

fn note(text: String) -> Result<String, String> {
    bounded_lines(text.trim().to_owned(), 1000, "a note")
}

fn client_id(text: String) -> Result<String, String> {
    bounded(text, 1, 64, "a client id")
}

fn interest(text: String) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if (3..=12).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err("an interest is 3 to 12 small letters or digits".into())
    }
}

fn country_code(text: String) -> Result<String, String> {
    if text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        Ok(text)
    } else {
        Err("a country is two capital letters".into())
    }
}

fn platform(text: String) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (2..=32).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err("a platform is 2 to 32 small letters, digits or hyphens".into())
    }
}

/// Not trimmed: what another platform tells apart is not ours to make the same.
fn platform_identity(text: String) -> Result<String, String> {
    bounded(text, 1, 128, "a platform identity")
}

fn bot_name(text: String) -> Result<String, String> {
    bounded(text.trim().to_owned(), 1, 64, "a bot's name")
}

fn bounded(text: String, min: usize, max: usize, what: &str) -> Result<String, String> {
    if !(min..=max).contains(&text.chars().count()) {
        return Err(format!("{what} has {min} to {max} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what} has no control characters"));
    }
    Ok(text)
}

/// Like [`bounded`], but line breaks and tabs are text too.
fn bounded_lines(text: String, max: usize, what: &str) -> Result<String, String> {
    if text.chars().count() > max {
        return Err(format!("{what} has at most {max} characters"));
    }
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
    {
        return Err(format!(
            "{what} has no control characters but line breaks and tabs"
        ));
    }
    Ok(text)
}

/// Names that addresses of the server use or may come to use (SPEC 3.3).
const RESERVED_SLUGS: &[&str] = &[
    "about",
    "abuse",
    "account",
    "admin",
    "api",
    "app",
    "assets",
    "auth",
    "browser",
    "chat",
    "chats",
    "config",
    "direct",
    "directory",
    "docs",
    "favicon",
    "health",
    "help",
    "home",
    "index",
    "invite",
    "invites",
    "login",
    "logout",
    "match",
    "me",
    "metrics",
    "mod",
    "moderator",
    "neko",
    "new",
    "official",
    "op",
    "openapi",
    "operator",
    "owner",
    "portal",
    "private",
    "public",
    "register",
    "resolve",
    "robots",
    "root",
    "session",
    "settings",
    "signin",
    "signup",
    "static",
    "statistics",
    "status",
    "stranger",
    "support",
    "system",
    "user",
    "users",
    "v1",
    "v2",
    "web",
    "ws",
];

/// Whether a slug is held back for the server itself. `socket.io` and the like are no slugs anyway.
pub fn is_reserved_slug(slug: &Slug) -> bool {
    RESERVED_SLUGS.contains(&slug.as_str())
}

fn slug(text: String) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !(2..=32).contains(&text.len()) || !text.bytes().all(allowed) {
        return Err("a slug is 2 to 32 small letters, digits or hyphens".into());
    }
    if text.starts_with('-') || text.ends_with('-') || text.contains("--") {
        return Err("a slug has no leading, trailing or doubled hyphen".into());
    }
    if text.len() == 16 && !text.contains('-') {
        return Err("16 characters without a hyphen are an invite code, not a slug".into());
    }
    Ok(text)
}

fn invite_code(text: String) -> Result<String, String> {
    code(text, "an invite code")
}

fn signup_code(text: String) -> Result<String, String> {
    code(text, "a sign-up code")
}

fn code(text: String, what: &str) -> Result<String, String> {
    if text.len() == 16
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    {
        Ok(text)
    } else {
        Err(format!("{what} is 16 small letters or digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_slug(text: &str) -> bool {
        text.parse::<Slug>().is_ok()
    }

    #[test]
    fn slugs_are_what_spec_3_3_says() {
        assert!(is_slug("ab") && is_slug("a-b-c") && is_slug(&"a".repeat(32)) && is_slug("42"));
        assert!(!is_slug("a") && !is_slug("-ab") && !is_slug("ab-") && !is_slug("a--b"));
        assert!(!is_slug("Ab") && !is_slug("a_b") && !is_slug(&"a".repeat(33)) && !is_slug("é1"));
    }

    #[test]
    fn sixteen_characters_without_a_hyphen_are_no_slug_spec_3_3() {
        assert!(!is_slug("abcdefgh12345678") && is_slug("abcdefgh-2345678"));
        assert!("abcdefgh12345678".parse::<InviteCode>().is_ok());
    }

    #[test]
    fn usernames_are_what_spec_1_1_says() {
        for good in ["abc", "A.b_c-9", &"x".repeat(32)] {
            assert!(good.parse::<Username>().is_ok(), "{good}");
        }
        for bad in ["ab", "a b", "añb", "a/b", &"x".repeat(33)] {
            assert!(bad.parse::<Username>().is_err(), "{bad}");
        }
    }

    #[test]
    fn chat_names_are_trimmed_and_counted_in_characters_spec_3_1() {
        assert_eq!("  hé  ".parse::<ChatName>().unwrap().as_str(), "hé");
        assert!(" x ".parse::<ChatName>().is_err() && "a\u{7}b".parse::<ChatName>().is_err());
        assert!("é".repeat(64).parse::<ChatName>().is_ok());
        assert!("é".repeat(65).parse::<ChatName>().is_err());
    }
}
