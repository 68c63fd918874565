//! Every vector of `portal-core/tests/vectors/e2ee.json` through the functions that C calls (SPEC 17.3).
//!
//! The vectors are JSON, and C has none; so this is a caller in Rust of the same exported functions. What random bytes a
//! vector was made with is given through `portal_random`. The ephemeral key of a blob of suite 3 cannot be given: those are
//! opened, and that wrapping makes what others open is shown by `interop/run.sh`.

#![allow(missing_docs)]
#![allow(unsafe_code, reason = "what C does is done here")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "every pointer is of a local buffer with its own length"
)]

mod common;

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::read;
use portal::status::{PORTAL_ERR_DECRYPT, PORTAL_OK};
use portal::{
    KeyOfRoom, PORTAL_E2EE_BLOB_SIZE, PORTAL_E2EE_DISCLOSURE_SIZE, PORTAL_E2EE_ENVELOPE_SIZE,
    PORTAL_E2EE_FINGERPRINT_SIZE, PORTAL_E2EE_PLAINTEXT_SIZE, RandomSource,
};
use serde_json::Value;

/// One vector: its fields by name.
struct Vector(Value);

impl Vector {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    fn number(&self, name: &str) -> i64 {
        self.0[name].as_i64().unwrap()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        STANDARD.decode(self.text(name)).unwrap()
    }

    fn key(&self, name: &str) -> [u8; 32] {
        self.bytes(name).try_into().unwrap()
    }

    fn room(&self, suite: i32) -> KeyOfRoom {
        room(
            suite,
            self.number("chat_id"),
            self.number("epoch"),
            self.key("room_key"),
        )
    }
}

/// As many vectors as there are at that place of the file.
#[track_caller]
fn vectors(place: &str, count: usize) -> Vec<Vector> {
    let all: Value = serde_json::from_str(&read("portal-core/tests/vectors/e2ee.json")).unwrap();
    let found = all.pointer(place).and_then(Value::as_array).unwrap();
    assert_eq!(found.len(), count, "{place}");
    found.iter().cloned().map(Vector).collect()
}

fn room(suite: i32, chat_id: i64, epoch: i64, key: [u8; 32]) -> KeyOfRoom {
    KeyOfRoom {
        size: size_of::<KeyOfRoom>(),
        suite,
        reserved: 0,
        chat_id,
        epoch,
        key,
    }
}

/// Calls with a buffer of that size; the status, and what was written.
fn written(size: usize, call: impl FnOnce(*mut c_char, usize, *mut usize) -> i32) -> (i32, String) {
    let (mut buffer, mut len) = (vec![b'x'; size], usize::MAX);
    let status = call(buffer.as_mut_ptr().cast(), size, &raw mut len);
    assert_eq!(buffer.get(len), Some(&0), "a NUL follows");
    buffer.truncate(len);
    (status, String::from_utf8(buffer).unwrap())
}

/// Answers the bytes of a vector, and no others.
unsafe extern "C" fn given(host: *mut c_void, out: *mut u8, len: usize) -> i32 {
    let given = unsafe { &mut *host.cast::<Vec<u8>>() };
    if given.len() != len {
        return 1;
    }
    unsafe { out.copy_from_nonoverlapping(given.as_ptr(), len) };
    0
}

fn source(bytes: &mut Vec<u8>) -> RandomSource {
    RandomSource {
        size: size_of::<RandomSource>(),
        host: (&raw mut *bytes).cast(),
        fill: Some(given),
    }
}

fn seal(room: &KeyOfRoom, sender_id: i64, plaintext: &str, random: &RandomSource) -> (i32, String) {
    written(PORTAL_E2EE_ENVELOPE_SIZE, |out, size, len| unsafe {
        let text = (plaintext.as_ptr().cast(), plaintext.len());
        portal::portal_e2ee_seal(
            room,
            sender_id,
            text.0,
            text.1,
            random,
            out,
            size,
            len,
            null_mut(),
        )
    })
}

fn open(room: &KeyOfRoom, sender_id: i64, envelope: &str) -> (i32, String) {
    written(PORTAL_E2EE_PLAINTEXT_SIZE, |out, size, len| unsafe {
        let text = (envelope.as_ptr().cast(), envelope.len());
        portal::portal_e2ee_open(room, sender_id, text.0, text.1, out, size, len, null_mut())
    })
}

fn key_check(room: &KeyOfRoom) -> Vec<u8> {
    let mut check = [0; 16];
    let status = unsafe { portal::portal_e2ee_key_check(room, check.as_mut_ptr(), 16, null_mut()) };
    assert_eq!(status, PORTAL_OK);
    check.to_vec()
}

fn public_key(secret: &[u8; 32]) -> [u8; 32] {
    let mut public = [0; 32];
    let status = unsafe {
        portal::portal_e2ee_public_key(secret.as_ptr(), 32, public.as_mut_ptr(), 32, null_mut())
    };
    assert_eq!(status, PORTAL_OK);
    public
}

/// Opens the blob of a vector: the status and the room key.
fn unwrap(
    vector: &Vector,
    user_id: i64,
    check: Option<&[u8]>,
    mut into: KeyOfRoom,
) -> (i32, [u8; 32]) {
    let (secret, sender) = (vector.key("recipient_secret"), vector.key("sender_public"));
    let blob = vector.text("blob");
    let (check, check_len) = check.map_or((null(), 0), |check| (check.as_ptr(), check.len()));
    into.key = [0; 32];
    let status = unsafe {
        portal::portal_e2ee_unwrap(
            blob.as_ptr().cast(),
            blob.len(),
            user_id,
            secret.as_ptr(),
            32,
            sender.as_ptr(),
            32,
            check,
            check_len,
            &raw mut into,
            null_mut(),
        )
    };
    (status, into.key)
}

fn wrap(
    room: &KeyOfRoom,
    vector: &Vector,
    user_id: i64,
    random: *const RandomSource,
) -> (i32, String) {
    let (recipient, secret) = (vector.key("recipient_public"), vector.key("sender_secret"));
    written(PORTAL_E2EE_BLOB_SIZE, |out, size, len| unsafe {
        portal::portal_e2ee_wrap(
            room,
            user_id,
            recipient.as_ptr(),
            32,
            secret.as_ptr(),
            32,
            random,
            out,
            size,
            len,
            null_mut(),
        )
    })
}

/// Sealing with the vector's randomness makes its envelope, opening gives its plaintext, and the key has its check.
fn both_ways(vector: &Vector, suite: i32, sender_id: i64, randomness: &str) {
    let (room, plaintext) = (vector.room(suite), vector.text("plaintext"));
    let mut random = vector.bytes(randomness);
    let sealed = seal(&room, sender_id, plaintext, &source(&mut random));
    assert_eq!(sealed, (PORTAL_OK, vector.text("envelope").to_owned()));
    let opened = open(&room, sender_id, vector.text("envelope"));
    assert_eq!(opened, (PORTAL_OK, plaintext.to_owned()));
    assert_eq!(key_check(&room), vector.bytes("key_check"));
}

#[test]
fn messages_of_suite_2_are_made_and_opened_as_others_do_spec_8_8() {
    for vector in vectors("/suite2/messages", 9) {
        both_ways(&vector, 2, 1_000_003, "nonce");
    }
}

#[test]
fn messages_of_suite_3_are_made_opened_and_disclosed_as_others_do_spec_8_8() {
    for vector in vectors("/suite3/messages", 9) {
        let sender_id = vector.number("sender_id");
        both_ways(&vector, 3, sender_id, "salt");

        let (room, envelope) = (vector.room(3), vector.text("envelope"));
        let envelope = (envelope.as_ptr().cast::<c_char>(), envelope.len());
        let disclosed = written(PORTAL_E2EE_DISCLOSURE_SIZE, |out, size, len| unsafe {
            portal::portal_e2ee_disclose(
                &raw const room,
                sender_id,
                envelope.0,
                envelope.1,
                out,
                size,
                len,
                null_mut(),
            )
        });
        let disclosure = vector.text("disclosure");
        assert_eq!(disclosed, (PORTAL_OK, disclosure.to_owned()));
        let said = written(PORTAL_E2EE_PLAINTEXT_SIZE, |out, size, len| unsafe {
            portal::portal_e2ee_verify(
                room.chat_id,
                room.epoch,
                sender_id,
                envelope.0,
                envelope.1,
                disclosure.as_ptr().cast(),
                disclosure.len(),
                out,
                size,
                len,
                null_mut(),
            )
        });
        assert_eq!(said, (PORTAL_OK, vector.text("plaintext").to_owned()));
    }
}

#[test]
fn messages_that_have_to_be_refused_are_refused_and_leave_nothing_spec_17_2() {
    for vector in vectors("/suite3/refused", 12) {
        let opened = open(
            &vector.room(3),
            vector.number("sender_id"),
            vector.text("envelope"),
        );
        let why = vector.text("why");
        assert_eq!(opened, (PORTAL_ERR_DECRYPT, String::new()), "{why}");
    }
}

#[test]
fn blobs_of_suite_2_are_made_and_opened_as_others_do_spec_8_8() {
    for vector in vectors("/suite2/blobs", 3) {
        for who in ["sender", "recipient"] {
            let secret = vector.key(&format!("{who}_secret"));
            assert_eq!(public_key(&secret), vector.key(&format!("{who}_public")));
        }
        let room = room(2, 70_007, 12, vector.key("room_key"));
        let mut nonce = vector.bytes("nonce");
        let wrapped = wrap(&room, &vector, 5, &source(&mut nonce));
        assert_eq!(wrapped, (PORTAL_OK, vector.text("blob").to_owned()));
        assert_eq!(unwrap(&vector, 5, None, room), (PORTAL_OK, room.key));
    }
}

#[test]
fn blobs_of_suite_3_are_opened_as_others_do_and_made_as_they_are_opened_spec_8_8() {
    for vector in vectors("/suite3/blobs", 3) {
        let (room, user_id) = (vector.room(3), vector.number("recipient_user_id"));
        let check = key_check(&room);
        let opened = unwrap(&vector, user_id, Some(&check), room);
        assert_eq!(opened, (PORTAL_OK, room.key));
        let refused = unwrap(&vector, user_id - 1, Some(&check), room);
        assert_eq!(refused, (PORTAL_ERR_DECRYPT, [0; 32]));

        let (status, blob) = wrap(&room, &vector, user_id, null());
        assert_eq!(status, PORTAL_OK);
        let mut made = vector.0.clone();
        made["blob"] = blob.into();
        let opened = unwrap(&Vector(made), user_id, Some(&check), room);
        assert_eq!(opened, (PORTAL_OK, room.key));
    }
}

#[test]
fn fingerprints_are_the_same_everywhere_and_from_both_sides_spec_8_8() {
    for vector in vectors("/fingerprints", 2) {
        let (a, b) = (vector.key("a"), vector.key("b"));
        for (one, other) in [(&a, &b), (&b, &a)] {
            let digits = written(PORTAL_E2EE_FINGERPRINT_SIZE, |out, size, len| unsafe {
                let (one, other) = (one.as_ptr(), other.as_ptr());
                portal::portal_e2ee_fingerprint(one, 32, other, 32, out, size, len, null_mut())
            });
            assert_eq!(digits, (PORTAL_OK, vector.text("fingerprint").to_owned()));
        }
    }
}
