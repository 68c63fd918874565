//! The headers every response carries, so that a browser does no more with it than we mean.

use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};

const EVERY: [(HeaderName, &str); 6] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: under it browsers send `Origin: null` with form posts, and our own would
    // be refused (see `origin`).
    (REFERRER_POLICY, "same-origin"),
    // Neither we nor what we frame have a use for them.
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    // Answers depend on who asks. What may be kept says so itself.
    (CACHE_CONTROL, "no-store"),
];

/// Scripts and styles are files of our own, none inline; nobody may frame us.
const CONTENT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every response of a server says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Protection {
    content: HeaderValue,
    is_https: bool,
}

impl Protection {
    /// Of a server whose public URL is https or not, and whose page may frame what comes from there, as a content
    /// policy names it; otherwise nothing.
    ///
    /// # Errors
    /// For what no header can say.
    pub(crate) fn new(is_https: bool, frames: Option<&str>) -> Result<Self, InvalidHeaderValue> {
        let content = match frames {
            None => HeaderValue::from_static(CONTENT),
            Some(frames) => HeaderValue::try_from(format!("{CONTENT}; frame-src {frames}"))?,
        };
        Ok(Self { content, is_https })
    }

    /// Adds to a response's headers those it does not set itself. Where the public URL is https, browsers are told
    /// to stay with it for a year.
    pub(crate) fn protect(&self, headers: &mut HeaderMap) {
        for (name, value) in EVERY {
            headers
                .entry(name)
                .or_insert(HeaderValue::from_static(value));
        }
        headers
            .entry(CONTENT_SECURITY_POLICY)
            .or_insert_with(|| self.content.clone());
        if self.is_https {
            headers
                .entry(STRICT_TRANSPORT_SECURITY)
                .or_insert(HeaderValue::from_static("max-age=31536000"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protected(is_https: bool, frames: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let protection = Protection::new(is_https, frames).unwrap();
        protection.protect(&mut headers);
        headers
    }

    #[test]
    fn every_header_is_added() {
        let headers = protected(false, None);
        for (name, value) in EVERY {
            assert_eq!(headers[name], value);
        }
    }

    #[test]
    fn nothing_is_framed_but_the_browsers() {
        let none = protected(false, None);
        assert_eq!(none[CONTENT_SECURITY_POLICY], CONTENT);
        assert!(!CONTENT.contains("frame-src") && CONTENT.starts_with("default-src 'none';"));
        let some = protected(false, Some("https://browsers.example"));
        let wanted = format!("{CONTENT}; frame-src https://browsers.example");
        assert_eq!(some[CONTENT_SECURITY_POLICY], wanted);
    }

    #[test]
    fn a_response_keeps_what_it_says_itself() {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
        Protection::new(false, None).unwrap().protect(&mut headers);
        assert_eq!(headers[CACHE_CONTROL], "max-age=3600");
    }

    #[test]
    fn only_https_is_made_permanent() {
        assert!(!protected(false, None).contains_key(STRICT_TRANSPORT_SECURITY));
        assert!(protected(true, None).contains_key(STRICT_TRANSPORT_SECURITY));
    }
}
