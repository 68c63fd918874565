//! What a client says and hears in a room, whatever is measured.

use std::io::Result;
use std::sync::LazyLock;
use std::time::Duration;

use memchr::memmem;
use tokio::time::timeout;

use crate::Server;
use crate::cast::Cast;
use crate::common::Client;

/// No server takes this long between two frames; a stuck run ends instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The sender and all who receive, in their room, ready.
pub(crate) async fn gather(server: &Server, cast: &Cast) -> Result<(Client, Vec<Client>)> {
    let mut sender = join(server, &cast.sender, cast.chat).await?;
    for (name, data) in &cast.opening {
        say(&mut sender, name, data).await?;
    }
    let mut receivers = Vec::with_capacity(cast.receivers.len());
    for receiver in &cast.receivers {
        receivers.push(join(server, &receiver.auth, receiver.chat).await?);
    }
    Ok((sender, receivers))
}

/// Opens a socket that is in a room.
pub(crate) async fn join(server: &Server, auth: &str, chat: u64) -> Result<Client> {
    let mut client = Client::connect(&server.address, auth).await?;
    enter(&mut client, chat).await?;
    Ok(client)
}

/// Joins a room.
pub(crate) async fn enter(client: &mut Client, chat: u64) -> Result<()> {
    let room = serde_json::json!({ "chat_id": chat });
    say(client, "room:join", &room).await
}

/// Says something and waits for an acknowledgement that says `ok`.
pub(crate) async fn say(client: &mut Client, name: &str, data: &serde_json::Value) -> Result<()> {
    ask(client, &format!(r#"420["{name}",{data}]"#)).await
}

/// Sends an event that asks for the acknowledgement of number 0, and waits for one that says `ok`.
pub(crate) async fn ask(client: &mut Client, event: &str) -> Result<()> {
    client.send(event).await?;
    let mut answer = None;
    while answer.is_none() {
        let receiving = client.receive(|frame| {
            if frame.starts_with(b"430") {
                answer = Some(frame.to_vec());
            }
        });
        timeout(PATIENCE, receiving).await??;
    }
    match answer {
        Some(answer) if is_ok(&answer) => Ok(()),
        answer => {
            let answer = answer.unwrap_or_default();
            let answer = String::from_utf8_lossy(&answer);
            Err(std::io::Error::other(format!("{event}: {answer}")))
        }
    }
}

/// Whether an acknowledgement says `ok`; where in it depends on the server.
pub(crate) fn is_ok(ack: &[u8]) -> bool {
    let says = br#""ok":true"#;
    ack.windows(says.len()).any(|window| window == says)
}

/// The number of an acknowledgement that says `ok`; none if the frame is something else.
pub(crate) fn acknowledged(frame: &[u8]) -> Result<Option<usize>> {
    let Some(ack) = frame.strip_prefix(b"43") else {
        return Ok(None);
    };
    let digits = ack.iter().take_while(|b| b.is_ascii_digit()).count();
    let number = str::from_utf8(&ack[..digits])
        .ok()
        .and_then(|id| id.parse().ok());
    if number.is_some() && is_ok(ack) {
        return Ok(number);
    }
    Err(std::io::Error::other(
        String::from_utf8_lossy(frame).into_owned(),
    ))
}

/// Whether a frame is a message of somebody's, not a notice of the system's that somebody joined: that has a
/// code, near the beginning.
pub(crate) fn is_message(frame: &[u8]) -> bool {
    static CODE: LazyLock<memmem::Finder<'static>> =
        LazyLock::new(|| memmem::Finder::new(br#""code":""#));
    let beginning = &frame[..frame.len().min(160)];
    frame.starts_with(br#"42["message:new""#) && CODE.find(beginning).is_none()
}
