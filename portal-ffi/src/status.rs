//! The statuses: `ErrorKind`'s numbers as constants that C can use. Written by `tests/header.rs`.

use std::ffi::CStr;

/// The call did what it says.
pub const PORTAL_OK: i32 = 0;
/// The request is not valid; `field` names the first thing that is wrong.
pub const PORTAL_ERR_INVALID: i32 = 101;
/// The message is not an envelope of this chat's encryption suite.
pub const PORTAL_ERR_ENVELOPE_INVALID: i32 = 102;
/// There is no operation of that name; `op list` shows them all.
pub const PORTAL_ERR_UNKNOWN_OPERATION: i32 = 103;
/// The request body is larger than 64 KiB.
pub const PORTAL_ERR_PAYLOAD_TOO_LARGE: i32 = 104;
/// There is nothing at this address.
pub const PORTAL_ERR_NOT_FOUND: i32 = 105;
/// This address does not take that method.
pub const PORTAL_ERR_METHOD_NOT_ALLOWED: i32 = 106;
/// The request body must be JSON, and say so in Content-Type.
pub const PORTAL_ERR_UNSUPPORTED_MEDIA: i32 = 107;
/// The request body did not arrive in time.
pub const PORTAL_ERR_REQUEST_TIMEOUT: i32 = 108;
/// There is no such chat, or it is not open to you.
pub const PORTAL_ERR_CHAT_NOT_FOUND: i32 = 201;
/// There is no such user.
pub const PORTAL_ERR_USER_NOT_FOUND: i32 = 202;
/// There is no such session.
pub const PORTAL_ERR_SESSION_NOT_FOUND: i32 = 203;
/// This code leads nowhere: it is mistyped, expired, used up or revoked.
pub const PORTAL_ERR_INVITE_INVALID: i32 = 204;
/// There is no such message.
pub const PORTAL_ERR_MESSAGE_NOT_FOUND: i32 = 205;
/// This sign-up code is mistyped, expired, used up or revoked.
pub const PORTAL_ERR_SIGNUP_CODE_INVALID: i32 = 206;
/// That name and that key or code do not belong together, or the code has expired.
pub const PORTAL_ERR_LOGIN_INVALID: i32 = 207;
/// Sign in first: there is no session, or it has ended.
pub const PORTAL_ERR_UNAUTHENTICATED: i32 = 208;
/// That username is taken or was given up less than 30 days ago.
pub const PORTAL_ERR_USERNAME_TAKEN: i32 = 209;
/// That address is taken, reserved, or held for its last owner.
pub const PORTAL_ERR_SLUG_TAKEN: i32 = 210;
/// The chat's epoch has moved on; `epoch` is the current one.
pub const PORTAL_ERR_EPOCH_MISMATCH: i32 = 211;
/// Another session has already published this epoch's key.
pub const PORTAL_ERR_KEY_CONFLICT: i32 = 212;
/// This session does not hold the key of the current epoch.
pub const PORTAL_ERR_NO_ROOM_KEY: i32 = 213;
/// Join the room with this session first.
pub const PORTAL_ERR_NOT_JOINED: i32 = 214;
/// This needs a live connection.
pub const PORTAL_ERR_NOT_CONNECTED: i32 = 215;
/// The event log no longer reaches back to that place; read the state and follow from its `as_of`.
pub const PORTAL_ERR_EVENTS_PRUNED: i32 = 216;
/// Another program serves this file already: one at a time keeps presence for it.
pub const PORTAL_ERR_PRESENCE_TAKEN: i32 = 217;
/// The portal is closed or closing.
pub const PORTAL_ERR_CLOSED: i32 = 218;
/// No transfer of this chat is offered to you.
pub const PORTAL_ERR_TRANSFER_NOT_FOUND: i32 = 219;
/// Register this session's public key first.
pub const PORTAL_ERR_NO_PUBLIC_KEY: i32 = 220;
/// There is no such report, or it was settled and has been pruned.
pub const PORTAL_ERR_REPORT_NOT_FOUND: i32 = 221;
/// You have reported this message already; staff have it.
pub const PORTAL_ERR_ALREADY_REPORTED: i32 = 222;
/// There is no such bot.
pub const PORTAL_ERR_BOT_NOT_FOUND: i32 = 223;
/// This server runs no browsers.
pub const PORTAL_ERR_BROWSER_UNAVAILABLE: i32 = 224;
/// You may not do this here.
pub const PORTAL_ERR_FORBIDDEN: i32 = 301;
/// You are banned here.
pub const PORTAL_ERR_BANNED: i32 = 302;
/// You are muted; `ttl_seconds` says how much longer (0: until someone lifts it).
pub const PORTAL_ERR_MUTED: i32 = 303;
/// Too fast; `retry_after_ms` says when to try again.
pub const PORTAL_ERR_RATE_LIMITED: i32 = 304;
/// The chat's owner needs premium now.
pub const PORTAL_ERR_PREMIUM_REQUIRED: i32 = 305;
/// The owner has no free slot for another chat.
pub const PORTAL_ERR_CHAT_SLOT_LIMIT: i32 = 306;
/// OFFICIAL and DIRECT chats never change their type.
pub const PORTAL_ERR_CHAT_TYPE_FIXED: i32 = 307;
/// The chat has 20 live invites; revoke one first.
pub const PORTAL_ERR_INVITE_QUOTA: i32 = 308;
/// The owner is neither kicked nor banned from the own chat.
pub const PORTAL_ERR_TARGET_IS_OWNER: i32 = 309;
/// A DIRECT chat has no moderators; leave it, report it, or ask for a hard mute.
pub const PORTAL_ERR_DIRECT_UNMODERATED: i32 = 310;
/// This is the last platform owner.
pub const PORTAL_ERR_LAST_OWNER: i32 = 311;
/// The user owns chats; say what becomes of them.
pub const PORTAL_ERR_USER_OWNS_CHATS: i32 = 312;
/// Strangers can be matched and look into open chats, nothing else; sign up for more.
pub const PORTAL_ERR_STRANGER_FORBIDDEN: i32 = 313;
/// This user is timed out; `ttl_seconds` says how much longer.
pub const PORTAL_ERR_TIMED_OUT: i32 = 314;
/// This server takes no sign-ups.
pub const PORTAL_ERR_REGISTRATION_CLOSED: i32 = 315;
/// The owner cannot leave; transfer the chat or destroy it.
pub const PORTAL_ERR_OWNER_CANNOT_LEAVE: i32 = 316;
/// The trial has been used already.
pub const PORTAL_ERR_TRIAL_USED: i32 = 317;
/// Too many strangers come from this address.
pub const PORTAL_ERR_STRANGER_LIMIT: i32 = 318;
/// This request comes from another site.
pub const PORTAL_ERR_CROSS_SITE: i32 = 319;
/// This cannot be undone, so it has to be confirmed; nothing was changed.
pub const PORTAL_ERR_NOT_CONFIRMED: i32 = 320;
/// This is others'; say why you look into it, with `chat.inspect` or `user.inspect`, then read.
pub const PORTAL_ERR_REASON_REQUIRED: i32 = 321;
/// You are not matched any more: a moderator has blocked you.
pub const PORTAL_ERR_STRANGER_BLOCKED: i32 = 322;
/// The database file could not be read or written.
pub const PORTAL_ERR_STORAGE: i32 = 401;
/// The disk is full; nothing of this request was stored.
pub const PORTAL_ERR_STORAGE_FULL: i32 = 402;
/// The database file is read-only.
pub const PORTAL_ERR_STORAGE_READONLY: i32 = 403;
/// Another process holds the database file locked; try again.
pub const PORTAL_ERR_STORAGE_LOCKED: i32 = 404;
/// The database file is damaged; run `portal-cli db check`.
pub const PORTAL_ERR_STORAGE_CORRUPT: i32 = 405;
/// This file is not a portal database.
pub const PORTAL_ERR_STORAGE_FOREIGN: i32 = 406;
/// A newer version wrote this database; upgrade before you open it.
pub const PORTAL_ERR_STORAGE_NEWER: i32 = 407;
/// There is no database file there, no folder to make one in, or it cannot be opened.
pub const PORTAL_ERR_STORAGE_NOT_FOUND: i32 = 408;
/// There is a database file already; nothing was changed.
pub const PORTAL_ERR_STORAGE_EXISTS: i32 = 409;
/// This does not open with that key.
pub const PORTAL_ERR_DECRYPT: i32 = 501;
/// Name 1 to 3 different interests, each of 3 to 12 small letters or digits.
pub const PORTAL_ERR_MATCH_BAD_INTEREST: i32 = 601;
/// You are being looked for a match already; dequeue first to change your interests.
pub const PORTAL_ERR_MATCH_ALREADY_SEARCHING: i32 = 602;
/// You have as many matches as you can have at once; leave one first.
pub const PORTAL_ERR_MATCH_SLOT_LIMIT: i32 = 603;
/// You have several matches; say which to leave.
pub const PORTAL_ERR_MATCH_AMBIGUOUS: i32 = 604;
/// You have no match to leave.
pub const PORTAL_ERR_MATCH_NO_ACTIVE_DIRECT: i32 = 605;
/// Something went wrong inside; the operator's log knows more.
pub const PORTAL_ERR_INTERNAL: i32 = 901;
/// An earlier failure left this handle unusable; close it and open again.
pub const PORTAL_ERR_POISONED: i32 = 902;

/// Every status but `PORTAL_OK`, with its code.
#[rustfmt::skip]
pub(crate) const NAMES: &[(i32, &CStr)] = &[
    (PORTAL_ERR_INVALID, c"ERR_INVALID"),
    (PORTAL_ERR_ENVELOPE_INVALID, c"ERR_ENVELOPE_INVALID"),
    (PORTAL_ERR_UNKNOWN_OPERATION, c"ERR_UNKNOWN_OPERATION"),
    (PORTAL_ERR_PAYLOAD_TOO_LARGE, c"ERR_PAYLOAD_TOO_LARGE"),
    (PORTAL_ERR_NOT_FOUND, c"ERR_NOT_FOUND"),
    (PORTAL_ERR_METHOD_NOT_ALLOWED, c"ERR_METHOD_NOT_ALLOWED"),
    (PORTAL_ERR_UNSUPPORTED_MEDIA, c"ERR_UNSUPPORTED_MEDIA"),
    (PORTAL_ERR_REQUEST_TIMEOUT, c"ERR_REQUEST_TIMEOUT"),
    (PORTAL_ERR_CHAT_NOT_FOUND, c"ERR_CHAT_NOT_FOUND"),
    (PORTAL_ERR_USER_NOT_FOUND, c"ERR_USER_NOT_FOUND"),
    (PORTAL_ERR_SESSION_NOT_FOUND, c"ERR_SESSION_NOT_FOUND"),
    (PORTAL_ERR_INVITE_INVALID, c"ERR_INVITE_INVALID"),
    (PORTAL_ERR_MESSAGE_NOT_FOUND, c"ERR_MESSAGE_NOT_FOUND"),
    (PORTAL_ERR_SIGNUP_CODE_INVALID, c"ERR_SIGNUP_CODE_INVALID"),
    (PORTAL_ERR_LOGIN_INVALID, c"ERR_LOGIN_INVALID"),
    (PORTAL_ERR_UNAUTHENTICATED, c"ERR_UNAUTHENTICATED"),
    (PORTAL_ERR_USERNAME_TAKEN, c"ERR_USERNAME_TAKEN"),
    (PORTAL_ERR_SLUG_TAKEN, c"ERR_SLUG_TAKEN"),
    (PORTAL_ERR_EPOCH_MISMATCH, c"ERR_EPOCH_MISMATCH"),
    (PORTAL_ERR_KEY_CONFLICT, c"ERR_KEY_CONFLICT"),
    (PORTAL_ERR_NO_ROOM_KEY, c"ERR_NO_ROOM_KEY"),
    (PORTAL_ERR_NOT_JOINED, c"ERR_NOT_JOINED"),
    (PORTAL_ERR_NOT_CONNECTED, c"ERR_NOT_CONNECTED"),
    (PORTAL_ERR_EVENTS_PRUNED, c"ERR_EVENTS_PRUNED"),
    (PORTAL_ERR_PRESENCE_TAKEN, c"ERR_PRESENCE_TAKEN"),
    (PORTAL_ERR_CLOSED, c"ERR_CLOSED"),
    (PORTAL_ERR_TRANSFER_NOT_FOUND, c"ERR_TRANSFER_NOT_FOUND"),
    (PORTAL_ERR_NO_PUBLIC_KEY, c"ERR_NO_PUBLIC_KEY"),
    (PORTAL_ERR_REPORT_NOT_FOUND, c"ERR_REPORT_NOT_FOUND"),
    (PORTAL_ERR_ALREADY_REPORTED, c"ERR_ALREADY_REPORTED"),
    (PORTAL_ERR_BOT_NOT_FOUND, c"ERR_BOT_NOT_FOUND"),
    (PORTAL_ERR_BROWSER_UNAVAILABLE, c"ERR_BROWSER_UNAVAILABLE"),
    (PORTAL_ERR_FORBIDDEN, c"ERR_FORBIDDEN"),
    (PORTAL_ERR_BANNED, c"ERR_BANNED"),
    (PORTAL_ERR_MUTED, c"ERR_MUTED"),
    (PORTAL_ERR_RATE_LIMITED, c"ERR_RATE_LIMITED"),
    (PORTAL_ERR_PREMIUM_REQUIRED, c"ERR_PREMIUM_REQUIRED"),
    (PORTAL_ERR_CHAT_SLOT_LIMIT, c"ERR_CHAT_SLOT_LIMIT"),
    (PORTAL_ERR_CHAT_TYPE_FIXED, c"ERR_CHAT_TYPE_FIXED"),
    (PORTAL_ERR_INVITE_QUOTA, c"ERR_INVITE_QUOTA"),
    (PORTAL_ERR_TARGET_IS_OWNER, c"ERR_TARGET_IS_OWNER"),
    (PORTAL_ERR_DIRECT_UNMODERATED, c"ERR_DIRECT_UNMODERATED"),
    (PORTAL_ERR_LAST_OWNER, c"ERR_LAST_OWNER"),
    (PORTAL_ERR_USER_OWNS_CHATS, c"ERR_USER_OWNS_CHATS"),
    (PORTAL_ERR_STRANGER_FORBIDDEN, c"ERR_STRANGER_FORBIDDEN"),
    (PORTAL_ERR_TIMED_OUT, c"ERR_TIMED_OUT"),
    (PORTAL_ERR_REGISTRATION_CLOSED, c"ERR_REGISTRATION_CLOSED"),
    (PORTAL_ERR_OWNER_CANNOT_LEAVE, c"ERR_OWNER_CANNOT_LEAVE"),
    (PORTAL_ERR_TRIAL_USED, c"ERR_TRIAL_USED"),
    (PORTAL_ERR_STRANGER_LIMIT, c"ERR_STRANGER_LIMIT"),
    (PORTAL_ERR_CROSS_SITE, c"ERR_CROSS_SITE"),
    (PORTAL_ERR_NOT_CONFIRMED, c"ERR_NOT_CONFIRMED"),
    (PORTAL_ERR_REASON_REQUIRED, c"ERR_REASON_REQUIRED"),
    (PORTAL_ERR_STRANGER_BLOCKED, c"ERR_STRANGER_BLOCKED"),
    (PORTAL_ERR_STORAGE, c"ERR_STORAGE"),
    (PORTAL_ERR_STORAGE_FULL, c"ERR_STORAGE_FULL"),
    (PORTAL_ERR_STORAGE_READONLY, c"ERR_STORAGE_READONLY"),
    (PORTAL_ERR_STORAGE_LOCKED, c"ERR_STORAGE_LOCKED"),
    (PORTAL_ERR_STORAGE_CORRUPT, c"ERR_STORAGE_CORRUPT"),
    (PORTAL_ERR_STORAGE_FOREIGN, c"ERR_STORAGE_FOREIGN"),
    (PORTAL_ERR_STORAGE_NEWER, c"ERR_STORAGE_NEWER"),
    (PORTAL_ERR_STORAGE_NOT_FOUND, c"ERR_STORAGE_NOT_FOUND"),
    (PORTAL_ERR_STORAGE_EXISTS, c"ERR_STORAGE_EXISTS"),
    (PORTAL_ERR_DECRYPT, c"ERR_DECRYPT"),
    (PORTAL_ERR_MATCH_BAD_INTEREST, c"ERR_MATCH_BAD_INTEREST"),
    (PORTAL_ERR_MATCH_ALREADY_SEARCHING, c"ERR_MATCH_ALREADY_SEARCHING"),
    (PORTAL_ERR_MATCH_SLOT_LIMIT, c"ERR_MATCH_SLOT_LIMIT"),
    (PORTAL_ERR_MATCH_AMBIGUOUS, c"ERR_MATCH_AMBIGUOUS"),
    (PORTAL_ERR_MATCH_NO_ACTIVE_DIRECT, c"ERR_MATCH_NO_ACTIVE_DIRECT"),
    (PORTAL_ERR_INTERNAL, c"ERR_INTERNAL"),
    (PORTAL_ERR_POISONED, c"ERR_POISONED"),
];
