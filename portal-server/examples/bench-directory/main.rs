//! The load driver of `benches/directory`: a guest who reads the first page of the directory, again and again.
//!
//! It prints one line of JSON.

#[path = "../common/mod.rs"]
mod common;

use std::io::{Error, Result};
use std::path::PathBuf;

use clap::Parser;
use serde_json::{Value, json};
use tokio::time::Instant;

use common::{Http, Operator, Usage, millis};

#[derive(Parser)]
struct Cli {
    /// Where the server listens, `host:port`
    #[arg(long)]
    address: String,
    /// The server's process id, for its processor time
    #[arg(long)]
    pid: u32,
    /// Its database, to make chats in
    #[arg(long)]
    db: PathBuf,
    /// PUBLIC chats
    #[arg(long, default_value_t = 10_000)]
    chats: usize,
    /// Readings that count; a tenth as many are made before, to warm up
    #[arg(long, default_value_t = 5_000)]
    readings: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let operator = Operator::of(&cli.db)?;
    let limit = json!({ "key": "chats_lifetime", "value": cli.chats });
    operator.call("config.set", limit)?;
    let owner = operator.person("bench.owner", "user")?;
    let tier = json!({ "user_id": owner.id, "tier": "lifetime" });
    operator.call("user.set_tier", tier)?;
    for index in 0..cli.chats {
        let chat = json!({
            "chat_type": "PUBLIC", "name": format!("Chat {index}"), "slug": format!("chat-{index}"),
            "description": "Where people meet who like to talk about this and that.", "owner_id": owner.id,
        });
        operator.call("chat.create", chat)?;
    }

    let mut guest = Http::guest(&cli.address).await?;
    let mut took = Vec::with_capacity(cli.readings);
    let mut before = Usage::of(cli.pid)?;
    for reading in 0..cli.readings + cli.readings / 10 {
        if reading == cli.readings / 10 {
            took.clear();
            before = Usage::of(cli.pid)?;
        }
        let start = Instant::now();
        let page = guest.get("portal/directory").await?;
        took.push(start.elapsed());
        if reading == 0 {
            is_full(page)?;
        }
    }
    let after = Usage::of(cli.pid)?;
    took.sort_unstable();
    let at = |share: usize| millis(took[(took.len() - 1) * share / 1000]);
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let cpu = (after.cpu_seconds - before.cpu_seconds) * 1e3 / cli.readings as f64;
    #[expect(clippy::print_stdout, reason = "the report is this program's output")]
    {
        println!(
            "{}",
            json!({
                "chats": cli.chats, "page_ms_p50": at(500), "page_ms_p99": at(990), "page_ms_longest": at(1000),
                "server_cpu_ms": cpu,
            })
        );
    }
    Ok(())
}

/// Fails unless the page has as many chats as a page can have without asking for more.
fn is_full(page: &str) -> Result<()> {
    let page: Value = serde_json::from_str(page).map_err(Error::other)?;
    match page["chats"].as_array().map(Vec::len) {
        Some(50) => Ok(()),
        other => Err(Error::other(format!("a page of {other:?}"))),
    }
}
