//! `server`: a running server, as it tells of itself on loopback (SPEC 15.6). The file is not looked at.

use clap::Subcommand;
use portal_core::{Error, ErrorKind};
use serde_json::{Map, Number, Value, json};

use crate::exit::Failure;
use crate::live::{self, Pace};
use crate::output::{self, Output};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show whether a server does its work, and what it counts
    Status {
        /// Where it listens; plain http, and numbers only from the same machine
        #[arg(
            long,
            value_name = "URL",
            env = "PORTAL_URL",
            default_value = "http://127.0.0.1:8787"
        )]
        url: String,
        /// Look again and again, until Ctrl-C
        #[arg(long, short)]
        watch: bool,
        #[command(flatten)]
        pace: Pace,
    },
}

/// How long an answer may take, in seconds.
const PATIENCE: u64 = 5;

pub(crate) fn run(verb: &Verb, out: Output) -> Result<(), Failure> {
    let Verb::Status { url, watch, pace } = verb;
    let url = address(url)?;
    if *watch {
        return live::watch(out, *pace, || status(url), |seen| show(out, &seen));
    }
    let seen = status(url)?;
    show(out, &seen)?;
    if seen["status"] == "ok" {
        Ok(())
    } else {
        Err(Failure::Findings)
    }
}

fn address(url: &str) -> Result<&str, Failure> {
    let url = url.trim_end_matches('/');
    if url.starts_with("http://") {
        Ok(url)
    } else {
        Err(Failure::usage(
            "--url",
            format!("{url:?} is not plain http, as in http://127.0.0.1:8787"),
        ))
    }
}

/// What the server says of its health, and its metrics where it tells them.
fn status(url: &str) -> Result<Value, Failure> {
    let (code, text) = get(url, "/health")?;
    let health: Map<String, Value> = serde_json::from_str(&text)
        .ok()
        .filter(|_| matches!(code, 200 | 503))
        .filter(|health: &Map<String, Value>| health.contains_key("status"))
        .ok_or_else(|| nothing(format!("What answers at {url} is no portal-server.")))?;
    let (code, text) = get(url, "/metrics")?;
    let metrics = (code == 200).then(|| metrics(&text));
    let mut seen = health;
    seen.insert("url".to_owned(), url.into());
    seen.insert("metrics".to_owned(), json!(metrics));
    Ok(seen.into())
}

fn get(url: &str, path: &str) -> Result<(u16, String), Failure> {
    let answer = minreq::get(format!("{url}{path}"))
        .with_timeout(PATIENCE)
        .with_follow_redirects(false)
        .send()
        .map_err(|error| {
            let why = match error {
                minreq::Error::IoError(error) => error.to_string(),
                other => other.to_string(),
            };
            nothing(format!(
                "No server answers at {url} ({why}). Does portal-server run, and does it listen there?"
            ))
        })?;
    let text = answer.as_str().unwrap_or_default().to_owned();
    Ok((answer.status_code, text))
}

fn nothing(message: String) -> Failure {
    Error::with_message(ErrorKind::NotFound, message).into()
}

/// The numbers of Prometheus' text, without the prefix that all of them have.
fn metrics(text: &str) -> Map<String, Value> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let number = |value: &str| {
        let whole = value.parse().ok().map(Number::from_i128);
        whole.unwrap_or_else(|| value.parse().ok().and_then(Number::from_f64))
    };
    lines
        .filter_map(|line| {
            let (name, value) = line.split_once(' ')?;
            let name = name.strip_prefix("portal_").unwrap_or(name);
            Some((name.to_owned(), number(value)?.into()))
        })
        .collect()
}

fn show(out: Output, seen: &Value) -> Result<(), Failure> {
    out.fields(seen)?;
    if seen["metrics"].is_null() && !out.is_json() {
        output::note("It tells its numbers only to its own machine, and not through a proxy.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_numbers_by_name() {
        let text = "# HELP portal_sockets Sockets.\n# TYPE portal_sockets gauge\nportal_sockets 3\n\
                    portal_tick_age_seconds 0.25\nodd\nportal_strange NaN\n";
        assert_eq!(
            Value::from(metrics(text)),
            json!({ "sockets": 3, "tick_age_seconds": 0.25 })
        );
    }

    #[test]
    fn only_plain_http_is_an_address() {
        assert_eq!(
            address("http://127.0.0.1:8787/").unwrap(),
            "http://127.0.0.1:8787"
        );
        for wrong in ["https://chat.example", "127.0.0.1:8787", ""] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
