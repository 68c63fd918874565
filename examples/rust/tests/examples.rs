//! The examples run to their end, and show what they promise.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::process::Stdio;
use std::time::Duration;

use portal_core::model::{ChatType, Role, Tier, UserId};
use portal_core::ops::{chats, invites, login_codes, tiers, users};
use portal_core::{Actor, Options, Portal};
use portal_server::{Config, run};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// No example takes this long; a stuck one is ended.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a program printed, if it went well.
async fn said(program: Child) -> String {
    let output = timeout(PATIENCE, program.wait_with_output()).await;
    let output = output.expect("it ends in time").unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let noted = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{noted}");
    said
}

fn person(portal: &Portal, name: &str) -> UserId {
    let create = users::Create {
        username: name.parse().unwrap(),
        role: Role::User,
        tier: None,
        days: None,
    };
    portal.call(&Actor::operator(), create).unwrap().user_id
}

#[tokio::test]
async fn the_embedded_host_tells_its_story_and_leaves_no_plaintext_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("story.db");
    let program = Command::new(env!("CARGO_BIN_EXE_embedded"))
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let said = said(program.unwrap()).await;
    let mut rest = said.as_str();
    for line in [
        "room:member_added",
        "ben opens the key of epoch 1",
        "ben reads from ana: The beans are up!",
        "ana reads from ben: I'll bring the poles.",
        "room:epoch_changed",
        "ana publishes the key of epoch 2, wrapped for 0 more",
        "ben asks: ERR_CHAT_NOT_FOUND",
        "ben tries the old key: ERR_DECRYPT",
    ] {
        let (_, after) = rest
            .split_once(line)
            .unwrap_or_else(|| panic!("no {line:?} where it belongs:\n{said}"));
        rest = after;
    }
    for file in dir.path().read_dir().unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(9).any(|part| part == b"The beans"));
    }
}

/// Runs the client as this person, with one line to say, until it has heard one.
async fn client(
    portal: &Portal,
    server: SocketAddr,
    name: &str,
    user_id: UserId,
    way_in: [&str; 2],
) -> Child {
    let code = login_codes::Create {
        user_id: Some(user_id),
        browser: None,
    };
    let code = portal.call(&Actor::operator(), code).unwrap().code;
    let mut program = Command::new(env!("CARGO_BIN_EXE_client"))
        .args(["--server", &format!("http://{server}")])
        .args(["--name", name, "--wait-for", "1"])
        .args(way_in)
        .env("PORTAL_SECRET", code.expose())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = program.stdin.take().unwrap();
    let line = format!("{name} says hello\n");
    input.write_all(line.as_bytes()).await.unwrap();
    program
}

async fn two_clients_understand_each_other(suite: u8) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("portal.db");
    let options = Options {
        presence: true,
        ..Options::default()
    };
    let portal = Portal::open(&file, options).unwrap();
    let (ana, ben) = (person(&portal, "ana"), person(&portal, "ben"));
    let premium = tiers::SetTier {
        user_id: ana,
        tier: Tier::Premium,
        days: None,
    };
    portal.call(&Actor::operator(), premium).unwrap();
    let create = chats::Create {
        e2ee: Some(suite),
        ..chats::Create::new(ChatType::Private, "The garden".parse().unwrap())
    };
    let chat_id = portal.call(&Actor::user(ana), create).unwrap().id;
    let invite = invites::Create {
        chat_id,
        expires_at: None,
        max_uses: NonZeroU32::new(1),
    };
    let invite = portal.call(&Actor::user(ana), invite).unwrap().code;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(run(listener, portal.clone(), Config::default(), async {
        stopped.await.ok();
    }));

    let chat = chat_id.to_string();
    let at_ana = client(&portal, server, "ana", ana, ["--chat", &chat]).await;
    let at_ben = client(&portal, server, "ben", ben, ["--invite", invite.as_str()]).await;
    let (ana_read, ben_read) = tokio::join!(said(at_ana), said(at_ben));
    assert!(ana_read.contains("ben: ben says hello\n"), "{ana_read}");
    assert!(ben_read.contains("ana: ana says hello\n"), "{ben_read}");

    stop.send(()).unwrap();
    timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn two_clients_of_a_server_understand_each_other_in_suite_2() {
    two_clients_understand_each_other(2).await;
}

#[tokio::test]
async fn two_clients_of_a_server_understand_each_other_in_suite_3() {
    two_clients_understand_each_other(3).await;
}
