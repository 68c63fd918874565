//! One request over one connection: to the engine's socket, and to a running neko.
//!
//! Nothing is kept between requests, so that nothing can be stale or leak. The surprise: there is no time-out here;
//! whoever asks has one around it, since only they can say who did not answer.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use portal_core::model::Secret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// The longest answer that is read, in bytes: a picture of a large screen, or the files of an image.
const LONGEST: usize = 16 << 20;

/// Where somebody listens.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Socket(PathBuf),
    Address(SocketAddr),
}

/// What is asked.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) method: Method,
    /// The path, with its query.
    pub(super) target: String,
    pub(super) bearer: Option<Secret>,
    /// With its media type.
    pub(super) body: Option<(&'static str, Vec<u8>)>,
}

impl Question {
    pub(super) fn new(method: Method, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            bearer: None,
            body: None,
        }
    }

    pub(super) fn json(mut self, body: &serde_json::Value) -> Self {
        self.body = Some(("application/json", body.to_string().into_bytes()));
        self
    }
}

/// What came back, whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) media_type: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The sentence of a refusal, shortened for a log: both the engine and neko put it into `message`.
    pub(super) fn message(&self) -> String {
        let json: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let message = json.as_ref().and_then(|json| json.get("message")?.as_str());
        let text = match message {
            Some(message) => message.to_owned(),
            None => String::from_utf8_lossy(&self.body).into_owned(),
        };
        let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        clean.take(300).collect::<String>().trim().to_owned()
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// Nobody could be reached.
    Unreached(io::Error),
    /// The connection broke, or what came was no HTTP or too long.
    Broken(String),
}

/// Asks, and reads the whole answer.
pub(super) async fn ask(place: &Place, question: Question) -> Result<Answer, Silence> {
    match place {
        Place::Socket(path) => {
            let stream = UnixStream::connect(path).await;
            over(stream.map_err(Silence::Unreached)?, "engine", question).await
        }
        Place::Address(address) => {
            let stream = TcpStream::connect(address).await;
            let host = address.to_string();
            over(stream.map_err(Silence::Unreached)?, &host, question).await
        }
    }
}

async fn over<S>(stream: S, host: &str, question: Question) -> Result<Answer, Silence>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: &dyn std::fmt::Display| Silence::Broken(error.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let mut request = Request::builder()
        .method(question.method)
        .uri(question.target)
        .header(HOST, host)
        // Cut off with the connection, so that nothing is left of it.
        .header("connection", "close");
    if let Some(token) = question.bearer {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let body = match question.body {
        Some((media_type, body)) => {
            request = request.header(CONTENT_TYPE, media_type);
            request = request.header(CONTENT_LENGTH, body.len());
            body
        }
        None => Vec::new(),
    };
    let request = request
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| broken(&error))?;
    let talking = async {
        let answer = sender.send_request(request).await;
        let (head, body) = answer.map_err(|error| broken(&error))?.into_parts();
        let body = Limited::new(body, LONGEST).collect().await;
        let body = body.map_err(|error| broken(&error))?;
        let media_type = head.headers.get(CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok());
        Ok(Answer {
            status: head.status.as_u16(),
            media_type: media_type.unwrap_or_default().to_owned(),
            body: body.to_bytes().into(),
        })
    };
    tokio::pin!(talking);
    tokio::select! {
        answer = &mut talking => return answer,
        // The connection is done when all has come, which may be before it is taken.
        _ = connection => {}
    }
    talking.await
}

/// A text as part of an address.
pub(super) fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            _ => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}
