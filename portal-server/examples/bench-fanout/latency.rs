//! How long a message takes to each receiver, at a pace that the server is not hurried by.

use std::io::{Error, Result};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::Server;
use crate::cast::Cast;
use crate::common::{Client, Usage, frame_into, millis};
use crate::per_second;
use crate::room::{self, PATIENCE};

/// What is due is looked at so often.
const STEP: Duration = Duration::from_millis(1);

/// No more than this are unanswered, since a server may refuse more of one client. What is held up by it still
/// counts from when it was due.
const UNDER_WAY: usize = 250;

/// Sends `a_second` messages a second, whatever the server makes of it, and reports how long after each was due
/// every receiver had it. The first tenth does not count.
pub(crate) async fn latency(
    server: &Server,
    cast: &Cast,
    messages: usize,
    a_second: f64,
) -> Result<serde_json::Value> {
    let (mut sender, mut clients) = room::gather(server, cast).await?;
    settle(&mut sender, cast, &mut clients).await?;
    let receivers = clients.len();
    let mut receiving = JoinSet::new();
    for client in clients {
        receiving.spawn(arrivals(client, messages));
    }
    let before = Usage::of(server.pid)?;
    let own_before = Usage::of(std::process::id())?;
    let due = send(&mut sender, cast, messages, a_second).await?;

    // Nobody leaves before the last has all, and nothing is reckoned: either is work that the last would wait for.
    let mut done = Vec::with_capacity(receivers);
    while let Some(one) = timeout(PATIENCE, receiving.join_next()).await? {
        done.push(one.map_err(Error::other)??);
    }
    let took = due[0].elapsed();
    let after = Usage::of(server.pid)?;
    let own_after = Usage::of(std::process::id())?;

    let warm_up = messages / 10;
    let mut delays = Vec::with_capacity(receivers * messages);
    for (arrived, _client) in &done {
        let timed = arrived.iter().zip(&due).skip(warm_up);
        delays.extend(timed.map(|(at, due)| at.duration_since(*due)));
    }
    delays.sort_unstable();
    let at = |share: usize| millis(delays[(delays.len() - 1) * share / 1000]);
    Ok(serde_json::json!({
        "deliveries_per_second": per_second(messages * receivers, took),
        "delivery_ms_p50": at(500),
        "delivery_ms_p99": at(990),
        "delivery_ms_p999": at(999),
        "delivery_ms_longest": at(1000),
        "seconds": took.as_secs_f64(),
        "server_cpu_seconds": after.cpu_seconds - before.cpu_seconds,
        "driver_cpu_seconds": own_after.cpu_seconds - own_before.cpu_seconds,
    }))
}

/// Sends one message, and waits until everybody has it: before it come the notices of all who joined.
async fn settle(sender: &mut Client, cast: &Cast, clients: &mut [Client]) -> Result<()> {
    room::ask(sender, &cast.message(0)).await?;
    for client in clients {
        let mut has_it = false;
        while !has_it {
            let receiving = client.receive(|frame| has_it |= room::is_message(frame));
            timeout(PATIENCE, receiving).await??;
        }
    }
    Ok(())
}

/// Sends each message when it is due, or as soon after as can be; gives when each was due.
async fn send(
    client: &mut Client,
    cast: &Cast,
    count: usize,
    a_second: f64,
) -> Result<Vec<Instant>> {
    let start = Instant::now();
    let mut due = Vec::with_capacity(count);
    let mut acknowledged = 0;
    let mut refused = None;
    let mut out = Vec::new();
    let mut clock = interval(STEP);
    clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while acknowledged < count {
        let receiving = client.receive(|frame| match room::acknowledged(frame) {
            Ok(Some(_)) => acknowledged += 1,
            Ok(None) => {}
            Err(said) => refused = Some(said),
        });
        tokio::select! {
            _ = clock.tick(), if due.len() < count => {
                out.clear();
                while due.len() < count && due.len() - acknowledged < UNDER_WAY {
                    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
                    let next = start + Duration::from_secs_f64(due.len() as f64 / a_second);
                    if next > Instant::now() {
                        break;
                    }
                    frame_into(&mut out, &cast.message(due.len()));
                    due.push(next);
                }
                client.send_frames(&out).await?;
            }
            received = timeout(PATIENCE, receiving) => received??,
        }
        if let Some(refused) = refused.take() {
            return Err(refused);
        }
    }
    Ok(due)
}

/// When each of `count` messages came, and the client. There is one sender, so they come in the order of sending. It
/// waits for ever: a timer for each read would cost as much as some of what is measured.
async fn arrivals(mut client: Client, count: usize) -> Result<(Vec<Instant>, Client)> {
    let mut arrived = Vec::with_capacity(count);
    while arrived.len() < count {
        let mut messages = 0;
        let receiving = client.receive(|frame| messages += usize::from(room::is_message(frame)));
        receiving.await?;
        arrived.resize(arrived.len() + messages, Instant::now());
    }
    Ok((arrived, client))
}
