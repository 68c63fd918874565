//! A server that runs browsers keeps them while it serves, and leaves them running when it ends (SPEC 11, 15.5).

mod common;

use std::sync::Arc;
use std::sync::mpsc::channel;

use common::fake::Fake;
use common::socket::Client;
use common::{PATIENCE, Person, TestServer};
use portal_core::backend::FaultKind;
use portal_core::model::ChatId;
use serde_json::json;
use tokio::time::timeout;

/// A server with a chat, its owner, and their socket in the room.
async fn place(fake: &Arc<Fake>) -> (TestServer, i64, Person, Client) {
    let server = TestServer::with_browsers(fake.clone()).await;
    let olga = server.person_with_role("olga", "owner");
    let chat = server.official_chat(&olga);
    let client = seat(&server, &olga, chat).await;
    (server, chat, olga, client)
}

async fn seat(server: &TestServer, who: &Person, chat: i64) -> Client {
    let mut client = Client::of(server, who).await;
    client.ok("room:join", json!({ "chat_id": chat })).await;
    client
}

fn id(chat: i64) -> ChatId {
    ChatId::try_from(chat).unwrap()
}

#[tokio::test]
async fn a_browser_that_is_asked_for_runs_soon_spec_11_2() {
    let fake = Arc::new(Fake::default());
    let (_server, chat, olga, mut client) = place(&fake).await;
    client.ok("room:start", json!({ "chat_id": chat })).await;
    let started = client.event("room:started").await;
    assert_eq!(fake.whose(&started["access"]["password"]), Some(olga.id));
    client.ok("room:stop", json!({ "chat_id": chat })).await;
    assert_eq!(client.event("room:stopped").await["reason"], "asked");
    assert_eq!(fake.chats(), []);
}

#[tokio::test]
async fn what_a_backend_does_not_do_is_counted_and_tried_again_spec_15_6() {
    let fake = Arc::new(Fake::default());
    let (server, chat, _, mut client) = place(&fake).await;
    fake.fail("start", &[FaultKind::Full]);
    client.ok("room:start", json!({ "chat_id": chat })).await;
    assert_eq!(client.event("room:stopped").await["reason"], "full");
    // It is counted once the call is over, which may be after the event.
    let counted = "\nportal_browser_faults_total 1\n";
    let counting = async { while !server.get(None, "/metrics").await.text.contains(counted) {} };
    timeout(PATIENCE, counting).await.unwrap();
}

#[tokio::test]
async fn a_backend_that_panics_takes_no_thread_with_it() {
    let fake = Arc::new(Fake::default());
    let (_server, chat, _, mut client) = place(&fake).await;
    // As often as there are threads.
    for _ in 0..5 {
        fake.during("start", || panic!("a defect of the backend's"));
        client.ok("room:start", json!({ "chat_id": chat })).await;
        client.event("room:started").await;
        client.ok("room:stop", json!({ "chat_id": chat })).await;
        client.event("room:stopped").await;
    }
}

#[tokio::test]
async fn browsers_outlive_the_server_and_are_found_again_spec_15_5() {
    let fake = Arc::new(Fake::default());
    let (mut server, chat, olga, mut client) = place(&fake).await;
    client.ok("room:start", json!({ "chat_id": chat })).await;
    let before = client.event("room:started").await["access"].clone();
    server.begin_stop();
    assert_eq!(server.stopped().await, 0);
    assert_eq!(fake.chats(), [id(chat)]);

    fake.calls();
    let server = server.again().await;
    let mut client = seat(&server, &olga, chat).await;
    let access = client.event("room:started").await["access"].clone();
    assert_ne!(access["password"], before["password"]);
    assert_eq!(fake.whose(&access["password"]), Some(olga.id));
    let calls = fake.calls();
    let begun = |call: &String| call.starts_with("start") || call.starts_with("stop");
    assert!(!calls.iter().any(begun), "{calls:?}");
}

#[tokio::test]
async fn a_start_that_hangs_does_not_hold_the_end_spec_15_5() {
    let fake = Arc::new(Fake::default());
    let (mut server, chat, olga, mut client) = place(&fake).await;
    let (begun, has_begun) = channel();
    let (go_on, told_to) = channel::<()>();
    fake.during("start", move || {
        begun.send(()).unwrap();
        told_to.recv().ok();
    });
    client.ok("room:start", json!({ "chat_id": chat })).await;
    tokio::task::spawn_blocking(move || has_begun.recv().unwrap())
        .await
        .unwrap();
    server.begin_stop();
    server.stopped().await;

    // The next one goes on with it, whatever the first is still about.
    let server = server.again().await;
    let mut client = seat(&server, &olga, chat).await;
    // Whoever joins while it starts may be told of that before they are let in.
    let mut access = json!(null);
    while access.is_null() {
        access = client.event("room:started").await["access"].take();
    }
    assert_eq!(fake.whose(&access["password"]), Some(olga.id));
    drop(go_on);
}
