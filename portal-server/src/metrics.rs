//! What the server counts about itself, and how Prometheus reads it (SPEC 15.6).

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of one server. Reading them takes no lock.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// HTTP requests answered, whatever the answer.
    pub(crate) requests: AtomicU64,
    /// Of them, answered with a status of 500 or more.
    pub(crate) failures: AtomicU64,
    /// Of them, refused by a limit.
    pub(crate) limited: AtomicU64,
    /// Commits that wrote events, of this process.
    pub(crate) commits: AtomicU64,
    /// Packets handed to sockets, counted once a receiver.
    pub(crate) delivered: AtomicU64,
    /// Sockets closed because they fell behind.
    pub(crate) too_slow: AtomicU64,
    /// From the wake-up by a commit to the last of its packets being handed out, in microseconds: the
    /// latest, and the longest so far.
    pub(crate) lag_micros: AtomicU64,
    pub(crate) longest_lag_micros: AtomicU64,
    /// What whoever runs browsers did not do when it was asked.
    pub(crate) browser_faults: AtomicU64,
    /// Defects that a thread or task of the server's own came upon, and went on.
    pub(crate) panics: AtomicU64,
}

/// What is asked for rather than counted.
pub(crate) struct Now {
    pub(crate) connections: usize,
    pub(crate) sockets: usize,
    pub(crate) signed_in: usize,
    pub(crate) last_tick_seconds: f64,
    pub(crate) last_read_seconds: f64,
}

impl Metrics {
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Relaxed);
    }

    /// Counts a panic that its thread outlived, and has the log say in the midst of what it came.
    pub(crate) fn panicked(&self, what: &str) {
        Self::add(&self.panics, 1);
        tracing::error!("a defect: {what} panicked; it is begun anew");
    }

    pub(crate) fn lagged(&self, micros: u64) {
        self.lag_micros.store(micros, Relaxed);
        self.longest_lag_micros.fetch_max(micros, Relaxed);
    }

    /// In Prometheus' text format.
    pub(crate) fn text(&self, now: &Now) -> String {
        #[expect(clippy::cast_precision_loss, reason = "a gauge of seconds")]
        let seconds = |micros: &AtomicU64| micros.load(Relaxed) as f64 / 1e6;
        let mut text = String::new();
        let mut put = |name: &str, kind: &str, help: &str, value: String| {
            let _ = writeln!(
                text,
                "# HELP portal_{name} {help}\n# TYPE portal_{name} {kind}\nportal_{name} {value}"
            );
        };
        let gauges = [
            ("connections", "TCP connections.", now.connections),
            ("sockets", "Socket.IO connections.", now.sockets),
            (
                "sockets_signed_in",
                "Socket.IO connections with a session.",
                now.signed_in,
            ),
        ];
        for (name, help, value) in gauges {
            put(name, "gauge", help, value.to_string());
        }
        for (name, help, counter) in self.counters() {
            put(name, "counter", help, counter.load(Relaxed).to_string());
        }
        let times = [
            (
                "delivery_lag_seconds",
                "From the latest commit to its last packet.",
                seconds(&self.lag_micros),
            ),
            (
                "delivery_lag_longest_seconds",
                "The longest such time.",
                seconds(&self.longest_lag_micros),
            ),
            (
                "events_age_seconds",
                "Since the event log was last read for the sockets.",
                now.last_read_seconds,
            ),
            (
                "tick_age_seconds",
                "Since housekeeping last ran.",
                now.last_tick_seconds,
            ),
        ];
        for (name, help, value) in times {
            put(name, "gauge", help, value.to_string());
        }
        text
    }

    /// Each with its name and what it counts.
    fn counters(&self) -> [(&'static str, &'static str, &AtomicU64); 8] {
        [
            (
                "http_requests_total",
                "HTTP requests answered.",
                &self.requests,
            ),
            (
                "http_failures_total",
                "HTTP requests answered with 5xx.",
                &self.failures,
            ),
            (
                "rate_limited_total",
                "Requests and events refused by a limit.",
                &self.limited,
            ),
            ("commits_total", "Commits that wrote events.", &self.commits),
            (
                "events_delivered_total",
                "Packets handed to sockets.",
                &self.delivered,
            ),
            (
                "sockets_too_slow_total",
                "Sockets closed because they fell behind.",
                &self.too_slow,
            ),
            (
                "browser_faults_total",
                "Requests that the browsers' backend did not carry out.",
                &self.browser_faults,
            ),
            (
                "panics_total",
                "Defects that the server came upon in its own threads.",
                &self.panics,
            ),
        ]
    }
}
