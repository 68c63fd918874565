//! How the server is: `/health`, `/metrics` (SPEC 15.6) and `/v1/portal/status`.

use hyper::StatusCode;
use portal_core::Actor;
use serde_json::{Value, json};

use super::reply::{self, Reply};
use crate::realtime::Realtime;
use crate::server::Server;

/// Less free disk than this is not healthy, in bytes.
const DISK_ROOM: u64 = 64 * 1024 * 1024;

/// Housekeeping older than this is not healthy, in seconds.
const TICK_AGE: f64 = 30.0;

/// Nor is it when nothing was read for the sockets for so long, in seconds.
const READ_AGE: f64 = 30.0;

/// Whether the server can do its work: 200 or 503; why, for those who may know.
pub(crate) fn health(server: &Server, details: bool) -> Reply {
    let portal = &server.portal;
    let database = portal
        .call_json(&Actor::operator(), "event.list", r#"{"limit":1}"#)
        .is_ok();
    let directory = portal.path().parent().map(std::path::Path::to_owned);
    let free = directory.and_then(|directory| {
        let directory = if directory.as_os_str().is_empty() {
            ".".into()
        } else {
            directory
        };
        let disk = rustix::fs::statvfs(&directory).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    });
    let tick_age = server.tick_age().as_secs_f64();
    let read_age = server.read_age().as_secs_f64();
    let healthy = database
        && free.is_none_or(|free| free >= DISK_ROOM)
        && tick_age < TICK_AGE
        && read_age < READ_AGE;

    let mut body = json!({ "status": if healthy { "ok" } else { "failing" } });
    if details && let Value::Object(body) = &mut body {
        body.insert("database".into(), database.into());
        body.insert("disk_free_bytes".into(), free.into());
        body.insert("tick_age_seconds".into(), tick_age.into());
        body.insert("events_age_seconds".into(), read_age.into());
    }
    let mut reply = reply::json(body.to_string());
    if !healthy {
        *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    reply
}

/// What a client wants to know before it signs in.
pub(crate) fn status(server: &Server, realtime: &Realtime) -> Reply {
    let (sockets, _) = realtime.count();
    let settings = server.portal.settings();
    let browsers = if server.portal.runs_browsers() {
        &settings.browsers[..]
    } else {
        &[]
    };
    let body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "now": server.portal.now(),
        "registration": settings.registration,
        "sockets": sockets,
        "browsers": browsers,
    });
    reply::json(body.to_string())
}
