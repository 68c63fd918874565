//! The load driver of `benches/fanout`: one sender, many receivers, one room.
//!
//! The same driver loads every server: whatever speaks `room:join` and `message:send` with
//! acknowledgements and answers each message with one `message:new` per receiver.
//! It prints one line of JSON. See `benches/fanout/README.md`.

mod process;
mod socket;

use std::io::Result;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use process::Usage;
use socket::{Client, frame_into};

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
    /// JSON of Socket.IO's `auth` payload
    #[arg(long, default_value = "")]
    auth: String,
    /// Room to join and send to
    #[arg(long, default_value_t = 1)]
    chat: u64,
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
        content: std::path::PathBuf,
    },
    /// Memory of the server per idle socket
    Idle {
        #[arg(long, default_value_t = 1000)]
        sockets: usize,
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
            fanout(&server, receivers, messages, window, content.trim()).await?
        }
        Measure::Idle { sockets } => idle(&server, sockets).await?,
    };
    #[expect(clippy::print_stdout, reason = "the report is this program's output")]
    {
        println!("{report}");
    }
    Ok(())
}

/// Runs the load twice, a tenth to warm up and then the whole, and reports on the second.
async fn fanout(
    server: &Server,
    receivers: usize,
    messages: usize,
    window: usize,
    content: &str,
) -> Result<serde_json::Value> {
    let mut sender = join(server).await?;
    let mut clients = Vec::with_capacity(receivers);
    for _ in 0..receivers {
        clients.push(join(server).await?);
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
        let mut acks = send(&mut sender, server.chat, content, count, window).await?;
        while let Some(client) = receiving.join_next().await {
            clients.push(client.map_err(std::io::Error::other)??);
        }

        let elapsed = start.elapsed();
        acks.sort_unstable();
        let after = Usage::of(server.pid)?;
        let own_after = Usage::of(std::process::id())?;
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
        let per_second = (count * receivers) as f64 / elapsed.as_secs_f64();
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

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

async fn join(server: &Server) -> Result<Client> {
    let mut client = Client::connect(&server.address, &server.auth).await?;
    let join = format!(r#"420["room:join",{{"chat_id":{}}}]"#, server.chat);
    client.send(&join).await?;
    let mut joined = None;
    while joined.is_none() {
        client
            .receive(|frame| {
                if frame.starts_with(b"430") {
                    joined = Some(is_ok(frame));
                }
            })
            .await?;
    }
    match joined {
        Some(true) => Ok(client),
        _ => Err(std::io::Error::other("room:join was refused")),
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
    chat: u64,
    content: &str,
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
            if frame.starts_with(br#"42["message:new""#) {
                left -= 1;
            }
        });
        timeout(PATIENCE, receiving).await??;
    }
    Ok(client)
}

/// Opens idle sockets and tells what each costs the server.
async fn idle(server: &Server, sockets: usize) -> Result<serde_json::Value> {
    // The first ones pay for what all share: tables, allocator arenas, page cache of the code.
    let mut clients = Vec::with_capacity(sockets + 10);
    for _ in 0..10 {
        clients.push(join(server).await?);
    }
    let before = Usage::of(server.pid)?;
    for _ in 0..sockets {
        clients.push(join(server).await?);
    }
    let after = Usage::of(server.pid)?;
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let per_socket = (after.rss_kib - before.rss_kib) as f64 / sockets as f64;
    Ok(serde_json::json!({
        "rss_kib_before": before.rss_kib,
        "rss_kib_after": after.rss_kib,
        "kib_per_socket": per_socket,
    }))
}
