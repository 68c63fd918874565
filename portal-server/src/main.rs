//! The server program: reads flags, opens the file, serves until told to stop.
//!
//! What it prints on standard output: where it listens and, on an empty file, the owner's one-time sign-in
//! link (SPEC 2.6). No other secret, ever. The log goes to standard error.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use hyper::header::HeaderName;
use portal_core::{Actor, Options, Portal};
use portal_server::{Config, Rates, RunError, run};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Serves a portal database over HTTP and Socket.IO.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// The database file; made if it is not there
    #[arg(long, env = "PORTAL_DB", default_value = "./portal.db")]
    db: PathBuf,
    /// The address to listen on
    #[arg(long, env = "PORTAL_LISTEN", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// Where browsers reach the server, such as `https://chat.example` [default: the address listened on]
    #[arg(long, env = "PORTAL_PUBLIC_URL")]
    public_url: Option<String>,
    /// Another origin whose pages may open sockets with a person's cookie; may be given again
    #[arg(long, env = "PORTAL_ALLOWED_ORIGIN", value_delimiter = ',')]
    allowed_origin: Vec<String>,
    /// The header in which a trusted proxy gives the client's address, such as X-Forwarded-For
    #[arg(long, env = "PORTAL_CLIENT_ADDRESS_HEADER")]
    client_address_header: Option<HeaderName>,
    /// The header in which a trusted proxy gives the client's country, such as CF-IPCountry
    #[arg(long, env = "PORTAL_CLIENT_COUNTRY_HEADER")]
    client_country_header: Option<HeaderName>,
    /// Connections at once
    #[arg(long, env = "PORTAL_CONNECTIONS", default_value_t = 10_000)]
    connections: usize,
    /// Connections at once from one network [default: 200; behind a proxy, as many as in all]
    #[arg(long, env = "PORTAL_CONNECTIONS_PER_NETWORK")]
    connections_per_network: Option<usize>,
    /// Whether requests are limited by the minute; `off` only while listening on loopback
    #[arg(long, env = "PORTAL_LIMITS", default_value = "on")]
    limits: Switch,
    /// How much the log tells
    #[arg(long, env = "PORTAL_LOG", default_value = "info")]
    log: tracing::Level,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Cli {
    fn config(&self) -> Result<Config, RunError> {
        let mut config = Config {
            public_url: self.public_url.clone(),
            allowed_origins: self.allowed_origin.clone(),
            client_address_header: self.client_address_header.clone(),
            client_country_header: self.client_country_header.clone(),
            ..Config::default()
        };
        let connections = &mut config.connections;
        connections.connections = self.connections;
        // A proxy is one network.
        let usual = if self.client_address_header.is_some() {
            self.connections
        } else {
            connections.connections_per_network
        };
        connections.connections_per_network = self.connections_per_network.unwrap_or(usual);
        if self.limits == Switch::Off {
            if !self.listen.ip().is_loopback() {
                let why = "--limits off is for servers that listen on loopback only";
                return Err(std::io::Error::other(why).into());
            }
            config.rates = Rates::OFF;
            config.connections.connections_per_network = self.connections;
        }
        Ok(config)
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_max_level(cli.log)
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
    // One thread serves; what waits for the disk has the writer's thread and these few.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build();
    let served = runtime
        .map_err(RunError::from)
        .and_then(|runtime| runtime.block_on(serve(&cli)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(cli: &Cli) -> Result<(), RunError> {
    // Before anything is said: whoever reads it may ask to stop at once.
    let mut stop = Stop::new()?;
    let config = cli.config()?;
    let options = Options {
        presence: true,
        ..Options::default()
    };
    let portal = Portal::open(&cli.db, options)?;
    let listener = TcpListener::bind(cli.listen).await?;
    let url = config.public_url(listener.local_addr()?);
    say(&format!("portal-server listens on {url}"));
    if let Some(link) = owners_link(&portal, &url)? {
        say(&format!(
            "This database is new. Sign in as its owner within 15 minutes:\n  {link}"
        ));
    }
    let cut_off = run(listener, portal, config, async {
        stop.wait().await;
        // Asked again, it does not wait for anybody.
        tokio::spawn(async move {
            stop.wait().await;
            std::process::exit(1);
        });
    })
    .await?;
    if cut_off > 0 {
        tracing::warn!(cut_off, "connections did not close in time");
    }
    Ok(())
}

/// The link for the one platform owner that an empty file gets (SPEC 2.6).
fn owners_link(portal: &Portal, url: &str) -> Result<Option<String>, RunError> {
    #[derive(Deserialize)]
    struct FirstOwner {
        username: String,
        code: String,
    }
    let reply = portal.call_json(&Actor::operator(), "user.first_owner", "{}")?;
    let owner: Option<FirstOwner> =
        serde_json::from_str(&reply).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(owner.map(|owner| format!("{url}/#signin={}:{}", owner.username, owner.code)))
}

#[expect(clippy::print_stdout, reason = "this is what the program answers")]
fn say(text: &str) {
    println!("{text}");
}

/// SIGTERM or SIGINT.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
