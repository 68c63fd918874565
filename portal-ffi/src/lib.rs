//! The C interface of libportal: what `include/portal.h` declares.
//!
//! A thin skin over [`portal_core::Portal`]: pointers are checked here and become Rust values, results
//! become statuses, owned errors and buffers. No rule of behaviour lives here, and this is the only
//! crate that may say `unsafe`.
//!
//! Every exported function goes through `boundary`, which lets no panic out, and its documentation
//! has the same five lines. Both are held by `tests/header.rs`, which also makes the header from these
//! sources. The crate starts no thread, keeps no thread-local state and installs no signal handler.

#![allow(
    unsafe_code,
    reason = "C hands over raw pointers; this crate exists to turn them into checked values"
)]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the lines `Ownership`, `NULL` and `Threads` of each function are its safety section"
)]
#![allow(
    clippy::doc_markdown,
    reason = "the documentation of what is exported is the header's text, in C's names"
)]
#![expect(
    clippy::inline_always,
    reason = "what every call goes through: a frame less around a query can be measured, and the compiler does not inline it by itself"
)]

#[cfg(not(panic = "unwind"))]
compile_error!("the guard at the C boundary needs panics that unwind (SPEC 17.6)");

mod actor;
mod boundary;
mod browser_calls;
mod browser_reply;
mod browsers;
mod buf;
mod call;
mod chats;
mod child;
mod e2ee;
mod e2ee_blobs;
mod e2ee_messages;
mod error;
mod follower;
mod handle;
mod input;
mod keeper;
mod keyring;
mod keyring_messages;
mod keys;
mod matching;
mod memory;
mod messages;
mod moderation;
mod options;
mod random_source;
mod room_key;
mod rooms;
pub mod status;
mod typed;
mod users;

pub use actor::{
    Caller, PORTAL_ACTOR_BOT, PORTAL_ACTOR_CONNECTION, PORTAL_ACTOR_GUEST, PORTAL_ACTOR_OPERATOR,
    PORTAL_ACTOR_SESSION, PORTAL_ACTOR_USER,
};
pub use browser_reply::{Reply, portal_browser_reply_picture, portal_browser_reply_text};
pub use browsers::{
    BrowserBackend, PORTAL_BROWSER_FAULT_FAILED, PORTAL_BROWSER_FAULT_FULL,
    PORTAL_BROWSER_FAULT_GONE, PORTAL_BROWSER_FAULT_MISCONFIGURED,
    PORTAL_BROWSER_FAULT_UNREACHABLE,
};
pub use buf::{Buf, portal_buf_dispose};
pub use call::{
    portal_authenticate, portal_authenticate_bot, portal_call, portal_connect, portal_disconnect,
    portal_tick,
};
pub use chats::{
    portal_chat_create, portal_chat_destroy, portal_chat_get, portal_chat_leave, portal_chat_list,
    portal_chat_update,
};
pub use e2ee::{
    PORTAL_E2EE_BLOB_SIZE, PORTAL_E2EE_DISCLOSURE_SIZE, PORTAL_E2EE_ENVELOPE_SIZE,
    PORTAL_E2EE_FINGERPRINT_SIZE, PORTAL_E2EE_KEY_BYTES, PORTAL_E2EE_KEY_CHECK_BYTES,
    PORTAL_E2EE_PLAINTEXT_SIZE, portal_e2ee_decode, portal_e2ee_encode, portal_e2ee_fingerprint,
    portal_e2ee_key_check, portal_e2ee_key_pair, portal_e2ee_public_key, portal_e2ee_room_key,
    portal_e2ee_wipe,
};
pub use e2ee_blobs::{portal_e2ee_unwrap, portal_e2ee_wrap};
pub use e2ee_messages::{
    portal_e2ee_disclose, portal_e2ee_open, portal_e2ee_seal, portal_e2ee_verify,
};
pub use error::{
    Failure, portal_error_code, portal_error_extras, portal_error_free, portal_error_message,
    portal_error_status, portal_status_code,
};
pub use follower::{
    Follower, portal_follower_deliver, portal_follower_free, portal_follower_next,
    portal_follower_open, portal_follower_position, portal_follower_wake,
};
pub use handle::{
    Handle, portal_close, portal_free, portal_open, portal_version, portal_version_number,
};
pub use keeper::{
    Keeper, portal_keeper_free, portal_keeper_open, portal_keeper_tend, portal_keeper_wait,
    portal_keeper_wake,
};
pub use keyring::{
    KeyringOptions, PORTAL_KEYRING_ACCEPT_CHANGED, PORTAL_KEYRING_ASK_NEW, Ring,
    portal_keyring_decide, portal_keyring_event, portal_keyring_export, portal_keyring_free,
    portal_keyring_import, portal_keyring_new, portal_keyring_reply, portal_keyring_tick,
};
pub use keyring_messages::{
    portal_keyring_disclose, portal_keyring_forget_before, portal_keyring_forget_person,
    portal_keyring_open, portal_keyring_people, portal_keyring_seal, portal_keyring_sessions,
};
pub use keys::{
    portal_key_list, portal_key_publish, portal_key_register, portal_key_reject, portal_key_renew,
};
pub use matching::{
    portal_match_dequeue, portal_match_enqueue, portal_match_leave, portal_match_status,
};
pub use messages::{
    portal_message_delete, portal_message_delete_last, portal_message_delete_mine,
    portal_message_history, portal_message_send,
};
pub use moderation::{
    portal_mod_ban, portal_mod_hard_mute, portal_mod_hard_unmute, portal_mod_kick, portal_mod_mute,
    portal_mod_unban, portal_mod_unmute,
};
pub use options::{
    Options, PORTAL_LOG_ERROR, PORTAL_LOG_INFO, PORTAL_LOG_WARNING, PORTAL_OPEN_EXISTING,
    PORTAL_OPEN_NORMAL_DURABILITY, PORTAL_OPEN_PRESENCE,
};
pub use random_source::RandomSource;
pub use room_key::KeyOfRoom;
pub use rooms::{
    portal_invite_create, portal_invite_list, portal_invite_resolve, portal_invite_revoke,
    portal_room_join, portal_room_leave,
};
pub use users::{portal_user_create, portal_user_get, portal_user_list};
