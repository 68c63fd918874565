//! A connection without a client: bytes out, bytes in.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::{PATIENCE, TestServer};

pub struct Raw(pub TcpStream);

impl Raw {
    pub async fn to(server: &TestServer) -> Self {
        Self(TcpStream::connect(server.address).await.unwrap())
    }

    /// From another address of this machine: 127.0.0.`last`.
    pub async fn from(server: &TestServer, last: u8) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
        socket.bind(address).unwrap();
        Self(socket.connect(server.address).await.unwrap())
    }

    /// Writes; a server that has closed already is no failure of the client's.
    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Everything up to the server's closing.
    pub async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        // A reset ends it too: what came before it counts.
        timeout(PATIENCE, self.0.read_to_end(&mut bytes))
            .await
            .expect("the server closes in time")
            .ok();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What comes, up to and with this.
    pub async fn until(&mut self, wanted: &str) -> String {
        let mut bytes = Vec::new();
        let reading = async {
            while !bytes.ends_with(wanted.as_bytes()) {
                bytes.push(self.0.read_u8().await.expect("more, before the end"));
            }
        };
        timeout(PATIENCE, reading).await.expect(wanted);
        String::from_utf8(bytes).unwrap()
    }

    /// The status of the next answer, whose body is JSON or nothing.
    pub async fn status(&mut self) -> u16 {
        let head = self.until("\r\n\r\n").await;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        status_of(&head)
    }

    /// Opens a WebSocket, as a guest.
    pub async fn upgraded(mut self, server: &TestServer, path: &str) -> Self {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            server.address
        );
        self.say(request).await;
        let head = self.until("\r\n\r\n").await;
        assert_eq!(status_of(&head), 101, "{head}");
        self
    }

    /// Sends a WebSocket frame with this first byte.
    pub async fn frame(&mut self, first: u8, payload: &[u8]) -> bool {
        let mut frame = vec![first];
        match u16::try_from(payload.len()) {
            Ok(short @ ..126) => frame.push(0x80 | u8::try_from(short).unwrap()),
            Ok(length) => {
                frame.push(0xfe);
                frame.extend(length.to_be_bytes());
            }
            Err(_) => {
                frame.push(0xff);
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        // Masked, by nothing.
        frame.extend([0; 4]);
        frame.extend(payload);
        self.say(frame).await
    }

    /// The next frame: its first byte and what it holds; none once it is closed.
    pub async fn next_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let reading = async {
            let first = self.0.read_u8().await.ok()?;
            let length = match self.0.read_u8().await.ok()? {
                126 => u64::from(self.0.read_u16().await.ok()?),
                127 => self.0.read_u64().await.ok()?,
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.0.read_exact(&mut payload).await.ok()?;
            Some((first, payload))
        };
        timeout(PATIENCE, reading).await.expect("a frame in time")
    }

    /// What the next frame with this first byte holds; others are passed over.
    pub async fn next_frame_of(&mut self, wanted: u8) -> Vec<u8> {
        loop {
            let (first, payload) = self.next_frame().await.expect("a frame");
            if first == wanted {
                return payload;
            }
        }
    }

    /// The next text that is no ping.
    pub async fn text(&mut self) -> Option<String> {
        loop {
            match self.next_frame().await? {
                (0x81, text) if text == b"2" => {
                    self.frame(0x81, b"3").await;
                }
                (0x81, text) => return Some(String::from_utf8(text).unwrap()),
                (0x88, _) => return None,
                _ => {}
            }
        }
    }
}

pub fn status_of(head: &str) -> u16 {
    let status = head.split(' ').nth(1).unwrap_or_default();
    status
        .parse()
        .unwrap_or_else(|_| panic!("no status: {head}"))
}
