//! Reading messages (SPEC 6.4), and what is not visible (SPEC 3.4, 3.8).

mod common;

use common::talk::{Talker, ids};
use common::{
    ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, OWNER, PREMIUM, START, STRANGER, Stage, user,
};
use portal_core::model::{ChatId, ChatType, MINUTE};
use portal_core::{Actor, Options, Portal};
use serde_json::{Value, json};

const NONE: [i64; 0] = [];

fn page(stage: &Stage, chat: ChatId, mut params: Value) -> Vec<i64> {
    params["chat_id"] = json!(chat);
    ids(&stage.ok(&Actor::guest(), "message.history", params))
}

#[test]
fn history_is_newest_first_and_pages_by_id_spec_6_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    stage.written(chat, BASIC, 120);
    let down = |from: i64, to: i64| (to..=from).rev().collect::<Vec<_>>();
    assert_eq!(page(&stage, chat, json!({})), down(120, 71));
    assert_eq!(page(&stage, chat, json!({ "limit": 100 })), down(120, 21));
    assert_eq!(
        page(&stage, chat, json!({ "limit": 3, "before": 71 })),
        down(70, 68)
    );
    assert_eq!(page(&stage, chat, json!({ "after": 117 })), down(120, 118));
    let between = json!({ "after": 10, "before": 14 });
    assert_eq!(page(&stage, chat, between), down(13, 11));
    assert_eq!(page(&stage, chat, json!({ "before": 1 })), NONE);
    assert_eq!(page(&stage, chat, json!({ "after": 120 })), NONE);
    // A key that is gone is still a place.
    let ids = json!({ "chat_id": chat, "ids": [70] });
    stage.ok(&user(PREMIUM), "message.delete", ids);
    assert_eq!(
        page(&stage, chat, json!({ "limit": 1, "before": 70 })),
        [69]
    );
}

#[test]
fn a_page_has_1_to_100_messages_spec_6_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    for limit in [0, 101] {
        let params = json!({ "chat_id": chat, "limit": limit });
        let error = stage.refused(&Actor::guest(), "message.history", params, "ERR_INVALID");
        assert_eq!(error.extras().field.as_deref(), Some("limit"));
    }
}

#[test]
fn a_page_says_where_the_epoch_starts_and_when_it_is_true_spec_6_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let params = json!({ "chat_id": chat });
    let page = stage.ok(&Actor::guest(), "message.history", params.clone());
    assert_eq!(
        (&page["epoch"], &page["epoch_start"]),
        (&json!(1), &json!(1))
    );
    stage.written(chat, BASIC, 3);
    let kick = json!({ "chat_id": chat, "user_id": OTHER });
    stage.ok(&user(PREMIUM), "mod.kick", kick);
    stage.written(chat, BASIC, 2);
    let page = stage.ok(&Actor::guest(), "message.history", params);
    assert_eq!(
        (&page["epoch"], &page["epoch_start"]),
        (&json!(2), &json!(4))
    );
    assert_eq!(page["as_of"], stage.as_of());
    // Rows of earlier epochs are given as they are stored.
    let epochs: Vec<_> = page["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["epoch"])
        .collect();
    assert_eq!(epochs, [2, 2, 1, 1, 1]);
}

#[test]
fn a_row_that_cannot_be_read_is_reported_in_its_place_spec_6_4() {
    let damages = [
        "content = CAST(x'fffe' AS TEXT)",
        "sender_id = NULL",
        "sender_role = NULL",
        "sender_role = 7",
        "sender_id = -4",
        "epoch = -1",
        "epoch = 0",
        "code = 'joined'",
        "code = CAST(x'ff' AS TEXT)",
    ];
    for damage in damages {
        let stage = Stage::new();
        let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
        stage.written(chat, BASIC, 3);
        stage
            .raw()
            .execute_batch(&format!(
                "PRAGMA ignore_check_constraints = on;
                 DROP TRIGGER message_is_never_rewritten;
                 UPDATE message SET {damage} WHERE id = 2;"
            ))
            .unwrap();
        let params = json!({ "chat_id": chat });
        let page = stage.ok(&Actor::guest(), "message.history", params);
        assert_eq!(ids(&page), [3, 2, 1], "{damage}");
        assert_eq!(
            page["messages"][1],
            json!({ "id": 2, "chat_id": chat, "kind": "unreadable" }),
            "{damage}"
        );
        assert_eq!(page["messages"][0]["kind"], "user", "{damage}");
        // It can be deleted like any other.
        let ids = json!({ "chat_id": chat, "ids": [2] });
        assert_eq!(
            stage.ok(&user(PREMIUM), "message.delete", ids)["deleted"],
            1
        );
        assert_eq!(stage.history(&Actor::guest(), chat), [3, 1], "{damage}");
    }
}

#[test]
fn whom_the_chat_is_hidden_from_reads_nothing_spec_4_4() {
    let stage = Stage::new();
    let private = stage.chat(ChatType::Private, PREMIUM, None);
    let direct = stage.direct(BASIC, STRANGER);
    let reads = |actor: &Actor, chat: ChatId| {
        let answer = stage.call(actor, "message.history", json!({ "chat_id": chat }));
        answer.map(drop).map_err(|error| error.kind().code())
    };
    stage.member(private, BASIC);
    for staff in [ADMIN, OWNER] {
        stage.inspect(&user(staff), private);
    }
    for (who, in_private, in_direct) in [
        (PREMIUM, true, false),
        (BASIC, true, true),
        (ADMIN, true, false),
        (OWNER, true, false),
        (MODERATOR, false, false),
        (OTHER, false, false),
        (STRANGER, false, true),
    ] {
        for (chat, may) in [(private, in_private), (direct, in_direct)] {
            let expected = if may {
                Ok(())
            } else {
                Err("ERR_CHAT_NOT_FOUND")
            };
            assert_eq!(reads(&user(who), chat), expected, "{who} in {chat}");
        }
    }
    assert_eq!(reads(&Actor::guest(), private), Err("ERR_CHAT_NOT_FOUND"));
    assert_eq!(reads(&Actor::operator(), direct), Ok(()));
}

/// A chat without visible history, with three messages.
fn hiding(chat_type: ChatType) -> (Stage, ChatId) {
    let stage = Stage::new();
    let slug = (chat_type == ChatType::Public).then_some("a-chat");
    let chat = stage.chat(chat_type, PREMIUM, slug);
    stage.configure(chat, "history_visible", json!(false));
    stage.written(chat, BASIC, 3);
    (stage, chat)
}

#[test]
fn hidden_history_is_read_by_who_manages_the_chat_spec_6_4() {
    let (stage, chat) = hiding(ChatType::Public);
    // The owner, whoever outranks the owner, the operator; the people themselves need no session.
    for all in [
        user(PREMIUM),
        user(MODERATOR),
        user(ADMIN),
        Actor::operator(),
    ] {
        assert_eq!(stage.history(&all, chat), [3, 2, 1], "{all:?}");
    }
    for none in [user(BASIC), user(LIFETIME), Actor::guest()] {
        assert_eq!(stage.history(&none, chat), NONE, "{none:?}");
    }
    let (stage, chat) = hiding(ChatType::Private);
    stage.member(chat, BASIC);
    for all in [user(PREMIUM), user(ADMIN), user(OWNER), Actor::operator()] {
        stage.inspect(&all, chat);
        assert_eq!(stage.history(&all, chat), [3, 2, 1], "{all:?}");
    }
    assert_eq!(stage.history(&user(BASIC), chat), NONE);
}

#[test]
fn hidden_history_begins_with_the_sessions_joining_spec_6_4() {
    let (stage, chat) = hiding(ChatType::Public);
    let talker = stage.talker(chat, BASIC);
    assert_eq!(stage.history(&talker.actor, chat), NONE);
    stage.written(chat, PREMIUM, 2);
    assert_eq!(stage.history(&talker.actor, chat), [5, 4]);
    assert_eq!(stage.history(&Actor::session(talker.session), chat), [5, 4]);
    // Pages end there too.
    let params = json!({ "chat_id": chat, "after": 1, "before": 5 });
    assert_eq!(
        ids(&stage.ok(&talker.actor, "message.history", params)),
        [4]
    );
    // The same person's other device joined later; one that has not joined reads nothing.
    let later = stage.talker(chat, BASIC);
    let absent = stage.session(BASIC);
    stage.written(chat, PREMIUM, 1);
    assert_eq!(stage.history(&later.actor, chat), [6]);
    assert_eq!(stage.history(&talker.actor, chat), [6, 5, 4]);
    assert_eq!(stage.history(&Actor::session(absent), chat), NONE);
}

#[test]
fn guests_read_nothing_of_a_hidden_history_spec_6_4() {
    let (stage, chat) = hiding(ChatType::Public);
    let connection = stage.portal.connect(&Actor::guest()).unwrap();
    let guest = Actor::connection(connection);
    stage.ok(&guest, "room.join", json!({ "chat_id": chat }));
    stage.written(chat, PREMIUM, 2);
    assert_eq!(stage.history(&guest, chat), NONE);
}

fn room(stage: &Stage, talker: &Talker, chat: ChatId, verb: &str) {
    stage.ok(&talker.actor, verb, json!({ "chat_id": chat }));
}

#[test]
fn coming_back_within_a_minute_is_the_same_joining_spec_6_4() {
    let (stage, chat) = hiding(ChatType::Public);
    let talker = stage.talker(chat, BASIC);
    stage.clock.advance(10 * MINUTE);
    stage.no_news(chat, BASIC);
    stage.written(chat, PREMIUM, 1);
    room(&stage, &talker, chat, "room.leave");
    stage.written(chat, PREMIUM, 1);
    stage.clock.advance(MINUTE);
    assert_eq!(stage.history(&talker.actor, chat), [5, 4]);
    room(&stage, &talker, chat, "room.join");
    stage.clock.advance(10 * MINUTE);
    assert_eq!(stage.history(&talker.actor, chat), [5, 4]);
    stage.no_news(chat, BASIC);
    // A minute and more is a new one.
    room(&stage, &talker, chat, "room.leave");
    stage.clock.advance(MINUTE + 1);
    assert_eq!(stage.history(&talker.actor, chat), NONE);
    room(&stage, &talker, chat, "room.join");
    assert_eq!(stage.history(&talker.actor, chat), NONE);
    stage.written(chat, PREMIUM, 1);
    assert_eq!(stage.history(&talker.actor, chat), [6]);
}

#[test]
fn a_joining_lasts_until_the_last_connection_leaves_spec_6_4() {
    let (stage, chat) = hiding(ChatType::Public);
    let talker = stage.talker(chat, BASIC);
    let tab = stage
        .portal
        .connect(&Actor::session(talker.session))
        .unwrap();
    stage.ok(
        &Actor::connection(tab),
        "room.join",
        json!({ "chat_id": chat }),
    );
    stage.written(chat, PREMIUM, 1);
    stage.portal.disconnect(talker.connection).unwrap();
    stage.clock.advance(10 * MINUTE);
    let session = Actor::session(talker.session);
    assert_eq!(stage.history(&session, chat), [4]);
    stage.no_news(chat, BASIC);
    stage.portal.disconnect(tab).unwrap();
    stage.clock.advance(MINUTE);
    assert_eq!(stage.history(&session, chat), [4]);
    stage.clock.advance(1);
    assert_eq!(stage.history(&session, chat), NONE);
}

#[test]
fn a_restart_ends_joinings_as_a_lost_connection_does_spec_10_1() {
    for (away, expected) in [(MINUTE, vec![4]), (MINUTE + 1, vec![])] {
        let (stage, chat) = hiding(ChatType::Public);
        let talker = stage.talker(chat, BASIC);
        stage.written(chat, PREMIUM, 1);
        stage.clock.advance(10 * MINUTE);
        stage.portal.close();
        let options = Options {
            presence: true,
            clock: stage.clock.clone(),
            ..Options::default()
        };
        let portal = Portal::open(stage.portal.path(), options).unwrap();
        let stage = Stage { portal, ..stage };
        stage.clock.advance(away);
        let session = Actor::session(talker.session);
        assert_eq!(stage.history(&session, chat), expected);
        stage.no_news(chat, BASIC);
        let back = Actor::connection(stage.portal.connect(&session).unwrap());
        stage.ok(&back, "room.join", json!({ "chat_id": chat }));
        assert_eq!(stage.history(&back, chat), expected);
    }
}

#[test]
fn whoever_was_put_out_begins_anew_spec_6_4() {
    for act in ["mod.kick", "mod.ban"] {
        let (stage, chat) = hiding(ChatType::Public);
        let talker = stage.talker(chat, BASIC);
        stage.written(chat, PREMIUM, 1);
        let target = json!({ "chat_id": chat, "user_id": BASIC });
        stage.ok(&user(PREMIUM), act, target.clone());
        stage.ok(&user(PREMIUM), "mod.unban", target);
        assert_eq!(stage.history(&talker.actor, chat), NONE);
        room(&stage, &talker, chat, "room.join");
        stage.written(chat, PREMIUM, 1);
        assert_eq!(stage.history(&talker.actor, chat), [5]);
    }
}

#[test]
fn where_presence_is_off_joining_is_the_membership_spec_10_1() {
    let stage = Stage::with_presence(false);
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.configure(chat, "history_visible", json!(false));
    stage.written(chat, PREMIUM, 2);
    stage.member(chat, BASIC);
    stage.written(chat, PREMIUM, 2);
    stage.member(chat, OTHER);
    assert_eq!(stage.history(&user(BASIC), chat), [4, 3]);
    assert_eq!(
        stage.history(&Actor::session(stage.session(BASIC)), chat),
        [4, 3]
    );
    assert_eq!(stage.history(&user(OTHER), chat), NONE);
}

/// Changes a chat's type as `chat.update` does.
fn go(stage: &Stage, chat: ChatId, public: bool) {
    let sql = if public {
        "UPDATE chat SET chat_type = 'PUBLIC', slug = 'a-chat', public_from = next_message_id WHERE id = ?"
    } else {
        "UPDATE chat SET chat_type = 'PRIVATE', slug = NULL, public_from = NULL WHERE id = ?"
    };
    stage.raw().execute(sql, [chat.get()]).unwrap();
}

#[test]
fn going_public_keeps_earlier_messages_to_who_was_there_spec_3_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    stage.written(chat, PREMIUM, 2);
    go(&stage, chat, true);
    stage.written(chat, PREMIUM, 1);
    // A member who comes later, in the same millisecond, was not there.
    stage.member(chat, OTHER);
    for all in [user(PREMIUM), user(BASIC), Actor::operator()] {
        assert_eq!(stage.history(&all, chat), [3, 2, 1], "{all:?}");
    }
    for since in [user(OTHER), user(LIFETIME), user(ADMIN), Actor::guest()] {
        assert_eq!(stage.history(&since, chat), [3], "{since:?}");
    }
    // Being owner or member then is what counts, whatever became of it.
    let db = stage.raw();
    db.execute_batch(
        "DELETE FROM membership; UPDATE chat SET owner_id = 7000;
         INSERT INTO membership (chat_id, user_id, via, joined_at) VALUES (1, 4000, 'transfer', 1)",
    )
    .unwrap();
    assert_eq!(stage.history(&user(PREMIUM), chat), [3, 2, 1]);
    assert_eq!(stage.history(&user(BASIC), chat), [3, 2, 1]);
    assert_eq!(stage.history(&user(LIFETIME), chat), [3]);
}

#[test]
fn a_chat_public_from_the_start_hides_nothing_spec_3_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    stage.written(chat, PREMIUM, 2);
    assert_eq!(stage.history(&Actor::guest(), chat), [2, 1]);
}

#[test]
fn going_private_and_public_again_counts_anew_spec_3_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(chat, BASIC);
    stage.written(chat, PREMIUM, 1);
    go(&stage, chat, true);
    stage.written(chat, PREMIUM, 1);
    go(&stage, chat, false);
    stage
        .raw()
        .execute("DELETE FROM membership WHERE user_id = ?", [BASIC])
        .unwrap();
    stage.member(chat, OTHER);
    stage.written(chat, PREMIUM, 1);
    assert_eq!(stage.history(&user(OTHER), chat), [3, 2, 1]);
    go(&stage, chat, true);
    stage.written(chat, PREMIUM, 1);
    assert_eq!(stage.history(&user(OTHER), chat), [4, 3, 2, 1]);
    assert_eq!(stage.history(&user(BASIC), chat), [4]);
}

#[test]
fn hidden_history_and_going_public_hide_together() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage.configure(chat, "history_visible", json!(false));
    stage.member(chat, BASIC);
    let talker = stage.talker(chat, BASIC);
    stage.written(chat, PREMIUM, 1);
    go(&stage, chat, true);
    let newcomer = stage.talker(chat, OTHER);
    stage.written(chat, PREMIUM, 1);
    assert_eq!(stage.history(&talker.actor, chat), [2, 1]);
    assert_eq!(stage.history(&newcomer.actor, chat), [2]);
    // Whoever manages the chat now was not necessarily there then.
    assert_eq!(stage.history(&user(MODERATOR), chat), [2]);
    assert_eq!(START, stage.portal.now());
}
