//! The load driver of `benches/fanout` and `benches/idle`: many sockets, in one room or in many.
//!
//! The same driver loads every server that speaks `room:join` and `message:send` with acknowledgements and answers
//! each message with one `message:new` per receiver; and the rooms of an XMPP server.
//! It prints one line of JSON. See `benches/fanout/README.md`.

mod cast;
#[path = "../common/mod.rs"]
mod common;
mod fanout;
mod idle;
mod latency;
mod muc;
mod room;

use std::io::Result;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use cast::Cast;

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
    /// How long messages take to their receivers, at a given pace
    Latency {
        #[arg(long, default_value_t = 100)]
        receivers: usize,
        #[arg(long, default_value_t = 10_000)]
        messages: usize,
        /// Messages a second
        #[arg(long)]
        pace: f64,
        #[arg(long)]
        content: PathBuf,
    },
    /// As `fanout`, in a room of an XMPP server
    Muc {
        #[arg(long, default_value_t = 100)]
        receivers: usize,
        #[arg(long, default_value_t = 2000)]
        messages: usize,
        #[arg(long, default_value_t = 64)]
        window: usize,
        #[arg(long)]
        content: PathBuf,
        /// The host that lets anonymous people in
        #[arg(long)]
        host: String,
        /// Its component for rooms
        #[arg(long)]
        rooms: String,
    },
    /// Memory of the server per idle socket
    Idle {
        #[arg(long, default_value_t = 1000)]
        sockets: usize,
        /// Sockets that share a room: all get to know who is in it
        #[arg(long, default_value_t = 20)]
        a_room: usize,
        /// Packets that each socket is sent in a while
        #[arg(long, default_value_t = 40)]
        packets: usize,
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
            let cast = server.cast(receivers, receivers, &read(&content)?)?;
            fanout::fanout(&server, &cast, messages, window).await?
        }
        Measure::Latency {
            receivers,
            messages,
            pace,
            content,
        } => {
            let cast = server.cast(receivers, receivers, &read(&content)?)?;
            latency::latency(&server, &cast, messages, pace).await?
        }
        Measure::Muc {
            receivers,
            messages,
            window,
            content,
            host,
            rooms,
        } => {
            let place = muc::Place { host, rooms };
            let content = read(&content)?;
            muc::fanout(&server, &place, receivers, messages, window, &content).await?
        }
        Measure::Idle {
            sockets,
            a_room,
            packets,
        } => {
            let cast = server.cast(sockets + idle::FIRST, a_room, "")?;
            idle::idle(&server, &cast, packets).await?
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

/// What a message says: JSON that goes into `content`.
fn read(content: &Path) -> Result<String> {
    Ok(std::fs::read_to_string(content)?.trim().to_owned())
}

/// How many a second, whole.
fn per_second(count: usize, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    (count as f64 / took.as_secs_f64()).round()
}
