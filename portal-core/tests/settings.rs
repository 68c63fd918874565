//! Settings: whose they are, their bounds, and when they hold (SPEC 4.6).

mod common;

use common::{ADMIN, OWNER, Stage, user};
use portal_core::{Actor, Options, Portal};
use serde_json::{Value, json};

fn set(key: &str, value: Value) -> Value {
    json!({ "key": key, "value": value })
}

#[test]
fn settings_are_the_platform_owners_spec_4_6() {
    let stage = Stage::new();
    for (name, params) in [
        ("config.get", json!({})),
        ("config.set", set("registration", json!("open"))),
        ("config.unset", json!({ "key": "registration" })),
    ] {
        stage.refused(&user(ADMIN), name, params.clone(), "ERR_FORBIDDEN");
        stage.refused(&Actor::guest(), name, params.clone(), "ERR_UNAUTHENTICATED");
        stage.ok(&user(OWNER), name, params.clone());
        stage.ok(&Actor::operator(), name, params);
    }
}

#[test]
fn a_setting_holds_at_once_and_until_it_is_unset() {
    let stage = Stage::new();
    let up = |name: &str| {
        let params = json!({ "username": name });
        stage.call(&Actor::guest(), "user.sign_up", params)
    };
    up("first").unwrap_err();
    stage.ok(
        &user(OWNER),
        "config.set",
        set("registration", json!("open")),
    );
    up("first").unwrap();
    let shown = stage.ok(&user(OWNER), "config.get", json!({}));
    assert_eq!(shown["settings"]["registration"], "open");
    assert_eq!(shown["settings"]["strangers_per_ip"], 3);
    assert_eq!(shown["set"], json!(["registration"]));
    stage.ok(
        &user(OWNER),
        "config.unset",
        json!({ "key": "registration" }),
    );
    up("second").unwrap_err();
    assert_eq!(
        stage.ok(&user(OWNER), "config.get", json!({}))["set"],
        json!([])
    );
}

#[test]
fn what_another_process_sets_holds_here_too_spec_12_1() {
    let stage = Stage::new();
    let other = Portal::open(stage.portal.path(), Options::default()).unwrap();
    let open = set("registration", json!("open")).to_string();
    other
        .call_json(&Actor::operator(), "config.set", &open)
        .unwrap();
    stage.ok(
        &Actor::guest(),
        "user.sign_up",
        json!({ "username": "newcomer" }),
    );
}

#[test]
fn a_wrong_setting_is_refused_by_its_field_spec_13_1() {
    let stage = Stage::new();
    for (params, field) in [
        (set("colour", json!("blue")), "key"),
        (set("registration", json!("sometimes")), "value"),
        (set("strangers_per_ip", json!(-1)), "value"),
        (set("strangers_per_ip", json!("three")), "value"),
        (set("strangers_per_ip", json!(1.5)), "value"),
        (set("send_window_seconds", json!(0)), "value"),
        (set("event_hours", json!(0)), "value"),
        (set("browsers", json!([])), "value"),
        (set("browsers", json!(["firefox", 1])), "value[1]"),
        (set("browsers", json!(["fire fox"])), "value"),
        (set("audit_days", json!(null)), "value"),
    ] {
        let error = stage.refused(&user(OWNER), "config.set", params, "ERR_INVALID");
        assert_eq!(error.extras().field.as_deref(), Some(field), "{error}");
    }
    let unknown = json!({ "key": "colour" });
    stage.refused(&user(OWNER), "config.unset", unknown, "ERR_INVALID");
    assert_eq!(
        stage.ok(&user(OWNER), "config.get", json!({}))["set"],
        json!([])
    );
}

#[test]
fn a_change_of_settings_is_audited_and_told() {
    let stage = Stage::new();
    let before = stage.as_of();
    stage.ok(&user(OWNER), "config.set", set("event_hours", json!(48)));
    let events = stage.events(before);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["name"], "config:changed");
    assert_eq!(events[0]["data"], json!({ "key": "event_hours" }));
    let rows = stage.ok(
        &user(ADMIN),
        "audit.list",
        json!({ "action": "config.set" }),
    );
    assert_eq!(
        rows["rows"][0]["details"],
        json!({ "key": "event_hours", "value": 48 })
    );
}
