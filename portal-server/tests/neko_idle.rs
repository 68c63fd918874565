//! The neko backend with a real engine and a clock that the test moves: an empty room's browser stops after ten minutes
//! (SPEC 11.2). `tests/neko/run.sh` has the engine, says where it is, and runs this.

use std::sync::Arc;

use portal_core::backend::BrowserBackend;
use portal_core::clock::ManualClock;
use portal_core::model::{MINUTE, Timestamp};
use portal_core::{Actor, Options, Portal};
use portal_server::browser::{Neko, Setup};
use serde_json::{Value, json};

#[test]
#[ignore = "wants a container engine: tests/neko/run.sh runs it"]
fn an_empty_rooms_browser_stops_after_ten_minutes_spec_11_2() {
    let told = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not told"));
    let (engine, network) = (told("ENGINE_SOCKET"), told("ENGINE_NETWORK"));
    let dir = tempfile::tempdir().unwrap();
    let backend = Arc::new(Neko::new(Setup {
        engine: engine.into(),
        server: dir.path().display().to_string(),
        images: [("firefox".to_owned(), "standin:good".to_owned())].into(),
        network: network.parse().unwrap(),
        subnet: "10.213.53.0/24".parse().unwrap(),
        memory_mib: 256,
        shm_mib: 16,
        cpus: 1,
        ..Setup::default()
    }));
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let options = Options {
        presence: true,
        browsers: Some(backend.clone()),
        clock: clock.clone(),
        ..Options::default()
    };
    let portal = Portal::open(dir.path().join("portal.db"), options).unwrap();
    let call = |actor: &Actor, name: &str, params: Value| -> Value {
        let reply = portal.call_json(actor, name, &params.to_string());
        let reply = reply.unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_str(&reply).unwrap()
    };
    let operator = Actor::operator();
    let owner = call(
        &operator,
        "user.create",
        json!({ "username": "owner", "role": "owner" }),
    );
    let session = call(
        &operator,
        "session.create",
        json!({ "user_id": owner["user_id"] }),
    );
    let session = Actor::session(session["session_id"].as_i64().unwrap().try_into().unwrap());
    let chat = call(
        &session,
        "chat.create",
        json!({ "chat_type": "OFFICIAL", "name": "Hall" }),
    );
    let of_chat = json!({ "chat_id": chat["id"] });
    let connection = portal.connect(&session).unwrap();
    call(&Actor::connection(connection), "room.join", of_chat.clone());
    call(&session, "browser.start", of_chat.clone());
    let mut keeper = portal.keeper().unwrap();
    let mut running = || {
        let tended = keeper.tend().unwrap();
        assert!(tended.faults.is_empty(), "{:?}", tended.faults);
        backend.list().unwrap()
    };
    assert_eq!(running()[0].viewers.len(), 1);
    clock.advance(20 * MINUTE);
    portal.tick().unwrap();
    assert_eq!(running().len(), 1, "somebody is there");

    portal.forget(connection);
    portal.tick().unwrap();
    clock.advance(10 * MINUTE - 1);
    portal.tick().unwrap();
    let listed = running();
    assert_eq!(
        (listed.len(), listed[0].viewers.len()),
        (1, 0),
        "nobody is let in, and it runs"
    );
    clock.advance(1);
    portal.tick().unwrap();
    assert_eq!(running(), []);
}
