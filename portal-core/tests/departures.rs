//! A lost connection is forgotten at once; what the file has to say of it may come later (SPEC 6.4, 10).

mod common;

use common::keys::Device;
use common::{BASIC, OTHER, PREMIUM, Stage};
use portal_core::model::{ChatId, ChatType, ConnectionId, MINUTE, SessionId};
use portal_core::ops::rooms;
use portal_core::{Actor, Delivery, Options, Portal, Request, catalogue};
use rusqlite::Connection;
use serde_json::{Value, json};

/// With an open chat, on a file that is not waited for.
fn stage() -> (Stage, ChatId) {
    let stage = Stage::with(Options {
        presence: true,
        busy_timeout_ms: 20,
        ..Options::default()
    });
    let chat = stage.suite3(ChatType::Public, Some("open-door"));
    (stage, chat)
}

/// With an open chat of which a session reads what was said since it joined.
fn hiding() -> (Stage, ChatId) {
    let (stage, chat) = stage();
    stage.configure(chat, "history_visible", json!(false));
    (stage, chat)
}

/// Another process that keeps the file to itself until this is dropped.
fn lock(stage: &Stage) -> Connection {
    let other = stage.raw();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

/// Another connection of a session, in the room.
fn tab(stage: &Stage, session: SessionId, chat: ChatId) -> ConnectionId {
    let tab = stage.portal.connect(&Actor::session(session)).unwrap();
    let actor = Actor::connection(tab);
    stage.ok(&actor, "room.join", json!({ "chat_id": chat }));
    tab
}

/// Loses a connection while the file cannot be written.
fn lose(stage: &Stage, connection: ConnectionId) {
    let _locked = lock(stage);
    let error = stage.portal.disconnect(connection).unwrap_err();
    assert_eq!(error.kind().code(), "ERR_STORAGE_LOCKED");
}

/// Whoever has left does not come back in time, and that is written down.
fn stays_away(stage: &Stage) {
    stage.pass(61);
    stage.tick();
}

/// Who left the chat, and when, by its activity log; the oldest first.
fn leavers(stage: &Stage, chat: ChatId) -> Vec<(i64, i64)> {
    let log = stage.ok(
        &Actor::operator(),
        "activity.list",
        json!({ "chat_id": chat }),
    );
    let rows = log["rows"].as_array().unwrap().iter().rev();
    rows.filter(|row| row["kind"] == "leave")
        .map(|row| {
            (
                row["user_id"].as_i64().unwrap(),
                row["at"].as_i64().unwrap(),
            )
        })
        .collect()
}

fn now(stage: &Stage) -> i64 {
    stage.portal.now().as_millis()
}

/// When a session left, as its joining says; none if it has not.
fn left_at(stage: &Stage, session: SessionId) -> Option<i64> {
    let sql = "SELECT left_at FROM joining WHERE session_id = ?";
    let row = |row: &rusqlite::Row<'_>| row.get(0);
    stage.raw().query_row(sql, [session.get()], row).unwrap()
}

/// The chat's viewers, as the directory counts them and as the room is told.
fn viewers(stage: &Stage, chat: ChatId) -> (i64, Value) {
    let page = stage.ok(&Actor::guest(), "directory.list", json!({}));
    let entry = &page["chats"].as_array().unwrap()[0];
    assert_eq!(entry["id"], json!(chat));
    stage.clock.advance(250);
    let live = stage.portal.deliver_live().unwrap();
    let told = live.into_iter().find_map(|delivery| match delivery {
        Delivery::Send {
            name: "room:members",
            data,
            ..
        } => Some(data),
        _ => None,
    });
    let told: Value = serde_json::from_str(&told.unwrap_or_default()).unwrap_or_default();
    let count = entry["viewer_count"].as_i64().unwrap();
    (count, told["members"].clone())
}

#[test]
fn a_lost_connection_is_nowhere_although_the_file_cannot_be_written_spec_10_1() {
    let (stage, chat) = stage();
    // The ghost would be the one longest present: asked for keys, and hinted as distributor.
    let [gone, here] = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
    stage.publish(&gone, chat, &[&here]);
    assert_eq!(viewers(&stage, chat).0, 2);
    let before = stage.as_of();

    let locked = lock(&stage);
    let lost_at = now(&stage);
    let error = stage.portal.disconnect(gone.connection).unwrap_err();
    assert_eq!(error.kind().code(), "ERR_STORAGE_LOCKED");
    let (count, members) = viewers(&stage, chat);
    assert_eq!((count, members.as_array().unwrap().len()), (1, 1));
    assert_eq!(members[0]["user_id"], BASIC);
    let sessions = stage.keys(&here, chat)["sessions"].clone();
    assert_eq!(sessions.as_array().unwrap().len(), 1, "{sessions}");
    let there = json!({ "chat_id": chat });
    stage.refused(&gone.actor, "message.history", there, "ERR_NOT_CONNECTED");
    drop(locked);

    // The file can be written again, and the departure is still owed.
    let joiner = stage.joined(OTHER, chat);
    assert_eq!(stage.asked(&joiner, before), [json!(here.session)]);
    stage.ok(&Actor::operator(), "chat.clear", json!({ "chat_id": chat }));
    let moved = stage.named("room:epoch_changed", before);
    assert_eq!(moved[0]["distributor"], json!(here.session));
    assert_eq!(leavers(&stage, chat), []);

    stage.tick();
    assert_eq!(left_at(&stage, gone.session), Some(lost_at));
    stays_away(&stage);
    assert_eq!(leavers(&stage, chat), [(PREMIUM, lost_at)]);
}

#[test]
fn what_could_not_be_written_is_written_once_spec_10_4() {
    let (stage, chat) = stage();
    let gone = stage.joined(BASIC, chat);
    let lost_at = now(&stage);
    lose(&stage, gone.connection);
    stage.tick();
    assert_eq!(left_at(&stage, gone.session), Some(lost_at));
    stays_away(&stage);
    assert_eq!(leavers(&stage, chat), [(BASIC, lost_at)]);
    // Without the row, nothing but memory keeps it from being written again.
    stage.raw().execute("DELETE FROM activity", []).unwrap();
    stage.tick();
    stage.portal.disconnect(gone.connection).unwrap();
    assert_eq!(leavers(&stage, chat), []);
}

#[test]
fn whoever_else_disconnects_writes_it_too() {
    let (stage, chat) = stage();
    let [gone, other] = [BASIC, OTHER].map(|user| stage.joined(user, chat));
    let lost_at = now(&stage);
    lose(&stage, gone.connection);
    stage.pass(1);
    stage.portal.disconnect(other.connection).unwrap();
    assert_eq!(left_at(&stage, gone.session), Some(lost_at));
    let expected = [(BASIC, lost_at), (OTHER, lost_at + 1000)];
    stays_away(&stage);
    assert_eq!(leavers(&stage, chat), expected);
}

#[test]
fn a_session_that_came_back_meanwhile_has_not_left_spec_6_4() {
    let (stage, chat) = hiding();
    let device = stage.joined(BASIC, chat);
    let session = Actor::session(device.session);
    stage.written(chat, PREMIUM, 1);
    stage.pass(600);
    lose(&stage, device.connection);
    // Within a minute it still reads what was said since it joined, of which the notice of that is the
    // first; and then it is back.
    stage.pass(60);
    assert_eq!(stage.history(&session, chat), [2, 1]);
    tab(&stage, device.session, chat);
    stays_away(&stage);
    assert_eq!(leavers(&stage, chat), []);
    assert_eq!(left_at(&stage, device.session), None);
    // The third is the notice that it is back.
    assert_eq!(stage.history(&session, chat), [3, 2, 1]);
}

#[test]
fn a_session_that_came_back_too_late_has_joined_anew_spec_6_4() {
    let (stage, chat) = hiding();
    let device = stage.joined(BASIC, chat);
    let session = Actor::session(device.session);
    stage.written(chat, PREMIUM, 1);
    stage.pass(600);
    lose(&stage, device.connection);
    stage.clock.advance(MINUTE + 1);
    let none: [i64; 0] = [];
    assert_eq!(stage.history(&session, chat), none);
    tab(&stage, device.session, chat);
    // Nothing but the notice of this joining.
    assert_eq!(stage.history(&session, chat), [3]);
    stage.tick();
    assert_eq!(left_at(&stage, device.session), None);
}

#[test]
fn two_lost_connections_of_a_session_leave_once_with_the_second_spec_10_4() {
    let (stage, chat) = stage();
    let device = stage.joined(BASIC, chat);
    let second = tab(&stage, device.session, chat);
    lose(&stage, device.connection);
    stage.pass(11 * 60);
    let lost_at = now(&stage);
    lose(&stage, second);
    stays_away(&stage);
    assert_eq!(leavers(&stage, chat), [(BASIC, lost_at)]);
    assert_eq!(left_at(&stage, device.session), Some(lost_at));
}

#[test]
fn a_session_leaves_while_its_person_stays_with_another_spec_10_1() {
    let (stage, chat) = stage();
    let [gone, here] = [(); 2].map(|()| stage.joined(BASIC, chat));
    let lost_at = now(&stage);
    lose(&stage, gone.connection);
    stays_away(&stage);
    assert_eq!(leavers(&stage, chat), []);
    assert_eq!(left_at(&stage, gone.session), Some(lost_at));
    assert_eq!(left_at(&stage, here.session), None);
}

#[test]
fn a_chat_that_was_destroyed_meanwhile_holds_nothing_up() {
    let (stage, chat) = stage();
    let gone = stage.joined(BASIC, chat);
    lose(&stage, gone.connection);
    let elsewhere = Portal::open(stage.portal.path(), Options::default()).unwrap();
    let destroy = json!({ "chat_id": chat }).to_string();
    elsewhere
        .call_json(&Actor::operator(), "chat.destroy", &destroy)
        .unwrap();
    stage.tick();
    stays_away(&stage);
}

/// Runs an operation by a connection, and loses another, or the same, after its commit and before memory
/// follows it: the first of a batch is answered before memory follows the second.
fn lose_meanwhile(stage: &Stage, by: &Actor, name: &str, chat: ChatId, lost: ConnectionId) {
    let portal = stage.portal.clone();
    let request = |actor: &Actor, name: &str, params: Value, then: Box<dyn FnOnce() + Send>| {
        let entry = catalogue::find(name).unwrap();
        let done = Box::new(move |reply: Result<String, _>| {
            reply.unwrap();
            then();
        });
        Request::json(&portal, actor.clone(), entry, &params.to_string(), done).unwrap()
    };
    let elsewhere = portal.clone();
    let forget = move || {
        let forgetting = std::thread::spawn(move || elsewhere.forget(lost));
        forgetting.join().unwrap();
    };
    let first = json!({ "username": "by-the-way" });
    portal.batch(vec![
        request(&Actor::operator(), "user.create", first, Box::new(forget)),
        request(by, name, json!({ "chat_id": chat }), Box::new(|| ())),
    ]);
}

#[test]
fn a_connection_lost_while_its_joining_is_committed_came_and_left_spec_10_4() {
    let (stage, chat) = stage();
    let Device {
        actor,
        session,
        connection,
        ..
    } = stage.device(BASIC);
    let lost_at = now(&stage);
    lose_meanwhile(&stage, &actor, "room.join", chat, connection);
    assert_eq!(viewers(&stage, chat).0, 0);
    stays_away(&stage);
    assert_eq!(leavers(&stage, chat), [(BASIC, lost_at)]);
    assert_eq!(left_at(&stage, session), Some(lost_at));
}

#[test]
fn a_connection_lost_while_the_last_other_leaves_leaves_with_it_spec_10_4() {
    let (stage, chat) = stage();
    let device = stage.joined(BASIC, chat);
    let second = tab(&stage, device.session, chat);
    lose_meanwhile(&stage, &device.actor, "room.leave", chat, second);
    assert_eq!(
        left_at(&stage, device.session),
        None,
        "the other was still there"
    );
    let lost_at = now(&stage);
    stays_away(&stage);
    assert_eq!(leavers(&stage, chat), [(BASIC, lost_at)]);
    assert_eq!(left_at(&stage, device.session), Some(lost_at));
}

#[test]
fn a_rehearsed_or_refused_note_changes_nothing() {
    let (stage, chat) = stage();
    let gone = stage.joined(BASIC, chat);
    lose(&stage, gone.connection);
    stage.pass(61);
    let refused = stage.portal.call(&Actor::guest(), rooms::NoteDepartures {});
    assert_eq!(refused.unwrap_err().kind().code(), "ERR_FORBIDDEN");
    stage
        .portal
        .rehearse_json(&Actor::operator(), "housekeeping.tick", "{}")
        .unwrap();
    assert_eq!(leavers(&stage, chat), []);
    stage.tick();
    assert_eq!(leavers(&stage, chat).len(), 1);
}

#[test]
fn whoever_leaves_because_the_session_ended_is_written_down_spec_10_4() {
    for (name, reason) in [("session.logout", "logout"), ("mod.timeout", "timed_out")] {
        let (stage, chat) = stage();
        let device = stage.joined(BASIC, chat);
        let second = tab(&stage, device.session, chat);
        if name == "session.logout" {
            stage.ok(&Actor::connection(second), name, json!({}));
        } else {
            let params = json!({ "user_id": BASIC, "duration_seconds": 60 });
            stage.ok(&Actor::operator(), name, params);
        }
        let ended_at = now(&stage);
        stays_away(&stage);
        assert_eq!(leavers(&stage, chat), [(BASIC, ended_at)], "{reason}");
        // Once, also when the sockets are closed afterwards.
        stage.portal.disconnect(second).unwrap();
        stage.portal.disconnect(device.connection).unwrap();
        stays_away(&stage);
        assert_eq!(leavers(&stage, chat).len(), 1, "{reason}");
    }
}

#[test]
fn whoever_a_chat_that_goes_private_puts_out_is_written_down_spec_10_4() {
    let (stage, chat) = stage();
    stage.joined(BASIC, chat);
    let private = json!({ "chat_id": chat, "slug": null });
    stage.ok(&Actor::operator(), "chat.update", private);
    let put_out_at = now(&stage);
    stays_away(&stage);
    assert_eq!(leavers(&stage, chat), [(BASIC, put_out_at)]);
}

#[test]
fn an_ended_session_hears_nothing_of_what_comes_after_spec_10_0() {
    let (stage, _) = stage();
    let (session, ended) = stage.connect(BASIC);
    let (_, other) = stage.connect(BASIC);
    let mut follower = stage.portal.follow(None).unwrap();
    stage.ok(&Actor::session(session), "session.logout", json!({}));
    // Before anybody has closed its socket.
    let warn = json!({ "user_id": BASIC, "reason": "not for a session that was given up" });
    stage.ok(&Actor::operator(), "mod.warn", warn);
    let deliveries = stage.portal.deliver(&mut follower, 100).unwrap();
    let of = |wanted: &str| {
        deliveries.iter().find_map(|delivery| match delivery {
            Delivery::Send { to, name, .. } if *name == wanted => Some(to.clone()),
            _ => None,
        })
    };
    assert_eq!(of("session:ended"), Some(vec![ended]));
    assert_eq!(of("user:warned"), Some(vec![other]));
}
