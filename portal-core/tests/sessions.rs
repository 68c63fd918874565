//! Sessions: tokens, lists, ends (SPEC 2.1, 2.2).

mod common;

use common::{ADMIN, BASIC, MODERATOR, OTHER, OWNER, PREMIUM, START, Stage, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType, DAY, SessionId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn open(stage: &Stage, user: i64) -> Value {
    let params = json!({ "user_id": user });
    stage.ok(&Actor::operator(), "session.create", params)
}

fn list(stage: &Stage, actor: &Actor) -> Vec<Value> {
    let reply = stage.ok(actor, "session.list", json!({}));
    reply["sessions"].as_array().unwrap().clone()
}

fn suffix(token: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    let [.., a, b, c] = hash;
    format!("{a:02x}{b:02x}{c:02x}")
}

/// Makes a session the distributor of a chat's key.
fn give_key(stage: &Stage, chat: ChatId, user: i64, session: SessionId) {
    stage
        .raw()
        .execute(
            "INSERT INTO room_key (chat_id, epoch, distributor_user, distributor_session, published_at)
             SELECT id, epoch, ?2, ?3, 0 FROM chat WHERE id = ?1",
            (chat.get(), user, session.get()),
        )
        .unwrap();
}

fn epoch_and_due(stage: &Stage, chat: ChatId) -> (i64, Option<i64>) {
    stage
        .raw()
        .query_row(
            "SELECT epoch, move_due_at FROM chat WHERE id = ?",
            [chat.get()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap()
}

#[test]
fn a_token_is_32_bytes_and_kept_only_as_its_hash_spec_2_1() {
    let stage = Stage::new();
    let opened = open(&stage, BASIC);
    let token = opened["token"].as_str().unwrap();
    assert_eq!(token.len(), 43);
    let session = stage.portal.authenticate(token).unwrap();
    assert_eq!(json!(session), opened["session_id"]);
    let wrong = stage.portal.authenticate(&token[1..]).unwrap_err();
    assert_eq!(wrong.kind().code(), "ERR_UNAUTHENTICATED");
    let kept: Vec<u8> = stage
        .raw()
        .query_row(
            "SELECT token_hash FROM session WHERE user_id = 5000",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(kept, Sha256::digest(token.as_bytes()).to_vec());
}

#[test]
fn a_session_lasts_30_days_and_one_for_admins_spec_2_1() {
    for (who, days) in [(BASIC, 30), (MODERATOR, 30), (ADMIN, 1), (OWNER, 1)] {
        let stage = Stage::new();
        let opened = open(&stage, who);
        assert_eq!(opened["expires_at"], json!(START.plus(days * DAY)));
        let token = opened["token"].as_str().unwrap();
        stage.clock.advance(days * DAY - 1);
        let session = stage.portal.authenticate(token).unwrap();
        stage.ok(&Actor::session(session), "user.me", json!({}));
        stage.clock.advance(1);
        stage.portal.authenticate(token).unwrap_err();
        stage.refused(
            &Actor::session(session),
            "user.me",
            json!({}),
            "ERR_UNAUTHENTICATED",
        );
    }
}

#[test]
fn the_list_shows_six_characters_and_never_the_token_spec_2_1() {
    let stage = Stage::new();
    let opened = open(&stage, BASIC);
    let token = opened["token"].as_str().unwrap();
    let operator = Actor::operator()
        .with_user_agent("a browser")
        .from_ip("192.0.2.7".parse().unwrap());
    let second = stage.ok(&operator, "session.create", json!({ "user_id": BASIC }));
    let session = stage
        .portal
        .authenticate(second["token"].as_str().unwrap())
        .unwrap();
    let listed = list(&stage, &Actor::session(session));
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["suffix"], suffix(token));
    assert_eq!(
        (&listed[0]["current"], &listed[1]["current"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(listed[1]["user_agent"], "a browser");
    assert_eq!(listed[1]["client_ip"], "192.0.2.7");
    assert!(!json!(listed).to_string().contains(token));
}

#[test]
fn others_sessions_are_for_admins_who_may_act_on_them() {
    let stage = Stage::new();
    open(&stage, BASIC);
    let of_basic = json!({ "user_id": BASIC });
    for other in [OTHER, MODERATOR] {
        stage.refused(
            &user(other),
            "session.list",
            of_basic.clone(),
            "ERR_FORBIDDEN",
        );
    }
    stage.refused(
        &user(ADMIN),
        "session.list",
        json!({ "user_id": OWNER }),
        "ERR_FORBIDDEN",
    );
    let seen = stage.ok(&user(ADMIN), "session.list", of_basic);
    assert_eq!(seen["sessions"].as_array().unwrap().len(), 1);
}

#[test]
fn one_destroys_other_sessions_and_logs_out_of_ones_own_spec_2_2() {
    let stage = Stage::new();
    let (mine, lost) = (stage.session(BASIC), stage.session(BASIC));
    let me = Actor::session(mine);
    let listed = list(&stage, &me);
    let before = stage.as_of();
    let current = json!({ "suffix": listed[0]["suffix"] });
    stage.refused(&me, "session.destroy", current, "ERR_FORBIDDEN");
    let other = json!({ "suffix": listed[1]["suffix"] });
    stage.ok(&me, "session.destroy", other.clone());
    stage.refused(&me, "session.destroy", other, "ERR_SESSION_NOT_FOUND");
    stage.refused(
        &Actor::session(lost),
        "user.me",
        json!({}),
        "ERR_UNAUTHENTICATED",
    );
    stage.ok(&me, "session.logout", json!({}));
    stage.refused(&me, "user.me", json!({}), "ERR_UNAUTHENTICATED");
    let ended: Vec<_> = stage
        .events(before)
        .iter()
        .map(|e| e["data"].clone())
        .collect();
    assert_eq!(
        ended,
        [
            json!({ "session_id": lost, "user_id": BASIC, "reason": "destroyed" }),
            json!({ "session_id": mine, "user_id": BASIC, "reason": "logout" }),
        ]
    );
}

#[test]
fn nobody_destroys_a_session_of_another_by_its_suffix() {
    let stage = Stage::new();
    let token = open(&stage, BASIC)["token"].as_str().unwrap().to_owned();
    let bare = json!({ "suffix": suffix(&token) });
    stage.refused(
        &user(OTHER),
        "session.destroy",
        bare,
        "ERR_SESSION_NOT_FOUND",
    );
    let named = json!({ "suffix": suffix(&token), "user_id": BASIC });
    stage.refused(
        &user(OTHER),
        "session.destroy",
        named.clone(),
        "ERR_FORBIDDEN",
    );
    stage.ok(&user(ADMIN), "session.destroy", named);
    stage.portal.authenticate(&token).unwrap_err();
    let audited = stage.ok(
        &user(ADMIN),
        "audit.list",
        json!({ "action": "session.destroy" }),
    );
    assert_eq!(audited["rows"][0]["target"], BASIC);
}

#[test]
fn a_connection_of_an_ended_session_does_nothing_more_spec_2_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    let (session, connection) = stage.connect(BASIC);
    let live = Actor::connection(connection);
    stage.ok(&live, "room.join", json!({ "chat_id": chat }));
    stage.ok(&Actor::session(session), "session.logout", json!({}));
    stage.refused(&live, "user.me", json!({}), "ERR_UNAUTHENTICATED");
}

#[test]
fn the_end_of_a_session_withdraws_its_keys_spec_2_2() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let session = stage.session(PREMIUM);
    give_key(&stage, chat, PREMIUM, session);
    let blob =
        "INSERT INTO key_blob (chat_id, epoch, session_id, publisher_user, publisher_session,
          publisher_public_key, blob, at) VALUES (?, 1, ?, 1, 1, zeroblob(32), zeroblob(72), 0)";
    stage
        .raw()
        .execute(blob, (chat.get(), session.get()))
        .unwrap();
    let before = stage.as_of();
    stage.ok(&Actor::session(session), "session.logout", json!({}));
    let left: i64 = stage
        .raw()
        .query_row(
            "SELECT (SELECT count(*) FROM key_blob) + (SELECT count(distributor_session) FROM room_key)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 0);
    let events = stage.events(before);
    assert_eq!(events[0]["name"], "portal:key_removed");
    assert_eq!(
        events[0]["data"],
        json!({ "chat_id": chat, "user_id": PREMIUM, "session_id": session })
    );
}

#[test]
fn only_a_session_destroyed_by_another_moves_epochs_spec_8_1() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.clock.advance(60_000);
    let holder = stage.session(PREMIUM);
    give_key(&stage, chat, PREMIUM, holder);
    stage.ok(&Actor::session(holder), "session.logout", json!({}));
    assert_eq!(
        epoch_and_due(&stage, chat),
        (1, None),
        "logout moves nothing"
    );

    let holder = stage.session(PREMIUM);
    let suffix_of = |session: SessionId| {
        let listed = list(&stage, &user(PREMIUM));
        let found = listed.iter().find(|s| s["session_id"] == json!(session));
        json!({ "suffix": found.unwrap()["suffix"] })
    };
    stage
        .raw()
        .execute(
            "UPDATE room_key SET distributor_session = ?",
            [holder.get()],
        )
        .unwrap();
    stage.ok(&user(PREMIUM), "session.destroy", suffix_of(holder));
    assert_eq!(
        epoch_and_due(&stage, chat),
        (2, None),
        "the first move is at once"
    );

    let holder = stage.session(PREMIUM);
    give_key(&stage, chat, PREMIUM, holder);
    stage.clock.advance(3_000);
    stage.ok(&user(PREMIUM), "session.destroy", suffix_of(holder));
    let due = START.plus(60_000 + 10_000).as_millis();
    assert_eq!(
        epoch_and_due(&stage, chat),
        (2, Some(due)),
        "the next is gathered (8.6a)"
    );
}

#[test]
fn what_staff_end_moves_the_epoch_at_once_spec_8_6a() {
    let end_by_staff = [
        (
            "session.destroy",
            json!({ "user_id": PREMIUM }),
            [user(ADMIN), Actor::operator()],
        ),
        (
            "user.set_role",
            json!({ "user_id": PREMIUM, "role": "moderator" }),
            [user(ADMIN), Actor::operator()],
        ),
    ];
    for (operation, params, actors) in end_by_staff {
        for actor in actors {
            let stage = Stage::new();
            let chat = stage.room(&[BASIC]);
            let [owner, basic] = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
            stage.publish(&owner, chat, &[&basic]);
            // A move a moment ago, and another that is gathered.
            let just_moved = "UPDATE chat SET epoch_moved_at = ?1, move_due_at = ?1 + 10000, move_reason = 'joined'";
            stage
                .raw()
                .execute(just_moved, [START.as_millis()])
                .unwrap();
            let mut params = params.clone();
            if operation == "session.destroy" {
                params["suffix"] = list(&stage, &user(PREMIUM))[0]["suffix"].clone();
            }
            let before = stage.as_of();
            stage.ok(&actor, operation, params);
            assert_eq!(epoch_and_due(&stage, chat), (2, None), "{operation}");
            let moved = &stage.named("room:epoch_changed", before)[0];
            assert_eq!(moved["reason"], "session_destroyed");
            assert_eq!(moved["distributor"], json!(basic.session));
        }
    }
}

#[test]
fn several_sessions_that_end_together_move_an_epoch_once_spec_8_1() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC]);
    let [phone, tablet] = [PREMIUM, PREMIUM].map(|user| stage.joined(user, chat));
    let basic = stage.joined(BASIC, chat);
    stage.publish(&phone, chat, &[&tablet, &basic]);
    let before = stage.as_of();
    let promote = json!({ "user_id": PREMIUM, "role": "moderator" });
    stage.ok(&user(OWNER), "user.set_role", promote);
    assert_eq!(stage.epoch(chat), 2);
    let names = stage.event_names(before);
    let at = |name: &str| names.iter().rposition(|found| found == name).unwrap();
    assert!(at("session:ended") < at("room:epoch_changed"), "{names:?}");
    // Neither of those that ended is to make the new key.
    let moved = &stage.named("room:epoch_changed", before)[0];
    assert_eq!(moved["distributor"], json!(basic.session));
}

#[test]
fn a_person_has_at_most_20_live_sessions_spec_2_2() {
    let stage = Stage::new();
    let sessions: Vec<_> = (0..20).map(|_| stage.session(BASIC)).collect();
    for session in &sessions {
        stage.ok(&Actor::session(*session), "user.me", json!({}));
    }
    let before = stage.as_of();
    let newest = stage.session(BASIC);
    stage.refused(
        &Actor::session(sessions[0]),
        "user.me",
        json!({}),
        "ERR_UNAUTHENTICATED",
    );
    for session in sessions[1..].iter().chain([&newest]) {
        stage.ok(&Actor::session(*session), "user.me", json!({}));
    }
    let ended = &stage.events(before)[0];
    assert_eq!(ended["data"]["reason"], "too_many");
    assert_eq!(ended["data"]["session_id"], json!(sessions[0]));
    // Sessions of others and those that ran out do not count.
    stage.clock.advance(30 * DAY);
    let fresh = stage.session(BASIC);
    stage.session(OTHER);
    assert_eq!(list(&stage, &Actor::session(fresh)).len(), 1);
}

#[test]
fn a_tick_sweeps_sessions_that_ran_out_once_spec_14_2() {
    let stage = Stage::new();
    let session = stage.session(BASIC);
    let next = stage.portal.tick().unwrap();
    assert_eq!(
        next,
        START.plus(60_000),
        "nothing is due before the next minute"
    );
    stage.clock.advance(30 * DAY - 30_000);
    assert_eq!(stage.portal.tick().unwrap(), START.plus(30 * DAY));
    stage.clock.advance(30_000);
    let before = stage.as_of();
    stage.portal.tick().unwrap();
    stage.portal.tick().unwrap();
    let ended: Vec<_> = stage
        .events(before)
        .into_iter()
        .filter(|event| event["name"] == "session:ended")
        .map(|event| event["data"].clone())
        .collect();
    assert_eq!(
        ended,
        [json!({ "session_id": session, "user_id": BASIC, "reason": "expired" })]
    );
}
