//! The headers every response carries, so that a browser does no more with it than we mean.

use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};

const EVERY: [(HeaderName, &str); 6] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: under it browsers send `Origin: null` with form posts, and our own would
    // be refused (see `origin`).
    (REFERRER_POLICY, "same-origin"),
    // Scripts and styles are files of our own, none inline; nobody may frame us.
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
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

/// Adds to a response's headers those it does not set itself. `https` is whether the public URL
/// is one; then browsers are told to stay with it for a year.
pub fn protect(headers: &mut HeaderMap, https: bool) {
    for (name, value) in EVERY {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if https {
        headers
            .entry(STRICT_TRANSPORT_SECURITY)
            .or_insert(HeaderValue::from_static("max-age=31536000"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_is_added() {
        let mut headers = HeaderMap::new();
        protect(&mut headers, false);
        for (name, value) in EVERY {
            assert_eq!(headers[name], value);
        }
    }

    #[test]
    fn a_response_keeps_what_it_says_itself() {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
        protect(&mut headers, false);
        assert_eq!(headers[CACHE_CONTROL], "max-age=3600");
    }

    #[test]
    fn only_https_is_made_permanent() {
        let mut headers = HeaderMap::new();
        protect(&mut headers, false);
        assert!(!headers.contains_key(STRICT_TRANSPORT_SECURITY));
        protect(&mut headers, true);
        assert!(headers.contains_key(STRICT_TRANSPORT_SECURITY));
    }
}
