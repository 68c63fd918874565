//! The ways into an account: sign-up codes, account keys, login codes, the first owner (SPEC 2.3, 2.4, 2.6).

mod common;

use std::sync::Arc;

use common::{ADMIN, BASIC, MODERATOR, OTHER, OWNER, START, STRANGER, Stage, user};
use portal_core::clock::ManualClock;
use portal_core::model::MINUTE;
use portal_core::{Actor, Error, Options, Portal};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn at(ip: &str) -> Actor {
    Actor::guest().from_ip(ip.parse().unwrap())
}

fn sign_in(stage: &Stage, actor: &Actor, name: &str, secret: &str) -> Result<Value, Error> {
    let params = json!({ "username": name, "secret": secret });
    stage.call(actor, "session.sign_in", params)
}

fn code_for(stage: &Stage, id: i64) -> String {
    let made = stage.ok(
        &Actor::operator(),
        "login_code.create",
        json!({ "user_id": id }),
    );
    made["code"].as_str().unwrap().to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn open_registration(stage: &Stage, how: &str) {
    let params = json!({ "key": "registration", "value": how });
    stage.ok(&Actor::operator(), "config.set", params);
}

#[test]
fn registration_is_by_invitation_unless_set_otherwise_spec_2_4() {
    let stage = Stage::new();
    let plain = json!({ "username": "newcomer" });
    stage.refused(
        &Actor::guest(),
        "user.sign_up",
        plain.clone(),
        "ERR_SIGNUP_CODE_INVALID",
    );
    open_registration(&stage, "closed");
    let made = stage.ok(&user(ADMIN), "signup.create", json!({}));
    let with_code = json!({ "username": "newcomer", "signup_code": made["code"] });
    stage.refused(
        &Actor::guest(),
        "user.sign_up",
        with_code.clone(),
        "ERR_REGISTRATION_CLOSED",
    );
    open_registration(&stage, "open");
    stage.ok(&Actor::guest(), "user.sign_up", plain);
    open_registration(&stage, "invite");
    let again = json!({ "username": "another", "signup_code": made["code"] });
    stage.ok(&Actor::guest(), "user.sign_up", again);
}

#[test]
fn signing_up_gives_a_name_a_session_and_a_key_spec_2_4() {
    let stage = Stage::new();
    open_registration(&stage, "open");
    let new = stage.ok(
        &Actor::guest(),
        "user.sign_up",
        json!({ "username": "newcomer" }),
    );
    let session = stage.portal.authenticate(text(&new["token"])).unwrap();
    assert_eq!(json!(session), new["session_id"]);
    let me = stage.ok(&Actor::session(session), "user.me", json!({}));
    assert_eq!(
        (&me["id"], &me["username"]),
        (&new["user_id"], &json!("newcomer"))
    );
    assert_eq!(
        (&me["role"], &me["tier"]),
        (&json!("user"), &json!("basic"))
    );

    let key = text(&new["account_key"]);
    let groups: Vec<_> = key.split('-').collect();
    assert_eq!(groups.len(), 6);
    let allowed = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    for group in groups {
        assert!(
            group.len() == 4 && group.chars().all(|c| allowed.contains(c)),
            "{key}"
        );
    }
    let stored: Vec<u8> = stage
        .raw()
        .query_row(
            "SELECT account_key_hash FROM user WHERE username = 'newcomer'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(stored, Sha256::digest(key.replace('-', "")).to_vec());
}

#[test]
fn with_the_account_key_one_signs_in_again_until_it_is_replaced_spec_2_4() {
    let stage = Stage::new();
    open_registration(&stage, "open");
    let new = stage.ok(
        &Actor::guest(),
        "user.sign_up",
        json!({ "username": "newcomer" }),
    );
    let key = text(&new["account_key"]);
    for typed in [key.to_owned(), key.replace('-', "").to_lowercase()] {
        let session = sign_in(&stage, &Actor::guest(), "NewComer", &typed).unwrap();
        assert_eq!(session["user_id"], new["user_id"]);
    }
    let me = user(new["user_id"].as_i64().unwrap());
    let fresh = stage.ok(&me, "user.replace_account_key", json!({}));
    sign_in(&stage, &Actor::guest(), "newcomer", key).unwrap_err();
    sign_in(
        &stage,
        &Actor::guest(),
        "newcomer",
        text(&fresh["account_key"]),
    )
    .unwrap();
    // Nobody else's key opens it.
    let other = stage.ok(&user(OTHER), "user.replace_account_key", json!({}));
    sign_in(
        &stage,
        &Actor::guest(),
        "newcomer",
        text(&other["account_key"]),
    )
    .unwrap_err();
}

#[test]
fn whatever_is_wrong_the_answer_is_the_same_spec_2_3() {
    let stage = Stage::new();
    let code = code_for(&stage, BASIC);
    stage.ok(&user(BASIC), "user.replace_account_key", json!({}));
    let answers: Vec<_> = [
        ("ben-basic", "0000-0000-0000-0000-0000-0000"),
        ("ben-basic", ""),
        ("oskar-other", code.as_str()),
        ("nobody-here", code.as_str()),
        ("quiet-otter", code.as_str()),
    ]
    .into_iter()
    .map(|(name, secret)| sign_in(&stage, &Actor::guest(), name, secret).unwrap_err())
    .collect();
    for answer in &answers {
        assert_eq!(answer.kind().code(), "ERR_LOGIN_INVALID");
        assert_eq!(answer.to_string(), answers[0].to_string());
    }
}

#[test]
fn a_login_code_works_once_within_ten_minutes_spec_2_3() {
    let stage = Stage::new();
    let with_letters = |code: &String| code.bytes().any(|byte| byte.is_ascii_uppercase());
    let mut codes = (0..5).map(|_| code_for(&stage, BASIC));
    let code = codes.find(with_letters).unwrap();
    assert_eq!(code.len(), 8);
    sign_in(&stage, &Actor::guest(), "ben-basic", &code.to_lowercase()).unwrap_err();
    sign_in(&stage, &Actor::guest(), "ben-basic", &code).unwrap();
    sign_in(&stage, &Actor::guest(), "ben-basic", &code).unwrap_err();
    let late = code_for(&stage, BASIC);
    let timely = code_for(&stage, BASIC);
    stage.clock.advance(10 * MINUTE - 1);
    sign_in(&stage, &Actor::guest(), "ben-basic", &timely).unwrap();
    stage.clock.advance(1);
    sign_in(&stage, &Actor::guest(), "ben-basic", &late).unwrap_err();
}

#[test]
fn login_codes_are_for_oneself_or_by_the_operator_spec_2_4() {
    let stage = Stage::new();
    let own = stage.ok(&user(BASIC), "login_code.create", json!({}));
    assert_eq!(
        (&own["user_id"], &own["username"]),
        (&json!(BASIC), &json!("ben-basic"))
    );
    sign_in(&stage, &Actor::guest(), "ben-basic", text(&own["code"])).unwrap();
    for staff in [OTHER, ADMIN, OWNER] {
        let params = json!({ "user_id": BASIC });
        stage.refused(&user(staff), "login_code.create", params, "ERR_FORBIDDEN");
    }
    let stranger = json!({ "user_id": STRANGER });
    stage.refused(
        &Actor::operator(),
        "login_code.create",
        stranger,
        "ERR_STRANGER_FORBIDDEN",
    );
    stage.refused(
        &Actor::guest(),
        "login_code.create",
        json!({}),
        "ERR_UNAUTHENTICATED",
    );
}

#[test]
fn five_codes_are_pending_per_user_and_per_network_spec_2_3() {
    let stage = Stage::new();
    for _ in 0..5 {
        code_for(&stage, BASIC);
    }
    stage.clock.advance(MINUTE);
    let error = stage.refused(
        &user(BASIC),
        "login_code.create",
        json!({}),
        "ERR_RATE_LIMITED",
    );
    assert_eq!(error.extras().retry_after_ms, Some(9 * 60_000));
    stage.clock.advance(9 * MINUTE);
    stage.ok(&user(BASIC), "login_code.create", json!({}));

    let from = |host: u8| Actor::operator().from_ip(format!("2001:db8::{host}").parse().unwrap());
    for (host, id) in [
        (1, ADMIN),
        (2, ADMIN),
        (3, OTHER),
        (4, OTHER),
        (5, MODERATOR),
    ] {
        stage.ok(&from(host), "login_code.create", json!({ "user_id": id }));
    }
    let one_more = json!({ "user_id": OWNER });
    stage.refused(
        &from(6),
        "login_code.create",
        one_more.clone(),
        "ERR_RATE_LIMITED",
    );
    let elsewhere = Actor::operator().from_ip("2001:db8:0:1::1".parse().unwrap());
    stage.ok(&elsewhere, "login_code.create", one_more);
}

#[test]
fn wrong_tries_count_per_network_and_name_ten_a_minute_spec_2_3() {
    let stage = Stage::new();
    let code = code_for(&stage, BASIC);
    for try_number in 1..=10 {
        let guesser = at(&format!("2001:db8::{try_number}"));
        let error = sign_in(&stage, &guesser, "Ben-Basic", "WRONG").unwrap_err();
        assert_eq!(error.kind().code(), "ERR_LOGIN_INVALID");
    }
    let error = sign_in(&stage, &at("2001:db8::99"), "ben-basic", &code).unwrap_err();
    assert_eq!(error.kind().code(), "ERR_RATE_LIMITED");
    assert_eq!(error.extras().retry_after_ms, Some(60_000));
    // The code lives: for the person elsewhere at once, here after a minute. Other names are not counted.
    let other = code_for(&stage, OTHER);
    sign_in(&stage, &at("2001:db8::99"), "oskar-other", &other).unwrap();
    sign_in(&stage, &at("2001:db8:0:1::1"), "ben-basic", &code).unwrap();
    let code = code_for(&stage, BASIC);
    stage.clock.advance(MINUTE);
    sign_in(&stage, &at("2001:db8::99"), "ben-basic", &code).unwrap();
}

#[test]
fn a_code_never_dies_by_wrong_tries_spec_2_3() {
    let stage = Stage::new();
    let code = code_for(&stage, BASIC);
    for host in 0..50 {
        for _ in 0..11 {
            let guesser = at(&format!("192.0.2.{host}"));
            sign_in(&stage, &guesser, "ben-basic", "WRONG").unwrap_err();
        }
    }
    sign_in(&stage, &at("198.51.100.1"), "ben-basic", &code).unwrap();
}

#[test]
fn a_code_asked_for_in_a_browser_works_only_there_spec_2_3() {
    let stage = Stage::new();
    let asked = json!({ "browser": "cookie-of-the-asker" });
    let made = stage.ok(&user(BASIC), "login_code.create", asked);
    let with = |browser: Value| json!({ "username": "ben-basic", "secret": made["code"], "browser": browser });
    for browser in [Value::Null, json!("cookie-of-another")] {
        stage.refused(
            &Actor::guest(),
            "session.sign_in",
            with(browser),
            "ERR_LOGIN_INVALID",
        );
    }
    stage.ok(
        &Actor::guest(),
        "session.sign_in",
        with(json!("cookie-of-the-asker")),
    );
    // One made elsewhere works anywhere.
    let made = code_for(&stage, BASIC);
    let anywhere = json!({ "username": "ben-basic", "secret": made, "browser": "cookie" });
    stage.ok(&Actor::guest(), "session.sign_in", anywhere);
}

#[test]
fn the_punished_do_not_sign_in_and_their_code_waits_spec_1_5() {
    let stage = Stage::new();
    let code = code_for(&stage, BASIC);
    stage
        .raw()
        .execute(
            "INSERT INTO punishment (user_id, kind, by_actor, at, until) VALUES (?, 'timeout', 'operator', ?, ?)",
            (BASIC, START.as_millis(), START.plus(MINUTE).as_millis()),
        )
        .unwrap();
    let error = sign_in(&stage, &Actor::guest(), "ben-basic", &code).unwrap_err();
    assert_eq!(error.kind().code(), "ERR_TIMED_OUT");
    assert_eq!(error.extras().ttl_seconds, Some(60));
    stage.clock.advance(MINUTE);
    sign_in(&stage, &Actor::guest(), "ben-basic", &code).unwrap();
}

#[test]
fn sign_up_codes_are_the_admins_spec_4_6() {
    let stage = Stage::new();
    for (name, params) in [
        ("signup.create", json!({})),
        ("signup.list", json!({})),
        ("signup.revoke", json!({ "code": "abcdefgh12345678" })),
    ] {
        stage.refused(&user(MODERATOR), name, params.clone(), "ERR_FORBIDDEN");
        stage.refused(&Actor::guest(), name, params, "ERR_UNAUTHENTICATED");
    }
    let past = stage.refused(
        &user(ADMIN),
        "signup.create",
        json!({ "expires_at": START }),
        "ERR_INVALID",
    );
    assert_eq!(past.extras().field.as_deref(), Some("expires_at"));
    stage.refused(
        &user(ADMIN),
        "signup.create",
        json!({ "max_uses": 0 }),
        "ERR_INVALID",
    );
}

#[test]
fn unknown_expired_used_up_and_revoked_sign_up_codes_are_one_spec_2_4() {
    let stage = Stage::new();
    let admin = user(ADMIN);
    let make = |params: Value| stage.ok(&admin, "signup.create", params)["code"].clone();
    let expired = make(json!({ "expires_at": START.plus(MINUTE) }));
    let used_up = make(json!({ "max_uses": 1 }));
    let revoked = make(json!({}));
    let good = make(json!({ "max_uses": 2 }));
    let up = |name: &str, code: &Value| {
        let params = json!({ "username": name, "signup_code": code });
        stage.call(&Actor::guest(), "user.sign_up", params)
    };
    up("first", &used_up).unwrap();
    stage.ok(&admin, "signup.revoke", json!({ "code": revoked }));
    stage.clock.advance(MINUTE);
    let mut answers = Vec::new();
    for code in [
        &expired,
        &used_up,
        &revoked,
        &json!("0000000000000000"),
        &json!("?"),
    ] {
        answers.push(up("second", code).unwrap_err());
        stage.refused(
            &Actor::guest(),
            "user.sign_up",
            json!({ "username": "second" }),
            "ERR_SIGNUP_CODE_INVALID",
        );
    }
    for answer in &answers {
        assert_eq!(answer.kind().code(), "ERR_SIGNUP_CODE_INVALID");
        assert_eq!(answer.to_string(), answers[0].to_string());
    }
    let listed = stage.ok(&admin, "signup.list", json!({}));
    let codes: Vec<_> = listed["codes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["code"])
        .collect();
    assert_eq!(codes, [&good], "the list shows live ones only");
    // A taken name spends no use.
    up("first", &good).unwrap_err();
    up("second", &good).unwrap();
    up("third", &good).unwrap();
    up("fourth", &good).unwrap_err();
}

#[test]
fn wrong_sign_up_codes_are_counted_per_network() {
    let stage = Stage::new();
    let good = stage.ok(&user(ADMIN), "signup.create", json!({}))["code"].clone();
    let with = |code: Value| json!({ "username": "newcomer", "signup_code": code });
    for _ in 0..10 {
        stage.refused(
            &at("192.0.2.1"),
            "user.sign_up",
            with(json!("0000000000000000")),
            "ERR_SIGNUP_CODE_INVALID",
        );
    }
    stage.refused(
        &at("192.0.2.1"),
        "user.sign_up",
        with(good.clone()),
        "ERR_RATE_LIMITED",
    );
    stage.ok(&at("192.0.2.2"), "user.sign_up", with(good));
}

#[test]
fn the_first_start_makes_one_owner_with_a_code_for_15_minutes_spec_2_6() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(START));
    let options = Options {
        clock: clock.clone(),
        ..Options::default()
    };
    let portal = Portal::open(dir.path().join("portal.db"), options).unwrap();
    let call = |actor: &Actor, name: &str, params: Value| -> Result<Value, Error> {
        let reply = portal.call_json(actor, name, &params.to_string())?;
        Ok(serde_json::from_str(&reply).unwrap())
    };
    let refused = call(&Actor::guest(), "user.first_owner", json!({})).unwrap_err();
    assert_eq!(refused.kind().code(), "ERR_UNAUTHENTICATED");
    let first = call(&Actor::system(), "user.first_owner", json!({})).unwrap();
    assert_eq!(first["username"], "owner");
    assert_eq!(first["expires_at"], json!(START.plus(15 * MINUTE)));
    assert_eq!(
        call(&Actor::system(), "user.first_owner", json!({})).unwrap(),
        Value::Null
    );
    clock.advance(15 * MINUTE - 1);
    let enter = json!({ "username": "owner", "secret": first["code"] });
    let session = call(&Actor::guest(), "session.sign_in", enter.clone()).unwrap();
    let owner = Actor::session(portal.authenticate(text(&session["token"])).unwrap());
    assert_eq!(call(&owner, "user.me", json!({})).unwrap()["role"], "owner");
    call(&Actor::guest(), "session.sign_in", enter).unwrap_err();
}

#[test]
fn a_browser_is_kept_as_its_hash_only() {
    let stage = Stage::new();
    let browser = |length: u8| {
        stage.raw().execute(
            "INSERT INTO login_code (user_id, code_hash, browser, created_at, expires_at)
             VALUES (5000, zeroblob(32), zeroblob(?), 0, 1)",
            [length],
        )
    };
    let error = browser(31).unwrap_err().to_string();
    assert!(error.contains("login_code_browser_is_hash"), "{error}");
    browser(32).unwrap();
}
