//! A Socket.IO client over WebSocket, bare enough to send what no library would.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use portal_core::e2ee::{Ctx, RoomCipher, SecretKey, Suite};
use portal_core::random::SystemRandom;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{PATIENCE, Person, TestServer};

pub struct Client {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    last_ack: u64,
    /// Packets that came while something else was waited for.
    waiting: Vec<String>,
    pub ready: Value,
}

/// What the next packet is.
#[derive(Debug)]
pub enum Next {
    Event(String, Value),
    Refused(Value),
    Closed,
}

impl Client {
    /// Opens a socket and goes no further.
    pub async fn open(server: &TestServer, headers: &[(&str, &str)]) -> Result<Self, Error> {
        Self::open_at(server.address, headers).await
    }

    /// The same, at any server.
    pub async fn open_at(address: SocketAddr, headers: &[(&str, &str)]) -> Result<Self, Error> {
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let mut request = url.into_client_request()?;
        for (name, value) in headers {
            let name: hyper::header::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let (stream, _) = connect_async(request).await?;
        let mut client = Self {
            stream,
            last_ack: 0,
            waiting: Vec::new(),
            ready: Value::Null,
        };
        let open = client.text().await.unwrap();
        assert!(open.starts_with("0{"), "{open}");
        Ok(client)
    }

    /// Connects with this `auth`; the error is the server's refusal.
    pub async fn connect(mut self, auth: Value) -> Result<Self, Value> {
        self.raw(&format!("40{auth}")).await;
        loop {
            let text = self.text().await.expect("an answer to connecting");
            if let Some(refused) = text.strip_prefix("44") {
                return Err(serde_json::from_str(refused).unwrap());
            }
            if text.starts_with("40") {
                break;
            }
        }
        let Next::Event(name, ready) = self.next().await else {
            panic!("no session:ready");
        };
        assert_eq!(name, "session:ready");
        self.ready = ready;
        Ok(self)
    }

    /// A person's socket.
    pub async fn of(server: &TestServer, person: &Person) -> Self {
        Self::with(server, json!({ "token": person.token })).await
    }

    pub async fn with(server: &TestServer, auth: Value) -> Self {
        let open = Self::open(server, &[]).await.unwrap();
        open.connect(auth).await.unwrap()
    }

    pub async fn raw(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    /// The same, to a server that may be gone.
    pub async fn try_raw(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.ok();
    }

    pub async fn raw_binary(&mut self, bytes: &'static [u8]) {
        self.stream.send(Message::binary(bytes)).await.unwrap();
    }

    /// The next text frame that is no ping; none once the socket is closed.
    pub async fn text(&mut self) -> Option<String> {
        loop {
            let next = timeout(PATIENCE, self.stream.next())
                .await
                .expect("a packet in time");
            match next {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => self.raw("3").await,
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next event that was not waited for elsewhere.
    pub async fn next(&mut self) -> Next {
        loop {
            let text = if self.waiting.is_empty() {
                match self.text().await {
                    Some(text) => text,
                    None => return Next::Closed,
                }
            } else {
                self.waiting.remove(0)
            };
            if let Some(event) = text.strip_prefix("42") {
                let (name, data): (String, Value) = serde_json::from_str(event).unwrap();
                return Next::Event(name, data);
            }
            if let Some(refused) = text.strip_prefix("44") {
                let refused = refused.split_once('{').map(|(_, rest)| format!("{{{rest}"));
                return Next::Refused(serde_json::from_str(&refused.unwrap()).unwrap());
            }
            // 41 and the engine's own close are followed by the end.
        }
    }

    /// The data of the next event of this name; others are passed over.
    pub async fn event(&mut self, wanted: &str) -> Value {
        self.events_to(wanted).await.0
    }

    /// The data of the next event of this name, and the names of those before it.
    pub async fn events_to(&mut self, wanted: &str) -> (Value, Vec<String>) {
        let mut before = Vec::new();
        loop {
            match self.next().await {
                Next::Event(name, data) if name == wanted => return (data, before),
                Next::Event(name, _) => before.push(name),
                other => panic!("{other:?} instead of {wanted}"),
            }
        }
    }

    /// Reads until a packet that begins like this.
    pub async fn until(&mut self, prefix: &str) {
        while !self.text().await.unwrap().starts_with(prefix) {}
    }

    /// Reads until the server closes.
    pub async fn closed(&mut self) {
        while !matches!(self.next().await, Next::Closed) {}
    }

    /// Says something and waits for the acknowledgement.
    pub async fn say(&mut self, name: &str, data: Value) -> Value {
        self.last_ack += 1;
        let ack = self.last_ack;
        self.raw(&format!("42{ack}{}", json!([name, data]))).await;
        let prefix = format!("43{ack}[");
        loop {
            let text = self.text().await.expect("an acknowledgement");
            if text.starts_with(&prefix) {
                let answers: Vec<Value> = serde_json::from_str(&text[prefix.len() - 1..]).unwrap();
                return answers.into_iter().next().unwrap();
            }
            self.waiting.push(text);
        }
    }

    pub async fn ok(&mut self, name: &str, data: Value) -> Value {
        let answer = self.say(name, data).await;
        assert_eq!(answer["ok"], true, "{name}: {answer}");
        answer
    }

    pub async fn refused(&mut self, name: &str, data: Value, code: &str) -> Value {
        let answer = self.say(name, data).await;
        assert_eq!(answer["error"]["code"], code, "{name}: {answer}");
        answer["error"].clone()
    }

    /// Joins, and publishes the first key of the chat's epoch.
    pub async fn join_and_publish(&mut self, chat: i64) -> RoomCipher {
        let joined = self.ok("room:join", json!({ "chat_id": chat })).await;
        let epoch = joined["chat"]["epoch"].as_u64().unwrap();
        let secret = SecretKey::generate(&SystemRandom);
        let public_key = secret.public_key().to_base64();
        self.ok("keys:register", json!({ "public_key": public_key }))
            .await;
        let ctx = Ctx::new(chat.unsigned_abs(), epoch).unwrap();
        let cipher = RoomCipher::generate(Suite::Three, ctx, &SystemRandom);
        let params = json!({
            "chat_id": chat, "epoch": epoch, "key_check": cipher.check().to_base64(), "blobs": []
        });
        self.ok("keys:publish", params).await;
        cipher
    }

    /// Sends a message; answers the acknowledgement.
    pub async fn message(
        &mut self,
        chat: i64,
        person: &Person,
        cipher: &mut RoomCipher,
        text: &str,
    ) -> Value {
        let content = cipher
            .seal(person.id.unsigned_abs(), text, &SystemRandom)
            .unwrap();
        self.ok(
            "message:send",
            json!({ "chat_id": chat, "content": content }),
        )
        .await
    }

    /// Ends without a word, as a lost connection does.
    pub fn vanish(self) {
        drop(self);
    }
}
