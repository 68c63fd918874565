//! What the C boundary adds to a call: the same query in Rust, by its name, and by its own function of C.
//!
//! All of them answer the reply as JSON, which is what a program of C gets, and all of them on one portal. A second one
//! on the same file reads with another connection and another memory; two that were opened alike differed in Rust alone
//! by 50 to 200 ns, as much as is to be measured. Prints what is between the ways: the medians of rounds in which they take turns, each
//! of a median of its own, so that a machine that changes its speed changes it for all of them. What is between Rust
//! and itself tells how closely that can be known.
//!
//! `cargo bench -p portal-ffi --bench calls`

#![allow(missing_docs, reason = "a benchmark has no callers")]
#![expect(
    unsafe_code,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it calls the exported functions as a program of C does, measures and reports"
)]

mod common;
#[path = "../../benches/turns.rs"]
mod turns;

use std::hint::black_box;
use std::ptr::null_mut;

use common::document;
use portal::{
    Buf, Caller, Handle, PORTAL_ACTOR_USER, portal_call, portal_chat_get, portal_free,
    portal_match_status, portal_message_history,
};
use portal_core::model::ChatId;
use portal_core::operation::Query;
use portal_core::ops::{chats, matching, messages};
use portal_core::{Actor, Options, Portal};
use serde_json::json;
use turns::take_turns;

/// Each of 41 turns of 100 calls.
const ROUNDS: usize = 25;
const CALLS: u32 = 100;

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
        let handle = Box::into_raw(Box::new(Handle::new(portal.clone())));
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
        let rust = || {
            let reply = self.portal.query(&user, query.clone()).expect("answers");
            black_box(serde_json::to_string(&reply).expect("JSON"));
        };
        let named = |reply| {
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
        };
        let rounds: [_; ROUNDS] = std::array::from_fn(|_| {
            take_turns(
                CALLS,
                [
                    &mut || rust(),
                    &mut || {
                        document(|reply| typed(self.handle, &raw const actor, reply));
                    },
                    &mut || {
                        black_box(self.portal.call_json(&user, Q::NAME, params)).expect("answers");
                    },
                    &mut || {
                        document(named);
                    },
                    &mut || rust(),
                ],
            )
        });
        let median = |of: fn(&[f64; 5]) -> f64| {
            let mut times = rounds.each_ref().map(of);
            times.sort_by(f64::total_cmp);
            times[ROUNDS / 2]
        };
        println!(
            "{}: Rust {:.0} ns, its own function in C {:+.0}; by its name in Rust {:.0} ns, in C {:+.0}; Rust against \
             itself {:+.0}",
            Q::NAME,
            median(|times| times[0]),
            median(|times| times[1] - times[0].midpoint(times[4])),
            median(|times| times[2]),
            median(|times| times[3] - times[2]),
            median(|times| times[4] - times[0]),
        );
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // SAFETY: it is freed once.
        unsafe { portal_free(self.handle) };
    }
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
