//! One server from start to end: what its parts share, the tick, and stopping in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use hyper::header::HeaderName;
use portal_core::model::{SECOND, Timestamp};
use portal_core::{Error, ErrorKind, Portal, Result};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::{Config, ConfigError};
use crate::errands::Errands;
use crate::http::gate::Gate;
use crate::http::origin::Origins;
use crate::http::security::Protection;
use crate::http::{app::App, serve};
use crate::keeping::Keeping;
use crate::limits::Limiter;
use crate::metrics::{Metrics, Now};
use crate::realtime::Realtime;
use crate::writer::Writer;

/// What every part of a server shares.
pub(crate) struct Server {
    pub(crate) portal: Portal,
    pub(crate) writer: Writer,
    pub(crate) errands: Arc<Errands>,
    pub(crate) limiter: Limiter,
    pub(crate) metrics: Metrics,
    pub(crate) origins: Origins,
    pub(crate) protection: Protection,
    pub(crate) client_address_header: Option<HeaderName>,
    pub(crate) client_country_header: Option<HeaderName>,
    pub(crate) gate: Gate,
    /// For the sockets that poll, which outlive their connections.
    pub(crate) polling_gate: Gate,
    /// For a request's body to come whole.
    pub(crate) body_within: Duration,
    /// When housekeeping last ran, in milliseconds.
    ticked_at: AtomicI64,
    /// When the event log was last read for the sockets, in milliseconds.
    read_at: AtomicI64,
}

/// Why a server did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It was told something impossible.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The library refused.
    #[error(transparent)]
    Portal(#[from] Error),
    /// The machine did.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Serves `portal` on `listener` until `shutdown` resolves, then ends in order: nothing new is taken,
/// what is under way is answered, sockets are told, the file is closed. Answers how many connections had
/// to be cut off.
///
/// The portal must have been opened with presence. If it was opened with browsers, they are kept meanwhile, and go on
/// running afterwards: the next start finds them.
///
/// # Errors
/// [`RunError`], before anything was served.
pub async fn run(
    listener: TcpListener,
    portal: Portal,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<usize, RunError> {
    let address = listener.local_addr()?;
    let server = Arc::new(Server::new(portal, &config, address)?);
    let (realtime, running) = Realtime::start(Arc::clone(&server))?;
    let keeping = Keeping::start(&server)?;
    let app = Arc::new(App::new(Arc::clone(&server), Arc::clone(&realtime)));

    let (stop, mut stopped) = watch::channel(false);
    let ticking = tokio::spawn(tick(Arc::clone(&server), stop.subscribe()));
    let stopping = async move {
        stopped.wait_for(|stop| *stop).await.ok();
    };
    let answer = move |peer, request| Arc::clone(&app).answer(peer, request);
    let serving = serve::run(
        listener,
        config.connections.clone(),
        server.gate.clone(),
        answer,
        stopping,
    );

    let ending = async {
        shutdown.await;
        tracing::info!("stopping");
        stop.send_replace(true);
        let within = config.connections.drain_within;
        tokio::join!(keeping.end(within), realtime.end(running));
    };
    let (cut_off, ()) = tokio::join!(serving, ending);
    ticking.await.ok();
    server.writer.stop().await;
    let portal = server.portal.clone();
    tokio::task::spawn_blocking(move || portal.close())
        .await
        .ok();
    Ok(cut_off)
}

impl Server {
    fn new(portal: Portal, config: &Config, address: SocketAddr) -> Result<Self, RunError> {
        let limits = &config.connections;
        let origins = config.origins(address)?;
        let frames = config.frame_source(&origins)?.map(|source| source.text());
        let gate = || Gate::new(limits.connections, limits.connections_per_network);
        Ok(Self {
            protection: Protection::new(origins.is_https(), frames.as_deref())
                .map_err(|error| ConfigError::NotABrowserUrl(error.to_string()))?,
            origins,
            writer: Writer::start(portal.clone())?,
            errands: Arc::default(),
            limiter: Limiter::new(config.rates),
            metrics: Metrics::default(),
            client_address_header: config.client_address_header.clone(),
            client_country_header: config.client_country_header.clone(),
            gate: gate(),
            polling_gate: gate(),
            body_within: limits.body_within,
            ticked_at: AtomicI64::new(portal.now().as_millis()),
            read_at: AtomicI64::new(portal.now().as_millis()),
            portal,
        })
    }

    /// How long ago housekeeping last ran.
    pub(crate) fn tick_age(&self) -> Duration {
        self.age_of(&self.ticked_at)
    }

    /// Takes note that the event log was read for the sockets.
    pub(crate) fn has_read(&self) {
        self.read_at.store(self.portal.now().as_millis(), SeqCst);
    }

    /// How long ago the event log was last read for the sockets.
    pub(crate) fn read_age(&self) -> Duration {
        self.age_of(&self.read_at)
    }

    fn age_of(&self, at: &AtomicI64) -> Duration {
        let age = self.portal.now().as_millis() - at.load(SeqCst);
        Duration::from_millis(u64::try_from(age).unwrap_or_default())
    }

    pub(crate) fn metrics_text(&self, realtime: &Realtime) -> String {
        let (sockets, signed_in) = realtime.count();
        self.metrics.text(&Now {
            connections: self.gate.count(),
            sockets,
            signed_in,
            last_tick_seconds: self.tick_age().as_secs_f64(),
            last_read_seconds: self.read_age().as_secs_f64(),
        })
    }
}

/// The longest between two ticks: what was done meanwhile may have made something due that the last
/// tick did not know of.
const TICK_EVERY: i64 = SECOND;

/// The shortest, however much is due.
const TICK_APART: i64 = 50;

/// How often forgotten clients are forgotten here too.
const FORGET_EVERY: u32 = 60;

/// Runs housekeeping until told to stop (SPEC 14.2).
async fn tick(server: Arc<Server>, mut stop: watch::Receiver<bool>) {
    let mut ticks: u32 = 0;
    while !*stop.borrow() {
        let portal = server.portal.clone();
        let ticked = tokio::task::spawn_blocking(move || portal.tick()).await;
        let now = server.portal.now();
        let next_at = match ticked.unwrap_or_else(|_| Err(ErrorKind::Internal.into())) {
            Ok(next_at) => {
                server.ticked_at.store(now.as_millis(), SeqCst);
                next_at
            }
            Err(error) => {
                tracing::error!(%error, "housekeeping failed");
                now.plus(TICK_EVERY)
            }
        };
        ticks = ticks.wrapping_add(1);
        if ticks.is_multiple_of(FORGET_EVERY) {
            server.limiter.forget();
        }
        tokio::select! {
            () = tokio::time::sleep(until(next_at, now)) => {}
            _ = stop.changed() => {}
        }
    }
}

fn until(next_at: Timestamp, now: Timestamp) -> Duration {
    let millis = next_at.since(now).clamp(TICK_APART, TICK_EVERY);
    Duration::from_millis(millis.unsigned_abs())
}
