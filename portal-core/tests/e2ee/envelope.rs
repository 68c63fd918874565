//! The envelope's parser against a JSON library, and what it refuses (SPEC 6.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portal_core::e2ee::{Envelope, MAX_ENVELOPE_BYTES, MAX_NUMBER, Suite};
use proptest::prelude::*;
use serde::Deserialize;

use crate::support::{b64, envelope};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AsJson {
    v: u64,
    epoch: u64,
    ct: String,
}

/// The rules of SPEC 6.1 said another way, with a JSON library and a base64 decoder.
fn by_the_library(text: &str) -> Option<AsJson> {
    // serde_json reads a struct from an array too.
    let object = text.trim_start().starts_with('{');
    if text.len() > MAX_ENVELOPE_BYTES || text.contains('\\') || !object {
        return None;
    }
    let read: AsJson = serde_json::from_str(text).ok()?;
    let length = STANDARD.decode(&read.ct).ok()?.len();
    let lawful = match read.v {
        2 => length >= 40,
        3 => length >= 128 && length.is_multiple_of(64),
        _ => false,
    };
    (lawful && read.epoch <= MAX_NUMBER).then_some(read)
}

fn agree(text: &str) -> Result<(), TestCaseError> {
    match (Envelope::parse(text), by_the_library(text)) {
        (Ok(ours), Some(theirs)) => {
            prop_assert_eq!(u64::from(ours.suite().number()), theirs.v);
            prop_assert_eq!(ours.epoch(), theirs.epoch);
            prop_assert_eq!(ours.ct_base64(), &theirs.ct);
            prop_assert_eq!(ours.decode().unwrap(), STANDARD.decode(&theirs.ct).unwrap());
        }
        (Err(refusal), None) => prop_assert_eq!(refusal.code(), "ERR_ENVELOPE_INVALID"),
        (Ok(_), None) => prop_assert!(false, "only we accept {text}"),
        (Err(refusal), Some(_)) => prop_assert!(false, "only we refuse {text}: {refusal}"),
    }
    Ok(())
}

#[test]
fn an_envelope_tells_its_suite_epoch_and_ciphertext() {
    let text = envelope(3, 17, &[7; 128]);
    let parsed = Envelope::parse(&text).unwrap();
    assert_eq!((parsed.suite(), parsed.epoch()), (Suite::Three, 17));
    assert_eq!(parsed.ct_base64(), b64([7; 128]));
    assert_eq!(parsed.decode().unwrap(), [7; 128]);
    assert_eq!(parsed.to_string(), text);
}

#[test]
fn white_space_between_tokens_and_any_order_of_keys_are_read_and_never_written() {
    let ct = b64([7; 40]);
    let text = format!("\n{{ \"ct\" :\t\"{ct}\" ,\r\n\"epoch\": 0 , \"v\" : 2 }} \t");
    let parsed = Envelope::parse(&text).unwrap();
    assert_eq!(parsed.to_string(), envelope(2, 0, &[7; 40]));
    for space in ['\u{a0}', '\u{c}', '\u{b}', '\u{feff}', '\0'] {
        assert!(Envelope::parse(&format!("{space}{parsed}")).is_err());
    }
}

#[test]
fn lengths_that_a_suite_never_has_are_refused() {
    for length in 0..400 {
        let ct = vec![0; length];
        let two = Envelope::parse(&envelope(2, 1, &ct)).is_ok();
        let three = Envelope::parse(&envelope(3, 1, &ct)).is_ok();
        assert_eq!(two, length >= 40, "{length}");
        assert_eq!(
            three,
            matches!(length, 128 | 192 | 256 | 320 | 384),
            "{length}"
        );
    }
}

#[test]
fn an_envelope_has_at_most_4096_bytes_white_space_included() {
    let text = envelope(3, 1, &[0; 128]);
    let padded = |length: usize| format!("{text}{}", " ".repeat(length - text.len()));
    assert!(Envelope::parse(&padded(4096)).is_ok());
    assert!(Envelope::parse(&padded(4097)).is_err());
}

#[test]
fn numbers_are_plain_integers_up_to_the_largest_that_json_readers_keep() {
    let with = |v: &str, epoch: &str| {
        Envelope::parse(&format!(
            r#"{{"v":{v},"epoch":{epoch},"ct":"{}"}}"#,
            b64([0; 128])
        ))
        .is_ok()
    };
    for epoch in ["0", "1", "9007199254740991"] {
        assert!(with("3", epoch), "{epoch}");
    }
    for number in [
        "",
        "-1",
        "-0",
        "+1",
        "01",
        "00",
        "1.0",
        "1.",
        ".1",
        "1e3",
        "1E0",
        "0x1",
        "1_0",
        "\"1\"",
        "null",
        "true",
        "[1]",
        "9007199254740992",
        "18446744073709551617",
        "1 1",
        "١",
        "99999999999999999999999999999999999999999999",
    ] {
        assert!(!with("3", number), "epoch {number}");
        assert!(!with(number, "1"), "v {number}");
    }
    for v in ["0", "1", "4", "23", "3.0", "3e0", "03", "\"3\""] {
        assert!(!with(v, "1"), "v {v}");
    }
}

#[test]
fn keys_are_exactly_v_epoch_and_ct_once_each_and_unescaped() {
    let ct = b64([0; 128]);
    for text in [
        format!(r#"{{"v":3,"epoch":1,"ct":"{ct}","v":3}}"#),
        format!(r#"{{"v":3,"v":3,"ct":"{ct}"}}"#),
        format!(r#"{{"v":3,"epoch":1,"epoch":1,"ct":"{ct}"}}"#),
        format!(r#"{{"v":3,"epoch":1,"ct":"{ct}","ct":"{ct}"}}"#),
        format!(r#"{{"v":3,"epoch":1,"ct":"{ct}","x":1}}"#),
        format!(r#"{{"v":3,"epoch":1,"ct":"{ct}",}}"#),
        format!(r#"{{"v":3,"ct":"{ct}"}}"#),
        format!(r#"{{"epoch":1,"ct":"{ct}"}}"#),
        r#"{"v":3,"epoch":1}"#.to_owned(),
        format!(r#"{{"\u0076":3,"epoch":1,"ct":"{ct}"}}"#),
        format!(r#"{{"V":3,"epoch":1,"ct":"{ct}"}}"#),
        format!(r#"{{v:3,"epoch":1,"ct":"{ct}"}}"#),
        format!(r#"{{'v':3,"epoch":1,"ct":"{ct}"}}"#),
        format!(r#"[3,1,"{ct}"]"#),
        "{}".to_owned(),
        "null".to_owned(),
        String::new(),
    ] {
        assert!(Envelope::parse(&text).is_err(), "{text}");
    }
}

#[test]
fn the_ciphertext_is_a_string_of_canonical_base64_without_escapes() {
    let with = |ct: &str| Envelope::parse(&format!(r#"{{"v":2,"epoch":1,"ct":{ct}}}"#)).is_ok();
    // 40 and 41 bytes of 0xff: slashes, and both kinds of padding.
    let (one, two) = (b64([0xff; 41]), b64([0xff; 40]));
    assert!(with(&format!("\"{one}\"")) && with(&format!("\"{two}\"")));
    for ct in [
        format!("\"{}\"", one.replace('/', r"\/")),
        format!("\"{}\"", one.replace('/', "_")),
        format!("\"{}\"", one.trim_end_matches('=')),
        format!("\"{two}=\""),
        format!("\"{}\"", two.replace("w==", "x==")),
        format!("\"{two}"),
        format!("\"{two}\\\""),
        format!("\"{} {}\"", &two[..4], &two[4..]),
        format!("\"{}\n{}\"", &two[..4], &two[4..]),
        two.clone(),
        "\"\"".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
    ] {
        assert!(!with(&ct), "{ct}");
    }
}

/// Pieces that JSON and envelopes are made of, and some that are nearly that.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just(":".to_owned()),
        Just(",".to_owned()),
        Just("\"v\"".to_owned()),
        Just("\"epoch\"".to_owned()),
        Just("\"ct\"".to_owned()),
        "[ \t\r\n]",
        "-?[0-9]{1,3}(\\.[0-9])?(e[0-9])?",
        Just(format!("\"{}\"", b64([1; 128]))),
        Just(format!("\"{}\"", b64([1; 41]))),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

/// Envelopes right in structure, with values, spaces and order that vary.
fn nearly() -> impl Strategy<Value = String> {
    let v = prop_oneof![Just("2".to_owned()), Just("3".to_owned()), "[0-9]{1,2}"];
    let epoch = prop_oneof![
        any::<u64>().prop_map(|epoch| epoch.to_string()),
        (0..=MAX_NUMBER).prop_map(|epoch| epoch.to_string()),
    ];
    let ct = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200).prop_map(b64),
        Just(b64([0xfe; 192])),
    ];
    let order = Just([0, 1, 2]).prop_shuffle();
    (v, epoch, ct, order, "[ \n]{0,2}").prop_map(|(v, epoch, ct, order, space)| {
        let members = [
            format!("\"v\"{space}:{v}"),
            format!("\"epoch\":{space}{epoch}"),
            format!("\"ct\":\"{ct}\"{space}"),
        ];
        let members = order.map(|at| &members[at][..]);
        format!("{space}{{{}}}{space}", members.join(&format!("{space},")))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_parser_and_a_json_library_agree_on_pieces_in_any_order(text in pieces()) {
        agree(&text)?;
    }

    #[test]
    fn the_parser_and_a_json_library_agree_on_what_looks_like_an_envelope(text in nearly()) {
        agree(&text)?;
    }

    #[test]
    fn the_parser_and_a_json_library_agree_after_one_change(
        text in nearly(),
        at: prop::sample::Index,
        with in "[ \"\\\\{}:,v0-9=/+a-zé\u{1}]{0,2}",
        delete: bool,
    ) {
        let mut characters: Vec<_> = text.chars().collect();
        let at = at.index(characters.len());
        characters.splice(at..at + usize::from(delete), with.chars());
        agree(&characters.into_iter().collect::<String>())?;
    }

    #[test]
    fn any_text_is_answered_without_panicking(text in "\\PC{0,60}") {
        agree(&text)?;
    }
}
