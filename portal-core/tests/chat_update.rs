//! Changing a chat: words, configurations, the address and with it the type (SPEC 3.3, 3.4, 3.8, 3.9).

mod common;

use common::{ADMIN, BASIC, LIFETIME, MODERATOR, OTHER, PREMIUM, START, STRANGER, Stage, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType, DAY};
use serde_json::{Value, json};

fn get(stage: &Stage, chat: ChatId) -> Value {
    stage.ok(&Actor::operator(), "chat.get", json!({ "chat_id": chat }))
}

fn update(stage: &Stage, chat: ChatId, mut change: Value) {
    change["chat_id"] = json!(chat);
    stage.ok(&user(PREMIUM), "chat.update", change);
}

/// The names of the events after a place in the log.
fn names(stage: &Stage, after: u64) -> Vec<String> {
    let name = |event: &Value| event["name"].as_str().unwrap().to_owned();
    stage.events(after).iter().map(name).collect()
}

fn count(stage: &Stage, sql: &str) -> i64 {
    stage.raw().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn lapse(stage: &Stage, owner: i64) {
    stage
        .raw()
        .execute("UPDATE user SET tier = 0 WHERE id = ?", [owner])
        .unwrap();
}

#[test]
fn left_out_stays_and_null_empties_spec_3_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    update(&stage, chat, json!({ "description": "Words" }));
    update(&stage, chat, json!({ "name": "Renamed" }));
    let shown = get(&stage, chat);
    assert_eq!(
        (&shown["description"], &shown["slug"]),
        (&json!("Words"), &json!("a-chat"))
    );
    update(&stage, chat, json!({ "description": null }));
    let shown = get(&stage, chat);
    assert_eq!(
        (&shown["description"], &shown["slug"]),
        (&Value::Null, &json!("a-chat"))
    );
}

#[test]
fn an_update_names_the_fields_that_really_changed() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let before = stage.as_of();
    update(
        &stage,
        chat,
        json!({ "name": "A chat", "description": null, "slug": null }),
    );
    assert_eq!(stage.as_of(), before, "nothing changed, nothing is said");
    let change = json!({
        "name": "Renamed", "description": "Words",
        "chat_config": { "slow_mode_seconds": 5 }, "browser_config": { "kiosk": true }
    });
    update(&stage, chat, change);
    let events = stage.events(before);
    assert_eq!(events.last().unwrap()["name"], "room:updated");
    assert_eq!(
        events.last().unwrap()["data"]["changed"],
        json!(["name", "description", "chat_config", "browser_config"])
    );
}

#[test]
fn who_may_configure_is_the_owner_and_in_open_chats_their_betters_spec_4_1() {
    let stage = Stage::new();
    let open = stage.chat(ChatType::Public, PREMIUM, Some("open"));
    let closed = stage.chat(ChatType::Private, PREMIUM, None);
    let rename = |chat: ChatId| json!({ "chat_id": chat, "name": "Renamed" });
    stage.ok(&user(MODERATOR), "chat.update", rename(open));
    stage.refused(
        &user(MODERATOR),
        "chat.update",
        rename(closed),
        "ERR_CHAT_NOT_FOUND",
    );
    stage.refused(&user(ADMIN), "chat.update", rename(closed), "ERR_FORBIDDEN");
    stage.refused(
        &Actor::guest(),
        "chat.update",
        rename(open),
        "ERR_UNAUTHENTICATED",
    );
    stage.refused(
        &user(STRANGER),
        "chat.update",
        rename(open),
        "ERR_STRANGER_FORBIDDEN",
    );
}

#[test]
fn a_slug_makes_a_private_chat_public_from_the_next_message_on_spec_3_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    stage
        .raw()
        .execute(
            "UPDATE chat SET next_message_id = 42 WHERE id = ?",
            [chat.get()],
        )
        .unwrap();
    let before = stage.as_of();
    update(&stage, chat, json!({ "slug": "in-the-open" }));
    let shown = get(&stage, chat);
    assert_eq!(
        (&shown["chat_type"], &shown["slug"]),
        (&json!("PUBLIC"), &json!("in-the-open"))
    );
    assert_eq!(shown["epoch"], 2);
    assert_eq!(count(&stage, "SELECT public_from FROM chat"), 42);
    let events = stage.events(before);
    assert_eq!(
        names(&stage, before),
        ["room:epoch_changed", "room:updated"]
    );
    assert_eq!(events[0]["data"]["reason"], "went_public");
    assert_eq!(events[1]["data"]["changed"], json!(["slug", "chat_type"]));
}

#[test]
fn no_slug_makes_a_public_chat_private_and_evicts_viewers_spec_3_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    stage.member(chat, BASIC);
    let guest = stage.portal.connect(&Actor::guest()).unwrap();
    let seats = [PREMIUM, BASIC, OTHER].map(|who| stage.connect(who).1);
    for connection in seats.into_iter().chain([guest]) {
        let room = json!({ "chat_id": chat });
        stage.ok(&Actor::connection(connection), "room.join", room);
    }
    let viewers = || {
        stage.ok(&Actor::guest(), "directory.list", json!({}))["chats"][0]["viewer_count"].clone()
    };
    assert_eq!(viewers(), 4);
    let before = stage.as_of();
    update(&stage, chat, json!({ "slug": null }));
    let events = stage.events(before);
    assert_eq!(
        names(&stage, before),
        ["room:evicted", "room:epoch_changed", "room:updated"],
        "who is evicted hears nothing of what comes after"
    );
    assert_eq!(
        events[0]["data"],
        json!({ "chat_id": chat, "reason": "went_private" })
    );
    assert_eq!(events[1]["data"]["reason"], "went_private");
    let shown = get(&stage, chat);
    assert_eq!(
        (&shown["chat_type"], &shown["slug"]),
        (&json!("PRIVATE"), &Value::Null)
    );
    assert_eq!(count(&stage, "SELECT public_from IS NULL FROM chat"), 1);
    stage.refused(
        &user(OTHER),
        "chat.get",
        json!({ "chat_id": chat }),
        "ERR_CHAT_NOT_FOUND",
    );
    // The owner and the member have kept their seats.
    update(&stage, chat, json!({ "slug": "a-chat" }));
    assert_eq!(viewers(), 2);
}

#[test]
fn an_official_chat_takes_and_drops_a_slug_without_changing_its_type_spec_3_4() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Official, ADMIN, None);
    for slug in [json!("help-desk"), Value::Null] {
        let before = stage.as_of();
        let change = json!({ "chat_id": chat, "slug": slug });
        stage.ok(&user(ADMIN), "chat.update", change);
        let shown = get(&stage, chat);
        assert_eq!(
            (&shown["chat_type"], &shown["slug"]),
            (&json!("OFFICIAL"), &slug)
        );
        assert_eq!(shown["epoch"], 1);
        assert_eq!(names(&stage, before), ["room:updated"]);
    }
}

#[test]
fn a_direct_chat_takes_no_slug_spec_3_4() {
    let stage = Stage::new();
    let chat = stage.direct(BASIC, OTHER);
    let params = json!({ "chat_id": chat, "slug": "just-us" });
    stage.refused(
        &user(BASIC),
        "chat.update",
        params.clone(),
        "ERR_CHAT_TYPE_FIXED",
    );
    stage.refused(
        &Actor::operator(),
        "chat.update",
        params.clone(),
        "ERR_CHAT_TYPE_FIXED",
    );
    stage.refused(&user(ADMIN), "chat.update", params, "ERR_CHAT_NOT_FOUND");
    let params = json!({ "chat_id": chat, "name": "Just us" });
    stage.refused(&user(BASIC), "chat.update", params, "ERR_FORBIDDEN");
}

#[test]
fn a_lapsed_tier_keeps_its_chats_but_opens_none_spec_3_5() {
    let stage = Stage::new();
    let closed = stage.chat(ChatType::Private, PREMIUM, None);
    let open = stage.chat(ChatType::Public, PREMIUM, Some("open"));
    lapse(&stage, PREMIUM);
    let publish = json!({ "chat_id": closed, "slug": "now-open" });
    stage.refused(
        &user(PREMIUM),
        "chat.update",
        publish.clone(),
        "ERR_PREMIUM_REQUIRED",
    );
    stage.refused(
        &Actor::operator(),
        "chat.update",
        publish,
        "ERR_PREMIUM_REQUIRED",
    );
    update(&stage, closed, json!({ "name": "Still mine" }));
    update(&stage, open, json!({ "slug": "elsewhere" }));
    assert_eq!(get(&stage, open)["slug"], "elsewhere");
}

#[test]
fn slugs_are_unique_and_some_are_reserved_spec_3_3() {
    let stage = Stage::new();
    stage.chat(ChatType::Public, PREMIUM, Some("taken"));
    let chat = stage.chat(ChatType::Private, LIFETIME, None);
    for slug in ["taken", "admin", "v1", "health", "match", "new"] {
        let params = json!({ "chat_id": chat, "slug": slug });
        stage.refused(&user(LIFETIME), "chat.update", params, "ERR_SLUG_TAKEN");
        let params = json!({ "chat_type": "PUBLIC", "name": "A chat", "slug": slug });
        stage.refused(&user(LIFETIME), "chat.create", params, "ERR_SLUG_TAKEN");
    }
}

#[test]
fn a_slug_given_up_is_held_30_days_for_its_last_owner_spec_3_3() {
    let stage = Stage::new();
    let mine = stage.chat(ChatType::Public, PREMIUM, Some("corner"));
    let theirs = stage.chat(ChatType::Private, LIFETIME, None);
    let take = json!({ "chat_id": theirs, "slug": "corner" });
    let again = |slug: &str| update(&stage, mine, json!({ "slug": slug }));

    again("elsewhere");
    stage.refused(
        &user(LIFETIME),
        "chat.update",
        take.clone(),
        "ERR_SLUG_TAKEN",
    );
    again("corner");
    again("elsewhere");
    stage.clock.advance(30 * DAY - 1);
    stage.refused(
        &user(LIFETIME),
        "chat.update",
        take.clone(),
        "ERR_SLUG_TAKEN",
    );
    stage.clock.advance(1);
    stage.ok(&user(LIFETIME), "chat.update", take);
}

#[test]
fn a_destroyed_or_private_chat_leaves_its_slug_held_spec_3_3() {
    let stage = Stage::new();
    let first = stage.chat(ChatType::Public, PREMIUM, Some("first"));
    let second = stage.chat(ChatType::Public, PREMIUM, Some("second"));
    stage.ok(&user(PREMIUM), "chat.destroy", json!({ "chat_id": first }));
    update(&stage, second, json!({ "slug": null }));
    for slug in ["first", "second"] {
        let params = json!({ "chat_type": "PUBLIC", "name": "A chat", "slug": slug });
        stage.refused(&user(LIFETIME), "chat.create", params, "ERR_SLUG_TAKEN");
    }
    stage.chat(ChatType::Public, PREMIUM, Some("first"));
}

#[test]
fn at_most_three_slugs_are_held_for_an_owner_the_oldest_goes_spec_3_3() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("zz-1"));
    for slug in ["zz-2", "zz-3", "zz-4", "zz-5"] {
        stage.clock.advance(1);
        update(&stage, chat, json!({ "slug": slug }));
    }
    let free = |slug: &str| {
        let params = json!({ "chat_type": "PUBLIC", "name": "A chat", "slug": slug });
        stage.call(&user(LIFETIME), "chat.create", params).is_ok()
    };
    assert_eq!(
        ["zz-1", "zz-2", "zz-3", "zz-4"].map(free),
        [true, false, false, false]
    );
}

#[test]
fn configurations_change_in_part_and_say_so_in_the_chat_spec_3_8() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    update(
        &stage,
        chat,
        json!({ "chat_config": { "locked_controls": true } }),
    );
    let change = json!({ "chat_config": { "slow_mode_seconds": 9 }, "browser_config": { "adblock": false } });
    update(&stage, chat, change);
    let shown = get(&stage, chat);
    assert_eq!(shown["chat_config"]["locked_controls"], true);
    assert_eq!(shown["chat_config"]["slow_mode_seconds"], 9);
    assert_eq!(shown["browser_config"]["adblock"], false);
    let history = stage.ok(
        &user(PREMIUM),
        "message.history",
        json!({ "chat_id": chat }),
    );
    let said: Vec<_> = history["messages"].as_array().unwrap().iter().collect();
    assert_eq!(said.len(), 2);
    assert!(
        said.iter()
            .all(|message| message["code"] == "config_changed")
    );
    assert_eq!(said[0]["content"], "slow_mode_seconds, adblock");
    for (field, change) in [
        (
            "chat_config.colour",
            json!({ "chat_config": { "colour": 1 } }),
        ),
        (
            "chat_config.slow_mode_seconds",
            json!({ "chat_config": { "slow_mode_seconds": 21601 } }),
        ),
        (
            "browser_config.start_url",
            json!({ "browser_config": { "start_url": "file:///etc" } }),
        ),
    ] {
        let mut params = change;
        params["chat_id"] = json!(chat);
        let error = stage.refused(&user(PREMIUM), "chat.update", params, "ERR_INVALID");
        assert_eq!(error.extras().field.as_deref(), Some(field));
    }
}

#[test]
fn a_new_wipe_preset_restarts_the_wipe_timer_spec_3_8() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let due = || -> Option<i64> {
        stage
            .raw()
            .query_row("SELECT wipe_due_at FROM chat", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(due(), None);
    update(
        &stage,
        chat,
        json!({ "chat_config": { "wipe_preset": "1h" } }),
    );
    assert_eq!(due(), Some(START.as_millis() + 3_600_000));
    stage.clock.advance(1000);
    update(
        &stage,
        chat,
        json!({ "chat_config": { "slow_mode_seconds": 1 } }),
    );
    update(
        &stage,
        chat,
        json!({ "chat_config": { "wipe_preset": "1h" } }),
    );
    assert_eq!(
        due(),
        Some(START.as_millis() + 3_600_000),
        "the same preset is no change"
    );
    update(
        &stage,
        chat,
        json!({ "chat_config": { "wipe_preset": "15m" } }),
    );
    assert_eq!(due(), Some(START.as_millis() + 1000 + 900_000));
    update(
        &stage,
        chat,
        json!({ "chat_config": { "wipe_preset": "off" } }),
    );
    assert_eq!(due(), None);
}

#[test]
fn the_browser_is_one_of_the_operators_list_spec_3_9() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Private, PREMIUM, None);
    let choose =
        |browser: &str| json!({ "chat_id": chat, "browser_config": { "browser": browser } });
    stage.ok(&user(PREMIUM), "chat.update", choose("tor-browser"));
    let error = stage.refused(&user(PREMIUM), "chat.update", choose("lynx"), "ERR_INVALID");
    assert_eq!(
        error.extras().field.as_deref(),
        Some("browser_config.browser")
    );

    let list = r#"INSERT INTO setting VALUES ('browsers', '["lynx", "brave"]')"#;
    stage.raw().execute(list, []).unwrap();
    // What was chosen before stays; other fields change beside it.
    update(&stage, chat, json!({ "browser_config": { "kiosk": true } }));
    assert_eq!(
        get(&stage, chat)["browser_config"]["browser"],
        "tor-browser"
    );
    stage.refused(
        &user(PREMIUM),
        "chat.update",
        choose("firefox"),
        "ERR_INVALID",
    );
    let params = json!({ "chat_type": "PRIVATE", "name": "A chat", "browser_config": { "browser": "firefox" } });
    stage.refused(&user(PREMIUM), "chat.create", params, "ERR_INVALID");
    let made = stage.chat(ChatType::Private, PREMIUM, None);
    assert_eq!(get(&stage, made)["browser_config"]["browser"], "lynx");
}
