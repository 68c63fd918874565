//! Who gets which event (SPEC 12), within a process and across processes.

mod common;

use common::sealed::report;
use common::{ADMIN, BASIC, MODERATOR, OTHER, OWNER, PREMIUM, STRANGER, Stage, delivered, user};
use portal_core::model::{ChatId, ChatType, ConnectionId};
use portal_core::{Actor, Delivery, Options, Portal, Position};
use serde_json::{Value, json};

fn join(stage: &Stage, connection: ConnectionId, chat: ChatId) -> Value {
    stage.ok(
        &Actor::connection(connection),
        "room.join",
        json!({ "chat_id": chat }),
    )
}

#[test]
fn a_rooms_events_go_to_those_who_joined_it() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("open-door"));
    let (_, inside) = stage.connect(BASIC);
    let (_, outside) = stage.connect(OTHER);
    join(&stage, inside, chat);
    let mut follower = stage.portal.follow(None).unwrap();
    stage.ok(
        &user(PREMIUM),
        "chat.update",
        json!({ "chat_id": chat, "name": "Renamed" }),
    );
    let sent = delivered(&stage, &mut follower);
    let (to, name, data) = &sent[0];
    assert_eq!(
        (to.as_slice(), name.as_str()),
        ([inside].as_slice(), "room:updated")
    );
    assert_eq!(data["chat"]["name"], "Renamed");
    assert_eq!(data["seq"], stage.as_of());
    assert!(!to.contains(&outside));
}

/// A connection of everybody, the guest's last.
fn everybody(stage: &Stage) -> Vec<(i64, ConnectionId)> {
    let people = [OWNER, ADMIN, MODERATOR, PREMIUM, BASIC, OTHER, STRANGER];
    let mut all: Vec<_> = people.map(|id| (id, stage.connect(id).1)).into();
    all.push((0, stage.portal.connect(&Actor::guest()).unwrap()));
    all
}

/// Who of everybody gets an event of this name.
fn who_gets(
    everybody: &[(i64, ConnectionId)],
    sent: &[(Vec<ConnectionId>, String, Value)],
    wanted: &str,
) -> Vec<i64> {
    let mut events = sent.iter().filter(|(_, name, _)| name == wanted);
    let (to, ..) = events.next().expect("the event is sent");
    assert!(events.next().is_none(), "{wanted} is sent once");
    let gets = |(id, connection): &(i64, ConnectionId)| to.contains(connection).then_some(*id);
    everybody.iter().filter_map(gets).collect()
}

#[test]
fn reports_are_told_to_admins_and_not_to_moderators_spec_12_3() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    let id = stage.written(chat, PREMIUM, 1)[0];
    let everybody = everybody(&stage);
    let mut follower = stage.portal.follow(None).unwrap();
    stage.ok(&user(BASIC), "report.create", report(chat, id));
    let sent = delivered(&stage, &mut follower);
    assert_eq!(who_gets(&everybody, &sent, "report:new"), [OWNER, ADMIN]);
    let data = &sent[0].2;
    assert_eq!(
        (&data["report_id"], &data["chat_id"]),
        (&json!(1), &json!(chat))
    );
    // Somebody else's screen follows what the one does.
    let settle = json!({ "report_id": 1, "state": "dismissed" });
    stage.ok(&user(ADMIN), "report.resolve", settle);
    let sent = delivered(&stage, &mut follower);
    assert_eq!(
        who_gets(&everybody, &sent, "report:updated"),
        [OWNER, ADMIN]
    );
    assert_eq!(sent[0].2["state"], "dismissed");
    stage.set("resolved_report_days", json!(1));
    stage
        .raw()
        .execute("UPDATE report SET handled_at = 0", [])
        .unwrap();
    stage.portal.tick().unwrap();
    let sent = delivered(&stage, &mut follower);
    assert_eq!(
        who_gets(&everybody, &sent, "report:deleted"),
        [OWNER, ADMIN]
    );
}

#[test]
fn other_words_to_staff_reach_moderators_too_spec_12_2() {
    let stage = Stage::new();
    let everybody = everybody(&stage);
    let mut follower = stage.portal.follow(None).unwrap();
    let new = json!({ "username": "newcomer" });
    stage.ok(&Actor::operator(), "user.create", new);
    let sent = delivered(&stage, &mut follower);
    assert_eq!(
        who_gets(&everybody, &sent, "user:created"),
        [OWNER, ADMIN, MODERATOR]
    );
}

#[test]
fn whether_somebody_is_staff_is_judged_at_delivery_spec_12_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let id = stage.written(chat, PREMIUM, 1)[0];
    let everybody = everybody(&stage);
    let mut follower = stage.portal.follow(None).unwrap();
    stage.ok(&user(BASIC), "report.create", report(chat, id));
    stage
        .raw()
        .execute_batch(
            "UPDATE user SET role = 1 WHERE id = 2000; UPDATE user SET role = 2 WHERE id = 3000",
        )
        .unwrap();
    let sent = delivered(&stage, &mut follower);
    assert_eq!(
        who_gets(&everybody, &sent, "report:new"),
        [OWNER, MODERATOR]
    );
}

#[test]
fn a_report_is_told_although_its_chat_ends_right_after_it_spec_7_6() {
    let stage = Stage::new();
    let chat = stage.direct(BASIC, OTHER);
    let id = stage.written(chat, OTHER, 1)[0];
    let everybody = everybody(&stage);
    let mut follower = stage.portal.follow(None).unwrap();
    stage.ok(&user(BASIC), "report.create", report(chat, id));
    stage.ok(&user(BASIC), "chat.leave", json!({ "chat_id": chat }));
    let sent = delivered(&stage, &mut follower);
    assert_eq!(who_gets(&everybody, &sent, "report:new"), [OWNER, ADMIN]);
}

#[test]
fn another_process_is_noticed_spec_12_1() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("open-door"));
    let (_, inside) = stage.connect(BASIC);
    join(&stage, inside, chat);
    let mut follower = stage.portal.follow(None).unwrap();
    let other = Portal::open(stage.portal.path(), Options::default()).unwrap();
    let rename = json!({ "chat_id": chat, "name": "From outside" }).to_string();
    other
        .call_json(&Actor::operator(), "chat.update", &rename)
        .unwrap();
    let sent = delivered(&stage, &mut follower);
    assert_eq!(sent[0].0, [inside]);
    assert_eq!(sent[0].2["chat"]["name"], "From outside");
}

/// Makes a chat unreadable, past every rule, or readable again.
fn configured(stage: &Stage, chat: ChatId, config: &str) {
    let db = stage.raw();
    db.pragma_update(None, "ignore_check_constraints", true)
        .unwrap();
    let sql = "UPDATE chat SET chat_config = ? WHERE id = ?";
    db.execute(sql, (config, chat.get())).unwrap();
}

#[test]
fn a_delivery_that_failed_is_made_again_to_those_put_out_meanwhile_too_spec_12_2() {
    let stage = Stage::new();
    let [gone, stays] =
        ["one", "two"].map(|slug| stage.chat(ChatType::Public, PREMIUM, Some(slug)));
    let (_, connection) = stage.connect(BASIC);
    for chat in [gone, stays] {
        join(&stage, connection, chat);
    }
    let mut follower = stage.portal.follow(None).unwrap();
    stage.ok(&user(PREMIUM), "chat.destroy", json!({ "chat_id": gone }));
    let rename = json!({ "chat_id": stays, "name": "Renamed" });
    stage.ok(&user(PREMIUM), "chat.update", rename);

    // The first event can be delivered, the second cannot: its chat cannot be read.
    configured(&stage, stays, r#"{"wipe_preset":"never"}"#);
    for _ in 0..2 {
        let failed = stage.portal.deliver(&mut follower, 100).unwrap_err();
        assert_eq!(failed.kind().code(), "ERR_STORAGE_CORRUPT");
    }
    configured(&stage, stays, "{}");
    let sent = delivered(&stage, &mut follower);
    let sent: Vec<_> = sent
        .iter()
        .map(|(to, name, _)| (to.as_slice(), name.as_str()))
        .collect();
    let to = [connection];
    assert_eq!(sent, [(&to[..], "room:destroyed"), (&to, "room:updated")]);
}

#[test]
fn a_follower_resumes_where_it_left_off_and_misses_none_spec_12_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let rename = |name: &str| {
        stage.ok(
            &user(PREMIUM),
            "chat.update",
            json!({ "chat_id": chat, "name": name }),
        );
    };
    rename("One");
    let mut first = stage.portal.follow(None).unwrap();
    rename("Two");
    rename("Three");
    assert_eq!(first.poll(1).unwrap().len(), 1);
    let position = first.position().clone();
    drop(first);
    let mut second = stage.portal.follow(Some(position.clone())).unwrap();
    let seqs: Vec<_> = second
        .poll(100)
        .unwrap()
        .iter()
        .map(|event| event.seq.get())
        .collect();
    assert_eq!(seqs, [position.after.cast_signed() + 1]);
    assert!(second.poll(100).unwrap().is_empty());
}

#[test]
fn a_place_beyond_the_end_or_of_another_log_is_refused_spec_12_2() {
    let stage = Stage::new();
    let here = stage.portal.follow(None).unwrap().position().clone();
    for position in [
        Position {
            after: here.after + 1,
            ..here.clone()
        },
        Position {
            log_id: "another".into(),
            ..here
        },
    ] {
        let refused = stage.portal.follow(Some(position)).err().unwrap();
        assert_eq!(refused.kind().code(), "ERR_EVENTS_PRUNED");
    }
}

#[test]
fn only_one_process_keeps_presence_spec_10_1() {
    let stage = Stage::new();
    let options = Options {
        presence: true,
        ..Options::default()
    };
    let refused = Portal::open(stage.portal.path(), options.clone())
        .err()
        .unwrap();
    assert_eq!(refused.kind().code(), "ERR_PRESENCE_TAKEN");
    stage.portal.close();
    Portal::open(stage.portal.path(), options).unwrap();
}

#[test]
fn a_closed_portal_answers_so_and_wakes_its_followers_spec_17_5() {
    let stage = Stage::new();
    let mut follower = stage.portal.follow(None).unwrap();
    let portal = stage.portal.clone();
    let waiting = std::thread::spawn(move || follower.next(1, std::time::Duration::from_mins(1)));
    portal.close();
    portal.close();
    assert_eq!(
        waiting.join().unwrap().unwrap_err().kind().code(),
        "ERR_CLOSED"
    );
    let chat = ChatId::try_from(1).unwrap();
    stage.refused(
        &user(PREMIUM),
        "chat.get",
        json!({ "chat_id": chat }),
        "ERR_CLOSED",
    );
    let rename = json!({ "chat_id": chat, "name": "Late" });
    stage.refused(&user(PREMIUM), "chat.update", rename, "ERR_CLOSED");
}

#[test]
fn events_are_kept_for_a_day_and_the_newest_for_good_spec_12_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let start = stage.portal.follow(None).unwrap().position().clone();
    for name in ["Once", "Twice"] {
        let rename = json!({ "chat_id": chat, "name": name });
        stage.ok(&user(PREMIUM), "chat.update", rename);
    }
    stage.clock.advance(25 * 3_600_000);
    stage.portal.tick().unwrap();
    let left = stage.events(0);
    assert_eq!(left.len(), 1, "{left:?}");
    let refused = stage.portal.follow(Some(start)).err().unwrap();
    assert_eq!(refused.kind().code(), "ERR_EVENTS_PRUNED");
}

#[test]
fn a_mute_silences_typing_too_spec_4_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("open-door"));
    let (_, connection) = stage.connect(BASIC);
    join(&stage, connection, chat);
    let typing = json!({ "chat_id": chat });
    stage.ok(
        &user(PREMIUM),
        "mod.mute",
        json!({ "chat_id": chat, "user_id": BASIC }),
    );
    let actor = Actor::connection(connection);
    stage.refused(&actor, "room.typing", typing, "ERR_MUTED");
}

/// Who is told how many watch a chat, and how many those are.
fn statuses(stage: &Stage) -> Vec<(Vec<ConnectionId>, Value)> {
    let live = stage.portal.deliver_live().unwrap();
    live.into_iter()
        .filter_map(|delivery| match delivery {
            Delivery::Send {
                to,
                name: "chat:status",
                data,
            } => Some((to, serde_json::from_str(&data).unwrap())),
            _ => None,
        })
        .collect()
}

#[test]
fn the_lobby_is_told_how_many_watch_an_open_chat_spec_10_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("open-door"));
    let other = stage.chat(ChatType::Public, PREMIUM, Some("other-door"));
    let (_, inside) = stage.connect(BASIC);
    let (_, elsewhere) = stage.connect(OTHER);
    let lobby = stage.portal.connect(&Actor::guest()).unwrap();
    join(&stage, elsewhere, other);
    stage.portal.deliver_live().unwrap();
    join(&stage, inside, chat);
    let told = statuses(&stage);
    // The room itself reads it in room:members; whoever sits in another room is not in the lobby.
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, [lobby]);
    let status = json!({ "chat_id": chat, "running": false, "viewer_count": 1 });
    assert_eq!(told[0].1, status);
}

#[test]
fn of_a_private_chat_its_members_are_told_spec_10_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    let (_, inside) = stage.connect(BASIC);
    let (_, owner) = stage.connect(PREMIUM);
    stage.connect(OTHER);
    stage.portal.connect(&Actor::guest()).unwrap();
    join(&stage, inside, chat);
    let told = statuses(&stage);
    assert_eq!(told.len(), 1);
    let mut to = told[0].0.clone();
    to.sort_unstable();
    assert_eq!(to, [inside, owner]);
}
