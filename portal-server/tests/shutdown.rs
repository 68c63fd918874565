//! How the program ends while people talk (SPEC 15.5): in order when asked, at once when asked again or
//! killed, and never without a message that it has acknowledged.

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use common::program::{Beside, Ended, Program};
use common::socket::Client;
use common::{PATIENCE, Person, ask};
use portal_core::random::SystemRandom;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// So long that only a program which does not end would need it: the tests watch the order of things.
const LONG: [&str; 4] = ["--limits", "off", "--stop-timeout", "60"];

struct Place {
    dir: tempfile::TempDir,
    program: Program,
    beside: Beside,
}

impl Place {
    fn new(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("portal.db");
        let program = Program::start(&file, arguments);
        let beside = Beside::open(&file);
        for limit in ["sends_per_user", "sends_per_chat"] {
            beside.operator("config.set", json!({ "key": limit, "value": 0 }));
        }
        Self {
            dir,
            program,
            beside,
        }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("portal.db")
    }

    fn owner_of_a_chat(&self, name: &str) -> (Person, i64) {
        let person = self.beside.person(name, "owner");
        let new = json!({
            "chat_type": "OFFICIAL", "name": name, "owner_id": person.id, "slug": null, "e2ee": 3
        });
        let chat = self.beside.operator("chat.create", new);
        (person, chat["id"].as_i64().unwrap())
    }

    async fn socket(&self, person: &Person) -> Client {
        let open = Client::open_at(self.program.address, &[]).await.unwrap();
        let auth = json!({ "token": person.token });
        open.connect(auth).await.unwrap()
    }

    /// A connection that has asked something and waits: it closes when the end has begun.
    async fn idle(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.program.address).await.unwrap();
        let request = b"GET /v1/portal/status HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut reply = Vec::new();
        while !reply.ends_with(b"}") {
            reply.push(stream.read_u8().await.unwrap());
        }
        stream
    }

    /// A request whose body has not come whole; answers the part that is missing.
    async fn half_asked(&self, who: &Person, name: &str) -> (TcpStream, String) {
        let body = json!({ "username": name }).to_string();
        let (half, rest) = body.split_at(5);
        let mut stream = TcpStream::connect(self.program.address).await.unwrap();
        let head = format!(
            "POST /v1/users/me/update HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
             Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            who.token,
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // That it is told to go on proves that the request is under way.
        let mut go_on = Vec::new();
        while !go_on.ends_with(b"\r\n\r\n") {
            go_on.push(stream.read_u8().await.unwrap());
        }
        assert!(go_on.starts_with(b"HTTP/1.1 100"));
        stream.write_all(half.as_bytes()).await.unwrap();
        (stream, rest.to_owned())
    }

    async fn ended(self) -> (Ended, tempfile::TempDir) {
        let ending = tokio::task::spawn_blocking(|| self.program.ended());
        (
            timeout(PATIENCE * 3, ending).await.unwrap().unwrap(),
            self.dir,
        )
    }
}

async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.ok();
    text
}

/// What a client that talks without pause saw until it was cut off.
#[derive(Default)]
struct Seen {
    chat: i64,
    /// The ids of the messages that were acknowledged.
    stored: BTreeSet<i64>,
    /// What was refused because the server ends.
    refused: usize,
    /// The reason it was given.
    closing: Option<String>,
    /// Acknowledgements after that.
    late: usize,
}

/// So many messages of a client are under way at once.
const AHEAD: usize = 16;

/// Talks until the server is gone; counts what is acknowledged.
fn talk(
    mut client: Client,
    person: Person,
    chat: i64,
    acknowledged: Arc<AtomicUsize>,
    enough: Arc<Notify>,
) -> JoinHandle<Seen> {
    tokio::spawn(async move {
        let mut cipher = client.join_and_publish(chat).await;
        let mut seen = Seen {
            chat,
            ..Seen::default()
        };
        let mut next = 1000;
        let mut say = || {
            let user = person.id.unsigned_abs();
            let sealed = cipher.seal(user, "hello", &SystemRandom).unwrap();
            let data = json!(["message:send", { "chat_id": chat, "content": sealed }]);
            next += 1;
            format!("42{next}{data}")
        };
        for _ in 0..AHEAD {
            client.try_raw(&say()).await;
        }
        while let Some(packet) = client.text().await {
            if let Some(event) = packet.strip_prefix("42") {
                let (name, data): (String, Value) = serde_json::from_str(event).unwrap();
                if name == "server:closing" {
                    assert_eq!(seen.closing, None, "it is said once");
                    seen.closing = Some(data["reason"].as_str().unwrap().to_owned());
                }
            } else if let Some(answer) = packet.strip_prefix("43") {
                let answer: Value =
                    serde_json::from_str(answer.trim_start_matches(|c: char| c.is_ascii_digit()))
                        .unwrap();
                seen.late += usize::from(seen.closing.is_some());
                if answer[0]["ok"] == true {
                    assert!(seen.stored.insert(answer[0]["id"].as_i64().unwrap()));
                    if acknowledged.fetch_add(1, SeqCst) == 200 {
                        enough.notify_one();
                    }
                } else {
                    assert_eq!(answer[0]["error"]["code"], "ERR_CLOSED", "{answer}");
                    seen.refused += 1;
                }
                if seen.refused == 0 {
                    client.try_raw(&say()).await;
                }
            }
        }
        seen
    })
}

/// Four people talk; once there is enough, the program gets the signal.
async fn talk_until(place: &Place, signal: &str) -> Vec<Seen> {
    let (acknowledged, enough) = (Arc::default(), Arc::new(Notify::new()));
    let mut talking = Vec::new();
    for name in ["anna", "bert", "cleo", "dora"] {
        let (person, chat) = place.owner_of_a_chat(name);
        let client = place.socket(&person).await;
        let (acknowledged, enough) = (Arc::clone(&acknowledged), Arc::clone(&enough));
        talking.push(talk(client, person, chat, acknowledged, enough));
    }
    timeout(PATIENCE * 3, enough.notified()).await.unwrap();
    place.program.signal(signal);
    let mut seen = Vec::new();
    for client in talking {
        seen.push(timeout(PATIENCE * 3, client).await.unwrap().unwrap());
    }
    seen
}

/// The ids of a chat's messages in the file.
fn stored(dir: &tempfile::TempDir, chat: i64) -> BTreeSet<i64> {
    let db = rusqlite::Connection::open(dir.path().join("portal.db")).unwrap();
    let mut rows = db
        .prepare("SELECT id FROM message WHERE chat_id = ?1")
        .unwrap();
    let ids = rows.query_map([chat], |row| row.get(0)).unwrap();
    ids.map(Result::unwrap).collect()
}

fn is_sound(dir: &tempfile::TempDir) -> bool {
    let beside = Beside::open(&dir.path().join("portal.db"));
    beside.operator("db.check", json!({}))["ok"] == true
}

#[tokio::test]
async fn asked_to_stop_it_answers_stores_and_tells_everybody_spec_15_5() {
    let place = Place::new(&LONG);
    let (olga, _) = place.owner_of_a_chat("olga");
    let (half, missing) = place.half_asked(&olga, "renamed").await;
    let idle = place.idle().await;
    let address = place.program.address;
    let seen = talk_until(&place, "-TERM").await;
    for client in &seen {
        assert_eq!(client.closing.as_deref(), Some("stopping"));
        assert_eq!(client.late, 0, "goodbye is the last word");
    }
    assert_eq!(rest(idle).await, "");
    assert!(
        TcpStream::connect(address).await.is_err(),
        "it takes nobody"
    );
    // Everybody else is gone; what was under way has its answer still.
    let mut half = half;
    half.write_all(missing.as_bytes()).await.unwrap();
    let reply = rest(half).await;
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");

    let (ended, dir) = place.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("stopping"), "{}", ended.log);
    for trouble in ["WARN", "ERROR"] {
        assert!(!ended.log.contains(trouble), "{}", ended.log);
    }
    for client in seen {
        // A reply that was not read in time is no reply: more may be stored, never less.
        let stored = stored(&dir, client.chat);
        assert!(client.stored.is_subset(&stored) && !stored.is_empty());
    }
    assert!(is_sound(&dir));
    let beside = Beside::open(&dir.path().join("portal.db"));
    let olga = beside.operator("user.get", json!({ "user_id": olga.id }));
    assert_eq!(olga["username"], "renamed");
}

#[tokio::test]
async fn whoever_polls_is_told_too_spec_15_5() {
    let place = Place::new(&LONG);
    let address = place.program.address;
    let path = "/socket.io/?EIO=4&transport=polling";
    let open = ask(address, "GET", path, &[], "").await.text;
    let open: Value = serde_json::from_str(&open[1..]).unwrap();
    let path = format!("{path}&sid={}", open["sid"].as_str().unwrap());
    ask(address, "POST", &path, &[], "40").await;
    while !ask(address, "GET", &path, &[], "")
        .await
        .text
        .contains("session:ready")
    {}
    let mut poll = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    poll.write_all(request.as_bytes()).await.unwrap();
    // The server reads in the order of what comes: after this answer it holds the poll.
    place.idle().await;
    place.program.signal("-TERM");
    let told = rest(poll).await;
    assert!(
        told.contains(r#"["server:closing",{"reason":"stopping"}]"#),
        "{told}"
    );
    assert_eq!(place.ended().await.0.code, Some(0));
}

#[tokio::test]
async fn killed_it_has_stored_what_it_acknowledged_spec_14_0() {
    let place = Place::new(&LONG);
    let seen = talk_until(&place, "-KILL").await;
    let (ended, dir) = place.ended().await;
    assert_eq!(ended.code, None);
    let mut acknowledged = 0;
    for client in seen {
        assert_eq!(
            (client.closing, client.refused),
            (None, 0),
            "nobody is told"
        );
        acknowledged += client.stored.len();
        let stored = stored(&dir, client.chat);
        assert!(client.stored.is_subset(&stored));
    }
    assert!(acknowledged > 200);
    assert!(is_sound(&dir));
    // Nothing of it stands in the way of the next one.
    let next = Program::start(&dir.path().join("portal.db"), &[]);
    assert_eq!(next.stop("-TERM").code, Some(0));
}

#[tokio::test]
async fn asked_twice_it_stops_at_once_spec_15_5() {
    let place = Place::new(&LONG);
    let (olga, _) = place.owner_of_a_chat("olga");
    let (half, _) = place.half_asked(&olga, "renamed").await;
    let idle = place.idle().await;
    place.program.signal("-TERM");
    // It has begun to end, and waits for the request.
    assert_eq!(rest(idle).await, "");
    place.program.signal("-INT");
    let (ended, dir) = place.ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(ended.log.contains("asked twice"), "{}", ended.log);
    assert_eq!(rest(half).await, "");
    assert!(is_sound(&dir));
}

#[tokio::test]
async fn who_never_finishes_asking_is_cut_off() {
    let place = Place::new(&["--stop-timeout", "2", "--body-timeout", "3600"]);
    let (olga, _) = place.owner_of_a_chat("olga");
    let (half, _) = place.half_asked(&olga, "renamed").await;
    place.program.signal("-TERM");
    let (ended, _) = place.ended().await;
    // In order with 0, unless this machine takes a second for closing the file.
    assert!(ended.code.is_some(), "{}", ended.log);
    assert!(ended.log.contains("in time"), "{}", ended.log);
    assert_eq!(rest(half).await, "");
}

#[tokio::test]
async fn a_file_that_cannot_be_closed_does_not_hold_it_for_ever() {
    let place = Place::new(&["--stop-timeout", "2"]);
    let (olga, chat) = place.owner_of_a_chat("olga");
    let mut client = place.socket(&olga).await;
    let lock = rusqlite::Connection::open(place.file()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    client
        .raw(&format!("421{}", json!(["room:join", { "chat_id": chat }])))
        .await;
    place.program.signal("-TERM");
    let (ended, dir) = place.ended().await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(ended.log.contains("did not end in time"), "{}", ended.log);
    drop(lock);
    assert!(is_sound(&dir));
}
