//! A client of a running portal-server: signs in, follows an invite, gets the room key or makes it, and
//! chats. Lines of its input are sent; what the room says is printed.
//!
//!     PORTAL_SECRET=... cargo run -p portal-examples --bin client -- --name ana --invite CODE
//!
//! Messages go to standard output, everything else to standard error. Its keys live as long as it runs.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to a person"
)]

mod http;
mod room;
mod socket;

use std::error::Error;
use std::process::ExitCode;
use std::{io, thread};

use clap::{ArgGroup, Parser};
use portal_core::random::SystemRandom;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

use http::Http;
use room::Room;
use socket::Socket;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// What the server says when it does not do something.
#[derive(Debug, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
struct Refused {
    code: String,
    message: String,
    #[serde(default)]
    retry_after_ms: u64,
}

/// Chats in one room of a portal-server
///
/// `PORTAL_SECRET` in the environment is what the name signs in with: an account key, or a code of
/// `portal-cli user sign-in-code`. Arguments are for everybody on the machine to see.
#[derive(Parser)]
#[command(group(ArgGroup::new("room").required(true)))]
struct Cli {
    /// Where the server is; this example speaks plain http only
    #[arg(long, default_value = "http://127.0.0.1:8787")]
    server: String,
    /// The name to sign in with
    #[arg(long)]
    name: String,
    /// The room's number, for its owner and members
    #[arg(long, group = "room")]
    chat: Option<u64>,
    /// The code of an invite: makes the name a member
    #[arg(long, group = "room")]
    invite: Option<String>,
    /// After the end of the input, stays until so many messages of others were read
    #[arg(long, default_value_t = 0)]
    wait_for: usize,
}

#[derive(Deserialize)]
struct SignedIn {
    token: String,
}

#[derive(Deserialize)]
struct Resolved {
    chat_id: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("client: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<()> {
    SystemRandom::check()?;
    let mut http = Http::new(&cli.server);
    let secret = std::env::var("PORTAL_SECRET").map_err(|_| "put your key into PORTAL_SECRET")?;
    let who = json!({ "username": cli.name, "secret": secret });
    let SignedIn { token } = http.post("authentication/verify", &who).await?;
    http.sign_in(&token);

    let (socket, ready) = Socket::connect(&cli.server, &token).await?;
    let chat_id = match (cli.chat, &cli.invite) {
        (Some(chat_id), _) => chat_id,
        (None, invite) => {
            let path = format!("portal/resolve/{}", invite.as_deref().unwrap_or_default());
            let resolved: Resolved = http.post(&path, &json!({})).await?;
            resolved.chat_id
        }
    };
    let mut room = Room::enter(&http, socket, ready, chat_id).await?;
    chat(&mut room, cli.wait_for).await?;

    let _: serde_json::Value = http.post("authentication/logout", &json!({})).await?;
    Ok(())
}

/// Sends lines and shows messages, until there is nothing left to do or the room is over.
async fn chat(room: &mut Room<'_>, wait_for: usize) -> Result<()> {
    let mut input = lines_of_input();
    let mut more = true;
    let mut unsent: Option<String> = None;
    loop {
        // A line that comes between two keys waits for the next.
        while room.has_key()
            && let Some(line) = unsent.take()
        {
            if !room.say(&line).await? {
                unsent = Some(line);
            }
        }
        if !more && unsent.is_none() && room.heard() >= wait_for {
            return Ok(());
        }
        let time_to_ask = room.time_to_ask();
        tokio::select! {
            frame = room.frame() => if room.take(&frame?).await?.is_break() {
                return Ok(());
            },
            line = input.recv(), if more && unsent.is_none() => match line {
                Some(line) => unsent = Some(line),
                None => more = false,
            },
            () = time_to_ask => room.get_key().await?,
        }
    }
}

/// On a thread of its own, because a read of the terminal cannot be given up.
fn lines_of_input() -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::channel(1);
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(io::Result::ok) {
            if send.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}
