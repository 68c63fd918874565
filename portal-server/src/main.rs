//! The server program: reads its settings, opens the file, serves until told to stop.
//!
//! What it prints on standard output: where it listens and, on an empty file, the owner's one-time sign-in
//! link (SPEC 2.6). No other secret, ever. The log goes to standard error.

mod cli;
mod settings;
mod settings_browser;
mod settings_file;

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use std::sync::Arc;

use portal_core::backend::BrowserBackend;
use portal_core::log::{Level, Log};
use portal_core::{Actor, Options, Portal};
use portal_server::browser::{Neko, firewall_rules};
use portal_server::{Config, RunError, run};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use cli::Task;
use settings::{LogFormat, Settings};

fn main() -> ExitCode {
    let matches = cli::command().get_matches();
    let (task, matches) = cli::task(&matches);
    if let Task::PrintDefault = task {
        say(settings_file::default().trim_end());
        return ExitCode::SUCCESS;
    }
    let resolved = match cli::resolve(matches) {
        Ok(resolved) => resolved,
        Err(why) => return complain(&why),
    };
    let config = match resolved.settings.config() {
        Ok(config) => config,
        Err(why) => return complain(&why),
    };
    if let Task::PrintFirewall = task {
        say(firewall_rules(&resolved.settings.neko).trim_end());
        return ExitCode::SUCCESS;
    }
    if let Task::Check = task {
        say(resolved.text().trim_end());
        return ExitCode::SUCCESS;
    }
    begin_log(&resolved.settings);
    match serve_to_the_end(&resolved.settings, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn begin_log(settings: &Settings) {
    let log = tracing_subscriber::fmt()
        .with_max_level(settings.log)
        .with_writer(std::io::stderr)
        .with_target(false);
    match settings.log_format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// Why the program does not serve, or no longer: with what it was about.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{file}: {why}", file = file.display())]
    File {
        file: PathBuf,
        why: portal_core::Error,
    },
    #[error("cannot listen on {address}: {why}{hint}", hint = hint(why))]
    Address {
        address: SocketAddr,
        why: std::io::Error,
    },
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What to do about an address that is not to be had.
fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "; another program has it: stop that, or take another with --listen"
        }
        std::io::ErrorKind::PermissionDenied => "; ports below 1024 want a proxy in front",
        _ => "",
    }
}

fn serve_to_the_end(settings: &Settings, config: Config) -> Result<(), StartError> {
    // One thread serves; what waits for the disk has the writer's thread and these few.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()?;
    let served = runtime.block_on(serve(settings, config));
    // A query whose asker was cut off may run still; nobody waits for it.
    runtime.shutdown_background();
    served
}

/// What the library tells an operator stands in the server's log.
struct ServersLog;

impl Log for ServersLog {
    fn log(&self, level: Level, text: &str) {
        match level {
            Level::Error => tracing::error!("{text}"),
            Level::Warning => tracing::warn!("{text}"),
            Level::Info => tracing::info!("{text}"),
        }
    }
}

async fn serve(settings: &Settings, config: Config) -> Result<(), StartError> {
    // Before anything is said: whoever reads it may ask to stop at once.
    let mut stop = Stop::new()?;
    let browsers = settings.browsers();
    let options = Options {
        presence: true,
        browsers: browsers.map(|setup| Arc::new(Neko::new(setup)) as Arc<dyn BrowserBackend>),
        log: Some(Arc::new(ServersLog)),
        ..Options::default()
    };
    let portal = Portal::open(&settings.db, options).map_err(|why| StartError::File {
        file: settings.db.clone(),
        why,
    })?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|why| StartError::Address {
            address: settings.listen,
            why,
        })?;
    let address = listener.local_addr()?;
    let url = config.public_url(address);
    say(&format!("portal-server listens on http://{address}"));
    if config.public_url.is_some() {
        say(&format!("People reach it at {url}"));
    }
    if let Some(link) = owners_link(&portal, &url)? {
        say(&format!(
            "This database is new. Sign in as its owner within 15 minutes:\n  {link}"
        ));
    }
    let within = Duration::from_secs(settings.stop_timeout);
    let cut_off = run(listener, portal, config, async {
        stop.wait().await;
        tokio::spawn(async move {
            tokio::select! {
                // Asked again, it does not wait for anybody.
                () = stop.wait() => tracing::warn!("asked twice to stop: stopping at once"),
                () = tokio::time::sleep(within) => tracing::error!("did not end in time"),
            }
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

/// Says why the program does not start, before there is a log.
#[expect(clippy::print_stderr, reason = "this is where complaints go")]
fn complain(why: &str) -> ExitCode {
    eprintln!("portal-server: {why}");
    ExitCode::FAILURE
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
