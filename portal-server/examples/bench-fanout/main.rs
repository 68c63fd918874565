//! The load driver of `benches/fanout`: one sender, many receivers, one room.
//!
//! The same driver loads every server: whatever speaks `room:join` and `message:send` with
//! acknowledgements and answers each message with one `message:new` per receiver.
//! It prints one line of JSON. See `benches/fanout/README.md`.

mod cast;
#[path = "../common/mod.rs"]
mod common;

use std::io::Result;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use cast::Cast;
use common::{Client, Usage, frame_into, millis};

/// No server takes this long between two frames; a stuck run ends instead of hanging.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    measure: Measure,
}

#[derive(Args)]
struct Server {
    /// Where the server listens, `host:port`
    #[arg(long)]
    address: String,
    /// The server's process id, for its processor time and memory
    #[arg(long)]
    pid: u32,
    /// The database of a portal-server, to prepare people and a chat in; absent: a server that asks nobody
    /// who they are
    #[arg(long)]
    db: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Measure {
    /// Deliveries per second from one sender to many receivers
    Fanout {
        #[arg(long, default_value_t = 100)]
        receivers: usize,
        /// Messages that count; a tenth as many are sent before, to warm up
        #[arg(long, default_value_t = 2000)]
        messages: usize,
        /// Messages sent and not acknowledged yet, at most
        #[arg(long, default_value_t = 64)]
        window: usize,
        /// Text of a message, read from a file: JSON that goes into `content`
        #[arg(long)]
        content: PathBuf,
    },
    /// Memory of the server per idle socket
    Idle {
        #[arg(long, default_value_t = 1000)]
        sockets: usize,
        /// Sockets that share a room: all get to know who is in it
        #[arg(long, default_value_t = 20)]
        a_room: usize,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Cli { server, measure } = Cli::parse();
    let report = match measure {
        Measure::Fanout {
            receivers,
            messages,
            window,
            content,
        } => {
            let content = std::fs::read_to_string(content)?;
            let cast = server.cast(receivers, receivers, content.trim())?;
            fanout(&server, &cast, messages, window).await?
        }
        Measure::Idle { sockets, a_room } => {
            let cast = server.cast(sockets + FIRST, a_room, "")?;
            idle(&server, &cast).await?
        }
    };
    #[expect(clippy::print_stdout, reason = "the report is this program's output")]
    {
        println!("{report}");
    }
    Ok(())
}

impl Server {
    fn cast(&self, receivers: usize, a_room: usize, content: &str) -> Result<Cast> {
        match &self.db {
            Some(file) => Cast::prepare(file, receivers, a_room, content),
            None => Ok(Cast::nobodies(receivers, content.to_owned())),
        }
    }
}

/// Runs the load twice, a tenth to warm up and then the whole, and reports on the second.
async fn fanout(
    server: &Server,
    cast: &Cast,
    messages: usize,
    window: usize,
) -> Result<serde_json::Value> {
    let mut sender = join(server, &cast.sender, cast.chat).await?;
    for (name, data) in &cast.opening {
        say(&mut sender, name, data).await?;
    }
    let mut clients = Vec::with_capacity(cast.receivers.len());
    for receiver in &cast.receivers {
        clients.push(join(server, &receiver.auth, receiver.chat).await?);
    }

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
        while let Some(client) = receiving.join_next().await {
            clients.push(client.map_err(std::io::Error::other)??);
        }

        let elapsed = start.elapsed();
        acks.sort_unstable();
        let after = Usage::of(server.pid)?;
        let own_after = Usage::of(std::process::id())?;
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let per_second = (count * cast.receivers.len()) as f64 / elapsed.as_secs_f64();
        outcome = Some(serde_json::json!({
            "deliveries_per_second": per_second.round(),
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

async fn join(server: &Server, auth: &str, chat: u64) -> Result<Client> {
    let mut client = Client::connect(&server.address, auth).await?;
    enter(&mut client, chat).await?;
    Ok(client)
}

async fn enter(client: &mut Client, chat: u64) -> Result<()> {
    let room = serde_json::json!({ "chat_id": chat });
    say(client, "room:join", &room).await
}

/// Says something and waits for an acknowledgement that says `ok`.
async fn say(client: &mut Client, name: &str, data: &serde_json::Value) -> Result<()> {
    client.send(&format!(r#"420["{name}",{data}]"#)).await?;
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
            Err(std::io::Error::other(format!("{name}: {answer}")))
        }
    }
}

/// Whether an acknowledgement says `ok`; where in it depends on the server.
fn is_ok(ack: &[u8]) -> bool {
    let says = br#""ok":true"#;
    ack.windows(says.len()).any(|window| window == says)
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
    let (chat, content) = (cast.chat, &cast.content);
    while delays.len() < count {
        out.clear();
        while sent_at.len() < count && sent_at.len() - delays.len() < window {
            let ack = sent_at.len();
            let event =
                format!(r#"42{ack}["message:send",{{"chat_id":{chat},"content":{content}}}]"#);
            frame_into(&mut out, &event);
            sent_at.push(Instant::now());
        }
        client.send_frames(&out).await?;
        let receiving = client.receive(|frame| {
            let Some(ack) = frame.strip_prefix(b"43") else {
                return;
            };
            let digits = ack.iter().take_while(|b| b.is_ascii_digit()).count();
            let id: Option<usize> = str::from_utf8(&ack[..digits])
                .ok()
                .and_then(|id| id.parse().ok());
            match id {
                Some(id) if is_ok(ack) => delays.push(sent_at[id].elapsed()),
                _ => refused = Some(String::from_utf8_lossy(frame).into_owned()),
            }
        });
        timeout(PATIENCE, receiving).await??;
        if let Some(refused) = refused.take() {
            return Err(std::io::Error::other(refused));
        }
    }
    Ok(delays)
}

/// Reads until `count` messages have come; gives the client back.
async fn receive(mut client: Client, count: usize) -> Result<Client> {
    let mut left = count;
    while left > 0 {
        let receiving = client.receive(|frame| {
            if frame.starts_with(br#"42["message:new""#) && !is_notice(frame) {
                left = left.saturating_sub(1);
            }
        });
        timeout(PATIENCE, receiving).await??;
    }
    Ok(client)
}

/// Whether the message is the system's, that somebody joined: it has a code, near the beginning.
fn is_notice(frame: &[u8]) -> bool {
    let has = br#""code":""#;
    let beginning = &frame[..frame.len().min(160)];
    beginning.windows(has.len()).any(|window| window == has)
}

/// The first sockets pay for what all share: tables, allocator arenas, page cache of the code.
const FIRST: usize = 10;

/// More packets than a socket's queue in the server has places at first. It grows once, and does not shrink;
/// pings alone come to as many in a quarter of an hour.
const A_WHILE: usize = 40;

/// Opens idle sockets and tells what each costs the server: connected, then in its room, told of the others
/// that came, and then when it has been there for a while.
async fn idle(server: &Server, cast: &Cast) -> Result<serde_json::Value> {
    let at_rest = Usage::of(server.pid)?;
    let mut clients = Vec::with_capacity(cast.receivers.len());
    let mut before = at_rest.rss_kib;
    for receiver in &cast.receivers {
        if clients.len() == FIRST {
            before = Usage::of(server.pid)?.rss_kib;
        }
        clients.push(Client::connect(&server.address, &receiver.auth).await?);
    }
    let connected = Usage::of(server.pid)?.rss_kib;
    for (client, receiver) in clients.iter_mut().zip(&cast.receivers) {
        enter(client, receiver.chat).await?;
    }
    let joined = Usage::of(server.pid)?.rss_kib;
    for (client, receiver) in clients.iter_mut().zip(&cast.receivers) {
        for _ in 0..A_WHILE {
            enter(client, receiver.chat).await?;
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
