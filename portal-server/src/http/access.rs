//! A line in the log for every request.
//!
//! It names the route, never the path: a path may hold an invite's code, a query or a misspelt path
//! anything at all. What a client is free to write is not written down.

use hyper::{Method, Request, StatusCode};
use tokio::time::Instant;

use super::{pages, routes};

/// What is worth knowing of a request, noted before it is taken apart.
pub(super) struct Asked {
    method: &'static str,
    route: Route,
    since: Instant,
}

struct Route {
    prefix: &'static str,
    pattern: &'static str,
}

impl Route {
    /// As the documents write it: without the table's marks for numbers.
    fn written(&self) -> String {
        format!("{}{}", self.prefix, self.pattern.replace('#', ""))
    }
}

impl Asked {
    /// Nothing where nobody reads it.
    pub(super) fn note<B>(request: &Request<B>) -> Option<Self> {
        tracing::enabled!(tracing::Level::DEBUG).then(|| Self {
            method: method(request.method()),
            route: route(request.uri().path()),
            since: Instant::now(),
        })
    }

    pub(super) fn log(self, request_id: &str, status: StatusCode) {
        tracing::debug!(
            request_id,
            method = self.method,
            path = self.route.written(),
            status = status.as_u16(),
            ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            "request"
        );
    }
}

/// The method, if it is one that the server knows.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// The route as it is documented; `-` where there is none.
fn route(path: &str) -> Route {
    let (prefix, pattern) = match path.strip_prefix("/v1/") {
        Some("portal/status") => ("/v1/", Some("portal/status")),
        Some(path) if path.starts_with("op/") => ("/v1/", Some("op/{name}")),
        Some(path) => ("/v1/", routes::pattern_of(path)),
        None if path.starts_with("/socket.io/") => ("", Some("/socket.io/")),
        None if path == "/health" => ("", Some("/health")),
        None if path == "/metrics" => ("", Some("/metrics")),
        None => ("", pages::name(path)),
    };
    match pattern {
        Some(pattern) => Route { prefix, pattern },
        None => Route {
            prefix: "",
            pattern: "-",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(path: &str) -> String {
        route(path).written()
    }

    #[test]
    fn a_path_is_logged_as_its_route() {
        for (path, written) in [
            ("/", "/"),
            ("/health", "/health"),
            ("/socket.io/", "/socket.io/"),
            ("/v1/portal/status", "/v1/portal/status"),
            ("/v1/users/me", "/v1/users/me"),
            ("/v1/op/chat.create", "/v1/op/{name}"),
            ("/v1/portal/resolve/SECRET", "/v1/portal/resolve/{code}"),
            (
                "/v1/portal/chats/7/invites/SECRET/delete",
                "/v1/portal/chats/{chat_id}/invites/{code}/delete",
            ),
        ] {
            assert_eq!(logged(path), written);
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_is_not_logged() {
        for path in [
            "/SECRET",
            "/v1/SECRET",
            "/v1/portal/resolve/SECRET/",
            "/v1/portal/chats/SECRET",
            "/socket.io",
        ] {
            assert_eq!(logged(path), "-", "{path}");
        }
    }
}
