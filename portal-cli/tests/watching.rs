//! What goes on until somebody has seen enough: following, watching, Ctrl-C, and a running server.

mod common;

use std::io::{BufRead, BufReader, Lines};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Stdio};

use common::Bench;
use portal_core::{Options, Portal};
use portal_server::Config;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A program that goes on, and what it prints.
struct Going {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Going {
    fn start(bench: &Bench, words: &str) -> Self {
        let mut child = bench
            .command()
            .args(words.split(' '))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    fn document(&mut self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// Presses Ctrl-C; answers the exit code.
    fn interrupted(mut self) -> Option<i32> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).unwrap();
        self.child.wait().unwrap().code()
    }
}

#[test]
fn ctrl_c_ends_what_goes_on_in_good_order_spec_16_1() {
    let bench = Bench::with_people();
    for words in [
        "event tail --follow --json",
        "audit list --follow --json",
        "match watch --every 3600 --json",
    ] {
        let mut going = Going::start(&bench, words);
        going.document();
        assert_eq!(going.interrupted(), Some(0), "{words}");
    }
}

#[test]
fn who_follows_the_audit_log_sees_what_another_process_does() {
    let bench = Bench::with_people();
    let mut going = Going::start(
        &bench,
        "--json audit list --follow --limit 2 --action user.create --count 4",
    );
    let [first, second] = [going.document(), going.document()];
    assert_eq!(
        (&first["target_username"], &second["target_username"]),
        (&"pia".into(), &"ben".into()),
        "the oldest first"
    );
    bench.run("user create carl").exits(0);
    // Of another kind: not asked for.
    bench.run("config set registration open").exits(0);
    bench.run("--as carl user create dora").exits(4);
    bench.run("user create dora").exits(0);
    let [third, fourth] = [going.document(), going.document()];
    assert_eq!(
        (&third["target_username"], &fourth["target_username"]),
        (&"carl".into(), &"dora".into())
    );
    assert!(going.child.wait().unwrap().success());
}

#[test]
fn a_reader_who_leaves_ends_what_follows() {
    let bench = Bench::with_people();
    for words in ["event tail --follow", "audit list --follow"] {
        let mut going = Going::start(&bench, words);
        going.line();
        drop(going.lines);
        bench
            .run(&format!("user create {}", words.split(' ').next().unwrap()))
            .exits(0);
        assert!(going.child.wait().unwrap().success(), "{words}");
    }
}

#[test]
fn a_watch_shows_each_look_after_a_line_into_a_pipe() {
    let bench = Bench::with_people();
    let shown = bench.run("match watch --every 1 --count 2").exits(0).out;
    assert_eq!(shown.matches("active_chats").count(), 2, "{shown}");
    assert!(
        !shown.contains('\u{1b}') && !shown.starts_with('\n'),
        "{shown:?}"
    );
}

#[test]
fn ctrl_c_ends_a_list_after_the_line_that_runs() {
    let bench = Bench::new();
    let names: Vec<_> = (0..100_000).map(|n| format!("person-{n}")).collect();
    std::fs::write(bench.dir.path().join("people.csv"), names.join("\n")).unwrap();
    let mut going = Going::start(&bench, "user import people.csv");
    going.line();
    let pid = Pid::from_child(&going.child);
    kill_process(pid, Signal::INT).unwrap();
    let told = 1 + going.lines.by_ref().map(Result::unwrap).count();
    assert_eq!(going.child.wait().unwrap().code(), Some(7));
    let made: usize = bench
        .raw()
        .query_row("SELECT count(*) FROM user", [], |row| row.get(0))
        .unwrap();
    assert_eq!(
        made, told,
        "every line that was told of is done, and no other"
    );
    assert!(made < 100_000);
}

/// A server on the bench's file, until the bench is no longer wanted.
fn with_server(test: impl FnOnce(&Bench, &str)) {
    let bench = Bench::with_people();
    let options = Options {
        presence: true,
        ..Options::default()
    };
    let portal = Portal::open(bench.file(), options).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let until = async {
                let _ = stopped.await;
            };
            portal_server::run(listener, portal, Config::default(), until)
                .await
                .map(drop)
        })
    });
    test(&bench, &url);
    stop.send(()).unwrap();
    server.join().unwrap().unwrap();
}

#[test]
fn a_running_server_tells_how_it_is_spec_15_6() {
    with_server(|bench, url| {
        let seen = bench
            .run(&format!("--json server status --url {url}"))
            .json();
        assert_eq!((&seen["status"], &seen["url"]), (&"ok".into(), &url.into()));
        assert!(seen["disk_free_bytes"].is_u64(), "{seen}");
        assert!(seen["metrics"]["http_requests_total"].is_u64(), "{seen}");
        let shown = bench
            .run(&format!("server status --url {url}/"))
            .exits(0)
            .out;
        assert!(
            shown.contains("metrics.sockets ") && shown.contains("status "),
            "{shown}"
        );
        let mut going = Going::start(
            bench,
            &format!("--json server status --watch --every 1 --url {url}"),
        );
        let before = going.document()["metrics"]["http_requests_total"].as_u64();
        assert!(going.document()["metrics"]["http_requests_total"].as_u64() > before);
        assert_eq!(going.interrupted(), Some(0));
        // The address may come from the surroundings.
        let mut command = bench.command();
        let named = command.env("PORTAL_URL", url).args(["server", "status"]);
        common::ran(named).exits(0);
    });
}

#[test]
fn what_is_no_server_is_said_to_be_none() {
    let bench = Bench::bare();
    let error = bench
        .run("--json server status --url http://127.0.0.1:1")
        .refused(3, "ERR_NOT_FOUND");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("http://127.0.0.1:1") && message.contains("refused"),
        "{message}"
    );
    // Something else that listens there.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", other.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        use std::io::Write;
        let (mut client, _) = other.accept().unwrap();
        let mut asked = BufReader::new(client.try_clone().unwrap());
        let mut line = String::new();
        while asked.read_line(&mut line).unwrap() > 2 {
            line.clear();
        }
        client
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
            .unwrap();
    });
    let error = bench
        .run(&format!("--json server status --url {url}"))
        .refused(3, "ERR_NOT_FOUND");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("no portal-server")
    );
    answering.join().unwrap();
}
