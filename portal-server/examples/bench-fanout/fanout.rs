//! As many messages as the server takes, from one sender to many receivers.

use std::io::Result;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::cast::Cast;
use crate::common::{Client, Usage, frame_into, millis};
use crate::room::{self, PATIENCE};
use crate::{Server, per_second};

/// Runs the load twice, a tenth to warm up and then the whole, and reports on the second.
pub(crate) async fn fanout(
    server: &Server,
    cast: &Cast,
    messages: usize,
    window: usize,
) -> Result<serde_json::Value> {
    let (mut sender, mut clients) = room::gather(server, cast).await?;
    let mut outcome = None;
    for count in [messages / 10, messages] {
        let before = Usage::of(server.pid)?;
        let own_before = Usage::of(std::process::id())?;
        let start = Instant::now();

        let mut receiving = JoinSet::new();
        for client in clients.drain(..) {
            receiving.spawn(receive(client, count));
        }
        let mut acks = send(&mut sender, cast, count, window).await?;
        while let Some(client) = timeout(PATIENCE, receiving.join_next()).await? {
            clients.push(client.map_err(std::io::Error::other)??);
        }

        let elapsed = start.elapsed();
        let after = Usage::of(server.pid)?;
        let own_after = Usage::of(std::process::id())?;
        acks.sort_unstable();
        outcome = Some(serde_json::json!({
            "deliveries_per_second": per_second(count * cast.receivers.len(), elapsed),
            "seconds": elapsed.as_secs_f64(),
            "ack_ms_p50": millis(acks[acks.len() / 2]),
            "ack_ms_p99": millis(acks[acks.len() * 99 / 100]),
            "server_cpu_seconds": after.cpu_seconds - before.cpu_seconds,
            "driver_cpu_seconds": own_after.cpu_seconds - own_before.cpu_seconds,
            "server_rss_kib": after.rss_kib,
        }));
    }
    Ok(outcome.unwrap_or_default())
}

/// Keeps `window` messages on their way until `count` are acknowledged; gives every ack's delay.
async fn send(
    client: &mut Client,
    cast: &Cast,
    count: usize,
    window: usize,
) -> Result<Vec<Duration>> {
    let mut sent_at = Vec::with_capacity(count);
    let mut delays = Vec::with_capacity(count);
    let mut refused = None;
    let mut out = Vec::new();
    while delays.len() < count {
        out.clear();
        while sent_at.len() < count && sent_at.len() - delays.len() < window {
            let ack = sent_at.len();
            let event = cast.message(ack);
            frame_into(&mut out, &event);
            sent_at.push(Instant::now());
        }
        client.send_frames(&out).await?;
        let receiving = client.receive(|frame| match room::acknowledged(frame) {
            Ok(Some(id)) => delays.push(sent_at[id].elapsed()),
            Ok(None) => {}
            Err(said) => refused = Some(said),
        });
        timeout(PATIENCE, receiving).await??;
        if let Some(refused) = refused.take() {
            return Err(refused);
        }
    }
    Ok(delays)
}

/// Reads until `count` messages have come, however long that takes; gives the client back.
async fn receive(mut client: Client, count: usize) -> Result<Client> {
    let mut left = count;
    while left > 0 {
        let receiving = client.receive(|frame| {
            if room::is_message(frame) {
                left = left.saturating_sub(1);
            }
        });
        receiving.await?;
    }
    Ok(client)
}
