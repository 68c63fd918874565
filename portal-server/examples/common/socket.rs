//! One Socket.IO client over a raw TCP stream: the handshake, and frames in and out.
//!
//! It speaks only what the bench needs (text frames, WebSocket transport from the start) and
//! copies nothing it does not have to, so that on two cores the server is what gets measured.

use std::cell::RefCell;
use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
/// The bit of a frame's first byte that says it is a whole message.
const FINAL: u8 = 0x80;
/// In the second byte, beside a short length or one of the two that follow.
const MASKED: u8 = 0x80;
const TWO_BYTE_LENGTH: u8 = 0x7e;
const EIGHT_BYTE_LENGTH: u8 = 0x7f;

/// Bytes that are read in one go.
const READ: usize = 64 * 1024;

thread_local! {
    /// What all clients of a thread read into, one after the other: one of each would drive out of the processor's
    /// caches what the server has there.
    static READ_INTO: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A connected client. `pending` holds bytes that are not a whole frame yet.
pub(crate) struct Client {
    stream: TcpStream,
    pending: Vec<u8>,
}

impl Client {
    /// Opens the WebSocket, waits for Engine.IO's `open` and joins the root namespace.
    ///
    /// `auth` is the JSON of Socket.IO's `auth` payload, or empty.
    pub(crate) async fn connect(address: &str, auth: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut client = Self {
            stream,
            pending: Vec::new(),
        };
        // The key is a constant: it guards against caches, and there is none between us.
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {address}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        client.stream.write_all(request.as_bytes()).await?;
        client.skip_response_head().await?;
        client.wait_for("0").await?;
        client.send(&format!("40{auth}")).await?;
        client.wait_for("40").await?;
        Ok(client)
    }

    /// Sends one text frame.
    pub(crate) async fn send(&mut self, text: &str) -> Result<()> {
        let mut out = Vec::with_capacity(text.len() + 14);
        frame_into(&mut out, text);
        self.stream.write_all(&out).await
    }

    /// Sends frames built with [`frame_into`], all in one write.
    pub(crate) async fn send_frames(&mut self, frames: &[u8]) -> Result<()> {
        self.stream.write_all(frames).await
    }

    /// Waits for bytes, then gives every whole text frame that is there to `each`, and answers
    /// the server's pings.
    pub(crate) async fn receive(&mut self, mut each: impl FnMut(&[u8])) -> Result<()> {
        let mut pinged = false;
        let mut take = |frame: &[u8]| match frame {
            b"2" => pinged = true,
            frame => each(frame),
        };
        loop {
            self.stream.readable().await?;
            match READ_INTO.with_borrow_mut(|bytes| self.read_with(bytes, &mut take)) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => break read?,
            }
        }
        if pinged {
            self.send("3").await?;
        }
        Ok(())
    }

    /// Reads what is there behind what is pending, gives the texts of whole frames to `take`, and keeps the rest.
    fn read_with(&mut self, bytes: &mut Vec<u8>, mut take: impl FnMut(&[u8])) -> Result<()> {
        let pending = self.pending.len();
        bytes.resize(bytes.len().max(pending + READ), 0);
        let read = self.stream.try_read(&mut bytes[pending..])?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        bytes[..pending].copy_from_slice(&self.pending);
        let mut left = &bytes[..pending + read];
        while let Some((opcode, start, end)) = whole_frame(left) {
            let payload = &left[start..end];
            match opcode {
                TEXT => take(payload),
                CLOSE => {
                    let reason = String::from_utf8_lossy(payload).into_owned();
                    return Err(Error::new(ErrorKind::ConnectionAborted, reason));
                }
                _ => {}
            }
            left = &left[end..];
        }
        self.pending.clear();
        self.pending.extend_from_slice(left);
        Ok(())
    }

    /// Reads until a frame that begins with `prefix`; anything else but a ping is an error.
    pub(crate) async fn wait_for(&mut self, prefix: &str) -> Result<()> {
        let mut seen = false;
        let mut other = None;
        while !seen {
            self.receive(|frame| {
                if frame.starts_with(prefix.as_bytes()) {
                    seen = true;
                } else if frame.starts_with(b"44") {
                    other = Some(String::from_utf8_lossy(frame).into_owned());
                }
            })
            .await?;
            if let Some(refused) = other.take() {
                return Err(Error::other(refused));
            }
        }
        Ok(())
    }

    async fn skip_response_head(&mut self) -> Result<()> {
        let mut head = Vec::new();
        // One byte at a time: the first frame may follow in the same segment.
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await?);
        }
        if head.starts_with(b"HTTP/1.1 101") {
            Ok(())
        } else {
            Err(Error::other(String::from_utf8_lossy(&head).into_owned()))
        }
    }
}

/// Appends `text` as one masked text frame. The mask is zero, which the protocol allows and
/// which spares the client the arithmetic.
pub(crate) fn frame_into(out: &mut Vec<u8>, text: &str) {
    out.push(FINAL | TEXT);
    match text.len() {
        short @ 0..=125 => out.push(MASKED | u8::try_from(short).unwrap_or_default()),
        long => {
            out.push(MASKED | TWO_BYTE_LENGTH);
            let long = u16::try_from(long).expect("a bench message fits in 64 KiB");
            out.extend_from_slice(&long.to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(text.as_bytes());
}

/// The opcode, and where the payload starts and ends, of the frame `bytes` begins with.
fn whole_frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (start, length) = match second & !MASKED {
        TWO_BYTE_LENGTH => (
            4,
            usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
        ),
        EIGHT_BYTE_LENGTH => {
            let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            (10, usize::try_from(length).ok()?)
        }
        short => (2, usize::from(short)),
    };
    let end = start + length;
    (bytes.len() >= end).then_some((first & 0x0f, start, end))
}
