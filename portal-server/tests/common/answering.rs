//! Something that answers HTTP as a test says: in place of a container engine, or of a neko.

#![allow(
    unreachable_pub,
    reason = "each test that takes this in is a program of its own"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// What was asked: method, path with its query, body.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub body: Value,
}

impl Asked {
    /// Method and path, without the query.
    pub fn what(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    Json(u16, Value),
    /// These bytes in place of an answer.
    Raw(&'static str),
    /// Nothing, while the connection is open.
    Silence,
}

/// Everything that was asked.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<Asked>>>);

impl Log {
    pub fn all(&self) -> Vec<Asked> {
        self.0.lock().unwrap().clone()
    }

    /// Method and path of each.
    pub fn words(&self) -> Vec<String> {
        self.all().iter().map(Asked::what).collect()
    }
}

/// Answers on a socket in the file system, as long as the test's process lives.
pub fn on_socket(path: &Path, answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Log {
    let listener = UnixListener::bind(path).unwrap();
    let (log, answer) = (Log::default(), Arc::new(answer));
    let kept = log.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (log, answer) = (kept.clone(), Arc::clone(&answer));
            thread::spawn(move || serve(stream.unwrap(), &log, &*answer));
        }
    });
    log
}

/// The same on a free port of loopback.
pub fn on_port(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> (SocketAddr, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (log, answer) = (Log::default(), Arc::new(answer));
    let kept = log.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (log, answer) = (kept.clone(), Arc::clone(&answer));
            thread::spawn(move || serve(stream.unwrap(), &log, &*answer));
        }
    });
    (address, log)
}

fn serve(mut stream: impl Read + Write, log: &Log, answer: &dyn Fn(&Asked) -> Reply) {
    let mut read = Vec::new();
    let mut part = [0; 4096];
    let (head, body) = loop {
        let Ok(count @ 1..) = stream.read(&mut part) else {
            return;
        };
        read.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                break (head.to_owned(), body.to_owned());
            }
        }
    };
    let mut words = head.split(' ').map(str::to_owned);
    let asked = Asked {
        method: words.next().unwrap(),
        target: words.next().unwrap(),
        body: serde_json::from_str(&body).unwrap_or_default(),
    };
    log.0.lock().unwrap().push(asked.clone());
    let answer = match answer(&asked) {
        Reply::Json(status, body) => {
            let body = if body.is_null() {
                String::new()
            } else {
                body.to_string()
            };
            let length = body.len();
            format!(
                "HTTP/1.1 {status} It\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
        }
        Reply::Raw(text) => text.to_owned(),
        // Until whoever asked has had enough.
        Reply::Silence => {
            let _ = stream.read(&mut part);
            return;
        }
    };
    let _ = stream.write_all(answer.as_bytes());
}
