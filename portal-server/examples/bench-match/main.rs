//! The load driver of `benches/match`: pairs of people who are matched, so many a second, whatever the server
//! makes of it.
//!
//! Everybody has a socket and an HTTP connection of their own. Of each pair one asks and waits; a moment
//! later the other asks for the same; what is timed is from there to `match:found` at the socket of the first.
//! A little later they part, and both are matched with others. It prints one line of JSON.

#[path = "../common/mod.rs"]
mod common;

use std::io::{Error, Result};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use common::{Client, Http, Operator, Usage, millis};

/// No server takes this long; a stuck run ends instead of hanging.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Parser)]
struct Cli {
    /// Where the server listens, `host:port`
    #[arg(long)]
    address: String,
    /// The server's process id, for its processor time and memory
    #[arg(long)]
    pid: u32,
    /// Its database, to make people in
    #[arg(long)]
    db: PathBuf,
    /// People: half of them ask first
    #[arg(long, default_value_t = 2000)]
    people: usize,
    /// Pairs a second
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// Seconds that count; two are driven before, to warm up
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Milliseconds that the first of each pair waits for the second
    #[arg(long, default_value_t = 50)]
    waits: u64,
    /// Milliseconds that the two stay together
    #[arg(long, default_value_t = 200)]
    stays: u64,
}

/// Seconds that do not count.
const WARM_UP: u32 = 2;

/// Somebody who takes part.
struct Person {
    id: u64,
    http: Http,
    /// Every `match:found` that came in at the socket, and when.
    found: mpsc::UnboundedReceiver<(Instant, Vec<u8>)>,
}

/// What became of a pair.
struct Pairing {
    /// From the second's request to the first's socket.
    found: Duration,
    /// From the second's request to its answer.
    answered: Duration,
    /// By how much the second asked later than planned.
    late: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let report = run(&cli).await?;
    #[expect(clippy::print_stdout, reason = "the report is this program's output")]
    {
        println!("{report}");
    }
    Ok(())
}

async fn run(cli: &Cli) -> Result<serde_json::Value> {
    let half = cli.people / 2;
    let operator = Operator::of(&cli.db)?;
    // The ends of pauses cost something too: as many a second as there are matches, from the beginning.
    let pause = serde_json::json!({ "key": "rematch_pause_seconds", "value": 1 });
    operator.call("config.set", pause)?;
    let mut people = Vec::with_capacity(2 * half);
    for index in 0..2 * half {
        let person = operator.person(&format!("bench.{index}"), "user")?;
        people.push(Arc::new(Mutex::new(
            take_part(&cli.address, &person).await?,
        )));
    }
    drop(operator);

    let uncounted = cli.rate * WARM_UP;
    let pairs = uncounted + cli.rate * cli.seconds;
    let (waits, stays) = (
        Duration::from_millis(cli.waits),
        Duration::from_millis(cli.stays),
    );
    let begin = Instant::now();
    let mut counted_from = begin;
    let mut usage = None;
    let mut pairings = JoinSet::new();
    for number in 0..pairs {
        let due = begin + Duration::from_secs(1) * number / cli.rate;
        sleep_until(due).await;
        if number == uncounted {
            counted_from = due;
            usage = Some((Usage::of(cli.pid)?, Usage::of(std::process::id())?));
        }
        // The two of a pair are never matched again before everybody was with everybody.
        let place = usize::try_from(number).map_err(Error::other)?;
        let first = Arc::clone(&people[place % half]);
        let second = Arc::clone(&people[half + (place + place / half) % half]);
        pairings.spawn(async move {
            let pairing = pair(first, second, number, due + waits, stays).await?;
            Ok::<_, Error>((number, pairing))
        });
    }
    let mut found = Vec::new();
    let mut answered = Vec::new();
    let mut late = Vec::new();
    while let Some(pairing) = pairings.join_next().await {
        let (number, pairing) = pairing.map_err(Error::other)??;
        if number >= uncounted {
            found.push(pairing.found);
            answered.push(pairing.answered);
            late.push(pairing.late);
        }
    }
    let took = counted_from.elapsed().saturating_sub(waits + stays);
    let (server, own) = usage.ok_or_else(|| Error::other("nothing to count"))?;
    let (server_after, own_after) = (Usage::of(cli.pid)?, Usage::of(std::process::id())?);
    let pairs = u32::try_from(found.len()).map_err(Error::other)?;
    Ok(serde_json::json!({
        "pairs": pairs,
        "pairs_per_second": f64::from(pairs) / took.as_secs_f64(),
        "found_ms": quantiles(found),
        "answered_ms": quantiles(answered),
        "asked_late_ms": quantiles(late),
        "server_cpu_seconds": server_after.cpu_seconds - server.cpu_seconds,
        "driver_cpu_seconds": own_after.cpu_seconds - own.cpu_seconds,
        "server_rss_kib": server_after.rss_kib,
    }))
}

fn quantiles(mut times: Vec<Duration>) -> serde_json::Value {
    times.sort_unstable();
    let at = |hundredths: usize| millis(times[times.len() * hundredths / 100]);
    serde_json::json!({ "p50": at(50), "p99": at(99), "max": times.last().copied().map(millis) })
}

/// Opens somebody's two connections, and listens at the socket.
async fn take_part(address: &str, person: &common::Person) -> Result<Person> {
    let mut socket = Client::connect(address, &person.auth()).await?;
    let http = Http::connect(address, &person.token).await?;
    let (found, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let listen = |frame: &[u8]| {
            if frame.starts_with(br#"42["match:found""#) {
                found.send((Instant::now(), frame.to_vec())).ok();
            }
        };
        // Once the socket is closed nobody hears of a match, and the run ends with that.
        while socket.receive(listen).await.is_ok() {}
    });
    Ok(Person {
        id: person.id,
        http,
        found: told,
    })
}

/// Matches two people, the second of whom asks at `due`, and has them part again.
async fn pair(
    first: Arc<Mutex<Person>>,
    second: Arc<Mutex<Person>>,
    number: u32,
    due: Instant,
    stays: Duration,
) -> Result<Pairing> {
    // Whoever asks first never asks second, so that nobody waits in a circle.
    let (mut first, mut second) = (first.lock().await, second.lock().await);
    let interests = format!(r#"{{"interests":["pair{number}","music{number}"]}}"#);
    expect(&mut first.http, "portal/match", &interests, "searching").await?;
    sleep_until(due).await;

    let asked = Instant::now();
    let second_id = second.id;
    let answer = async {
        expect(&mut second.http, "portal/match", &interests, "matched").await?;
        Ok::<_, Error>(asked.elapsed())
    };
    let (answered, heard) = tokio::join!(answer, hear(&mut first.found, second_id));
    let (answered, heard) = (answered?, heard?);
    hear(&mut second.found, first.id).await?;

    sleep_until(due + stays).await;
    expect(&mut first.http, "portal/match/leave", "{}", "chat_id").await?;
    Ok(Pairing {
        found: heard - asked,
        answered,
        late: asked - due,
    })
}

/// Posts, and wants to read this in the answer.
async fn expect(http: &mut Http, path: &str, body: &str, word: &str) -> Result<()> {
    let answer = timeout(PATIENCE, http.post(path, body)).await??;
    if answer.contains(&format!(r#""{word}""#)) {
        Ok(())
    } else {
        Err(Error::other(format!("{path}: {answer}")))
    }
}

/// Waits until the socket has said that its person is matched with that one; answers when it did.
async fn hear(
    found: &mut mpsc::UnboundedReceiver<(Instant, Vec<u8>)>,
    peer: u64,
) -> Result<Instant> {
    let told = timeout(PATIENCE, found.recv()).await?;
    let (at, frame) = told.ok_or_else(|| Error::other("a socket was closed"))?;
    let frame = String::from_utf8_lossy(&frame);
    if frame.contains(&format!(r#""peer_id":{peer},"#)) {
        Ok(at)
    } else {
        Err(Error::other(format!("not {peer}: {frame}")))
    }
}
