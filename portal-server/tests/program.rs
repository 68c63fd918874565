//! The program itself: what it prints, what it serves, how it ends (SPEC 2.6, 15.5).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
    address: String,
}

impl Program {
    fn start(file: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_portal-server"))
            .args(["--listen", "127.0.0.1:0", "--db"])
            .arg(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("portal-server listens on http://");
        let address = address.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self {
            child,
            out,
            address,
        }
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Ends it; answers its exit code, and what else it has printed.
    fn stop(mut self, signal: &str) -> (Option<i32>, String, String) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let code = self.child.wait().unwrap().code();
        let (mut out, mut log) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        let mut err = self.child.stderr.take().unwrap();
        err.read_to_string(&mut log).unwrap();
        (code, out, log)
    }
}

#[test]
fn the_first_start_prints_one_sign_in_link_and_later_ones_nothing_spec_2_6() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("portal.db");
    let mut program = Program::start(&file);
    let mut lines = String::new();
    for _ in 0..2 {
        program.out.read_line(&mut lines).unwrap();
    }
    let link = lines.lines().last().unwrap().trim();
    let (at, code) = link.split_once("/#signin=owner:").unwrap();
    assert_eq!(at, format!("http://{}", program.address));

    let body = format!(r#"{{"username":"owner","secret":"{code}"}}"#);
    let sign_in = format!(
        "POST /v1/authentication/verify HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = program.ask(&sign_in);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let page = program.ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(page.contains("<title>Portal</title>"));

    let (status, rest, log) = program.stop("-TERM");
    assert_eq!((status, rest.as_str()), (Some(0), ""));
    assert!(!log.contains(code), "the log tells a secret");

    let (status, rest, _) = Program::start(&file).stop("-INT");
    assert_eq!((status, rest.as_str()), (Some(0), ""));
}

#[test]
fn a_second_server_on_the_file_and_a_public_plain_url_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("portal.db");
    let first = Program::start(&file);
    for (arguments, why) in [
        (&["--listen", "127.0.0.1:0"][..], "ERR_PRESENCE_TAKEN"),
        (
            &["--listen", "0.0.0.0:0", "--limits", "off"][..],
            "loopback",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_portal-server"))
            .args(arguments)
            .arg("--db")
            .arg(&file)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(log.contains(why), "{log}");
    }
    assert_eq!(first.stop("-TERM").0, Some(0));

    let output = Command::new(env!("CARGO_BIN_EXE_portal-server"))
        .args([
            "--listen",
            "127.0.0.1:0",
            "--public-url",
            "http://chat.example",
            "--db",
        ])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
}
