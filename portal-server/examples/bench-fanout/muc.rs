//! The same load for a room of an XMPP server: anonymous people in a MUC, whose sender takes the room's own copy
//! of each message for its acknowledgement.
//!
//! It reads no XML: what counts is how often `<body>` comes, and only messages have one.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::common::Usage;
use crate::room::PATIENCE;
use crate::{Server, per_second};

const BODY: &[u8] = b"<body>";

/// Where people meet.
pub(crate) struct Place {
    /// The host that lets anonymous people in.
    pub(crate) host: String,
    /// Its component for rooms.
    pub(crate) rooms: String,
}

/// Runs the load twice, a tenth to warm up and then the whole, and reports on the second.
pub(crate) async fn fanout(
    server: &Server,
    place: &Place,
    receivers: usize,
    messages: usize,
    window: usize,
    content: &str,
) -> Result<serde_json::Value> {
    let mut sender = Member::enter(server, place, "sender").await?;
    let mut members = Vec::with_capacity(receivers);
    for index in 0..receivers {
        members.push(Member::enter(server, place, &format!("receiver-{index}")).await?);
    }
    let text = content.replace('&', "&amp;").replace('<', "&lt;");
    let stanza = format!(
        "<message type='groupchat' to='bench@{}'><body>{text}</body></message>",
        place.rooms
    );

    let mut outcome = None;
    for count in [messages / 10, messages] {
        let before = Usage::of(server.pid)?;
        let start = Instant::now();
        let mut receiving = JoinSet::new();
        for mut member in members.drain(..) {
            receiving.spawn(async move {
                member.hear(count).await?;
                Ok::<_, Error>(member)
            });
        }
        let (mut sent, mut heard) = (0, 0);
        while heard < count {
            let more = (count - sent).min(window - (sent - heard));
            sender.say(&stanza.repeat(more)).await?;
            sent += more;
            heard += sender.hear_some().await?;
        }
        while let Some(member) = receiving.join_next().await {
            members.push(member.map_err(Error::other)??);
        }
        let elapsed = start.elapsed();
        let after = Usage::of(server.pid)?;
        outcome = Some(serde_json::json!({
            "deliveries_per_second": per_second(count * receivers, elapsed),
            "seconds": elapsed.as_secs_f64(),
            "server_cpu_seconds": after.cpu_seconds - before.cpu_seconds,
            "server_rss_kib": after.rss_kib,
        }));
    }
    Ok(outcome.unwrap_or_default())
}

/// Somebody in the room.
struct Member {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Member {
    async fn enter(server: &Server, place: &Place, nick: &str) -> Result<Self> {
        let stream = TcpStream::connect(&server.address).await?;
        stream.set_nodelay(true)?;
        let mut member = Self {
            stream,
            read: Vec::new(),
        };
        let Place { host, rooms } = place;
        let open = format!(
            "<stream:stream to='{host}' version='1.0' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams'>"
        );
        for (said, answer) in [
            (open.as_str(), "</stream:features>"),
            (
                "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>",
                "<success",
            ),
            (open.as_str(), "</stream:features>"),
            (
                "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
                "</iq>",
            ),
            (
                &format!(
                    "<presence to='bench@{rooms}/{nick}'><x xmlns='http://jabber.org/protocol/muc'>\
                     <history maxstanzas='0'/></x></presence>"
                ),
                // The last thing on the way in is the room's subject.
                "<subject",
            ),
        ] {
            member.say(said).await?;
            member.wait_for(answer).await?;
        }
        Ok(member)
    }

    async fn say(&mut self, stanzas: &str) -> Result<()> {
        self.stream.write_all(stanzas.as_bytes()).await
    }

    async fn read(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.read);
        if timeout(PATIENCE, read).await?? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    async fn wait_for(&mut self, answer: &str) -> Result<()> {
        self.read.clear();
        loop {
            self.read().await?;
            let said = String::from_utf8_lossy(&self.read);
            if said.contains(answer) {
                self.read.clear();
                return Ok(());
            }
            if said.contains("<failure")
                || said.contains("type='error'")
                || said.contains("<stream:error")
            {
                return Err(Error::other(said.into_owned()));
            }
        }
    }

    /// Waits for bytes, and counts the messages among them.
    async fn hear_some(&mut self) -> Result<usize> {
        self.read.reserve(64 * 1024);
        self.read().await?;
        let heard = self
            .read
            .windows(BODY.len())
            .filter(|bytes| *bytes == BODY)
            .count();
        // Of the rest only the beginning of another may matter.
        let kept = self.read.len().saturating_sub(BODY.len() - 1);
        self.read.drain(..kept);
        Ok(heard)
    }

    async fn hear(&mut self, count: usize) -> Result<()> {
        let mut left = count;
        while left > 0 {
            left = left.saturating_sub(self.hear_some().await?);
        }
        Ok(())
    }
}
