//! What proves a reported message (SPEC 7.6, e2ee-bytes.md 6).

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::sealed::{Parlour, Sealed, report};
use common::{BASIC, LIFETIME, OTHER, PREMIUM, START, Stage, user};
use portal_core::e2ee::Envelope;
use portal_core::model::{ChatId, ChatType, MINUTE};
use portal_core::ops::reports::Create;
use portal_core::random::SystemRandom;
use serde_json::{Value, json};

#[test]
fn a_report_with_its_proof_is_kept_with_what_was_said_spec_7_6() {
    let mut parlour = Parlour::new();
    let insult = parlour.says("You smell of elderberries");
    parlour.stage.clock.advance(MINUTE);
    let made = parlour
        .stage
        .ok(&user(OTHER), "report.create", insult.report());
    assert_eq!(made, json!({ "report_id": 1, "verified": true }));
    assert_eq!(
        parlour.stage.report(1),
        json!({
            "id": 1, "at": START.plus(2 * MINUTE), "state": "open", "verified": true,
            "chat_id": parlour.chat, "chat_type": "PRIVATE", "chat_name": "A chat",
            "message_id": insult.id, "epoch": 1, "message_at": START.plus(MINUTE),
            "sender_id": BASIC, "sender_username": "ben-basic",
            "reporter_id": OTHER, "reporter_username": "oskar-other",
            "reason": "This is rude", "note": null, "handled_by": null, "handled_at": null,
            "plaintext": "You smell of elderberries",
        })
    );
}

#[test]
fn what_staff_read_is_to_the_byte_what_was_sealed_spec_7_6() {
    let mut parlour = Parlour::new();
    for text in [
        String::new(),
        "\0 a zero within \0".to_owned(),
        "two\nlines\tand a bell \u{7}".to_owned(),
        "👩‍🚀 é e\u{301} \u{202e}backwards\u{feff}".to_owned(),
        "'; DROP TABLE report; --".to_owned(),
        "x".repeat(63),
        "x".repeat(64),
        format!("{}x", "é".repeat(1471)),
    ] {
        let sealed = parlour.says(&text);
        let id = parlour.stage.reported(&sealed, OTHER);
        assert_eq!(parlour.stage.report(id)["plaintext"], text);
    }
}

#[test]
fn the_disclosures_of_other_implementations_are_understood_spec_7_6() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/e2ee.json")).unwrap();
    let messages = vectors["suite3"]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 9);
    for vector in messages {
        let stage = Stage::new();
        let db = stage.raw();
        let number = |name: &str| vector[name].as_i64().unwrap();
        let (chat, sender) = (number("chat_id"), number("sender_id"));
        db.execute(
            "INSERT INTO chat (id, chat_type, name, owner_id, epoch, epoch_moved_at, chat_config, browser_config,
               created_at, last_activity_at) VALUES (?, 'PRIVATE', 'A chat', ?, ?, 0, '{}', '{}', 0, 0)",
            (chat, PREMIUM, number("epoch")),
        )
        .unwrap();
        let chat = ChatId::try_from(chat).unwrap();
        let id = stage.stored(chat, sender, vector["envelope"].as_str().unwrap());
        let mut params = report(chat, id);
        params["disclosure"] = vector["disclosure"].clone();
        let made = stage.ok(&user(PREMIUM), "report.create", params);
        let seen = stage.report(made["report_id"].as_i64().unwrap());
        assert_eq!(seen["plaintext"], vector["plaintext"]);
        assert_eq!(
            (&seen["sender_id"], &seen["epoch"]),
            (&vector["sender_id"], &vector["epoch"])
        );
    }
}

#[test]
fn a_forged_disclosure_is_refused_and_nothing_is_kept_spec_7_6() {
    let mut parlour = Parlour::new();
    let insult = parlour.says("You smell of elderberries");
    let twin = parlour.says("You smell of elderberries");
    let other = parlour.says("Good morning");
    let key = STANDARD.decode(&insult.disclosure).unwrap();
    let mut near = key.clone();
    near[31] ^= 1;
    // As long as the message, sealed by somebody who wants other words to have been said.
    let mut elsewhere = parlour.stage.cipher(parlour.chat);
    let sender = BASIC.unsigned_abs();
    let wanted = elsewhere.seal(sender, "You smell of springtime!!", &SystemRandom);
    let wanted = elsewhere.disclose(sender, &wanted.unwrap()).unwrap();
    let encode = |bytes: &[u8]| STANDARD.encode(bytes);
    let forged = [
        (twin.disclosure.clone(), "ERR_DECRYPT"),
        (other.disclosure.clone(), "ERR_DECRYPT"),
        (wanted.to_base64().to_string(), "ERR_DECRYPT"),
        (encode(&near), "ERR_DECRYPT"),
        (encode(&[0; 32]), "ERR_DECRYPT"),
        (String::new(), "ERR_INVALID"),
        ("nothing like a key".to_owned(), "ERR_INVALID"),
        (encode(&key[..31]), "ERR_INVALID"),
        (encode(&[&key[..], &[0]].concat()), "ERR_INVALID"),
        (insult.disclosure.replace('=', ""), "ERR_INVALID"),
        (format!("{} ", insult.disclosure), "ERR_INVALID"),
        (format!("{}\n", insult.disclosure), "ERR_INVALID"),
    ];
    let before = parlour.stage.rows();
    for (count, (disclosure, code)) in (1..).zip(&forged) {
        let params = insult.report_with(disclosure);
        let refused = parlour
            .stage
            .refused(&user(OTHER), "report.create", params, code);
        let field = (*code == "ERR_INVALID").then_some("disclosure");
        assert_eq!(refused.extras().field.as_deref(), field, "{disclosure:?}");
        // The sentence does not repeat what might be half a key.
        assert!(disclosure.is_empty() || !refused.message().contains(disclosure.trim()));
        assert!(
            parlour.stage.rows() == before,
            "{disclosure:?} left something"
        );
        assert_eq!(parlour.stage.report_attempts(), count, "{disclosure:?}");
    }
    // The same reporter's true one is taken all the same.
    parlour.stage.reported(&insult, OTHER);
}

#[test]
fn base64_of_the_same_key_written_otherwise_is_refused_e2ee_6() {
    let mut parlour = Parlour::new();
    let insult = parlour.says("You smell of elderberries");
    // The last symbol before the padding holds two bits that no byte uses.
    let text = insult.disclosure.as_bytes();
    let last = text[42];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let value = alphabet.iter().position(|symbol| *symbol == last).unwrap();
    let mut other = text.to_vec();
    other[42] = alphabet[value + 1];
    let other = String::from_utf8(other).unwrap();
    let params = insult.report_with(&other);
    parlour
        .stage
        .refused(&user(OTHER), "report.create", params, "ERR_INVALID");
}

#[test]
fn a_message_that_its_sender_made_for_two_readings_proves_nothing_e2ee_6() {
    let mut parlour = Parlour::new();
    let (one, two) = (
        parlour.says("You smell of elderberries"),
        parlour.says("You smell of springtime!!"),
    );
    // The commitment of one message before the box of another, as only its own sender could send it.
    let bytes = |sealed: &Sealed| Envelope::parse(&sealed.content).unwrap().decode().unwrap();
    let (first, second) = (bytes(&one), bytes(&two));
    let spliced = [&first[..16], &second[16..48], &first[48..]].concat();
    let content = format!(r#"{{"v":3,"epoch":1,"ct":"{}"}}"#, STANDARD.encode(spliced));
    let id = parlour.stage.stored(parlour.chat, BASIC, &content);
    let sender = BASIC.unsigned_abs();
    assert!(parlour.cipher.open(sender, &content).is_err());
    let before = parlour.stage.rows();
    for sealed in [&one, &two] {
        let mut params = report(parlour.chat, id);
        params["disclosure"] = json!(sealed.disclosure);
        parlour
            .stage
            .refused(&user(OTHER), "report.create", params, "ERR_DECRYPT");
        assert!(parlour.stage.rows() == before);
    }
}

#[test]
fn chat_epoch_and_sender_are_the_rows_and_not_the_reporters_word_e2ee_6() {
    let mut parlour = Parlour::new();
    let insult = parlour.says("You smell of elderberries");
    let stage = &parlour.stage;
    // The same bytes under another name, and in another chat.
    let framed = stage.stored(parlour.chat, LIFETIME, &insult.content);
    let elsewhere = stage.room(&[OTHER]);
    let moved = stage.stored(elsewhere, BASIC, &insult.content);
    for (chat, id) in [(parlour.chat, framed), (elsewhere, moved)] {
        let mut params = report(chat, id);
        params["disclosure"] = json!(insult.disclosure);
        stage.refused(&user(OTHER), "report.create", params, "ERR_DECRYPT");
    }
    // And as if it had been said in another epoch.
    stage
        .raw()
        .execute_batch("DROP TRIGGER message_is_never_rewritten; UPDATE message SET epoch = 2")
        .unwrap();
    stage.refused(
        &user(OTHER),
        "report.create",
        insult.report(),
        "ERR_DECRYPT",
    );
}

#[test]
fn what_no_reader_could_open_is_proven_by_nothing_e2ee_6() {
    let stage = Stage::new();
    let chat = stage.room(&[BASIC, OTHER]);
    for content in ["", "{}", &common::talk::envelope(1, "a")] {
        let mut params = report(chat, stage.stored(chat, BASIC, content));
        params["disclosure"] = json!(STANDARD.encode([7; 32]));
        stage.refused(&user(OTHER), "report.create", params, "ERR_DECRYPT");
    }
}

#[test]
fn suite_2_knows_no_proof_and_is_reported_without_spec_7_6() {
    let stage = Stage::new();
    let chat = stage.chat(ChatType::Public, PREMIUM, Some("a-chat"));
    let id = stage.written(chat, BASIC, 1)[0];
    let mut params = report(chat, id);
    params["disclosure"] = json!(STANDARD.encode([7; 32]));
    let before = stage.rows();
    let refused = stage.refused(&user(OTHER), "report.create", params, "ERR_INVALID");
    assert_eq!(refused.extras().field.as_deref(), Some("disclosure"));
    assert!(stage.rows() == before);
    let made = stage.ok(&user(OTHER), "report.create", report(chat, id));
    assert_eq!(made["verified"], false);
}

#[test]
fn a_report_without_a_proof_says_so_and_shows_no_words_spec_7_6() {
    let mut parlour = Parlour::new();
    let insult = parlour.says("You smell of elderberries");
    let made = parlour
        .stage
        .ok(&user(OTHER), "report.create", insult.bare_report());
    assert_eq!(made["verified"], false);
    let seen = parlour.stage.report(made["report_id"].as_i64().unwrap());
    assert_eq!(
        (&seen["verified"], &seen["plaintext"]),
        (&json!(false), &Value::Null)
    );
}

#[test]
fn a_disclosed_key_is_never_written_anywhere_spec_7_6() {
    let mut parlour = Parlour::new();
    let insult = parlour.says("You smell of elderberries");
    let another = parlour.says("And your father, too");
    let stage = &parlour.stage;
    let crossed = insult.report_with(&another.disclosure);
    stage.refused(&user(OTHER), "report.create", crossed, "ERR_DECRYPT");
    stage.reported(&insult, OTHER);
    for key in [&insult.disclosure, &another.disclosure] {
        assert!(!stage.on_disk(key), "as text");
        assert!(!stage.on_disk(STANDARD.decode(key).unwrap()), "as bytes");
    }
    assert!(
        stage.on_disk("You smell of elderberries"),
        "the test would prove nothing"
    );
    // What is held for the call shows nothing either.
    let held: Create = serde_json::from_value(insult.report()).unwrap();
    assert!(!format!("{held:?}").contains(&insult.disclosure));
}
