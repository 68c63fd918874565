//! Requests for `/socket.io/`: what they prove is found out here, the rest is the engine's.
//!
//! The engine keeps a socket's opening request for as long as the socket lives. It therefore gets a
//! small one: no cookies in memory, and four kilobytes less a socket.

use std::net::IpAddr;

use bytes::Bytes;
use engineioxide::socket::Sid;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    SEC_WEBSOCKET_KEY, VARY,
};
use hyper::service::Service;
use hyper::{Method, Request, Response, StatusCode, Uri};
use portal_core::model::SessionId;
use portal_core::{Error, ErrorKind};

use super::app::{App, AppBody, body_error};
use super::body::{self, MAX_BODY};
use super::credentials;
use super::reply;
use crate::limits::Class;
use crate::realtime::Opening;

/// The headers that the engine reads. hyper has seen to the upgrade before.
const KEPT: [HeaderName; 2] = [SEC_WEBSOCKET_KEY, CONTENT_TYPE];

/// What the engine itself says to a `sid` that it does not know; the client then opens another.
const UNKNOWN_SID: &str = r#"{"code":1,"message":"Session ID unknown"}"#;

/// Answers a request for a socket.
pub(super) async fn answer(
    app: &App,
    ip: IpAddr,
    request: Request<Incoming>,
    request_id: &str,
) -> Response<AppBody> {
    let origins = &app.server.origins;
    let allowed = origins.allowed(request.headers()).cloned();
    let mut response = if request.method() == Method::OPTIONS {
        preflight(allowed.is_some()).map(Either::Right)
    } else {
        match enter(app, ip, request).await {
            Ok(response) => response,
            Err(Refusal::Error(error)) => reply::error(&error, request_id).map(Either::Right),
            Err(Refusal::UnknownSid) => {
                let mut response = reply::json(UNKNOWN_SID.to_owned());
                *response.status_mut() = StatusCode::BAD_REQUEST;
                response.map(Either::Right)
            }
        }
    };
    if let Some(origin) = allowed {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        headers.insert(VARY, HeaderValue::from_static("Origin"));
        headers.insert(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        );
    }
    response
}

enum Refusal {
    Error(Error),
    UnknownSid,
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

async fn enter(
    app: &App,
    ip: IpAddr,
    request: Request<Incoming>,
) -> Result<Response<AppBody>, Refusal> {
    let session = session_of(app, request.headers()).await?;
    match sid(request.uri()) {
        Some(sid) if !app.realtime.belongs_to(sid, session) => return Err(Refusal::UnknownSid),
        Some(_) => {}
        // Each new socket counts; what is polled over it does not.
        None => app
            .server
            .limiter
            .count(Class::Usual, session.is_some(), ip)?,
    }
    let small = shrink(app, request, Opening { ip, session }).await?;
    let Ok(response) = app.engine.call(small).await;
    Ok(response.map(|body| Either::Left(body.boxed_unsync())))
}

/// The session of the cookie, where it counts, or of the bearer token.
async fn session_of(app: &App, headers: &HeaderMap) -> Result<Option<SessionId>, Error> {
    if let Some(token) = credentials::bearer(headers) {
        return app.authenticate(token.to_owned()).await.map(Some);
    }
    let cookie = credentials::cookie(headers, credentials::SESSION_COOKIE)
        .filter(|_| app.server.origins.cookie_may_connect(headers));
    match cookie {
        // One that has ended opens a guest's socket; its `auth` may know better.
        Some(token) => Ok(app.authenticate(token.to_owned()).await.ok()),
        None => Ok(None),
    }
}

fn sid(uri: &Uri) -> Option<Sid> {
    uri.query()?
        .split('&')
        .find_map(|pair| pair.strip_prefix("sid="))?
        .parse()
        .ok()
}

/// The same request with what the engine needs, and its body read.
async fn shrink(
    app: &App,
    mut request: Request<Incoming>,
    opening: Opening,
) -> Result<Request<Full<Bytes>>, Error> {
    let mut small = Request::new(());
    *small.method_mut() = request.method().clone();
    *small.version_mut() = request.version();
    // Copies: a slice of the connection's buffer would keep the whole of it.
    *small.uri_mut() = request
        .uri()
        .to_string()
        .parse()
        .map_err(|_| ErrorKind::Internal)?;
    // No request has both, and a map that grows by itself begins with six places.
    *small.headers_mut() = HeaderMap::with_capacity(1);
    for name in KEPT {
        if let Some(value) = request.headers().get(&name) {
            let value =
                HeaderValue::from_bytes(value.as_bytes()).map_err(|_| ErrorKind::Internal)?;
            small.headers_mut().insert(name, value);
        }
    }
    // The connection's upgrade is in there.
    *small.extensions_mut() = std::mem::take(request.extensions_mut());
    small.extensions_mut().insert(opening);
    let body = body::read(request.into_body(), MAX_BODY, app.server.body_within)
        .await
        .map_err(body_error)?;
    Ok(small.map(|()| Full::new(body)))
}

/// The answer to a browser that asks whether another origin's page may.
fn preflight(allowed: bool) -> reply::Reply {
    if !allowed {
        return reply::empty(StatusCode::FORBIDDEN);
    }
    let mut response = reply::empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST"),
    );
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, content-type"),
    );
    response
}
