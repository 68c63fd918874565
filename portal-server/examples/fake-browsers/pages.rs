//! What a browser shows: who is signed in by the name and password of the address, and who has control.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::json;

use super::fake::Fake;

const PAGE: &str = include_str!("page.html");

/// Serves pages on a thread of their own; answers where.
pub(crate) fn serve(fake: Arc<Fake>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let fake = Arc::clone(&fake);
            std::thread::spawn(move || answer(&fake, stream).ok());
        }
    });
    Ok(address)
}

fn answer(fake: &Fake, mut stream: TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let head = lines.next().transpose()?.unwrap_or_default();
    for line in lines.by_ref() {
        if line?.is_empty() {
            break;
        }
    }
    // `GET /RUN/ HTTP/1.1` is the page, `GET /RUN/state?NAME:PASSWORD HTTP/1.1` how it stands for somebody.
    let path = head.split(' ').nth(1).unwrap_or_default();
    let (kind, body) = match path.split_once("/state?") {
        Some((run, who)) => (
            "application/json",
            state(fake, run.trim_start_matches('/'), who),
        ),
        None => ("text/html; charset=utf-8", PAGE.to_owned()),
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn state(fake: &Fake, run: &str, who: &str) -> String {
    let state = fake.0.lock().expect("nothing panics with it");
    let (name, password) = who.split_once(':').unwrap_or_default();
    let browser = state
        .running
        .iter()
        .find(|(id, _)| id.as_str() == run)
        .map(|(_, browser)| browser);
    // The fake's passwords begin with whose they are.
    let viewer = browser.and_then(|browser| {
        let mut viewers = browser.viewers.iter();
        viewers.find(|(_, kept)| *kept == password && kept.contains(&format!("-{name}-")))
    });
    let controller = browser.and_then(|browser| browser.controller);
    json!({
        "signed_in": viewer.is_some(),
        "has_control": viewer.is_some_and(|(user, _)| controller == Some(*user)),
        "is_controlled": controller.is_some(),
    })
    .to_string()
}
