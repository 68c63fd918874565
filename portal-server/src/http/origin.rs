//! Whether a browser sent a request from our own pages.
//!
//! A browser attaches the session cookie to requests other sites cause, so a cookie alone proves
//! nothing about who wanted the request. Bearer tokens do not have that trouble and are not asked.

use std::collections::BTreeSet;

use hyper::Uri;
use hyper::header::{HeaderMap, HeaderValue, ORIGIN};

/// The origins whose pages may use a person's cookie.
#[derive(Clone, Debug)]
pub struct Origins {
    own: String,
    /// Another name of the own one.
    alias: Option<String>,
    others: BTreeSet<String>,
}

impl Origins {
    /// From `public_url` and `allowed_origins` of the configuration.
    ///
    /// # Errors
    ///
    /// The entry that is no http or https URL with a host.
    pub fn new<'a>(
        public_url: &'a str,
        allowed: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, &'a str> {
        let parse = |url| origin_of(url).ok_or(url);
        Ok(Self {
            own: parse(public_url)?,
            alias: None,
            others: allowed.into_iter().map(parse).collect::<Result<_, _>>()?,
        })
    }

    /// The same, reached by a second name too.
    #[must_use]
    pub fn also_own(mut self, alias: String) -> Self {
        self.alias = Some(alias);
        self
    }

    /// Whether an origin, as browsers write it, is ours.
    pub(crate) fn is_own(&self, origin: &str) -> bool {
        origin == self.own || Some(origin) == self.alias.as_deref()
    }

    /// Whether we are at this host, at whatever port.
    pub(crate) fn is_host(&self, host: &str) -> bool {
        let own: Uri = self.own.parse().unwrap_or_default();
        own.host() == Some(host)
    }

    /// Whether the request names another site as where it comes from. One without `Origin` does not.
    pub fn is_foreign(&self, headers: &HeaderMap) -> bool {
        let origin = headers.get(ORIGIN).map(|origin| origin.to_str());
        origin.is_some_and(|origin| !origin.is_ok_and(|origin| self.is_own(origin)))
    }

    /// The request's `Origin`, if it is one of those allowed besides our own (SPEC 15.3).
    pub fn allowed<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        self.others
            .contains(origin.to_str().ok()?)
            .then_some(origin)
    }

    /// Whether the server is reached over https, so that cookies must be `Secure`.
    pub fn is_https(&self) -> bool {
        self.own.starts_with("https:")
    }

    /// Whether the cookie of a request with an unsafe method counts (SPEC 15.1).
    ///
    /// `Origin` decides when it is there. Without it `Sec-Fetch-Site`, which no page can forge,
    /// must say `same-origin`. With neither the answer is no.
    pub fn cookie_may_change(&self, headers: &HeaderMap) -> bool {
        match headers.get(ORIGIN) {
            Some(_) => !self.is_foreign(headers),
            None => is_same_origin_fetch(headers),
        }
    }

    /// Whether the cookie of a Socket.IO request counts (SPEC 15.3).
    ///
    /// A WebSocket's handshake always carries `Origin`. A polling `GET` to the own origin does
    /// not; there `Sec-Fetch-Site` stands in.
    pub fn cookie_may_connect(&self, headers: &HeaderMap) -> bool {
        match headers.get(ORIGIN).map(|origin| origin.to_str()) {
            Some(Ok(origin)) => self.is_own(origin) || self.others.contains(origin),
            Some(Err(_)) => false,
            None => is_same_origin_fetch(headers),
        }
    }
}

fn is_same_origin_fetch(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == "same-origin")
}

/// A URL's origin as browsers write it: lower case, without the scheme's own port.
fn origin_of(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    let scheme = url.scheme_str()?.to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let host = url
        .host()
        .filter(|host| !host.is_empty())?
        .to_ascii_lowercase();
    match url.port_u16() {
        Some(port) if port != usual => Some(format!("{scheme}://{host}:{port}")),
        _ => Some(format!("{scheme}://{host}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins() -> Origins {
        Origins::new("https://Chat.example:443/", ["http://localhost:5173"]).unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn an_unsafe_request_from_our_page_may_use_the_cookie() {
        let ours = headers(&[("origin", "https://chat.example")]);
        assert!(origins().cookie_may_change(&ours));
        let ours = headers(&[("sec-fetch-site", "same-origin")]);
        assert!(origins().cookie_may_change(&ours));
    }

    #[test]
    fn an_unsafe_request_that_proves_nothing_is_refused() {
        assert!(!origins().cookie_may_change(&headers(&[])));
    }

    #[test]
    fn an_unsafe_request_from_elsewhere_is_refused() {
        for origin in [
            "https://chat.example.evil.example",
            "https://sub.chat.example",
            "http://chat.example",
            "https://chat.example:8443",
            "null",
            "",
        ] {
            let theirs = headers(&[("origin", origin), ("sec-fetch-site", "same-origin")]);
            assert!(!origins().cookie_may_change(&theirs), "{origin}");
        }
        for site in ["same-site", "cross-site", "none"] {
            let theirs = headers(&[("sec-fetch-site", site)]);
            assert!(!origins().cookie_may_change(&theirs), "{site}");
        }
    }

    #[test]
    fn an_allowed_origin_may_connect_but_not_post() {
        let allowed = headers(&[("origin", "http://localhost:5173")]);
        assert!(origins().cookie_may_connect(&allowed));
        assert!(!origins().cookie_may_change(&allowed));
    }

    #[test]
    fn a_socket_from_elsewhere_or_from_nowhere_has_no_cookie() {
        let theirs = headers(&[("origin", "https://evil.example")]);
        assert!(!origins().cookie_may_connect(&theirs));
        assert!(!origins().cookie_may_connect(&headers(&[])));
    }

    #[test]
    fn a_polling_get_of_our_page_may_use_the_cookie() {
        let ours = headers(&[("sec-fetch-site", "same-origin")]);
        assert!(origins().cookie_may_connect(&ours));
    }

    #[test]
    fn what_is_no_web_address_is_named() {
        for bad in ["chat.example", "ftp://chat.example", "https://", ""] {
            assert_eq!(Origins::new(bad, []).unwrap_err(), bad);
        }
        assert_eq!(Origins::new("https://a.example", ["*"]).unwrap_err(), "*");
    }
}
