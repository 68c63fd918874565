//! What a request carries to say who is asking: the session cookie, or a bearer token.
//!
//! These functions only find the token. Whether it is good is the library's to say, and whether a
//! cookie may count at all is [`crate::http::origin`]'s.

use std::time::Duration;

use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderValue};
use portal_core::random::Random;

/// The session cookie (SPEC 15.1).
pub const SESSION_COOKIE: &str = "psession";

/// The cookie by which a browser proves that a login code was asked for in it (SPEC 2.3).
pub const BROWSER_COOKIE: &str = "pbrowser";

/// How long a browser keeps it: as long as a code may take to be fetched and typed.
const BROWSER_LASTS: Duration = Duration::from_mins(20);

/// The value of the cookie `name`, unless it comes twice with different values.
///
/// A neighbouring subdomain can plant a second cookie of the same name, and nothing tells which
/// is ours; then neither counts.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

/// The token of `Authorization: Bearer`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// `Set-Cookie` that hands a browser its session: not for scripts, not across sites, for as long
/// as the session lives. `secure` is whether the public URL is https.
///
/// # Errors
///
/// If the token holds characters no header may; the library's own never do.
pub fn set_session(
    token: &str,
    lives: Duration,
    secure: bool,
) -> Result<HeaderValue, hyper::header::InvalidHeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let seconds = lives.as_secs();
    let mut value = HeaderValue::try_from(format!(
        "{SESSION_COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    ))?;
    // Keeps it out of whatever prints headers.
    value.set_sensitive(true);
    Ok(value)
}

/// The browser's own secret, if it has one of ours.
pub fn browser(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, BROWSER_COOKIE)
        .filter(|secret| secret.len() == 64 && secret.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A browser's own secret: 32 random bytes.
pub fn new_browser(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    let (high, low) = bytes.split_at(16);
    let number = |half: &[u8]| {
        half.iter()
            .fold(0, |all, byte| all << 8 | u128::from(*byte))
    };
    format!("{:032x}{:032x}", number(high), number(low))
}

/// `Set-Cookie` that gives a browser its own secret, for signing in only: not for scripts, not across sites.
///
/// # Errors
///
/// If the secret holds characters no header may; [`new_browser`]'s never does.
pub fn set_browser(
    secret: &str,
    secure: bool,
) -> Result<HeaderValue, hyper::header::InvalidHeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let seconds = BROWSER_LASTS.as_secs();
    let mut value = HeaderValue::try_from(format!(
        "{BROWSER_COOKIE}={secret}; Path=/v1/authentication; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    ))?;
    value.set_sensitive(true);
    Ok(value)
}

/// `Set-Cookie` that makes a browser forget its session.
pub fn clear_session() -> HeaderValue {
    HeaderValue::from_static("psession=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(COOKIE, HeaderValue::from_static(value));
        }
        headers
    }

    fn authorization(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let headers = cookies(&["theme=dark; psession=abc=; x=1"]);
        assert_eq!(cookie(&headers, SESSION_COOKIE), Some("abc="));
        let headers = cookies(&["theme=dark", "psession=abc"]);
        assert_eq!(cookie(&headers, SESSION_COOKIE), Some("abc"));
    }

    #[test]
    fn a_cookie_whose_name_only_ends_alike_is_another() {
        let headers = cookies(&["xpsession=abc; Psession=def; psession"]);
        assert_eq!(cookie(&headers, SESSION_COOKIE), None);
    }

    #[test]
    fn of_two_different_sessions_neither_counts() {
        assert_eq!(
            cookie(&cookies(&["psession=a; psession=b"]), SESSION_COOKIE),
            None
        );
        assert_eq!(
            cookie(&cookies(&["psession=a", "psession=a"]), SESSION_COOKIE),
            Some("a")
        );
    }

    #[test]
    fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
        assert_eq!(bearer(&authorization("Bearer abc")), Some("abc"));
        assert_eq!(bearer(&authorization("bearer  abc")), Some("abc"));
    }

    #[test]
    fn other_schemes_and_empty_tokens_are_none() {
        for value in ["Basic abc", "Bearer", "Bearer ", "abc"] {
            assert_eq!(bearer(&authorization(value)), None, "{value}");
        }
    }

    #[test]
    fn a_session_cookie_is_secure_exactly_under_https() {
        let day = Duration::from_hours(24);
        let plain = set_session("abc", day, false).unwrap();
        assert_eq!(
            plain,
            "psession=abc; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"
        );
        let secure = set_session("abc", day, true).unwrap();
        assert!(secure.to_str().unwrap().ends_with("; Secure"));
        assert!(secure.is_sensitive());
    }

    #[test]
    fn a_browsers_secret_is_one_of_ours_or_none() {
        let secret = new_browser(&portal_core::random::SystemRandom);
        let set = set_browser(&secret, true).unwrap();
        assert!(set.is_sensitive());
        let text = set.to_str().unwrap();
        assert!(text.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{text}");
        let with = |value: &str| {
            let header = HeaderValue::from_str(&format!("{BROWSER_COOKIE}={value}")).unwrap();
            HeaderMap::from_iter([(COOKIE, header)])
        };
        assert_eq!(browser(&with(&secret)), Some(secret.as_str()));
        for wrong in ["", "short", &"g".repeat(64), &"a".repeat(65)] {
            assert_eq!(browser(&with(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_cannot_break_out_of_the_header() {
        assert!(set_session("a\r\nSet-Cookie: b=c", Duration::ZERO, false).is_err());
    }
}
