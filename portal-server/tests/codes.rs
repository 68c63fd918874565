//! Every code of the one list (SPEC 13.1) comes out of a test, and those that people meet come out of the server.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use common::matched::Matched;
use common::{Person, TestServer};
use portal_core::ErrorKind;
use serde_json::{Value, json};

/// What no remote caller meets in a server that works: the file's troubles, the operator's own mistakes, and ours.
const ELSEWHERE: &[ErrorKind] = &[
    ErrorKind::PresenceTaken,
    ErrorKind::Closed,
    ErrorKind::NotConfirmed,
    ErrorKind::Storage,
    ErrorKind::StorageFull,
    ErrorKind::StorageReadOnly,
    ErrorKind::StorageLocked,
    ErrorKind::StorageCorrupt,
    ErrorKind::StorageForeign,
    ErrorKind::StorageNewer,
    ErrorKind::StorageNotFound,
    ErrorKind::StorageExists,
    ErrorKind::Internal,
    ErrorKind::Poisoned,
];

/// The sources under a folder.
fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // What was installed for a test, and what the document is compared with, reach nothing.
        if path.ends_with("node_modules") || path.ends_with("openapi.rs") {
        } else if path.is_dir() {
            sources(&path, into);
        } else if path
            .extension()
            .is_some_and(|end| end == "rs" || end == "py")
        {
            into.push(path);
        }
    }
}

/// What a source expects: of the library's own, the tests within.
fn expectations(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    if path.components().any(|part| part.as_os_str() == "src") {
        let tests = text.find("#[cfg(test)]").unwrap_or(text.len());
        return text[tests..].to_owned();
    }
    // Our own list above says what is not reached.
    let list = text
        .find("const ELSEWHERE")
        .map(|at| at..text.find("];").unwrap_or(at));
    list.map_or_else(|| text.clone(), |list| text.replace(&text[list], ""))
}

fn word(text: &str, wanted: &str) -> bool {
    text.match_indices(wanted).any(|(at, _)| {
        !text[at + wanted.len()..].starts_with(|next: char| next == '_' || next.is_alphanumeric())
    })
}

#[test]
fn every_code_comes_out_of_a_test_spec_13_1() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut here, mut anywhere) = (Vec::new(), Vec::new());
    sources(&root.join("portal-server/tests"), &mut here);
    for folder in ["portal-core", "portal-cli", "portal-ffi"] {
        for part in ["src", "tests"] {
            let folder = root.join(folder).join(part);
            if folder.is_dir() {
                sources(&folder, &mut anywhere);
            }
        }
    }
    let read = |paths: &[PathBuf]| {
        paths
            .iter()
            .map(|path| expectations(path))
            .collect::<String>()
    };
    let (here, anywhere) = (read(&here), read(&anywhere));
    let reached = |text: &str, kind: &ErrorKind| {
        word(text, kind.code()) || word(text, &format!("ErrorKind::{kind:?}"))
    };
    for kind in ErrorKind::ALL {
        if ELSEWHERE.contains(kind) {
            assert!(
                reached(&anywhere, kind) || reached(&here, kind),
                "{kind:?} comes out nowhere"
            );
        } else {
            assert!(
                reached(&here, kind),
                "{kind:?} does not come out of the server"
            );
        }
    }
}

struct Street {
    server: TestServer,
    olga: Person,
    pia: Person,
    ben: Person,
    /// Pia's, PRIVATE.
    closed: i64,
    /// Pia's, PUBLIC.
    shown: i64,
}

impl Street {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let olga = server.person_with_role("olga", "owner");
        let (pia, ben) = (server.person("pia"), server.person("ben"));
        let tier = json!({ "user_id": pia.id, "tier": "lifetime" });
        server.operator("user.set_tier", tier);
        let mut street = Self {
            server,
            olga,
            pia,
            ben,
            closed: 0,
            shown: 0,
        };
        let new = json!({ "chat_type": "PRIVATE", "name": "Closed" });
        street.closed = street.made(new).await;
        let new = json!({ "chat_type": "PUBLIC", "name": "Shown", "slug": "shown" });
        street.shown = street.made(new).await;
        street
    }

    async fn made(&self, new: Value) -> i64 {
        let made = self
            .server
            .post(Some(&self.pia), "/v1/portal/chats", new)
            .await;
        made.ok()["id"].as_i64().unwrap()
    }

    async fn refuses(&self, who: &Person, path: &str, body: Value, status: u16, code: &str) {
        let answer = self
            .server
            .post(Some(who), &format!("/v1/{path}"), body)
            .await;
        answer.refused(status, code);
    }
}

#[tokio::test]
async fn accounts_are_refused_by_these() {
    let street = Street::new().await;
    let (server, ben) = (&street.server, &street.ben);
    let taken = json!({ "username": "PIA" });
    street
        .refuses(ben, "users/me/update", taken, 409, "ERR_USERNAME_TAKEN")
        .await;
    let trial = "users/me/subscription/trial";
    server
        .post(Some(ben), &format!("/v1/{trial}"), json!({}))
        .await
        .ok();
    street
        .refuses(ben, trial, json!({}), 409, "ERR_TRIAL_USED")
        .await;
    let destroy = "users/me/sessions/zzzzzz/destroy";
    street
        .refuses(ben, destroy, json!({}), 404, "ERR_SESSION_NOT_FOUND")
        .await;
    let nobody = server.get(Some(ben), "/v1/users/99999").await;
    nobody.refused(404, "ERR_USER_NOT_FOUND");

    let new = json!({ "username": "dora", "signup_code": "made-up" });
    let register = "/v1/authentication/register";
    let answer = server.post(None, register, new.clone()).await;
    answer.refused(404, "ERR_SIGNUP_CODE_INVALID");
    let closed = json!({ "key": "registration", "value": "closed" });
    server.operator("config.set", closed);
    let answer = server.post(None, register, new).await;
    answer.refused(403, "ERR_REGISTRATION_CLOSED");

    let code = server.operator("login_code.create", json!({ "user_id": ben.id }));
    let secret = json!({ "username": "ben", "secret": code["code"] });
    let out = json!({ "user_id": ben.id, "duration_seconds": 600 });
    server.operator("mod.timeout", out);
    let answer = server.post(None, "/v1/authentication/verify", secret).await;
    let told = answer.refused(403, "ERR_TIMED_OUT");
    assert!(told["ttl_seconds"].as_u64().unwrap() <= 600);
}

#[tokio::test]
async fn owners_are_refused_by_these() {
    let street = Street::new().await;
    let (pia, ben, olga) = (&street.pia, &street.ben, &street.olga);
    let chats = "portal/chats";
    let new = json!({ "chat_type": "PRIVATE", "name": "Mine" });
    street
        .refuses(ben, chats, new.clone(), 403, "ERR_PREMIUM_REQUIRED")
        .await;
    let same = json!({ "chat_type": "OFFICIAL", "name": "Ours", "slug": "shown" });
    street
        .refuses(olga, chats, same, 409, "ERR_SLUG_TAKEN")
        .await;
    let mut slots = 2;
    let full = loop {
        let answer = street
            .server
            .post(Some(pia), "/v1/portal/chats", new.clone())
            .await;
        if answer.status != 200 {
            break answer;
        }
        slots += 1;
        assert!(slots < 100, "slots without end");
    };
    full.refused(409, "ERR_CHAT_SLOT_LIMIT");

    street
        .refuses(
            olga,
            "op/bot.rotate",
            json!({ "bot_id": 77 }),
            404,
            "ERR_BOT_NOT_FOUND",
        )
        .await;
    let leave = format!("{chats}/{}/leave", street.closed);
    street
        .refuses(pia, &leave, json!({}), 409, "ERR_OWNER_CANNOT_LEAVE")
        .await;
    let accept = format!("{chats}/{}/transfer/accept", street.closed);
    street
        .refuses(ben, &accept, json!({}), 404, "ERR_TRANSFER_NOT_FOUND")
        .await;
    let invites = format!("{chats}/{}/invites", street.closed);
    for _ in 0..20 {
        let made = street
            .server
            .post(Some(pia), &format!("/v1/{invites}"), json!({}))
            .await;
        made.ok();
    }
    street
        .refuses(pia, &invites, json!({}), 409, "ERR_INVITE_QUOTA")
        .await;

    let gone = json!({ "user_id": pia.id });
    street
        .refuses(olga, "op/user.delete", gone, 409, "ERR_USER_OWNS_CHATS")
        .await;
    let less = json!({ "user_id": olga.id, "role": "user" });
    let answer = street.server.beside.call_json(
        &portal_core::Actor::operator(),
        "user.set_role",
        &less.to_string(),
    );
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::LastOwner);
}

#[tokio::test]
async fn visitors_and_moderators_are_refused_by_these() {
    let street = Street::new().await;
    let (server, pia, ben, olga) = (&street.server, &street.pia, &street.ben, &street.olga);
    let resolve = "portal/resolve/AAAAAAAAAAAA";
    street
        .refuses(ben, resolve, json!({}), 404, "ERR_INVITE_INVALID")
        .await;
    let (closed, shown) = (street.closed, street.shown);
    let answer = server
        .get(Some(olga), &format!("/v1/portal/chats/{closed}"))
        .await;
    answer.refused(403, "ERR_REASON_REQUIRED");
    let kick = format!("portal/chats/{shown}/kick");
    let her = json!({ "user_id": pia.id });
    street
        .refuses(olga, &kick, her, 403, "ERR_TARGET_IS_OWNER")
        .await;
    let report = format!("portal/chats/{shown}/messages/report");
    let body = json!({ "message_id": 77, "reason": "Spam" });
    street
        .refuses(ben, &report, body, 404, "ERR_MESSAGE_NOT_FOUND")
        .await;
    let keys = format!("portal/chats/{shown}/keys/reject");
    street
        .refuses(pia, &keys, json!({}), 409, "ERR_NOT_JOINED")
        .await;
    let ban = format!("/v1/portal/chats/{shown}/ban");
    server
        .post(Some(pia), &ban, json!({ "user_id": ben.id }))
        .await
        .ok();
    let answer = server
        .get(Some(ben), &format!("/v1/portal/chats/{shown}"))
        .await;
    answer.refused(403, "ERR_BANNED");

    let Matched {
        server,
        ada,
        ben,
        chat,
        ..
    } = Matched::new().await;
    let chat = format!("/v1/portal/chats/{chat}");
    let him = json!({ "user_id": ben.id });
    let answer = server.post(Some(&ada), &format!("{chat}/kick"), him).await;
    answer.refused(403, "ERR_DIRECT_UNMODERATED");
    let slug = json!({ "slug": "ours" });
    let answer = server
        .post(Some(&ada), &format!("{chat}/config/update"), slug)
        .await;
    answer.refused(409, "ERR_CHAT_TYPE_FIXED");
}

#[test]
fn what_is_reached_elsewhere_is_named_once() {
    let distinct: BTreeSet<_> = ELSEWHERE.iter().collect();
    assert_eq!(distinct.len(), ELSEWHERE.len());
}
