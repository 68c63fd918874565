//! What the C boundary adds to a call: the same query in Rust, by its name, and by its own function of C.
//!
//! All of them answer the reply as JSON, which is what a program of C gets. Prints the medians of rounds in which the
//! four take turns, and what is between them.
//!
//! `cargo bench -p portal-ffi --bench calls`

#![allow(missing_docs, reason = "a benchmark has no callers")]
#![expect(
    unsafe_code,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it calls the exported functions as a program of C does, measures and reports"
)]

#[path = "../../benches/turns.rs"]
mod turns;

use std::hint::black_box;
use std::ptr::null_mut;

use portal::{
    Buf, Caller, Handle, PORTAL_ACTOR_USER, portal_buf_dispose, portal_call, portal_chat_get,
    portal_free, portal_match_status, portal_message_history, portal_open,
};
use portal_core::model::ChatId;
use portal_core::operation::Query;
use portal_core::ops::{chats, matching, messages};
use portal_core::{Actor, Options, Portal};
use serde_json::json;
use turns::take_turns;

/// A file with one person who has one chat, open for Rust and for C.
struct Bench {
    portal: Portal,
    handle: *mut Handle,
    user: i64,
    chat: ChatId,
    _directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("bench.db");
        let portal = Portal::open(&path, Options::default()).expect("opens");
        let operator = Actor::operator();
        let number = |op: &str, params: serde_json::Value, place: &str| {
            let reply = portal
                .call_json(&operator, op, &params.to_string())
                .expect(op);
            let reply: serde_json::Value = serde_json::from_str(&reply).expect("JSON");
            reply
                .pointer(place)
                .and_then(serde_json::Value::as_i64)
                .expect(op)
        };
        let user = number(
            "user.create",
            json!({ "username": "ada", "role": "admin" }),
            "/user_id",
        );
        let chat = number(
            "chat.create",
            json!({ "chat_type": "OFFICIAL", "name": "Lobby", "owner_id": user }),
            "/id",
        );
        let path = path.to_str().expect("UTF-8");
        let mut handle = null_mut();
        // SAFETY: the path can be read, the handle written.
        let status = unsafe {
            portal_open(
                path.as_ptr().cast(),
                path.len(),
                std::ptr::null(),
                &raw mut handle,
                null_mut(),
            )
        };
        assert_eq!(status, 0);
        Self {
            portal,
            handle,
            user,
            chat: ChatId::try_from(chat).expect("an id"),
            _directory: directory,
        }
    }

    fn actor(&self) -> Caller {
        // SAFETY: all zeros is a guest from nowhere.
        let mut actor: Caller = unsafe { std::mem::zeroed() };
        actor.size = size_of::<Caller>();
        actor.kind = PORTAL_ACTOR_USER;
        actor.id = self.user;
        actor
    }

    /// Measures one query by all of its ways.
    fn compare<Q: Query + Clone>(
        &self,
        query: Q,
        params: &str,
        typed: impl Fn(*mut Handle, *const Caller, *mut Buf) -> i32,
    ) {
        let user = Actor::user(self.user.try_into().expect("an id"));
        let actor = self.actor();
        let times = take_turns(
            1000,
            [
                &mut || {
                    let reply = self.portal.query(&user, query.clone()).expect("answers");
                    black_box(serde_json::to_string(&reply).expect("JSON"));
                },
                &mut || {
                    in_c(|reply| typed(self.handle, &raw const actor, reply));
                },
                &mut || {
                    black_box(self.portal.call_json(&user, Q::NAME, params)).expect("answers");
                },
                &mut || {
                    in_c(|reply| {
                        // SAFETY: the handle lives, the inputs can be read, the reply written.
                        unsafe {
                            portal_call(
                                self.handle,
                                &raw const actor,
                                Q::NAME.as_ptr().cast(),
                                Q::NAME.len(),
                                params.as_ptr().cast(),
                                params.len(),
                                reply,
                                null_mut(),
                            )
                        }
                    });
                },
            ],
        );
        let [rust, own, named_in_rust, named] = times;
        println!(
            "{}: Rust {rust:.0} ns, its own function in C {own:.0} (+{:.0}); by its name in Rust {named_in_rust:.0}, \
             in C {named:.0} (+{:.0})",
            Q::NAME,
            own - rust,
            named - named_in_rust,
        );
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // SAFETY: it is freed once.
        unsafe { portal_free(self.handle) };
    }
}

/// A call that answers a document, which is given back.
fn in_c(call: impl FnOnce(*mut Buf) -> i32) {
    let mut reply = Buf {
        data: std::ptr::null(),
        len: 0,
        owner: null_mut(),
    };
    assert_eq!(call(&raw mut reply), 0);
    // SAFETY: the library's, and given back once.
    unsafe { portal_buf_dispose(&raw mut reply) };
}

fn main() {
    let bench = Bench::new();
    bench.compare(
        matching::Status::default(),
        "{}",
        // SAFETY: as above, here and below.
        |handle, actor, reply| unsafe { portal_match_status(handle, actor, reply, null_mut()) },
    );
    let chat = i64::from(bench.chat);
    let params = json!({ "chat_id": chat }).to_string();
    bench.compare(
        chats::Get {
            chat_id: bench.chat,
        },
        &params,
        |handle, actor, reply| unsafe { portal_chat_get(handle, actor, chat, reply, null_mut()) },
    );
    bench.compare(
        messages::History {
            chat_id: bench.chat,
            before: None,
            after: None,
            limit: None,
        },
        &params,
        |handle, actor, reply| unsafe {
            portal_message_history(handle, actor, chat, 0, 0, 0, reply, null_mut())
        },
    );
}
