//! What sockets cost that have nothing to do.

use std::io::Result;
use std::time::Duration;

use tokio::time::timeout;

use crate::Server;
use crate::cast::Cast;
use crate::common::{Client, Usage};
use crate::room;

/// The first sockets pay for what all share: tables, allocator arenas, page cache of the code.
pub(crate) const FIRST: usize = 10;

/// Sockets dealt with before all are looked after again: whoever leaves a ping unanswered is let go.
const BETWEEN: usize = 200;

/// Reads what has come at any of them, without waiting.
async fn answer_pings(clients: &mut [Client]) -> Result<()> {
    for client in clients {
        if let Ok(read) = timeout(Duration::ZERO, client.receive(|_| {})).await {
            read?;
        }
    }
    Ok(())
}

/// Opens idle sockets and tells what each costs the server: connected, then in its room, told of the others
/// that came, and then when it has been there for a while.
pub(crate) async fn idle(
    server: &Server,
    cast: &Cast,
    packets: usize,
) -> Result<serde_json::Value> {
    let at_rest = Usage::of(server.pid)?;
    let mut clients = Vec::with_capacity(cast.receivers.len());
    let mut before = at_rest.rss_kib;
    for receiver in &cast.receivers {
        if clients.len() == FIRST {
            before = Usage::of(server.pid)?.rss_kib;
        }
        if clients.len() % BETWEEN == 0 {
            answer_pings(&mut clients).await?;
        }
        clients.push(Client::connect(&server.address, &receiver.auth).await?);
    }
    let connected = Usage::of(server.pid)?.rss_kib;
    for (index, receiver) in cast.receivers.iter().enumerate() {
        if index % BETWEEN == 0 {
            answer_pings(&mut clients).await?;
        }
        room::enter(&mut clients[index], receiver.chat).await?;
    }
    let joined = Usage::of(server.pid)?.rss_kib;
    for (index, receiver) in cast.receivers.iter().enumerate() {
        if index % BETWEEN == 0 {
            answer_pings(&mut clients).await?;
        }
        for _ in 0..packets {
            room::enter(&mut clients[index], receiver.chat).await?;
        }
    }
    let after_a_while = Usage::of(server.pid)?.rss_kib;
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let each = |now: u64| now.saturating_sub(before) as f64 / (cast.receivers.len() - FIRST) as f64;
    Ok(serde_json::json!({
        "rss_kib_at_rest": at_rest.rss_kib,
        "rss_kib_joined": joined,
        "kib_per_connected_socket": each(connected),
        "kib_per_joined_socket": each(joined),
        "kib_per_socket_after_a_while": each(after_a_while),
    }))
}
