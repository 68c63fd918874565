//! The command line on the file of a running server under load: nobody ever hears that the file is locked, a
//! backup holds what was acknowledged before it began, and what is done reaches sockets (SPEC 12.1, 16.1, 16.3).
//!
//! The server is a process of its own: this program started again.

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use common::Bench;
use portal_core::clock::{Clock, SystemClock};
use portal_core::{Options, Portal};
use portal_server::{Config, Rates, run};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

/// Names the file to the server.
const FILE: &str = "PORTAL_TEST_SERVER";
/// Nothing that is waited for takes this long.
const PATIENCE: Duration = Duration::from_mins(1);
const SENDERS: i64 = 3;
/// A sender stops here, whatever else is still to be done.
const SENDS_AT_MOST: usize = 100_000;
const CONTENT: &str =
    r#"{"v":2,"epoch":1,"ct":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="}"#;

// The server ---------------------------------------------------------------------------------------

/// Serves until standard input ends.
fn serve(file: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let options = Options {
        presence: true,
        ..Options::default()
    };
    let portal = Portal::open(file, options).unwrap();
    let config = Config {
        rates: Rates::OFF,
        ..Config::default()
    };
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut out = std::io::stdout();
        writeln!(out, "\nlistens on {}", listener.local_addr().unwrap()).unwrap();
        let told = async {
            let wait = || std::io::stdin().read_line(&mut String::new());
            tokio::task::spawn_blocking(wait).await.unwrap().unwrap();
        };
        run(listener, portal, config, told).await.unwrap();
    });
}

struct Server {
    child: Child,
    address: SocketAddr,
    /// Read no more, but open: what the test's own program says at its end needs somewhere to go.
    _out: BufReader<ChildStdout>,
}

impl Server {
    fn start(test: &str, file: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(FILE, file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let address = out
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listens on ")?.parse().ok())
            .expect("the server listens");
        Self {
            child,
            address,
            _out: out,
        }
    }

    fn stop(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

// Clients ------------------------------------------------------------------------------------------

/// A socket in the room of chat 1.
struct Client {
    socket: WebSocket<TcpStream>,
    last_ack: u64,
    /// Hears of every event.
    events: Option<mpsc::Sender<(i64, Value)>>,
}

impl Client {
    fn join(address: SocketAddr, token: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let (socket, _) = client::client(url, stream).unwrap();
        let mut client = Self {
            socket,
            last_ack: 0,
            events: None,
        };
        client.say(format!("40{}", json!({ "token": token })));
        while !client.text().starts_with("40") {}
        let joined = client.ask("room:join", json!({ "chat_id": 1 }));
        assert_eq!(joined["ok"], true, "{joined}");
        client
    }

    fn say(&mut self, text: String) {
        self.socket.send(Message::text(text)).unwrap();
    }

    fn text(&mut self) -> String {
        loop {
            let text = self.socket.read().unwrap().into_text().unwrap().to_string();
            if text == "2" {
                self.say("3".to_owned());
                continue;
            }
            if let (Some(packet), Some(events)) = (text.strip_prefix("42"), &self.events) {
                let at = SystemClock.now().as_millis();
                events
                    .send((at, serde_json::from_str(packet).unwrap()))
                    .ok();
            }
            return text;
        }
    }

    /// Sends an event and waits for its acknowledgement.
    fn ask(&mut self, name: &str, params: Value) -> Value {
        self.last_ack += 1;
        let ack = format!("43{}", self.last_ack);
        self.say(format!("42{}{}", self.last_ack, json!([name, params])));
        loop {
            if let Some(answer) = self.text().strip_prefix(&ack) {
                let answer: Value = serde_json::from_str(answer).unwrap();
                return answer[0].clone();
            }
        }
    }
}

/// Messages that were acknowledged.
type Acknowledged = Arc<Mutex<BTreeSet<i64>>>;

/// A chat whose key the sessions of every sender hold, and limits that never refuse; answers their tokens.
fn furnish(bench: &Bench) -> Vec<String> {
    for setting in ["sends_per_user", "sends_per_chat"] {
        bench.run(&format!("config set {setting} 0")).exits(0);
    }
    bench
        .raw()
        .execute_batch(
            "INSERT INTO chat (id, chat_type, name, owner_id, e2ee, epoch_moved_at, chat_config, browser_config, created_at, last_activity_at)
               VALUES (1, 'PRIVATE', 'Busy', 3, 2, 0, '{}', '{}', 0, 0);
             INSERT INTO room_key (chat_id, epoch, distributor_user, published_at) VALUES (1, 1, 3, 0);",
        )
        .unwrap();
    let mut tokens = Vec::new();
    for number in 0..SENDERS {
        bench.run(&format!("user create sender-{number}")).exits(0);
        bench.run(&format!("member add 1 sender-{number}")).exits(0);
        let session = bench
            .run(&format!("--json session create sender-{number}"))
            .json();
        tokens.push(session["token"].as_str().unwrap().to_owned());
    }
    bench
        .raw()
        .execute_batch(
            "INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session, publisher_public_key, blob, at)
             SELECT 1, 1, id, 3, 1, zeroblob(32), zeroblob(72), 0 FROM session",
        )
        .unwrap();
    tokens
}

fn send_until(over: &AtomicBool, mut client: Client, acknowledged: &Acknowledged) {
    for _ in 0..SENDS_AT_MOST {
        if over.load(Ordering::SeqCst) {
            return;
        }
        let send = json!({ "chat_id": 1, "content": CONTENT });
        let answer = client.ask("message:send", send);
        assert_eq!(answer["ok"], true, "{answer}");
        let id = answer["id"].as_i64().unwrap();
        acknowledged.lock().unwrap().insert(id);
    }
}

/// Every kind of thing that the command line does to a file, while it is written to.
const VERBS: &[&str] = &[
    "user list",
    "user show pia",
    "user create somebody-N",
    "user rename somebody-N renamed-N",
    "chat show 1",
    "chat update 1 --description Busy~N",
    "member list 1",
    "invite create 1",
    "message list 1",
    "--yes message delete-last 1 1",
    "session list pia",
    "audit list",
    "event tail --last 5",
    "config set message_days 300",
    "--dry-run user create nobody",
    "op call housekeeping.tick",
    "db check",
    "db check --fix",
    "db stats",
    "db migrate",
    "db vacuum --at-most 60000",
    "db backup backup-N.db",
];

#[test]
fn on_a_busy_file_no_verb_is_refused_and_backups_hold_what_was_acknowledged() {
    let this = "on_a_busy_file_no_verb_is_refused_and_backups_hold_what_was_acknowledged";
    if let Some(file) = std::env::var_os(FILE) {
        return serve(Path::new(&file));
    }
    let bench = Bench::with_people();
    let tokens = furnish(&bench);
    let server = Server::start(this, &bench.file());
    let over = AtomicBool::new(false);
    let acknowledged = Acknowledged::default();
    let mut before_backups = Vec::new();
    std::thread::scope(|scope| {
        // However this ends, the senders do too.
        let _end = Flag(&over);
        for token in &tokens {
            let client = Client::join(server.address, token);
            let (over, acknowledged) = (&over, &acknowledged);
            scope.spawn(move || send_until(over, client, acknowledged));
        }
        let count = || acknowledged.lock().unwrap().len();
        for round in 0..3 {
            for verb in VERBS {
                let words = verb.replace('N', &round.to_string());
                let known = acknowledged.lock().unwrap().clone();
                let ran = bench.run(&words);
                assert_eq!(ran.code, 0, "{words}: {ran:?}");
                assert!(!ran.err.contains("lock"), "{words}: {ran:?}");
                if words.starts_with("db backup") {
                    before_backups.push((format!("backup-{round}.db"), known, count()));
                }
            }
        }
        for words in [
            "--yes db restore backup-0.db",
            "--dry-run db restore backup-0.db",
        ] {
            let error = bench.run(&format!("--json {words}"));
            let error = error.refused(6, "ERR_STORAGE_LOCKED");
            assert!(error["message"].as_str().unwrap().contains("Stop it first"));
        }
    });
    server.stop();
    let deleted = deleted(&bench);
    for (backup, known, while_it_was_made) in &before_backups {
        let restored = format!("restored-{backup}");
        let done = bench
            .run(&format!("--json --db {restored} db restore {backup}"))
            .json();
        assert_eq!(done["ok"], true, "{done}");
        let checked = bench
            .run(&format!("--json --db {restored} db check"))
            .json();
        assert_eq!(
            (&checked["ok"], &checked["findings"]),
            (&json!(true), &json!([]))
        );
        let stored = messages(&bench, &restored);
        let missing: Vec<_> = known
            .iter()
            .filter(|id| !stored.contains(id) && !deleted.contains(id))
            .collect();
        assert!(missing.is_empty(), "{backup} lacks {missing:?}");
        assert!(
            *while_it_was_made > known.len(),
            "nobody sent while {backup} was made"
        );
    }
    assert_eq!(before_backups.len(), 3);
    assert_eq!(bench.run("--json db check").json()["ok"], true);
}

/// Raised when dropped.
struct Flag<'a>(&'a AtomicBool);

impl Drop for Flag<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn messages(bench: &Bench, name: &str) -> BTreeSet<i64> {
    let db = rusqlite::Connection::open(bench.path(name)).unwrap();
    let mut statement = db
        .prepare("SELECT id FROM message WHERE chat_id = 1")
        .unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// What `message delete-last` took, by the events that tell of it.
fn deleted(bench: &Bench) -> BTreeSet<i64> {
    let db = bench.raw();
    let sql = "SELECT j.value FROM event, json_each(event.data, '$.ids') j WHERE name = 'message:deleted'";
    let mut statement = db.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn what_the_command_line_does_under_load_reaches_sockets_spec_12_1() {
    let this = "what_the_command_line_does_under_load_reaches_sockets_spec_12_1";
    if let Some(file) = std::env::var_os(FILE) {
        return serve(Path::new(&file));
    }
    let bench = Bench::with_people();
    let tokens = furnish(&bench);
    let server = Server::start(this, &bench.file());
    let over = AtomicBool::new(false);
    let acknowledged = Acknowledged::default();
    let (heard, events) = mpsc::channel();
    let acts = AtomicUsize::new(0);
    let mut took = Vec::new();
    std::thread::scope(|scope| {
        let _end = Flag(&over);
        for (number, token) in tokens.iter().enumerate() {
            let mut client = Client::join(server.address, token);
            client.events = (number == 0).then(|| heard.clone());
            let (over, acknowledged) = (&over, &acknowledged);
            scope.spawn(move || send_until(over, client, acknowledged));
        }
        for round in 0..10 {
            let name = format!("Round {round}");
            bench
                .run_args(&["chat", "update", "1", "--name", &name])
                .exits(0);
            // The commit is somewhat earlier than the program's end: that much the figure is too small.
            let done = SystemClock.now().as_millis();
            let (at, others) = wait_for(&events, &name);
            assert!(others > 0, "nobody sent meanwhile");
            acts.fetch_add(1, Ordering::SeqCst);
            took.push(at - done);
        }
    });
    server.stop();
    took.sort_unstable();
    assert_eq!(acts.into_inner(), 10);
    let mut out = std::io::stdout();
    writeln!(
        out,
        "from the end of `chat update` to the socket, in ms, beside {} sends: median {}, longest {}",
        acknowledged.lock().unwrap().len(),
        took[took.len() / 2],
        took[took.len() - 1]
    )
    .unwrap();
}

/// Waits until a socket hears that the chat has this name; answers when, and how many events came before.
fn wait_for(events: &mpsc::Receiver<(i64, Value)>, name: &str) -> (i64, usize) {
    let mut others = 0;
    loop {
        let (at, event) = events.recv_timeout(PATIENCE).expect("the event");
        if event[0] == "room:updated" && event.to_string().contains(name) {
            return (at, others);
        }
        others += 1;
    }
}
