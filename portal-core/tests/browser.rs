//! Who may do what to a chat's browser (SPEC 11, 4.1), where none is run (SPEC 11.3).

mod common;

use common::{ADMIN, BASIC, LIFETIME, MODERATOR, OWNER, PREMIUM, Stage, user};
use portal_core::Actor;
use portal_core::model::{ChatId, ChatType};
use serde_json::{Value, json};

const NONE: &str = "ERR_BROWSER_UNAVAILABLE";
const NO: &str = "ERR_FORBIDDEN";
const HIDDEN: &str = "ERR_CHAT_NOT_FOUND";

/// What each of the actors is answered.
fn answers(stage: &Stage, name: &str, params: &Value, actors: &[Actor]) -> Vec<&'static str> {
    actors
        .iter()
        .map(|actor| stage.code(actor, name, params.clone()))
        .collect()
}

/// Owner, somebody who talks there, moderator, admin, platform owner, guest, operator.
fn actors() -> Vec<Actor> {
    let people = [PREMIUM, BASIC, MODERATOR, ADMIN, OWNER].map(user);
    people
        .into_iter()
        .chain([Actor::guest(), Actor::operator()])
        .collect()
}

fn of(chat: ChatId) -> Value {
    json!({ "chat_id": chat })
}

#[test]
fn whoever_may_start_a_browser_is_told_that_there_is_none_spec_11_3() {
    let stage = Stage::new();
    let square = stage.chat(ChatType::Public, PREMIUM, Some("a-square"));
    for name in ["browser.start", "browser.stop"] {
        let got = answers(&stage, name, &of(square), &actors());
        let guest = "ERR_UNAUTHENTICATED";
        assert_eq!(got, [NONE, NO, NO, NO, NONE, guest, NONE], "{name}");
        // It answers the same again: nothing has begun.
        stage.refused(&user(PREMIUM), name, of(square), NONE);
    }
    let parlour = stage.chat(ChatType::Private, PREMIUM, None);
    let got = answers(&stage, "browser.start", &of(parlour), &actors());
    assert_eq!(got, [NONE, HIDDEN, HIDDEN, NO, NONE, HIDDEN, NONE]);
}

#[test]
fn the_clipboard_is_for_whoever_configures_spec_4_1() {
    let stage = Stage::new();
    let square = stage.chat(ChatType::Public, PREMIUM, Some("a-square"));
    let text = json!({ "chat_id": square, "text": "a secret" });
    for (name, params) in [
        ("browser.clipboard", of(square)),
        ("browser.set_clipboard", text),
    ] {
        let got = answers(&stage, name, &params, &actors());
        let guest = "ERR_UNAUTHENTICATED";
        assert_eq!(got, [NONE, NO, NONE, NONE, NONE, guest, NONE], "{name}");
    }
    let long = json!({ "chat_id": square, "text": "é".repeat(10_001) });
    let refused = stage.refused(&user(PREMIUM), "browser.set_clipboard", long, "ERR_INVALID");
    assert_eq!(refused.extras().field.as_deref(), Some("text"));
    let longest = json!({ "chat_id": square, "text": "é".repeat(10_000) });
    stage.refused(&user(PREMIUM), "browser.set_clipboard", longest, NONE);
}

#[test]
fn control_is_asked_for_where_the_chat_allows_it_spec_11_4() {
    let stage = Stage::new();
    let square = stage.chat(ChatType::Public, PREMIUM, Some("a-square"));
    let request = |actor: &Actor| stage.code(actor, "browser.request_control", of(square));
    assert_eq!(request(&user(BASIC)), NO);
    let allow = json!({ "chat_id": square, "chat_config": { "allow_control_requests": true } });
    stage.ok(&user(PREMIUM), "chat.update", allow);
    assert_eq!(request(&user(BASIC)), NONE);
    assert_eq!(request(&Actor::guest()), "ERR_UNAUTHENTICATED");
    stage.ok(
        &user(PREMIUM),
        "mod.ban",
        json!({ "chat_id": square, "user_id": BASIC }),
    );
    assert_eq!(request(&user(BASIC)), "ERR_BANNED");
    let got = answers(&stage, "browser.take_control", &of(square), &actors());
    let guest = "ERR_UNAUTHENTICATED";
    assert_eq!(got, [NONE, "ERR_BANNED", NONE, NONE, NONE, guest, NONE]);
}

#[test]
fn locked_controls_leave_granting_to_the_owner_and_admins_spec_11_4() {
    let stage = Stage::new();
    let square = stage.chat(ChatType::Public, PREMIUM, Some("a-square"));
    let grant = json!({ "chat_id": square, "user_id": LIFETIME });
    let granting = || answers(&stage, "browser.grant_control", &grant, &actors());
    let guest = "ERR_UNAUTHENTICATED";
    assert_eq!(granting(), [NONE, NONE, NONE, NONE, NONE, guest, NONE]);
    let lock = json!({ "chat_id": square, "chat_config": { "locked_controls": true } });
    stage.ok(&user(PREMIUM), "chat.update", lock);
    assert_eq!(granting()[..5], [NONE, NO, NO, NONE, NONE]);
    let nobody = json!({ "chat_id": square, "user_id": 77 });
    stage.refused(
        &user(PREMIUM),
        "browser.grant_control",
        nobody,
        "ERR_USER_NOT_FOUND",
    );
    // Giving it back is never locked.
    let release = stage.code(&user(BASIC), "browser.release_control", of(square));
    assert_eq!(release, NONE);
}

#[test]
fn the_screen_is_for_whoever_talks_there_spec_11_5() {
    let stage = Stage::new();
    let parlour = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(parlour, BASIC);
    let got = answers(&stage, "browser.screen", &of(parlour), &actors());
    assert_eq!(got, [NONE, NONE, HIDDEN, NO, NO, HIDDEN, NONE]);
}

#[test]
fn a_direct_chat_has_no_browser_spec_4_1() {
    let stage = Stage::new();
    let bench = stage.direct(BASIC, LIFETIME);
    for name in [
        "browser.start",
        "browser.stop",
        "browser.request_control",
        "browser.release_control",
        "browser.take_control",
        "browser.clipboard",
        "browser.screen",
    ] {
        for actor in [user(BASIC), Actor::operator()] {
            stage.refused(&actor, name, of(bench), NO);
        }
        stage.refused(&user(PREMIUM), name, of(bench), HIDDEN);
    }
}
