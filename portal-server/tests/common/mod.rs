//! A whole server on a port and a file of its own, and clients to talk to it with.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "each test file uses its part"
)]

pub mod engine;
#[path = "../../../portal-core/tests/common/fake.rs"]
pub mod fake;
pub mod matched;
pub mod program;
pub mod raw;
pub mod socket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use portal_core::backend::BrowserBackend;
use portal_core::clock::{Clock, SystemClock};
use portal_core::{Actor, Options, Portal};
use portal_server::{Config, Rates, RunError, run};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Nothing a test waits for takes this long; a stuck test ends instead of hanging.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct TestServer {
    pub address: SocketAddr,
    /// The same file, opened beside the server as the CLI does.
    pub beside: Portal,
    pub dir: tempfile::TempDir,
    config: Config,
    clock: Arc<dyn Clock>,
    browsers: Option<Arc<dyn BrowserBackend>>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<usize, RunError>>,
}

/// A person with a session.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: i64,
    pub session: i64,
    pub token: String,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Expects this refusal, in the form of SPEC 13.1.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        let error = self.json()["error"].clone();
        assert_eq!(
            (self.status.as_u16(), error["code"].as_str()),
            (status, Some(code)),
            "{self:?}"
        );
        assert!(
            error["message"].is_string() && error["request_id"].is_string(),
            "{error}"
        );
        error
    }

    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }
}

impl TestServer {
    /// Without limits by the minute.
    pub async fn start() -> Self {
        Self::with(Config {
            rates: Rates::OFF,
            ..Config::default()
        })
        .await
    }

    pub async fn with(config: Config) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::on(dir, config, Arc::new(SystemClock), None).await
    }

    /// Without limits by the minute, with something that runs browsers.
    pub async fn with_browsers(browsers: Arc<dyn BrowserBackend>) -> Self {
        let config = Config {
            rates: Rates::OFF,
            ..Config::default()
        };
        let dir = tempfile::tempdir().unwrap();
        Self::on(dir, config, Arc::new(SystemClock), Some(browsers)).await
    }

    /// Without limits by the minute, and by a clock that the test turns. Housekeeping looks at it once a
    /// second of real time.
    pub async fn by(clock: Arc<impl Clock + 'static>) -> Self {
        let config = Config {
            rates: Rates::OFF,
            ..Config::default()
        };
        Self::on(tempfile::tempdir().unwrap(), config, clock, None).await
    }

    async fn on(
        dir: tempfile::TempDir,
        config: Config,
        clock: Arc<dyn Clock>,
        browsers: Option<Arc<dyn BrowserBackend>>,
    ) -> Self {
        let file = dir.path().join("portal.db");
        let opened = |presence| {
            let options = Options {
                presence,
                browsers: browsers.clone().filter(|_| presence),
                clock: Arc::clone(&clock),
                ..Options::default()
            };
            Portal::open(&file, options).unwrap()
        };
        let (portal, beside) = (opened(true), opened(false));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(run(listener, portal, config.clone(), async {
            stopped.await.ok();
        }));
        Self {
            address,
            beside,
            dir,
            config,
            clock,
            browsers,
            stop: Some(stop),
            running,
        }
    }

    /// Another server on the file of this one, which has stopped.
    pub async fn again(self) -> Self {
        assert!(self.running.is_finished(), "it runs still");
        Self::on(self.dir, self.config, self.clock, self.browsers).await
    }

    /// What the operator does by the CLI while the server runs.
    #[track_caller]
    pub fn operator(&self, name: &str, params: Value) -> Value {
        let reply = self
            .beside
            .call_json(&Actor::operator(), name, &params.to_string())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_str(&reply).unwrap()
    }

    pub fn person(&self, name: &str) -> Person {
        self.person_with_role(name, "user")
    }

    pub fn person_with_role(&self, name: &str, role: &str) -> Person {
        let user = self.operator("user.create", json!({ "username": name, "role": role }));
        self.session_of(user["user_id"].as_i64().unwrap())
    }

    /// Another session of a person.
    pub fn session_of(&self, id: i64) -> Person {
        let session = self.operator("session.create", json!({ "user_id": id }));
        Person {
            id,
            session: session["session_id"].as_i64().unwrap(),
            token: session["token"].as_str().unwrap().to_owned(),
        }
    }

    /// An OFFICIAL chat.
    pub fn official_chat(&self, owner: &Person) -> i64 {
        let params = json!({
            "chat_type": "OFFICIAL", "name": "A chat", "owner_id": owner.id, "slug": null, "e2ee": 3
        });
        self.operator("chat.create", params)["id"].as_i64().unwrap()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        send(self.address, request).await
    }

    /// A request with these headers and this body.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        ask(self.address, method, path, headers, body).await
    }

    pub async fn get(&self, who: Option<&Person>, path: &str) -> Answer {
        match who {
            Some(person) => {
                let bearer = format!("Bearer {}", person.token);
                self.ask("GET", path, &[(AUTHORIZATION.as_str(), &bearer)], "")
                    .await
            }
            None => self.ask("GET", path, &[], "").await,
        }
    }

    pub async fn post(&self, who: Option<&Person>, path: &str, body: Value) -> Answer {
        let json = (CONTENT_TYPE.as_str(), "application/json");
        let body = body.to_string();
        match who {
            Some(person) => {
                let bearer = format!("Bearer {}", person.token);
                self.ask(
                    "POST",
                    path,
                    &[json, (AUTHORIZATION.as_str(), &bearer)],
                    body,
                )
                .await
            }
            None => self.ask("POST", path, &[json], body).await,
        }
    }

    /// Asks it to stop.
    pub fn begin_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits until it has; answers how many connections it cut off.
    pub async fn stopped(&mut self) -> usize {
        tokio::time::timeout(PATIENCE, &mut self.running)
            .await
            .unwrap()
            .unwrap()
            .unwrap()
    }
}

/// Sends a request on a connection of its own.
pub async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let response = sender.send_request(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// A request with these headers and this body, to any server.
pub async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", address.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(address, request.body(Full::new(body.into())).unwrap()).await
}
