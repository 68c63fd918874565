//! As much of Socket.IO as a client needs that speaks WebSocket: a handful of text frames.
//!
//! Of the digits that a frame begins with, the first is Engine.IO's: `0` open, `2` ping, `3` pong, `4`
//! message. In a message the second is Socket.IO's: `0` connect, `1` disconnect, `2` event,
//! `3` acknowledgement, `4` refusal.

use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::{Refused, Result};

pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    acks: u64,
    /// What came while an acknowledgement was waited for.
    waiting: VecDeque<String>,
}

/// What the server did with an event: its reply, or why not.
pub(crate) type Answer = Result<Value, Refused>;

/// What a connect is refused with.
#[derive(Deserialize)]
struct Refusal {
    data: Refused,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Ack {
    Failed { error: Refused },
    Done(Value),
}

impl Socket {
    /// Connects as a session; answers also what the server says of it, the data of `session:ready`.
    pub(crate) async fn connect(server: &str, token: &str) -> Result<(Self, Value)> {
        let server = server.trim_end_matches('/').replacen("http", "ws", 1);
        let url = format!("{server}/socket.io/?EIO=4&transport=websocket");
        let (stream, _) = connect_async(url).await?;
        let mut socket = Self {
            stream,
            acks: 0,
            waiting: VecDeque::new(),
        };
        let auth = json!({ "token": token });
        socket.write(format!("40{auth}")).await?;
        loop {
            let frame = socket.read().await?;
            if let Some(refusal) = frame.strip_prefix("44") {
                let Refusal { data } = serde_json::from_str(refusal)?;
                return Err(data.into());
            }
            if let Some((_, ready)) = socket.event(&frame).await? {
                return Ok((socket, ready));
            }
        }
    }

    /// The next frame. Nothing is lost if it is no longer waited for.
    pub(crate) async fn frame(&mut self) -> Result<String> {
        match self.waiting.pop_front() {
            Some(frame) => Ok(frame),
            None => self.read().await,
        }
    }

    /// The name and data of a frame that is an event; a ping is answered.
    pub(crate) async fn event(&mut self, frame: &str) -> Result<Option<(String, Value)>> {
        match frame.get(..2).unwrap_or(frame) {
            "2" => self.write("3".to_owned()).await.map(|()| None),
            "41" => Err("the server has closed the socket".into()),
            "42" => Ok(Some(serde_json::from_str(&frame[2..])?)),
            _ => Ok(None),
        }
    }

    /// Says something and waits for what the server makes of it.
    pub(crate) async fn call(&mut self, name: &str, data: &Value) -> Result<Answer> {
        self.acks += 1;
        let ack = format!("43{}[", self.acks);
        self.write(format!("42{}{}", self.acks, json!([name, data])))
            .await?;
        loop {
            let frame = self.read().await?;
            if frame.starts_with(&ack) {
                let (answer,): (Ack,) = serde_json::from_str(&frame[ack.len() - 1..])?;
                return Ok(match answer {
                    Ack::Done(reply) => Ok(reply),
                    Ack::Failed { error } => Err(error),
                });
            }
            self.waiting.push_back(frame);
        }
    }

    async fn read(&mut self) -> Result<String> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Close(_))) | None => return Err("the server hung up".into()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    async fn write(&mut self, frame: String) -> Result<()> {
        Ok(self.stream.send(Message::text(frame)).await?)
    }
}
