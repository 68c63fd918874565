//! Public keys, publishing room keys and seeing who has them (SPEC 8.3 to 8.5, 8.7).

mod common;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::keys::{Device, check};
use common::{BASIC, OTHER, PREMIUM, STRANGER, Stage, user};
use portal_core::Actor;
use portal_core::e2ee::{Ctx, Delivery, KeyCheck, PublicKey, RoomCipher, SecretKey, Suite};
use portal_core::model::{ChatId, ChatType};
use portal_core::random::SystemRandom;
use serde_json::{Value, json};

fn register(stage: &Stage, actor: &Actor, key: &str) -> Value {
    stage.ok(actor, "key.register", json!({ "public_key": key }))["status"].clone()
}

fn fresh_key() -> String {
    SecretKey::generate(&SystemRandom).public_key().to_base64()
}

fn from_hex(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

#[test]
fn the_same_key_again_is_unchanged_and_another_replaces_it_spec_8_3() {
    let stage = Stage::new();
    let actor = Actor::session(stage.session(BASIC));
    let (first, second) = (fresh_key(), fresh_key());
    assert_eq!(register(&stage, &actor, &first), "registered");
    assert_eq!(register(&stage, &actor, &first), "unchanged");
    assert_eq!(register(&stage, &actor, &second), "replaced");
    assert_eq!(register(&stage, &actor, &second), "unchanged");
}

#[test]
fn a_key_is_replaced_five_times_an_hour_spec_8_3() {
    let stage = Stage::new();
    let actor = Actor::session(stage.session(BASIC));
    register(&stage, &actor, &fresh_key());
    for _ in 0..5 {
        assert_eq!(register(&stage, &actor, &fresh_key()), "replaced");
        stage.pass(60);
    }
    let another = json!({ "public_key": fresh_key() });
    let error = stage.refused(&actor, "key.register", another, "ERR_RATE_LIMITED");
    assert_eq!(error.extras().retry_after_ms, Some(55 * 60 * 1000));
    stage.pass(55 * 60);
    assert_eq!(register(&stage, &actor, &fresh_key()), "replaced");
}

#[test]
fn points_of_small_order_and_other_nonsense_are_no_keys_spec_8_3() {
    let stage = Stage::new();
    let actor = Actor::session(stage.session(BASIC));
    let small = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000080",
    ];
    let short = STANDARD.encode([9; 31]);
    let nonsense = ["", "not base64", &short, &fresh_key().replace('=', "")].map(str::to_owned);
    let small = small.map(|hex| STANDARD.encode(from_hex(hex)));
    for key in small.into_iter().chain(nonsense) {
        let params = json!({ "public_key": key });
        let error = stage.refused(&actor, "key.register", params, "ERR_INVALID");
        assert_eq!(error.extras().field.as_deref(), Some("public_key"), "{key}");
    }
}

#[test]
fn only_a_session_has_a_key_spec_8_3() {
    let stage = Stage::new();
    let params = json!({ "public_key": fresh_key() });
    stage.refused(
        &user(BASIC),
        "key.register",
        params.clone(),
        "ERR_UNAUTHENTICATED",
    );
    stage.refused(
        &Actor::guest(),
        "key.register",
        params,
        "ERR_UNAUTHENTICATED",
    );
}

#[test]
fn a_new_key_is_announced_where_the_session_is_present_spec_8_3() {
    let stage = Stage::new();
    let (here, elsewhere) = (stage.room(&[BASIC]), stage.room(&[BASIC]));
    let lobby = stage.suite3(ChatType::Public, Some("lobby"));
    let device = stage.joined(BASIC, here);
    let added = stage.named("portal:key_added", 0);
    assert_eq!(added, Vec::<Value>::new(), "it was in no room yet");

    let before = stage.as_of();
    register(&stage, &device.actor, &fresh_key());
    let expected = json!({ "chat_id": here, "user_id": BASIC, "session_id": device.session });
    assert_eq!(stage.named("portal:key_added", before), [expected]);
    assert_ne!(here, elsewhere);

    // A stranger looks in without talking: nobody there could wrap for it.
    let stranger = stage.keyless(STRANGER);
    stage.enter(&stranger, lobby);
    let before = stage.as_of();
    register(&stage, &stranger.actor, &stranger.public_key);
    assert_eq!(stage.as_of(), before);
}

#[test]
fn without_presence_a_new_key_is_announced_in_the_users_chats_spec_8_3() {
    let stage = Stage::with_presence(false);
    let (member, owner) = (stage.room(&[BASIC]), stage.room(&[]));
    let places = |actor: i64| {
        let before = stage.as_of();
        register(&stage, &Actor::session(stage.session(actor)), &fresh_key());
        let added = stage.named("portal:key_added", before).into_iter();
        added
            .map(|data| data["chat_id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(places(BASIC), [json!(member)]);
    assert_eq!(places(PREMIUM), [json!(member), json!(owner)]);
    assert_eq!(places(OTHER), Vec::<Value>::new());
}

#[test]
fn a_replaced_key_gives_up_its_blobs_and_its_standing_everywhere_spec_8_3() {
    let stage = Stage::new();
    let (one, two) = (stage.room(&[BASIC]), stage.room(&[BASIC]));
    let owner = stage.joined(PREMIUM, one);
    let basic = stage.joined(BASIC, one);
    stage.enter(&owner, two);
    stage.enter(&basic, two);
    stage.publish(&owner, one, &[&basic]);
    stage.publish(&basic, two, &[&owner]);
    stage.ok(&basic.actor, "room.leave", json!({ "chat_id": two }));

    register(&stage, &basic.actor, &fresh_key());
    assert!(!stage.holds(&basic, one), "its blob was for the old key");
    let list = stage.keys(&owner, two);
    assert_eq!(list["distributor_session_id"], Value::Null);
    assert_eq!(
        list["distributor_user_id"], BASIC,
        "who published it stays known"
    );
    assert!(stage.holds(&owner, two), "what it wrapped for others stays");
    let late = stage.try_publish(&basic, one, &[&owner]).unwrap_err();
    assert_eq!(late.kind().code(), "ERR_KEY_CONFLICT");
}

#[test]
fn the_list_shows_who_is_there_and_what_they_hold_spec_8_5() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC, OTHER]);
    let [owner, basic] = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
    let keyless = stage.keyless(OTHER);
    stage.enter(&keyless, chat);
    stage.device(OTHER);
    stage.publish(&owner, chat, &[&basic]);
    let list = stage.keys(&keyless, chat);
    let line = |device: &Device, user: i64, key: Value, has_blob: bool, holds: bool| {
        json!({ "user_id": user, "session_id": device.session, "public_key": key, "has_blob": has_blob,
            "holds": holds, "waits": false })
    };
    let expected = json!([
        line(&owner, PREMIUM, json!(owner.public_key), false, true),
        line(&basic, BASIC, json!(basic.public_key), true, true),
        line(&keyless, OTHER, Value::Null, false, false),
    ]);
    assert_eq!(list["sessions"], expected);
    assert_eq!(list["as_of"], stage.as_of());
    assert_eq!(list["epoch"], 1);
}

#[test]
fn the_list_is_for_those_who_may_talk_spec_4_5() {
    let stage = Stage::new();
    let private = stage.room(&[]);
    let open = stage.suite3(ChatType::Public, Some("open-door"));
    let list = |actor: &Actor, chat: ChatId, code| {
        stage.refused(actor, "key.list", json!({ "chat_id": chat }), code);
    };
    list(&user(OTHER), private, "ERR_CHAT_NOT_FOUND");
    list(&user(common::ADMIN), private, "ERR_FORBIDDEN");
    list(&Actor::guest(), open, "ERR_UNAUTHENTICATED");
    list(&user(STRANGER), open, "ERR_STRANGER_FORBIDDEN");
}

#[test]
fn without_presence_the_list_has_owner_and_members_spec_10_1() {
    let stage = Stage::with_presence(false);
    let chat = stage.room(&[BASIC]);
    let [owner, basic, other] = [PREMIUM, BASIC, OTHER].map(|user| stage.session(user));
    let list = stage.ok(
        &Actor::session(owner),
        "key.list",
        json!({ "chat_id": chat }),
    );
    let sessions: Vec<_> = list["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["session_id"].clone())
        .collect();
    assert_eq!(sessions, [json!(owner), json!(basic)]);
    assert_ne!(basic, other);
    // Joined means may talk: both can publish and be wrapped for.
    let key = fresh_key();
    register(&stage, &Actor::session(basic), &key);
    register(&stage, &Actor::session(owner), &fresh_key());
    let blob = json!({ "session_id": basic, "public_key": key, "blob": STANDARD.encode([1; 80]) });
    let params = json!({ "chat_id": chat, "epoch": 1, "key_check": check(), "blobs": [blob] });
    let reply = stage.ok(&Actor::session(owner), "key.publish", params);
    assert_eq!(reply["stored"], json!([basic]));
}

/// The bytes of the file and of its log.
fn file(path: &Path) -> Vec<u8> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    [
        std::fs::read(path).unwrap(),
        std::fs::read(log).unwrap_or_default(),
    ]
    .concat()
}

#[test]
fn the_file_holds_no_key_that_opens_anything_spec_8_7() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC]);
    let [owner, basic] = [PREMIUM, BASIC].map(|user| stage.joined(user, chat));
    let number = |id: i64| id.unsigned_abs();
    let ctx = Ctx::new(number(chat.get()), 1).unwrap();
    let mut cipher = RoomCipher::generate(Suite::Three, ctx, &SystemRandom);
    let recipient = PublicKey::from_base64(&basic.public_key).unwrap();
    let wrap = || {
        cipher
            .wrap(number(BASIC), &recipient, &owner.secret, &SystemRandom)
            .unwrap()
    };
    let mut wrapped = basic.wrapped();
    wrapped["blob"] = json!(wrap());
    let params = json!({
        "chat_id": chat, "epoch": 1, "key_check": cipher.check().to_base64(), "blobs": [wrapped]
    });
    stage.ok(&owner.actor, "key.publish", params);
    let content = cipher
        .seal(number(PREMIUM), "for our eyes only", &SystemRandom)
        .unwrap();
    let sent = json!({ "chat_id": chat, "content": content });
    stage.ok(&owner.actor, "message.send", sent);

    // Who it was wrapped for reads it, with what the server gives.
    let list = stage.keys(&basic, chat);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let delivery = Delivery {
        blob: &text(&list["blob"]["blob"]),
        sender: &PublicKey::from_base64(&text(&list["blob"]["publisher_public_key"])).unwrap(),
        check: Some(&KeyCheck::from_base64(&text(&list["key_check"])).unwrap()),
    };
    let mut opened =
        RoomCipher::unwrap(Suite::Three, ctx, &delivery, number(BASIC), &basic.secret).unwrap();
    let page = stage.ok(&basic.actor, "message.history", json!({ "chat_id": chat }));
    let stored = text(&page["messages"][0]["content"]);
    assert_eq!(
        opened.open(number(PREMIUM), &stored).unwrap(),
        "for our eyes only"
    );

    let bytes = file(&stage.portal.path());
    let finds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(finds(content.as_bytes()), "the file is where we look");
    assert!(finds(
        PublicKey::from_base64(&basic.public_key)
            .unwrap()
            .as_bytes()
    ));
    let room_key = cipher.room_key().to_base64();
    for secret in [room_key, owner.secret.to_base64(), basic.secret.to_base64()] {
        let raw = STANDARD.decode(secret.as_bytes()).unwrap();
        assert!(!finds(&raw) && !finds(secret.as_bytes()));
    }
    assert!(!finds(b"for our eyes only"));
}

#[test]
fn a_mute_changes_nothing_about_keys_spec_4_5() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC, OTHER]);
    let [muted, other] = [BASIC, OTHER].map(|who| stage.joined(who, chat));
    for act in ["mod.mute", "mod.hard_mute"] {
        let mut params = json!({ "user_id": BASIC });
        if act == "mod.mute" {
            params["chat_id"] = json!(chat);
        }
        stage.ok(&Actor::operator(), act, params);
    }
    // First with the key, and wrapped for when somebody else is.
    stage.publish(&muted, chat, &[&other]);
    assert!(stage.holds(&muted, chat) && stage.holds(&other, chat));
    stage.ok(&Actor::operator(), "chat.clear", json!({ "chat_id": chat }));
    stage.pass(10);
    stage.publish(&other, chat, &[&muted]);
    assert!(stage.holds(&muted, chat));
}
