//! Where chats' browsers are, as the content policy names it: the one place that our page may frame (SPEC 11.2).
//!
//! The surprise: it may not be our own host. What a browser's container serves would run there as our own scripts do, with
//! people's sessions and keys; and at another port it would still be sent their cookies, which know no ports. Only on
//! one's own machine, where there is no other name, another port is good enough.

use std::net::IpAddr;

/// Where pages of browsers come from: an origin, of which the port may be any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FrameSource {
    scheme: &'static str,
    host: String,
    port: Port,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Usual,
    Of(u16),
    Any,
}

/// Stands for a browser's own port in its address.
const PORT: &str = "{port}";

impl FrameSource {
    /// Of an address as the configuration has it, such as `https://browsers.example/{port}/`; none for what is no http
    /// or https URL with the name of a host. An IPv6 address has no name in a content policy.
    pub(crate) fn of(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (scheme, usual) = match scheme.to_ascii_lowercase().as_str() {
            "http" => ("http", 80),
            "https" => ("https", 443),
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let (host, port) = match authority.split_once(':') {
            None => (authority, Port::Usual),
            Some((host, PORT)) => (host, Port::Any),
            Some((host, port)) => match port.parse().ok().filter(|port| *port != 0)? {
                port if port == usual => (host, Port::Usual),
                port => (host, Port::Of(port)),
            },
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if host.is_empty() || !host.chars().all(is_name) {
            return None;
        }
        Some(Self {
            scheme,
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    /// As a content policy writes it. Without a port of its own it is the origin.
    pub(crate) fn text(&self) -> String {
        let Self { scheme, host, port } = self;
        match port {
            Port::Usual => format!("{scheme}://{host}"),
            Port::Of(port) => format!("{scheme}://{host}:{port}"),
            Port::Any => format!("{scheme}://{host}:*"),
        }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is the machine on which it is looked at.
    pub(crate) fn is_local(&self) -> bool {
        let ip = self.host.parse::<IpAddr>();
        self.host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether a page of https may frame it: browsers make an exception of the machine itself.
    pub(crate) fn is_secure(&self) -> bool {
        self.scheme == "https" || self.is_local()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(url: &str) -> Option<String> {
        FrameSource::of(url).map(|source| source.text())
    }

    #[test]
    fn an_address_is_named_by_its_origin() {
        for (url, wanted) in [
            ("http://127.0.0.1:{port}/", "http://127.0.0.1:*"),
            (
                "https://Browsers.example/{port}/",
                "https://browsers.example",
            ),
            ("https://browsers.example:443", "https://browsers.example"),
            (
                "https://browsers.example:8443/x?y",
                "https://browsers.example:8443",
            ),
            ("HTTP://localhost:{port}", "http://localhost:*"),
        ] {
            assert_eq!(text(url).as_deref(), Some(wanted), "{url}");
        }
    }

    #[test]
    fn what_is_no_address_says_nothing_in_a_policy() {
        for url in [
            "",
            "browsers.example",
            "ftp://browsers.example",
            "https://",
            "https://:8443/",
            "https://you@browsers.example/",
            "https://browsers.example:0/",
            "https://browsers.example:{chat}/",
            "https://browsers.example:{port}0/",
            "https://*/",
            "https://browsers.example;script-src *",
            "https://browsers.example 'unsafe-inline'",
            "http://[::1]:{port}/",
            "https://{port}.browsers.example/",
        ] {
            assert_eq!(text(url), None, "{url}");
        }
    }
}
