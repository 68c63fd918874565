//! One request, from its head to its answer.
//!
//! Everything but a socket's request runs in a task of its own: a write runs to its end although the
//! client left, and a panic is answered instead of closing the connection.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use portal_core::catalogue::{self, Entry};
use portal_core::model::{BotId, SessionId, Timestamp};
use portal_core::ops::bots::KEY_PREFIX;
use portal_core::random::{Random, SystemRandom};
use portal_core::{Actor, Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::access::Asked;
use super::body::{self, BodyError, MAX_BODY};
use super::reply::{self, Reply};
use super::routes::{self, Browser, Found, Session};
use super::{address, credentials, framing, openapi, pages, sockets, status};
use crate::engine::Engine;
use crate::limits::Class;
use crate::metrics::Metrics;
use crate::realtime::Realtime;
use crate::server::Server;

/// As much of a client's name as the session list keeps.
const USER_AGENT_CHARS: usize = 200;

/// What answers requests.
pub(crate) struct App {
    pub(super) server: Arc<Server>,
    pub(super) realtime: Arc<Realtime>,
    pub(super) engine: Arc<Engine<Realtime>>,
}

/// Who asks.
struct Caller {
    key: Key,
    actor: Actor,
}

/// By what a caller is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// By nothing.
    None,
    Session,
    Bot(BotId),
}

impl App {
    pub(crate) fn new(server: Arc<Server>, realtime: Arc<Realtime>) -> Self {
        let engine = realtime.engine();
        Self {
            server,
            realtime,
            engine,
        }
    }

    /// Answers a request from the peer's address.
    pub(crate) async fn answer(self: Arc<Self>, peer: IpAddr, request: Request<Incoming>) -> Reply {
        let request_id = request_id();
        let asked = Asked::note(&request);
        let trusted = self.server.client_address_header.as_ref();
        let ip = address::client_address(peer, request.headers(), trusted);
        let mut response = if let Err(error) = framing::check(&request) {
            framing::refuse(&error, &request_id)
        } else if request.uri().path().starts_with("/socket.io/") {
            sockets::answer(&self, ip, request, &request_id).await
        } else {
            let this = Arc::clone(&self);
            let id = request_id.clone();
            let answering = async move { this.answer_whole(ip, request, &id).await };
            match tokio::spawn(answering).await {
                Ok(reply) => reply,
                Err(panic) => {
                    tracing::error!(request_id, %panic, "a request panicked");
                    reply::error(&ErrorKind::Internal.into(), &request_id)
                }
            }
        };
        self.finish(&mut response, &request_id);
        if let Some(asked) = asked {
            asked.log(&request_id, response.status());
        }
        response
    }

    fn finish(&self, response: &mut Reply, request_id: &str) {
        let metrics = &self.server.metrics;
        Metrics::add(&metrics.requests, 1);
        let status = response.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            Metrics::add(&metrics.limited, 1);
        }
        if status.is_server_error() {
            Metrics::add(&metrics.failures, 1);
        }
        if status != StatusCode::SWITCHING_PROTOCOLS {
            self.server.protection.protect(response.headers_mut());
            if let Ok(id) = HeaderValue::from_str(request_id) {
                let name = HeaderName::from_static("x-request-id");
                response.headers_mut().insert(name, id);
            }
        }
    }

    async fn answer_whole(
        &self,
        ip: IpAddr,
        request: Request<Incoming>,
        request_id: &str,
    ) -> Reply {
        match self.dispatch(ip, request, request_id).await {
            Ok(reply) => reply,
            Err(error) => {
                if error.kind().http() >= 500 {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(request_id, %error, cause, "a request failed");
                }
                reply::error(&error, request_id)
            }
        }
    }

    async fn dispatch(
        &self,
        ip: IpAddr,
        request: Request<Incoming>,
        request_id: &str,
    ) -> Result<Reply> {
        let path = request.uri().path().to_owned();
        if let Some(path) = path.strip_prefix("/v1/") {
            return self.dispatch_v1(path, ip, request, request_id).await;
        }
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let reply = match path.as_str() {
            "/health" | "/metrics" if !reads => None,
            "/health" => {
                let details = self.may_see_details(ip, request.headers()).await;
                if !details {
                    self.server.limiter.count(Class::Usual, false, ip)?;
                }
                let server = Arc::clone(&self.server);
                Some(blocking(move || Ok(status::health(&server, details))).await?)
            }
            "/metrics" if self.may_see_details(ip, request.headers()).await => {
                let text = self.server.metrics_text(&self.realtime);
                Some(reply::typed(
                    "text/plain; version=0.0.4; charset=utf-8",
                    text,
                ))
            }
            "/metrics" => {
                self.server.limiter.count(Class::Usual, false, ip)?;
                return Err(ErrorKind::Forbidden.into());
            }
            "/openapi.json" => {
                self.server.limiter.count(Class::Usual, false, ip)?;
                reads.then(|| reply::typed("application/json", openapi::text()))
            }
            path => {
                let page = pages::find(path, request.headers()).ok_or_else(routes::nothing)?;
                // A page counts once, not with each of the files that it consists of.
                if path == pages::START {
                    self.server.limiter.count(Class::Usual, false, ip)?;
                }
                reads.then_some(page)
            }
        };
        Ok(reply.unwrap_or_else(|| reply::other_method("GET, HEAD", request_id)))
    }

    async fn dispatch_v1(
        &self,
        path: &str,
        ip: IpAddr,
        request: Request<Incoming>,
        request_id: &str,
    ) -> Result<Reply> {
        if path == "portal/status" {
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                return Ok(reply::other_method("GET, HEAD", request_id));
            }
            self.server.limiter.count(Class::Usual, false, ip)?;
            return Ok(status::status(&self.server, &self.realtime));
        }
        if let Some(name) = path.strip_prefix("op/") {
            if request.method() != Method::POST {
                return Ok(reply::other_method("POST", request_id));
            }
            return self.any_operation(name, ip, request).await;
        }
        let (route, mut parameters) = match routes::find(request.method(), path) {
            Found::Route(route, parameters) => (route, parameters),
            Found::OtherMethod(verbs) => {
                let allow: Vec<_> = verbs.into_iter().map(routes::Verb::allow).collect();
                return Ok(reply::other_method(&allow.join(", "), request_id));
            }
            Found::Nothing => return Err(routes::nothing()),
        };
        let limiter = &self.server.limiter;
        let caller = match self.caller(ip, request.method(), request.headers()).await {
            Ok(caller) => caller,
            Err(refused) => {
                // Whoever proves nothing is counted as a guest.
                limiter.count(route.class, false, ip)?;
                return Err(refused);
            }
        };
        match caller.key {
            Key::Bot(bot) => limiter.count_bot(bot)?,
            key => limiter.count(route.class, key == Key::Session, ip)?,
        }
        let signs_in = route.session == Session::Begins || route.browser != Browser::No;
        if signs_in && self.server.origins.is_foreign(request.headers()) {
            return Err(ErrorKind::CrossSite.into());
        }
        let mut browser = self.browser(route.browser, request.headers())?;
        let entry = catalogue::find(route.operation)?;
        route.read_query(request.uri().query().unwrap_or_default(), &mut parameters)?;
        if route.verb == routes::Verb::Post {
            routes::read_body(&self.read_json(request).await?, &mut parameters)?;
        }
        // A program that gives a secret of its own needs no cookie.
        if parameters.contains_key("browser") {
            browser = None;
        } else if let Some(secret) = &browser {
            parameters.insert("browser".to_owned(), secret.as_str().into());
        }
        let answer = self.run(entry, caller.actor, parameters).await?;
        let cookie = self.session_cookie(route.session, &answer)?;
        let mut reply = reply::json(answer);
        if let Some(cookie) = cookie {
            reply.headers_mut().append(SET_COOKIE, cookie);
        }
        if let (Browser::Given, Some(secret)) = (route.browser, browser) {
            let secure = self.server.origins.is_https();
            let cookie = credentials::set_browser(&secret, secure);
            let cookie = cookie.map_err(|_| ErrorKind::Internal)?;
            reply.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(reply)
    }

    /// The secret of the browser that asks, from its cookie or made for it.
    ///
    /// # Errors
    /// `ERR_CROSS_SITE` where the cookie comes without a word that our own page sent it (SPEC 15.1).
    fn browser(&self, browser: Browser, headers: &HeaderMap) -> Result<Option<String>> {
        let known = credentials::browser(headers).filter(|_| browser != Browser::No);
        if known.is_some() && !self.server.origins.cookie_may_change(headers) {
            return Err(ErrorKind::CrossSite.into());
        }
        Ok(match (browser, known) {
            (Browser::No, _) | (Browser::Known, None) => None,
            (_, Some(secret)) => Some(secret.to_owned()),
            (Browser::Given, None) => Some(credentials::new_browser(&SystemRandom)),
        })
    }

    /// `op/{name}`: any operation by its name, for admins and above (SPEC 15.2).
    async fn any_operation(
        &self,
        name: &str,
        ip: IpAddr,
        request: Request<Incoming>,
    ) -> Result<Reply> {
        self.server.limiter.count(Class::Admin, true, ip)?;
        let caller = self.caller(ip, request.method(), request.headers()).await?;
        if caller.key == Key::None {
            return Err(ErrorKind::Unauthenticated.into());
        }
        if !self.is_admin(&caller.actor).await {
            return Err(ErrorKind::Forbidden.into());
        }
        let entry = catalogue::find(name)?;
        let mut parameters = Map::new();
        routes::read_body(&self.read_json(request).await?, &mut parameters)?;
        self.run(entry, caller.actor, parameters)
            .await
            .map(reply::json)
    }

    /// A body that says it is JSON. An empty one need not say anything.
    async fn read_json(&self, request: Request<Incoming>) -> Result<Bytes> {
        let says_json = says_json(request.headers());
        let body = self.read_body(request.into_body()).await?;
        if says_json || body.is_empty() {
            Ok(body)
        } else {
            Err(ErrorKind::UnsupportedMedia.into())
        }
    }

    /// A body, whatever it says that it is.
    pub(super) async fn read_body(&self, body: Incoming) -> Result<Bytes> {
        body::read(body, MAX_BODY, self.server.body_within)
            .await
            .map_err(body_error)
    }

    /// Runs an operation on the writer's thread, a query on one of those that read, and what waits for a browser on one
    /// of its own.
    async fn run(
        &self,
        entry: &'static Entry,
        actor: Actor,
        parameters: Map<String, Value>,
    ) -> Result<String> {
        let chat = parameters.get("chat_id").and_then(Value::as_u64);
        let parameters = Value::Object(parameters).to_string();
        if entry.commits() {
            return self.server.writer.call(actor, entry, &parameters).await;
        }
        let portal = self.server.portal.clone();
        let call = move || portal.call_json(&actor, entry.name(), &parameters);
        if entry.waits() {
            return self.server.errands.run(chat, call).await;
        }
        blocking(call).await
    }

    /// What hands a browser its new session, or takes the old one back.
    fn session_cookie(&self, session: Session, answer: &str) -> Result<Option<HeaderValue>> {
        #[derive(Deserialize)]
        struct New {
            token: String,
            expires_at: Timestamp,
        }
        match session {
            Session::Stays => Ok(None),
            Session::Ends => Ok(Some(credentials::clear_session())),
            Session::Begins => {
                let new: New = serde_json::from_str(answer).map_err(|_| ErrorKind::Internal)?;
                let lives = new.expires_at.seconds_after(self.server.portal.now());
                let secure = self.server.origins.is_https();
                credentials::set_session(&new.token, Duration::from_secs(lives), secure)
                    .map(Some)
                    .map_err(|_| ErrorKind::Internal.into())
            }
        }
    }

    /// Who asks. A bearer token that is none is refused; a cookie that has ended makes a guest.
    ///
    /// # Errors
    /// `ERR_UNAUTHENTICATED`; `ERR_CROSS_SITE` for an unsafe request by cookie that does not prove to come
    /// from our own pages (SPEC 15.1).
    async fn caller(&self, ip: IpAddr, method: &Method, headers: &HeaderMap) -> Result<Caller> {
        let session = match credentials::bearer(headers) {
            Some(key) if key.starts_with(KEY_PREFIX) => {
                let bot = self.authenticate_bot(key.to_owned()).await?;
                let actor = Actor::bot(bot).from_ip(ip);
                let key = Key::Bot(bot);
                return Ok(Caller { key, actor });
            }
            Some(token) => Some(self.authenticate(token.to_owned()).await?),
            None => match credentials::cookie(headers, credentials::SESSION_COOKIE) {
                None => None,
                Some(token) => {
                    let reads = matches!(*method, Method::GET | Method::HEAD);
                    if !reads && !self.server.origins.cookie_may_change(headers) {
                        return Err(ErrorKind::CrossSite.into());
                    }
                    match self.authenticate(token.to_owned()).await {
                        Ok(session) => Some(session),
                        Err(error) if error.kind() == ErrorKind::Unauthenticated => None,
                        Err(error) => return Err(error),
                    }
                }
            },
        };
        let mut actor = session
            .map_or_else(Actor::guest, Actor::session)
            .from_ip(ip);
        if let Some(agent) = headers
            .get(USER_AGENT)
            .and_then(|agent| agent.to_str().ok())
        {
            actor = actor.with_user_agent(agent.chars().take(USER_AGENT_CHARS).collect::<String>());
        }
        let trusted = self.server.client_country_header.as_ref();
        if let Some(country) = address::client_country(headers, trusted) {
            actor = actor.from_country(country);
        }
        let key = session.map_or(Key::None, |_| Key::Session);
        Ok(Caller { key, actor })
    }

    /// The bot of an API key.
    async fn authenticate_bot(&self, key: String) -> Result<BotId> {
        let portal = self.server.portal.clone();
        blocking(move || portal.authenticate_bot(&key)).await
    }

    /// The live session of a token.
    pub(super) async fn authenticate(&self, token: String) -> Result<SessionId> {
        let portal = self.server.portal.clone();
        blocking(move || portal.authenticate(&token)).await
    }

    async fn is_admin(&self, actor: &Actor) -> bool {
        #[derive(Deserialize)]
        struct Me {
            role: String,
        }
        let (portal, actor) = (self.server.portal.clone(), actor.clone());
        let me = blocking(move || portal.call_json(&actor, "user.me", "{}")).await;
        me.ok()
            .and_then(|me| serde_json::from_str(&me).ok())
            .is_some_and(|me: Me| matches!(me.role.as_str(), "admin" | "owner"))
    }

    /// Details of `/health` and `/metrics` are for loopback and admins (SPEC 15.6). A request that a
    /// proxy passed on does not count as loopback, whether or not its word is trusted.
    async fn may_see_details(&self, ip: IpAddr, headers: &HeaderMap) -> bool {
        let configured = self.server.client_address_header.as_ref();
        let passed_on = configured.is_some_and(|name| headers.contains_key(name))
            || headers.contains_key("x-forwarded-for")
            || headers.contains_key("forwarded");
        if ip.is_loopback() && !passed_on {
            return true;
        }
        match self.caller(ip, &Method::GET, headers).await {
            Ok(caller) if caller.key == Key::Session => self.is_admin(&caller.actor).await,
            _ => false,
        }
    }
}

/// A number to find a request in the log by; it means nothing.
fn request_id() -> String {
    let mut bytes = [0; 8];
    SystemRandom.fill(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}

/// Runs what waits for the disk where waiting holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(panic) => Err(Error::new(ErrorKind::Internal).caused_by(panic)),
    }
}

fn body_error(error: BodyError) -> Error {
    match error {
        BodyError::TooLarge => ErrorKind::PayloadTooLarge.into(),
        BodyError::TimedOut => ErrorKind::RequestTimeout.into(),
        BodyError::Broken => Error::invalid(".", "The body broke off."),
    }
}

/// Another site's page can send a form or plain text without being asked, but not JSON.
fn says_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}
