//! The program itself: what it prints, what it serves, how it ends (SPEC 2.6, 15.5).

mod common;

use std::io::BufRead as _;

use common::program::{Program, run};

#[test]
fn the_first_start_prints_one_sign_in_link_and_later_ones_nothing_spec_2_6() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("portal.db");
    let mut program = Program::start(&file, &[]);
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

    let ended = program.stop("-TERM");
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    assert!(!ended.log.contains(code), "the log tells a secret");

    let ended = Program::start(&file, &[]).stop("-INT");
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
}

#[test]
fn what_cannot_be_had_is_named_and_makes_no_owner() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("portal.db");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let text = dir.path().join("text.db");
    std::fs::write(&text, "This is no database, and nobody said it was.").unwrap();
    let (text, path) = (text.to_str().unwrap(), file.to_str().unwrap());
    for (db, listen, whys) in [
        (path, taken.as_str(), [taken.as_str(), "--listen"]),
        (text, "127.0.0.1:0", [text, "ERR_STORAGE_FOREIGN"]),
    ] {
        let output = run(&["--db", db, "--listen", listen]);
        assert_eq!(output.status.code(), Some(1));
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(whys.iter().all(|why| log.contains(why)), "{log}");
    }
    // The link is printed by the start that works.
    let ended = Program::start(&file, &[]).stop("-TERM");
    assert!(ended.out.contains("#signin=owner:"), "{}", ended.out);
}

#[test]
fn a_second_server_on_the_file_and_a_public_plain_url_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("portal.db");
    let first = Program::start(&file, &[]);
    let file = file.to_str().unwrap();
    let here = ["--listen", "127.0.0.1:0", "--db", file];
    for (arguments, why) in [
        (&[][..], "ERR_PRESENCE_TAKEN"),
        (
            &["--listen", "0.0.0.0:0", "--limits", "off"][..],
            "loopback",
        ),
        (
            &["--public-url", "http://chat.example"][..],
            "must be https",
        ),
    ] {
        let here = if arguments.contains(&"--listen") {
            &here[2..]
        } else {
            &here[..]
        };
        let output = run(&[here, arguments].concat());
        assert_eq!(output.status.code(), Some(1));
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(log.contains(why), "{log}");
    }
    assert_eq!(first.stop("-TERM").code, Some(0));
}
