//! Requests for `/socket.io/`: what they prove is found out here, the rest is the engine's.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, HeaderMap, HeaderName, HeaderValue, VARY,
};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use portal_core::Error;
use portal_core::model::SessionId;
use tungstenite::handshake::server::create_response_with_body;

use super::app::App;
use super::credentials;
use super::reply::{self, Reply};
use super::serve::Connection;
use crate::engine::{Asked, Refused, Sid, Socket, Transport};
use crate::limits::Class;
use crate::realtime::{Opening, Peer};

/// What a client for whose socket there is no place is told to wait, in milliseconds.
const FULL_FOR: u64 = 5000;

/// Answers a request for a socket.
pub(super) async fn answer(
    app: &App,
    ip: IpAddr,
    request: Request<Incoming>,
    request_id: &str,
) -> Reply {
    let origins = &app.server.origins;
    let allowed = origins.allowed(request.headers()).cloned();
    let mut response = if request.method() == Method::OPTIONS {
        preflight(allowed.is_some())
    } else {
        match enter(app, ip, request).await {
            Ok(response) => response,
            Err(Refusal::Error(error)) => reply::error(&error, request_id),
            Err(Refusal::Engine(refused)) => {
                let mut response = reply::json(refused.json().to_owned());
                *response.status_mut() = StatusCode::BAD_REQUEST;
                response
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
    /// Ours.
    Error(Error),
    /// The protocol's.
    Engine(Refused),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self::Engine(refused)
    }
}

async fn enter(app: &App, ip: IpAddr, request: Request<Incoming>) -> Result<Reply, Refusal> {
    let session = match session_of(app, request.headers()).await {
        Ok(session) => session,
        Err(refused) => {
            count(app, ip, None)?;
            return Err(refused.into());
        }
    };
    let asked = Asked::read(request.method(), request.uri().query().unwrap_or_default());
    let whose = |sid: Sid| {
        let socket = app.engine.find(sid);
        socket
            .filter(|socket| socket.data.opening.session == session)
            .ok_or(Refused::UnknownSid)
    };
    match asked {
        Ok(Asked::Open(transport)) => {
            // Each new socket counts; what is polled over it does not.
            count(app, ip, session)?;
            let opening = Opening { ip, session };
            open(app, transport, opening, request).await
        }
        Ok(Asked::Poll(sid)) => {
            let socket = whose(sid)?;
            app.read_body(request.into_body()).await?;
            let packets = app.engine.poll(&socket).await?;
            Ok(text(packets))
        }
        Ok(Asked::Post(sid)) => {
            let socket = whose(sid)?;
            let _under_way = app.engine.begin_post(&socket)?;
            let packets = app.read_body(request.into_body()).await?;
            app.engine.post(&socket, &packets).await?;
            Ok(text("ok"))
        }
        Ok(Asked::Upgrade(sid)) => upgrade(app, whose(sid)?, request),
        Err(refused) => {
            if refused != Refused::UnknownSid {
                count(app, ip, session)?;
            }
            Err(refused.into())
        }
    }
}

fn count(app: &App, ip: IpAddr, session: Option<SessionId>) -> Result<(), Error> {
    let limiter = &app.server.limiter;
    limiter.count(Class::Usual, session.is_some(), ip)
}

async fn open(
    app: &App,
    transport: Transport,
    opening: Opening,
    mut request: Request<Incoming>,
) -> Result<Reply, Refusal> {
    match transport {
        Transport::Polling => {
            app.read_body(request.into_body()).await?;
            // A WebSocket has its connection's place; what polls is there between its requests, too.
            let place = app.server.polling_gate.enter(opening.ip);
            let place = place.ok_or_else(|| Error::rate_limited(FULL_FOR))?;
            let peer = Peer::new(opening).in_place(place);
            Ok(text(app.engine.open_polling(peer)))
        }
        Transport::WebSocket => {
            let response = accept(&request)?;
            let upgrading = connection(&mut request);
            let peer = Peer::new(opening);
            tokio::spawn(Arc::clone(&app.engine).open_websocket(peer, upgrading));
            Ok(response)
        }
    }
}

fn upgrade(
    app: &App,
    socket: Arc<Socket<Peer>>,
    mut request: Request<Incoming>,
) -> Result<Reply, Refusal> {
    let response = accept(&request)?;
    let upgrading = connection(&mut request);
    tokio::spawn(Arc::clone(&app.engine).upgrade(socket, upgrading));
    Ok(response)
}

/// The answer that begins a WebSocket.
fn accept(request: &Request<Incoming>) -> Result<Reply, Refused> {
    create_response_with_body(request, Default::default).map_err(|_| Refused::BadRequest)
}

/// The connection itself, once that answer is written, and what has been read of it already. It leaves behind what
/// hyper kept for it.
fn connection(
    request: &mut Request<Incoming>,
) -> impl Future<Output = Option<(Connection, Bytes)>> + use<> {
    let upgrading = hyper::upgrade::on(request);
    async {
        let upgraded = upgrading.await.ok()?;
        let parts = upgraded.downcast::<TokioIo<Connection>>().ok()?;
        Some((parts.io.into_inner(), parts.read_buf))
    }
}

fn text(body: impl Into<Bytes>) -> Reply {
    reply::typed("text/plain; charset=UTF-8", body)
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

/// The answer to a browser that asks whether another origin's page may.
fn preflight(allowed: bool) -> Reply {
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
