//! What the server can be told, checked before it starts.

use std::net::SocketAddr;

use hyper::Uri;
use hyper::header::HeaderName;

use crate::http::frames::FrameSource;
use crate::http::origin::Origins;
use crate::http::serve;
use crate::limits::Rates;

/// How a server runs. The default fits a machine of one's own, without a proxy.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where browsers reach the server, as `https://chat.example`. Absent: `http://` and the address
    /// listened on.
    pub public_url: Option<String>,
    /// Other origins whose pages may use a person's cookie on a socket (SPEC 15.3).
    pub allowed_origins: Vec<String>,
    /// The header in which a trusted proxy gives the client's address (SPEC 15.4). Absent: none is believed.
    pub client_address_header: Option<HeaderName>,
    /// The header in which a trusted proxy gives the client's country (SPEC 9.4). Absent: nobody's is known.
    pub client_country_header: Option<HeaderName>,
    /// Where people's own browsers reach the chats' browsers (SPEC 11.2), as `https://browsers.example/{port}/`: our page
    /// may frame that origin and no other; with `{port}` for its port, any port of that host. Absent: it frames nothing.
    pub browser_url: Option<String>,
    /// What connections may cost.
    pub connections: serve::Limits,
    /// How many requests a minute.
    pub rates: Rates,
}

/// Why a server cannot start as configured.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// An address that is none.
    #[error("{0:?} is no http or https URL with a host")]
    NotAnOrigin(String),
    /// Cookies would travel in the clear.
    #[error("the public URL {0:?} must be https: plain http is for loopback hosts only")]
    PlainHttp(String),
    /// Where browsers are not to be found.
    #[error("{0:?} is no http or https URL with the name of a host, where browsers are")]
    NotABrowserUrl(String),
    /// Pages of https show none of plain http.
    #[error("where browsers are, {0:?}, must be https, as the public URL is")]
    PlainBrowsers(String),
    /// What runs in them would have the rights of our own page.
    #[error(
        "browsers need an origin of their own, and {0:?} is the portal's: give them another host name or port"
    )]
    BrowsersAtHome(String),
}

impl Config {
    /// The public URL of a server that listens on `address`, without a slash at its end.
    pub fn public_url(&self, address: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{address}"),
        }
    }

    /// Whether a server that listens on `address` can be reached as it says.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn check(&self, address: SocketAddr) -> Result<(), ConfigError> {
        self.frame_source(&self.origins(address)?).map(drop)
    }

    /// What our page may frame.
    pub(crate) fn frame_source(
        &self,
        origins: &Origins,
    ) -> Result<Option<FrameSource>, ConfigError> {
        let Some(url) = &self.browser_url else {
            return Ok(None);
        };
        let source =
            FrameSource::of(url).ok_or_else(|| ConfigError::NotABrowserUrl(url.clone()))?;
        if origins.is_https() && !source.is_secure() {
            return Err(ConfigError::PlainBrowsers(url.clone()));
        }
        if origins.is_own(&source.text()) || (origins.is_host(source.host()) && !source.is_local())
        {
            return Err(ConfigError::BrowsersAtHome(url.clone()));
        }
        Ok(Some(source))
    }

    /// Whose pages may use cookies.
    pub(crate) fn origins(&self, address: SocketAddr) -> Result<Origins, ConfigError> {
        let url = self.public_url(address);
        let origins = Origins::new(&url, self.allowed_origins.iter().map(String::as_str))
            .map_err(|bad| ConfigError::NotAnOrigin(bad.to_owned()))?;
        if !origins.is_https() && !is_loopback(&url) {
            return Err(ConfigError::PlainHttp(url));
        }
        // The address bar says either; the machine is the same, and nobody else can answer there.
        if self.public_url.is_none() && address.ip().is_loopback() {
            let localhost = format!("http://localhost:{}", address.port());
            return Ok(origins.also_own(localhost));
        }
        Ok(origins)
    }
}

fn is_loopback(url: &str) -> bool {
    let url: Uri = url.parse().unwrap_or_default();
    let host = url.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(public_url: &str) -> bool {
        let config = Config {
            public_url: Some(public_url.to_owned()),
            ..Config::default()
        };
        config.origins(([127, 0, 0, 1], 8787).into()).is_err()
    }

    #[test]
    fn plain_http_is_for_loopback_only_spec_15_1() {
        assert!(refused("http://chat.example"));
        assert!(refused("http://192.0.2.1"));
        assert!(refused("chat.example"));
        for fine in [
            "https://chat.example",
            "http://localhost:8787",
            "http://127.0.0.1:8787/",
            "http://[::1]:8787",
        ] {
            assert!(!refused(fine), "{fine}");
        }
    }

    #[test]
    fn browsers_have_an_origin_of_their_own_spec_11_2() {
        let check = |public_url: &str, browser_url: &str| {
            let config = Config {
                public_url: Some(public_url.to_owned()),
                browser_url: Some(browser_url.to_owned()),
                ..Config::default()
            };
            config.check(([127, 0, 0, 1], 8787).into())
        };
        let chat = "https://chat.example";
        check("http://127.0.0.1:8787", "http://127.0.0.1:{port}/").unwrap();
        for fine in [
            "https://browsers.example/{port}/",
            "http://127.0.0.1:{port}/",
        ] {
            check(chat, fine).unwrap();
        }
        for (url, browser_url) in [
            (chat, "https://Chat.example:443/neko/{port}/"),
            (chat, "https://chat.example:{port}/"),
            ("http://127.0.0.1:8787", "http://127.0.0.1:8787/{port}/"),
        ] {
            let refused = check(url, browser_url);
            assert!(matches!(refused, Err(ConfigError::BrowsersAtHome(_))));
        }
        let refused = check(chat, "http://browsers.example:{port}/");
        assert!(matches!(refused, Err(ConfigError::PlainBrowsers(_))));
        let refused = check(chat, "browsers.example");
        assert!(matches!(refused, Err(ConfigError::NotABrowserUrl(_))));
    }

    #[test]
    fn a_server_open_to_the_network_wants_its_public_url() {
        let everywhere = ([0, 0, 0, 0], 8787).into();
        assert!(Config::default().origins(everywhere).is_err());
    }
}
