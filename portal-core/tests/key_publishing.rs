//! Being first with an epoch's key, and wrapping it for others (SPEC 8.4, 8.5).

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::keys::{Device, check};
use common::{BASIC, OTHER, PREMIUM, STRANGER, Stage};
use portal_core::e2ee::SecretKey;
use portal_core::model::ChatType;
use portal_core::random::SystemRandom;
use serde_json::{Value, json};

#[test]
fn the_first_to_publish_is_the_distributor_and_a_holder_spec_8_4() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC, OTHER]);
    let [owner, basic, other] = [PREMIUM, BASIC, OTHER].map(|user| stage.joined(user, chat));
    let list = stage.keys(&owner, chat);
    assert_eq!(
        (&list["published"], &list["key_check"]),
        (&json!(false), &Value::Null)
    );

    let reply = stage.publish(&owner, chat, &[&basic]);
    assert_eq!(reply["first"], true);
    assert_eq!(reply["stored"], json!([basic.session]));
    assert!(stage.holds(&owner, chat) && stage.holds(&basic, chat));
    let list = stage.keys(&other, chat);
    assert_eq!(list["published"], true);
    assert_eq!(list["key_check"], check());
    assert_eq!(list["distributor_user_id"], PREMIUM);
    assert_eq!(list["distributor_session_id"], json!(owner.session));

    let late = stage.try_publish(&other, chat, &[]).unwrap_err();
    assert_eq!(late.kind().code(), "ERR_KEY_CONFLICT");
    assert!(!stage.holds(&other, chat));
}

#[test]
fn every_holder_may_wrap_the_same_key_for_others_spec_8_5() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC, OTHER]);
    let [owner, basic, other] = [PREMIUM, BASIC, OTHER].map(|user| stage.joined(user, chat));
    stage.publish(&owner, chat, &[&basic]);
    let another = STANDARD.encode([8; 16]);
    let params = json!({
        "chat_id": chat, "epoch": 1, "key_check": another, "blobs": [other.wrapped()]
    });
    stage.refused(&basic.actor, "key.publish", params, "ERR_KEY_CONFLICT");

    let before = stage.as_of();
    let reply = stage.publish(&basic, chat, &[&other]);
    assert_eq!(
        (&reply["first"], &reply["stored"]),
        (&json!(false), &json!([other.session]))
    );
    let events = stage.named("portal:key_blob", before);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["session_id"], json!(other.session));
    let blob = &stage.keys(&other, chat)["blob"];
    assert_eq!(blob["blob"], other.wrapped()["blob"]);
    assert_eq!(blob["publisher_user_id"], BASIC);
    assert_eq!(blob["publisher_session_id"], json!(basic.session));
    assert_eq!(blob["publisher_public_key"], json!(basic.public_key));
    assert_eq!(
        stage.keys(&owner, chat)["blob"],
        Value::Null,
        "others' are not shown"
    );
}

#[test]
fn a_publisher_may_talk_is_present_and_has_a_key_spec_8_4() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC]);
    let refusal = |device: &Device| {
        stage
            .try_publish(device, chat, &[])
            .unwrap_err()
            .kind()
            .code()
    };
    let outsider = stage.device(OTHER);
    assert_eq!(refusal(&outsider), "ERR_CHAT_NOT_FOUND");
    let absent = stage.device(BASIC);
    assert_eq!(refusal(&absent), "ERR_NOT_JOINED");
    let keyless = stage.keyless(BASIC);
    stage.enter(&keyless, chat);
    assert_eq!(refusal(&keyless), "ERR_NO_PUBLIC_KEY");
    stage.enter(&absent, chat);
    stage.publish(&absent, chat, &[]);
}

#[test]
fn publishing_for_another_epoch_is_refused_with_the_current_one_spec_8_4() {
    let stage = Stage::new();
    let chat = stage.room(&[]);
    let owner = stage.joined(PREMIUM, chat);
    for epoch in [0, 2] {
        let params = json!({ "chat_id": chat, "epoch": epoch, "key_check": check(), "blobs": [] });
        let error = stage.refused(&owner.actor, "key.publish", params, "ERR_EPOCH_MISMATCH");
        assert_eq!(error.extras().epoch, Some(1));
    }
}

#[test]
fn the_key_check_is_needed_in_suite_3_and_optional_in_suite_2_spec_8_4() {
    let stage = Stage::new();
    let three = stage.room(&[]);
    let two = stage.chat(ChatType::Private, PREMIUM, None);
    stage.member(two, BASIC);
    let owner = stage.joined(PREMIUM, three);
    let refused = |params: Value| {
        let error = stage.refused(&owner.actor, "key.publish", params, "ERR_INVALID");
        error.extras().field.clone().unwrap()
    };
    assert_eq!(
        refused(json!({ "chat_id": three, "epoch": 1 })),
        "key_check"
    );
    let short = STANDARD.encode([7; 15]);
    let params = json!({ "chat_id": three, "epoch": 1, "key_check": short });
    assert_eq!(refused(params), "key_check");

    stage.enter(&owner, two);
    let basic = stage.joined(BASIC, two);
    stage.ok(
        &owner.actor,
        "key.publish",
        json!({ "chat_id": two, "epoch": 1, "key_check": check() }),
    );
    let blob = STANDARD.encode([1; 72]);
    let mut wrapped = basic.wrapped();
    wrapped["blob"] = json!(blob);
    // A client of suite 2 that sends no check still hands the key on.
    let params = json!({ "chat_id": two, "epoch": 1, "blobs": [wrapped] });
    let reply = stage.ok(&owner.actor, "key.publish", params);
    assert_eq!(reply["stored"], json!([basic.session]));
}

#[test]
fn a_blob_has_exactly_its_suites_length_spec_8_5() {
    let stage = Stage::new();
    let (three, two) = (
        stage.room(&[]),
        stage.chat(ChatType::Private, PREMIUM, None),
    );
    let owner = stage.joined(PREMIUM, three);
    stage.enter(&owner, two);
    for (chat, right, wrong) in [(three, 80, 72), (two, 72, 80)] {
        let publish = |length: usize| {
            let mut second = owner.wrapped();
            second["blob"] = json!(STANDARD.encode(vec![1; length]));
            json!({ "chat_id": chat, "epoch": 1, "key_check": check(), "blobs": [second] })
        };
        for length in [wrong, right - 1, right + 1] {
            let error = stage.refused(&owner.actor, "key.publish", publish(length), "ERR_INVALID");
            assert_eq!(error.extras().field.as_deref(), Some("blobs[0].blob"));
        }
        assert_eq!(
            stage.keys(&owner, chat)["published"],
            false,
            "a refusal stores nothing"
        );
        stage.ok(&owner.actor, "key.publish", publish(right));
    }
}

#[test]
fn at_most_256_blobs_a_call_spec_8_5() {
    let stage = Stage::new();
    let chat = stage.room(&[]);
    let owner = stage.joined(PREMIUM, chat);
    let publish = |count| {
        let blobs = vec![owner.wrapped(); count];
        json!({ "chat_id": chat, "epoch": 1, "key_check": check(), "blobs": blobs })
    };
    let error = stage.refused(&owner.actor, "key.publish", publish(257), "ERR_INVALID");
    assert_eq!(error.extras().field.as_deref(), Some("blobs"));
    let reply = stage.ok(&owner.actor, "key.publish", publish(256));
    assert_eq!(reply["stored"], json!([owner.session]));
    assert_eq!(
        reply["skipped"].as_array().unwrap().len(),
        255,
        "the same again"
    );
}

#[test]
fn blobs_that_were_overtaken_are_skipped_and_named_spec_8_5() {
    let stage = Stage::new();
    let chat = stage.suite3(ChatType::Public, Some("open-door"));
    let [owner, basic, other] = [PREMIUM, BASIC, OTHER].map(|user| stage.joined(user, chat));
    let gone = stage.device(OTHER);
    let stranger = stage.joined(STRANGER, chat);
    let rekeyed = stage.joined(BASIC, chat);
    let another = SecretKey::generate(&SystemRandom).public_key().to_base64();
    stage.ok(
        &rekeyed.actor,
        "key.register",
        json!({ "public_key": another }),
    );
    let keyless = stage.keyless(BASIC);
    stage.enter(&keyless, chat);
    let mut nobody = basic.wrapped();
    nobody["session_id"] = json!(4_000_000);

    stage.publish(&owner, chat, &[&basic]);
    let others = [&basic, &other, &gone, &stranger, &rekeyed, &keyless];
    let mut blobs: Vec<_> = others.iter().map(|device| device.wrapped()).collect();
    blobs.push(nobody);
    let params = json!({ "chat_id": chat, "epoch": 1, "key_check": check(), "blobs": blobs });
    let reply = stage.ok(&owner.actor, "key.publish", params);
    assert_eq!(reply["stored"], json!([other.session]));
    let reasons: Vec<_> = reply["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["reason"].clone())
        .collect();
    assert_eq!(
        reasons,
        [
            "has_blob",
            "not_present",
            "may_not_talk",
            "key_changed",
            "key_changed",
            "not_present"
        ]
    );
}
