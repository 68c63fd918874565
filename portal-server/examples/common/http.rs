//! One HTTP connection that is kept, with one request on its way at a time.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is kept.
pub(crate) struct Http {
    stream: TcpStream,
    /// What every request says before its length.
    head: String,
    answer: Vec<u8>,
}

impl Http {
    /// A connection of somebody who is signed in.
    pub(crate) async fn connect(address: &str, token: &str) -> Result<Self> {
        Self::saying(address, &format!("Authorization: Bearer {token}\r\n")).await
    }

    /// A connection of somebody who is not signed in.
    pub(crate) async fn guest(address: &str) -> Result<Self> {
        Self::saying(address, "").await
    }

    async fn saying(address: &str, who: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            head: format!(
                "HTTP/1.1\r\nHost: {address}\r\n{who}Content-Type: application/json\r\nContent-Length: "
            ),
            answer: Vec::new(),
        })
    }

    /// Posts JSON to a path under `/v1`, and gives the body of an answer that is 200.
    pub(crate) async fn post(&mut self, path: &str, body: &str) -> Result<&str> {
        self.ask("POST", path, body).await
    }

    /// Gets a path under `/v1`, likewise.
    pub(crate) async fn get(&mut self, path: &str) -> Result<&str> {
        self.ask("GET", path, "").await
    }

    async fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<&str> {
        let head = &self.head;
        let request = format!("{method} /v1/{path} {head}{}\r\n\r\n{body}", body.len());
        self.stream.write_all(request.as_bytes()).await?;
        self.answer.clear();
        let body = loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if let Some(body) = whole_body(&self.answer)? {
                break body;
            }
        };
        let text = str::from_utf8(&self.answer).map_err(Error::other)?;
        if text.starts_with("HTTP/1.1 200 ") {
            Ok(&text[body..])
        } else {
            Err(Error::other(format!("{path}: {text}")))
        }
    }
}

/// Where the body begins, once it is there to its end.
fn whole_body(answer: &[u8]) -> Result<Option<usize>> {
    let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = str::from_utf8(&answer[..end]).map_err(Error::other)?;
    let length: usize = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse().ok())
        .ok_or_else(|| Error::other("an answer of no length"))?;
    let body = end + 4;
    Ok((answer.len() >= body + length).then_some(body))
}
