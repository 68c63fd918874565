/*
 * libportal: chat in rooms, over one SQLite file.
 *
 *     // A first program: open a file, make a user and a chat, and read what happened.
 *     //
 *     //     cc first.c -lportal -o first && ./first NEW-FILE
 *
 *     #include <portal.h>
 *
 *     #include <inttypes.h>
 *     #include <stdio.h>
 *     #include <string.h>
 *
 *     // Says what went wrong, frees the error, and answers the status.
 *     static int32_t failed(const char *what, int32_t status, portal_error *error) {
 *         fprintf(stderr, "%s: %s: %s\n", what, portal_status_code(status), portal_error_message(error));
 *         portal_error_free(error);
 *         return status;
 *     }
 *
 *     // Calls an operation as the operator: whoever holds the file. The caller disposes of the reply.
 *     static int32_t call(portal *handle, const char *op, const char *params, portal_buf *reply) {
 *         portal_actor actor = {0};
 *         actor.size = sizeof actor;
 *         actor.kind = PORTAL_ACTOR_OPERATOR;
 *
 *         portal_error *error;
 *         int32_t status = portal_call(handle, &actor, op, strlen(op), params, strlen(params), reply, &error);
 *         if (status != 0) {
 *             return failed(op, status, error);
 *         }
 *         printf("%s: %s\n", op, reply->data);
 *         return 0;
 *     }
 *
 *     // Makes an admin and an OFFICIAL chat, and prints the events of both.
 *     static int32_t talk(portal *handle, portal_follower *follower) {
 *         portal_buf reply;
 *         int32_t status = call(handle, "user.create", "{\"username\": \"ada\", \"role\": \"admin\"}", &reply);
 *         if (status != 0) {
 *             return status;
 *         }
 *         int64_t owner = 0; // A real program reads the reply with a JSON library.
 *         sscanf(reply.data, "{\"user_id\":%" SCNd64, &owner);
 *         portal_buf_dispose(&reply);
 *
 *         char params[128];
 *         snprintf(params, sizeof params,
 *                  "{\"chat_type\": \"OFFICIAL\", \"name\": \"Lobby\", \"owner_id\": %" PRId64 "}", owner);
 *         status = call(handle, "chat.create", params, &reply);
 *         if (status != 0) {
 *             return status;
 *         }
 *         portal_buf_dispose(&reply);
 *
 *         // As many as 100 events; waits at most 10 ms if there are none.
 *         portal_buf events;
 *         portal_error *error;
 *         status = portal_follower_next(follower, 100, 10, &events, &error);
 *         if (status != 0) {
 *             return failed("portal_follower_next", status, error);
 *         }
 *         printf("events: %s\n", events.data);
 *         portal_buf_dispose(&events);
 *         return 0;
 *     }
 *
 *     int main(int argc, char **argv) {
 *         const char *path = argc > 1 ? argv[1] : "chat.db";
 *         portal *handle;
 *         portal_error *error;
 *         // NULL options: create the file if need be, be durable, use the system's clock.
 *         int32_t status = portal_open(path, strlen(path), NULL, &handle, &error);
 *         if (status != 0) {
 *             failed("portal_open", status, error);
 *             return 1;
 *         }
 *         portal_follower *follower;
 *         status = portal_follower_open(handle, NULL, 0, 0, &follower, &error);
 *         if (status != 0) {
 *             failed("portal_follower_open", status, error);
 *         } else {
 *             status = talk(handle, follower);
 *         }
 *         portal_follower_free(follower);
 *         portal_free(handle); // Closes the file first.
 *         return status == 0 ? 0 : 1;
 *     }
 *
 * How to read the rest.
 *
 * Parameters come in one order: handle, inputs, outputs, error. A function that can fail returns a
 * status: 0, or one of PORTAL_ERR_..., whose numbers never change. Its last parameter takes a
 * portal_error with the details; it may be NULL, and gets NULL on success. Outputs are zeroed first and
 * written on success only. Texts come in as pointer and length and need no NUL. NULL with length 0 is the
 * empty text, everywhere, and is taken or refused like any other empty text; so with bytes and lists.
 * What is not UTF-8, NULL with another length, and NULL where a line NULL says that none may be, is
 * PORTAL_ERR_INVALID.
 *
 * portal_call runs any operation by its name, with JSON in and out. What a program does all day has a
 * function named after its operation, such as portal_chat_create for chat.create: the same rules and
 * replies, with parameters of C. What may be left out is left out as 0, or NULL with length 0. What
 * operations there are, with each field of their parameters and replies, is in
 * docs/reference/operations.md, errors and events beside it; portal-cli op show NAME gives the JSON schema.
 *
 * The library starts no thread and installs no signal handler. Each function says the same five things:
 * what it does, who owns what, where NULL may stand, from which threads, and its statuses.
 *
 * Made from the sources by the tests of portal-ffi; not to be edited.
 */

#ifndef PORTAL_H
#define PORTAL_H

#include <stddef.h>
#include <stdint.h>

// The version of this header; portal_version and portal_version_number answer the library's.
#define PORTAL_VERSION "0.1.0"
#define PORTAL_VERSION_MAJOR 0
#define PORTAL_VERSION_MINOR 1
#define PORTAL_VERSION_PATCH 0
// MAJOR * 1000000 + MINOR * 1000 + PATCH, to be compared.
#define PORTAL_VERSION_NUMBER 1000

// The call did what it says.
#define PORTAL_OK 0

// The request is not valid; field names the first thing that is wrong.
#define PORTAL_ERR_INVALID 101

// The message is not an envelope of this chat's encryption suite.
#define PORTAL_ERR_ENVELOPE_INVALID 102

// There is no operation of that name; op list shows them all.
#define PORTAL_ERR_UNKNOWN_OPERATION 103

// The request body is larger than 64 KiB.
#define PORTAL_ERR_PAYLOAD_TOO_LARGE 104

// There is nothing at this address.
#define PORTAL_ERR_NOT_FOUND 105

// This address does not take that method.
#define PORTAL_ERR_METHOD_NOT_ALLOWED 106

// The request body must be JSON, and say so in Content-Type.
#define PORTAL_ERR_UNSUPPORTED_MEDIA 107

// The request body did not arrive in time.
#define PORTAL_ERR_REQUEST_TIMEOUT 108

// There is no such chat, or it is not open to you.
#define PORTAL_ERR_CHAT_NOT_FOUND 201

// There is no such user.
#define PORTAL_ERR_USER_NOT_FOUND 202

// There is no such session.
#define PORTAL_ERR_SESSION_NOT_FOUND 203

// This code leads nowhere: it is mistyped, expired, used up or revoked.
#define PORTAL_ERR_INVITE_INVALID 204

// There is no such message.
#define PORTAL_ERR_MESSAGE_NOT_FOUND 205

// This sign-up code is mistyped, expired, used up or revoked.
#define PORTAL_ERR_SIGNUP_CODE_INVALID 206

// That name and that key or code do not belong together, or the code has expired.
#define PORTAL_ERR_LOGIN_INVALID 207

// Sign in first: there is no session, or it has ended.
#define PORTAL_ERR_UNAUTHENTICATED 208

// That username is taken or was given up less than 30 days ago.
#define PORTAL_ERR_USERNAME_TAKEN 209

// That address is taken, reserved, or held for its last owner.
#define PORTAL_ERR_SLUG_TAKEN 210

// The chat's epoch has moved on; epoch is the current one.
#define PORTAL_ERR_EPOCH_MISMATCH 211

// Another session has already published this epoch's key.
#define PORTAL_ERR_KEY_CONFLICT 212

// This session does not hold the key of the current epoch.
#define PORTAL_ERR_NO_ROOM_KEY 213

// Join the room with this session first.
#define PORTAL_ERR_NOT_JOINED 214

// This needs a live connection.
#define PORTAL_ERR_NOT_CONNECTED 215

// The event log no longer reaches back to that place; read the state and follow from its as_of.
#define PORTAL_ERR_EVENTS_PRUNED 216

// Another program serves this file already: one at a time keeps presence for it.
#define PORTAL_ERR_PRESENCE_TAKEN 217

// The portal is closed or closing.
#define PORTAL_ERR_CLOSED 218

// No transfer of this chat is offered to you.
#define PORTAL_ERR_TRANSFER_NOT_FOUND 219

// Register this session's public key first.
#define PORTAL_ERR_NO_PUBLIC_KEY 220

// There is no such report, or it was settled and has been pruned.
#define PORTAL_ERR_REPORT_NOT_FOUND 221

// You have reported this message already; staff have it.
#define PORTAL_ERR_ALREADY_REPORTED 222

// There is no such bot.
#define PORTAL_ERR_BOT_NOT_FOUND 223

// This server runs no browsers.
#define PORTAL_ERR_BROWSER_UNAVAILABLE 224

// You may not do this here.
#define PORTAL_ERR_FORBIDDEN 301

// You are banned here.
#define PORTAL_ERR_BANNED 302

// You are muted; ttl_seconds says how much longer (0: until someone lifts it).
#define PORTAL_ERR_MUTED 303

// Too fast; retry_after_ms says when to try again.
#define PORTAL_ERR_RATE_LIMITED 304

// The chat's owner needs premium now.
#define PORTAL_ERR_PREMIUM_REQUIRED 305

// The owner has no free slot for another chat.
#define PORTAL_ERR_CHAT_SLOT_LIMIT 306

// OFFICIAL and DIRECT chats never change their type.
#define PORTAL_ERR_CHAT_TYPE_FIXED 307

// The chat has 20 live invites; revoke one first.
#define PORTAL_ERR_INVITE_QUOTA 308

// The owner is neither kicked nor banned from the own chat.
#define PORTAL_ERR_TARGET_IS_OWNER 309

// A DIRECT chat has no moderators; leave it, report it, or ask for a hard mute.
#define PORTAL_ERR_DIRECT_UNMODERATED 310

// This is the last platform owner.
#define PORTAL_ERR_LAST_OWNER 311

// The user owns chats; say what becomes of them.
#define PORTAL_ERR_USER_OWNS_CHATS 312

// Strangers can be matched and look into open chats, nothing else; sign up for more.
#define PORTAL_ERR_STRANGER_FORBIDDEN 313

// This user is timed out; ttl_seconds says how much longer.
#define PORTAL_ERR_TIMED_OUT 314

// This server takes no sign-ups.
#define PORTAL_ERR_REGISTRATION_CLOSED 315

// The owner cannot leave; transfer the chat or destroy it.
#define PORTAL_ERR_OWNER_CANNOT_LEAVE 316

// The trial has been used already.
#define PORTAL_ERR_TRIAL_USED 317

// Too many strangers come from this address.
#define PORTAL_ERR_STRANGER_LIMIT 318

// This request comes from another site.
#define PORTAL_ERR_CROSS_SITE 319

// This cannot be undone, so it has to be confirmed; nothing was changed.
#define PORTAL_ERR_NOT_CONFIRMED 320

// This is others'; say why you look into it, with chat.inspect or user.inspect, then read.
#define PORTAL_ERR_REASON_REQUIRED 321

// You are not matched any more: a moderator has blocked you.
#define PORTAL_ERR_STRANGER_BLOCKED 322

// The database file could not be read or written.
#define PORTAL_ERR_STORAGE 401

// The disk is full; nothing of this request was stored.
#define PORTAL_ERR_STORAGE_FULL 402

// The database file is read-only.
#define PORTAL_ERR_STORAGE_READONLY 403

// Another process holds the database file locked; try again.
#define PORTAL_ERR_STORAGE_LOCKED 404

// The database file is damaged; run portal-cli db check.
#define PORTAL_ERR_STORAGE_CORRUPT 405

// This file is not a portal database.
#define PORTAL_ERR_STORAGE_FOREIGN 406

// A newer version wrote this database; upgrade before you open it.
#define PORTAL_ERR_STORAGE_NEWER 407

// There is no database file there, no folder to make one in, or it cannot be opened.
#define PORTAL_ERR_STORAGE_NOT_FOUND 408

// There is a database file already; nothing was changed.
#define PORTAL_ERR_STORAGE_EXISTS 409

// This does not open with that key.
#define PORTAL_ERR_DECRYPT 501

// Name 1 to 3 different interests, each of 3 to 12 small letters or digits.
#define PORTAL_ERR_MATCH_BAD_INTEREST 601

// You are being looked for a match already; dequeue first to change your interests.
#define PORTAL_ERR_MATCH_ALREADY_SEARCHING 602

// You have as many matches as you can have at once; leave one first.
#define PORTAL_ERR_MATCH_SLOT_LIMIT 603

// You have several matches; say which to leave.
#define PORTAL_ERR_MATCH_AMBIGUOUS 604

// You have no match to leave.
#define PORTAL_ERR_MATCH_NO_ACTIVE_DIRECT 605

// Something went wrong inside; the operator's log knows more.
#define PORTAL_ERR_INTERNAL 901

// An earlier failure left this handle unusable; close it and open again.
#define PORTAL_ERR_POISONED 902

// portal_options.flags: do not create a file that is not there; PORTAL_ERR_STORAGE_NOT_FOUND instead.
#define PORTAL_OPEN_EXISTING 1

// portal_options.flags: an fsync per checkpoint instead of one per commit. A killed process still
// loses nothing; a loss of power may take the last moments, never the consistency.
#define PORTAL_OPEN_NORMAL_DURABILITY 2

// portal_options.flags: track live connections. One process per file can; another gets
// PORTAL_ERR_PRESENCE_TAKEN.
#define PORTAL_OPEN_PRESENCE 4

// A level of portal_options.log: something is broken, a defect or a file that cannot be read or written.
#define PORTAL_LOG_ERROR 1

// A level of portal_options.log: something did not work and is tried again.
#define PORTAL_LOG_WARNING 2

// A level of portal_options.log: something that happens once in a while.
#define PORTAL_LOG_INFO 3

// portal_actor.kind: nobody signed in. Has no id.
#define PORTAL_ACTOR_GUEST 0

// portal_actor.kind: a session, by the id that portal_authenticate answers.
#define PORTAL_ACTOR_SESSION 1

// portal_actor.kind: a live connection, by the id that portal_connect answers.
#define PORTAL_ACTOR_CONNECTION 2

// portal_actor.kind: a user, by id, whom the host has identified by itself.
#define PORTAL_ACTOR_USER 3

// portal_actor.kind: whoever holds the database file, such as the host itself. Has no id.
#define PORTAL_ACTOR_OPERATOR 4

// portal_actor.kind: a bot of another platform, by the id that portal_authenticate_bot answers.
#define PORTAL_ACTOR_BOT 5

// Bytes of a secret key, a public key and a room key.
#define PORTAL_E2EE_KEY_BYTES 32

// Bytes of a key check.
#define PORTAL_E2EE_KEY_CHECK_BYTES 16

// A buffer of this size holds any envelope and its NUL.
#define PORTAL_E2EE_ENVELOPE_SIZE 4097

// A buffer of this size holds the plaintext of any envelope and its NUL.
#define PORTAL_E2EE_PLAINTEXT_SIZE 4096

// A buffer of this size holds any blob and its NUL.
#define PORTAL_E2EE_BLOB_SIZE 109

// A buffer of this size holds a disclosure and its NUL.
#define PORTAL_E2EE_DISCLOSURE_SIZE 45

// A buffer of this size holds a fingerprint and its NUL.
#define PORTAL_E2EE_FINGERPRINT_SIZE 72

// A callback of portal_browser_backend: what runs browsers does not answer, or not in time.
#define PORTAL_BROWSER_FAULT_UNREACHABLE 1

// A callback of portal_browser_backend: there is no room for another browser.
#define PORTAL_BROWSER_FAULT_FULL 2

// A callback of portal_browser_backend: this browser cannot be run as it is set up.
#define PORTAL_BROWSER_FAULT_MISCONFIGURED 3

// A callback of portal_browser_backend: that run is not there any more.
#define PORTAL_BROWSER_FAULT_GONE 4

// A callback of portal_browser_backend: anything else.
#define PORTAL_BROWSER_FAULT_FAILED 5

// portal_keyring_options.flags: ask before the first key of a user is trusted. Without it that key is
// accepted, and an alarm says so.
#define PORTAL_KEYRING_ASK_NEW 1

// portal_keyring_options.flags: accept further keys of a user. Without it they wait for
// portal_keyring_decide.
#define PORTAL_KEYRING_ACCEPT_CHANGED 2

// Why a call failed: status, code, a sentence for a person, and typed extras. It belongs to whoever
// received it, never changes, and holds nothing of the handle it came from.
typedef struct portal_error portal_error;

// A reader of the event log with a place of its own.
typedef struct portal_follower portal_follower;

// An open database file.
typedef struct portal portal;

// Keeps the browsers of a file as they are wanted. Each thread that does has one of its own.
typedef struct portal_keeper portal_keeper;

// Where a callback of portal_browser_backend puts its answer. It lasts until the callback returns.
typedef struct portal_browser_reply portal_browser_reply;

// A client's keys: its own, the rooms', and those of the people it met.
typedef struct portal_keyring portal_keyring;

// A text or document that the library hands out: UTF-8, with a NUL after its length. Give it back
// with portal_buf_dispose. All zeros is an empty one.
typedef struct portal_buf {
    // The first byte; NULL if there is nothing.
    const char *data;
    // Bytes, without the NUL.
    size_t len;
    // The library's; not to be touched.
    void *owner;
} portal_buf;

// What runs browsers, for portal_options.browsers. It begins with its size: zero it, then set size to
// sizeof(portal_browser_backend) and every callback. It is read during portal_open only.
//
// A run is one browser of one chat from its start to its end, named by 32 of [0-9a-f]; whatever runs
// is to be labelled with it. Every call can come again: starting what runs, stopping what does not,
// letting in who is in and out who is not are all well. The calls of one run come one after the other,
// but for those of the clipboard and the screen.
//
// Each callback returns 0 or a PORTAL_BROWSER_FAULT_..., and puts its answer, or the detail of its
// fault for the operator's log, which is no place for a secret, into reply: portal_browser_reply_text.
// A detail that begins with { is taken for an answer, and not told. What a callback is given is read
// during it only; texts have a NUL after their length. A wrong or missing answer counts as
// PORTAL_BROWSER_FAULT_FAILED.
//
// They are called from within portal_keeper_tend and portal_call, on the calling thread, until release
// is. Nothing is locked meanwhile: they may take as long as they need, portal_close waits for them,
// and they may call the library. What they may not is end the handle, with portal_close or portal_free,
// or use the keeper they are called from but to wake or free it. They must not throw or jump out.
typedef struct portal_browser_backend {
    // sizeof(portal_browser_backend).
    size_t size;
    // Handed to every callback.
    void *host;
    // Runs a browser, and returns once viewers can be let in. The order is a JSON object: chat_id,
    // run, browser_config and chat_config as chat.get answers them. After a fault, stop is called for
    // what may be left.
    int32_t (*start)(void *host,
                     int64_t chat_id,
                     const char *run,
                     size_t run_len,
                     const char *order,
                     size_t order_len,
                     struct portal_browser_reply *reply);
    // Ends a run with everything that belongs to it. After a fault it is called again later.
    int32_t (*stop)(void *host, const char *run, size_t run_len, struct portal_browser_reply *reply);
    // Answers everything that runs, whichever process started it, as a JSON array of {chat_id, run,
    // viewers: the ids of who is let in, controller: who has control, or null}. Of the viewers, whoever
    // was not let in through admit here is dismissed; the controller is read the first time that a run
    // is seen, when another process left it.
    int32_t (*list)(void *host, struct portal_browser_reply *reply);
    // Lets a viewer in, with a password that opens nothing else, and answers the way in as a JSON
    // object of {url, username, password}. The name is to be shown. For who is in already it may be
    // the same or a new one.
    int32_t (*admit)(void *host,
                     const char *run,
                     size_t run_len,
                     int64_t user_id,
                     const char *name,
                     size_t name_len,
                     struct portal_browser_reply *reply);
    // Takes a viewer's way in away, cuts them off, and takes control from them.
    int32_t (*dismiss)(void *host,
                       const char *run,
                       size_t run_len,
                       int64_t user_id,
                       struct portal_browser_reply *reply);
    // Gives control to this viewer alone; 0: to nobody.
    int32_t (*give_control)(void *host,
                            const char *run,
                            size_t run_len,
                            int64_t user_id,
                            struct portal_browser_reply *reply);
    // Answers the text on the clipboard.
    int32_t (*clipboard)(void *host,
                         const char *run,
                         size_t run_len,
                         struct portal_browser_reply *reply);
    // Puts a text on the clipboard.
    int32_t (*set_clipboard)(void *host,
                             const char *run,
                             size_t run_len,
                             const char *text,
                             size_t text_len,
                             struct portal_browser_reply *reply);
    // Answers a picture of the screen, with portal_browser_reply_picture.
    int32_t (*screenshot)(void *host,
                          const char *run,
                          size_t run_len,
                          struct portal_browser_reply *reply);
    // Called once, when no callback will be called any more: by the portal_close or portal_free that
    // ends the work, or by a portal_open that fails. A portal_open that does not come to read this
    // struct, or finds a wrong size, does not call it. It may free keepers and followers, and as little
    // as a callback end the handle. NULL: nothing to release.
    void (*release)(void *host);
} portal_browser_backend;

// How a file is opened. It begins with its size: zero it, then set size to sizeof(portal_options).
// Zero is every default: create the file if need be, be durable, keep no presence, take time and
// randomness from the system. It is read during portal_open only.
//
// The callbacks may be called from any thread that calls the library, several at once, until release
// is. They must not call the library, throw, or jump out.
typedef struct portal_options {
    // sizeof(portal_options).
    size_t size;
    // PORTAL_OPEN_... flags.
    uint32_t flags;
    // 0.
    uint32_t reserved;
    // Handed to every callback.
    void *host;
    // The time in UTC milliseconds since 1970; NULL: the system's.
    int64_t (*now_ms)(void *host);
    // Fills out with len bytes nobody can predict and returns 0; NULL: the system's. Anything else
    // says that there are none: the call that needed them answers PORTAL_ERR_INTERNAL and stores
    // nothing. Keys and tokens are made of these bytes.
    int32_t (*random)(void *host, uint8_t *out, size_t len);
    // Called once, when no callback will be called any more: by the portal_close or portal_free that
    // ends the work, or by a portal_open that fails. A portal_open without a place for the handle, or
    // with a wrong size, reads nothing of this struct. NULL: nothing to release.
    void (*release)(void *host);
    // What runs browsers, for a host that keeps them with a portal_keeper; needs PORTAL_OPEN_PRESENCE.
    // It has a host and a release of its own. NULL: this handle runs none. browser.start, stop and get
    // work all the same while another process of the file runs browsers, else they answer
    // PORTAL_ERR_BROWSER_UNAVAILABLE, as control, the clipboard and the screen always do. browser.list
    // always answers.
    const struct portal_browser_backend *browsers;
    // Told what an operator would want to know and no answer tells, in a sentence or a few: that a file
    // was created, opened, migrated, closed or could not be opened, and why; what the system said when a
    // call could not read or write the file; a defect that was taken back, by the operation's name. level is
    // PORTAL_LOG_...; text is UTF-8 with a NUL after its length, and lasts during the call. It holds no
    // secret and no content, and its words may change. NULL: nobody is told.
    void (*log)(void *host, int32_t level, const char *text, size_t text_len);
} portal_options;

// On whose behalf a call is made, and from where. It begins with its size: zero it, then set size to
// sizeof(portal_actor). Everything else at zero is a guest from nowhere. It is read during the call
// only. Texts are pointer and length in UTF-8; NULL with length 0 is absent.
typedef struct portal_actor {
    // sizeof(portal_actor).
    size_t size;
    // The session, connection, user or bot; 0 for the kinds that have no id.
    int64_t id;
    // One of PORTAL_ACTOR_...
    int32_t kind;
    // 0.
    int32_t reserved;
    // The client's IP address, for limits: "192.0.2.7" or "2001:db8::7".
    const char *ip;
    // Bytes of ip.
    size_t ip_len;
    // The client's program, for the list of sessions.
    const char *user_agent;
    // Bytes of user_agent.
    size_t user_agent_len;
    // The operating-system user of an operator, for the audit log.
    const char *os_user;
    // Bytes of os_user.
    size_t os_user_len;
    // Where the client is, two capital letters such as "NL": match.enqueue keeps it for whom they are
    // matched with.
    const char *country;
    // Bytes of country.
    size_t country_len;
} portal_actor;

// Where random bytes come from, for a host that has a source of its own. It begins with its size.
// It is used during the call only that it is given to.
typedef struct portal_random {
    // sizeof(portal_random).
    size_t size;
    // Handed to the callback.
    void *host;
    // Fills out with len bytes nobody can predict and returns 0; NULL: the system's. Anything else
    // says that there are none: the call answers PORTAL_ERR_INTERNAL. Keys and nonces are made of these
    // bytes: a nonce that comes twice gives away what it hides. It must not throw or jump out.
    int32_t (*fill)(void *host, uint8_t *out, size_t len);
} portal_random;

// The key of one chat at one epoch. It begins with its size: zero it, then set size to
// sizeof(portal_room_key), and say of which chat and epoch it is before the key is made or unwrapped.
// A key that is all zeros is none and is refused. Wipe it with portal_e2ee_wipe.
typedef struct portal_room_key {
    // sizeof(portal_room_key).
    size_t size;
    // The chat's e2ee: 2 or 3.
    int32_t suite;
    // 0.
    uint32_t reserved;
    // The chat.
    int64_t chat_id;
    // Its epoch.
    int64_t epoch;
    // The secret that all who may talk share.
    uint8_t key[32];
} portal_room_key;

// Whose a keyring is, and whom it trusts. It begins with its size: zero it, then set size to
// sizeof(portal_keyring_options), user_id and session_id. It is read during the call only.
//
// The callbacks may be called from any thread that calls the library, until release is. They must not
// call the library, throw, or jump out.
typedef struct portal_keyring_options {
    // sizeof(portal_keyring_options).
    size_t size;
    // PORTAL_KEYRING_... flags.
    uint32_t flags;
    // 0.
    uint32_t reserved;
    // The user.
    int64_t user_id;
    // The session.
    int64_t session_id;
    // That session's X25519 secret key, 32 bytes, which are copied; NULL: a new one is made, and
    // portal_keyring_export is how it is kept. NULL for portal_keyring_import, which brings one. All zeros
    // is no key and is refused.
    const uint8_t *secret_key;
    // Handed to every callback.
    void *host;
    // Fills out with len bytes nobody can predict and returns 0; NULL: the system's. Anything else says
    // that there are none: the call that needed them answers PORTAL_ERR_INTERNAL, and what it had come to
    // by then is part of the next step.
    int32_t (*random)(void *host, uint8_t *out, size_t len);
    // Called once, when no callback will be called any more: by portal_keyring_free, or by the call that
    // fails to make a keyring. A call without a place for the keyring, or with a wrong size, reads
    // nothing of this struct. NULL: nothing to release.
    void (*release)(void *host);
} portal_keyring_options;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// - What: frees what a buffer holds and zeroes it.
// - Ownership: the buffer itself stays the caller's. Disposing of it twice is harmless; of a copy of
//   it, it is not.
// - NULL: allowed, does nothing.
// - Threads: any, one at a time for one buffer.
// - Statuses: none.
void portal_buf_dispose(struct portal_buf *buf);

// - What: the status of an error, the same number that the failed call returned.
// - Ownership: the error stays the caller's.
// - NULL: allowed, answers 0.
// - Threads: any, also several at once.
// - Statuses: none.
int32_t portal_error_status(const struct portal_error *error);

// - What: the code of an error, such as "ERR_CHAT_NOT_FOUND".
// - Ownership: the text is the library's and lasts for ever.
// - NULL: allowed, answers "".
// - Threads: any, also several at once.
// - Statuses: none.
const char *portal_error_code(const struct portal_error *error);

// - What: a sentence that tells a person what went wrong and what to do about it.
// - Ownership: the text belongs to the error and lasts until it is freed.
// - NULL: allowed, answers "".
// - Threads: any, also several at once.
// - Statuses: none.
const char *portal_error_message(const struct portal_error *error);

// - What: the typed details of an error as a JSON object: those of ttl_seconds, epoch,
//   retry_after_ms and field that it has.
// - Ownership: the text belongs to the error and lasts until it is freed.
// - NULL: allowed, answers "{}".
// - Threads: any, also several at once.
// - Statuses: none.
const char *portal_error_extras(const struct portal_error *error);

// - What: frees an error.
// - Ownership: takes the error back; its texts, except for the code, end with it.
// - NULL: allowed, does nothing.
// - Threads: any, while no other thread uses the error.
// - Statuses: none.
void portal_error_free(struct portal_error *error);

// - What: the code of a status, such as "ERR_CHAT_NOT_FOUND" for 201, or "OK" for 0.
// - Ownership: the text is the library's and lasts for ever.
// - NULL: takes no pointer; answers NULL for a number that is no status.
// - Threads: any, also several at once.
// - Statuses: none.
const char *portal_status_code(int32_t status);

// - What: the library's version, such as "0.1.0"; PORTAL_VERSION is the header's.
// - Ownership: the text is the library's and lasts for ever.
// - NULL: takes no pointer.
// - Threads: any, also several at once.
// - Statuses: none.
const char *portal_version(void);

// - What: the library's version as a number that rises with it: 1000000 for each major, 1000 for each
//   minor, 1 for each patch version; PORTAL_VERSION_NUMBER is the header's.
// - Ownership: nothing changes hands.
// - NULL: takes no pointer.
// - Threads: any, also several at once.
// - Statuses: none.
int32_t portal_version_number(void);

// - What: opens a database file, and creates and migrates it as the options allow.
// - Ownership: *handle belongs to the caller, who gives it back with portal_free.
// - NULL: options may be NULL, which is every default; handle may not. path may be, with length 0.
// - Threads: any, also several at once; a file may be open in several handles and processes.
// - Statuses: PORTAL_ERR_INVALID with the first wrong field of the options, PORTAL_ERR_PRESENCE_TAKEN,
//   PORTAL_ERR_STORAGE, PORTAL_ERR_STORAGE_NOT_FOUND, PORTAL_ERR_STORAGE_FOREIGN,
//   PORTAL_ERR_STORAGE_NEWER, PORTAL_ERR_STORAGE_READONLY, PORTAL_ERR_STORAGE_LOCKED,
//   PORTAL_ERR_STORAGE_CORRUPT, PORTAL_ERR_STORAGE_FULL, PORTAL_ERR_INTERNAL.
int32_t portal_open(const char *path,
                    size_t path_len,
                    const struct portal_options *options,
                    struct portal **handle,
                    struct portal_error **error);

// - What: ends the work: refuses new calls with PORTAL_ERR_CLOSED, wakes followers and keepers that
//   wait, lets running calls and callbacks finish, closes the file, then returns. Repeatable.
// - Ownership: the handle stays the caller's, to be freed with portal_free.
// - NULL: handle may not be NULL.
// - Threads: any, also while others are in calls on the handle; not from within a callback.
// - Statuses: PORTAL_ERR_INVALID, also from within a callback of portal_browser_backend or a release,
//   where it does nothing. PORTAL_ERR_INTERNAL.
int32_t portal_close(struct portal *handle,
                     struct portal_error **error);

// - What: frees a handle, closing it first as portal_close does.
// - Ownership: takes the handle back. Followers, keepers, buffers and errors that came from it stay
//   valid and are freed on their own, before or after; its followers and keepers answer
//   PORTAL_ERR_CLOSED.
// - NULL: allowed, does nothing.
// - Threads: any, while no other thread uses the handle; not from within a callback. In one of
//   portal_browser_backend or a release it does nothing, and the handle is still the caller's.
// - Statuses: none.
void portal_free(struct portal *handle);

// - What: runs an operation or query by its name, such as "chat.create", with parameters and reply as
//   JSON objects. Returns when the change is on disk; after an error nothing of it is stored.
// - Ownership: the inputs are read during the call only. *reply belongs to the caller, who disposes of
//   it with portal_buf_dispose; what it held before is overwritten, not freed.
// - NULL: handle, actor and reply may not be NULL. op and params may be, with length 0; no params are {}.
// - Threads: any, also several at once; changes that wait together are committed together.
// - Statuses: PORTAL_ERR_UNKNOWN_OPERATION, PORTAL_ERR_INVALID with the first wrong field,
//   PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_NOT_CONNECTED, PORTAL_ERR_TIMED_OUT, PORTAL_ERR_BANNED and
//   PORTAL_ERR_STRANGER_FORBIDDEN for the actor, PORTAL_ERR_CLOSED, PORTAL_ERR_STORAGE and its kind,
//   PORTAL_ERR_INTERNAL, and those of the operation.
int32_t portal_call(struct portal *handle,
                    const struct portal_actor *actor,
                    const char *op,
                    size_t op_len,
                    const char *params,
                    size_t params_len,
                    struct portal_buf *reply,
                    struct portal_error **error);

// - What: finds the live session of a token, for portal_actor.id of PORTAL_ACTOR_SESSION.
// - Ownership: the token is read during the call only.
// - NULL: handle and session_id may not be NULL. token may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_INVALID, PORTAL_ERR_CLOSED,
//   PORTAL_ERR_STORAGE and its kind, PORTAL_ERR_INTERNAL.
int32_t portal_authenticate(struct portal *handle,
                            const char *token,
                            size_t token_len,
                            int64_t *session_id,
                            struct portal_error **error);

// - What: finds the bot of an API key, for portal_actor.id of PORTAL_ACTOR_BOT.
// - Ownership: the key is read during the call only.
// - NULL: handle and bot_id may not be NULL. key may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_INVALID, PORTAL_ERR_CLOSED,
//   PORTAL_ERR_STORAGE and its kind, PORTAL_ERR_INTERNAL.
int32_t portal_authenticate_bot(struct portal *handle,
                                const char *key,
                                size_t key_len,
                                int64_t *bot_id,
                                struct portal_error **error);

// - What: notes a live connection of a session (PORTAL_ACTOR_SESSION) or a guest, for portal_actor.id
//   of PORTAL_ACTOR_CONNECTION. Needs PORTAL_OPEN_PRESENCE.
// - Ownership: the actor is read during the call only. The connection lasts until
//   portal_disconnect, portal_close, or the end of its session.
// - NULL: handle, actor and connection_id may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_INVALID, also for an actor of another kind, PORTAL_ERR_NOT_CONNECTED where
//   presence is off, PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_TIMED_OUT, PORTAL_ERR_BANNED,
//   PORTAL_ERR_CLOSED, PORTAL_ERR_STORAGE and its kind, PORTAL_ERR_INTERNAL.
int32_t portal_connect(struct portal *handle,
                       const struct portal_actor *actor,
                       int64_t *connection_id,
                       struct portal_error **error);

// - What: forgets a live connection, at once and whatever is answered, and writes down who left a room
//   with it. What could not be written, the next portal_tick writes. Repeatable.
// - Ownership: nothing changes hands.
// - NULL: handle may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_CLOSED, PORTAL_ERR_STORAGE and its kind,
//   PORTAL_ERR_INTERNAL.
int32_t portal_disconnect(struct portal *handle,
                          int64_t connection_id,
                          struct portal_error **error);

// - What: does what is due by the clock, and says when it next wants to be called, in UTC
//   milliseconds since 1970. Late calls are caught up, and nothing is done twice.
// - Ownership: nothing changes hands.
// - NULL: handle and next_ms may not be NULL.
// - Threads: any, also several at once; the library has no thread that would do it.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_CLOSED, PORTAL_ERR_STORAGE and its kind,
//   PORTAL_ERR_INTERNAL.
int32_t portal_tick(struct portal *handle, int64_t *next_ms, struct portal_error **error);

// - What: makes a user by hand, for the operator: role user, tier basic, which can own no chat.
//   portal_call with user.create takes a role and a tier as well, and user.set_tier changes it.
// - Ownership: the inputs are read during the call only.
// - NULL: handle, actor and user_id may not be NULL. username may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_USERNAME_TAKEN, PORTAL_ERR_FORBIDDEN. And those that portal_call has for
//   every operation.
int32_t portal_user_create(struct portal *handle,
                           const struct portal_actor *actor,
                           const char *username,
                           size_t username_len,
                           int64_t *user_id,
                           struct portal_error **error);

// - What: shows a user as a JSON object: id, username, role, created_at, stranger; to themself and to
//   staff who may act on them also tier and state.
// - Ownership: the inputs are read during the call only. *user belongs to the caller, who disposes of
//   it with portal_buf_dispose.
// - NULL: handle, actor and user may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_USER_NOT_FOUND. And those that portal_call has for every operation.
int32_t portal_user_get(struct portal *handle,
                        const struct portal_actor *actor,
                        int64_t user_id,
                        struct portal_buf *user,
                        struct portal_error **error);

// - What: lists users by id, for moderators and above, as a JSON object with users: those with search
//   in their name, after the id after, 0 from the first, at most limit (1 to 200), 0 for 50.
// - Ownership: the inputs are read during the call only. *users belongs to the caller, who disposes of
//   it with portal_buf_dispose.
// - NULL: handle, actor and users may not be NULL. search may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_FORBIDDEN. And those that portal_call has for
//   every operation.
int32_t portal_user_list(struct portal *handle,
                         const struct portal_actor *actor,
                         const char *search,
                         size_t search_len,
                         int64_t after,
                         uint32_t limit,
                         struct portal_buf *users,
                         struct portal_error **error);

// - What: makes a chat of chat_type "OFFICIAL", "PUBLIC" or "PRIVATE" in suite 3: PUBLIC with a slug,
//   PRIVATE without. owner_id is whose it is where the operator makes it, else 0. The owner of a
//   PUBLIC or PRIVATE one needs the tier premium, that of an OFFICIAL one the role admin.
// - Ownership: the inputs are read during the call only.
// - NULL: handle, actor and chat_id may not be NULL. chat_type, name and slug may be, with
//   length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_PREMIUM_REQUIRED, PORTAL_ERR_CHAT_SLOT_LIMIT, PORTAL_ERR_SLUG_TAKEN,
//   PORTAL_ERR_FORBIDDEN, PORTAL_ERR_USER_NOT_FOUND. And those that portal_call has for every
//   operation.
int32_t portal_chat_create(struct portal *handle,
                           const struct portal_actor *actor,
                           const char *chat_type,
                           size_t chat_type_len,
                           const char *name,
                           size_t name_len,
                           const char *slug,
                           size_t slug_len,
                           int64_t owner_id,
                           int64_t *chat_id,
                           struct portal_error **error);

// - What: shows a chat that the actor may look into as a JSON object: id, name, chat_type, slug,
//   owner, epoch, both configurations and more.
// - Ownership: the inputs are read during the call only. *chat belongs to the caller, who disposes of
//   it with portal_buf_dispose.
// - NULL: handle, actor and chat may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_BANNED, PORTAL_ERR_REASON_REQUIRED. And those that
//   portal_call has for every operation.
int32_t portal_chat_get(struct portal *handle,
                        const struct portal_actor *actor,
                        int64_t chat_id,
                        struct portal_buf *chat,
                        struct portal_error **error);

// - What: lists the chats that somebody owns, is a member of, or is matched into, by id, as a JSON
//   object with chats and offers. user_id is whose, for the operator, 0 for the actor's own; after the
//   id after, 0 from the first, at most limit (1 to 200), 0 for 100.
// - Ownership: the inputs are read during the call only. *chats belongs to the caller, who disposes of
//   it with portal_buf_dispose.
// - NULL: handle, actor and chats may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_FORBIDDEN, PORTAL_ERR_USER_NOT_FOUND. And those
//   that portal_call has for every operation.
int32_t portal_chat_list(struct portal *handle,
                         const struct portal_actor *actor,
                         int64_t user_id,
                         int64_t after,
                         uint32_t limit,
                         struct portal_buf *chats,
                         struct portal_error **error);

// - What: changes a chat. changes is a JSON object of what becomes different, of name, description, slug,
//   chat_config and browser_config; null empties a description or a slug. A slug makes a PRIVATE chat PUBLIC,
//   none a PUBLIC one PRIVATE.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL. changes may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN, PORTAL_ERR_SLUG_TAKEN,
//   PORTAL_ERR_PREMIUM_REQUIRED, PORTAL_ERR_CHAT_TYPE_FIXED. And those that portal_call has for every operation.
int32_t portal_chat_update(struct portal *handle,
                           const struct portal_actor *actor,
                           int64_t chat_id,
                           const char *changes,
                           size_t changes_len,
                           struct portal_error **error);

// - What: destroys a chat with everything in it, for good. Nobody is disconnected.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN. And those that portal_call has for
//   every operation.
int32_t portal_chat_destroy(struct portal *handle,
                            const struct portal_actor *actor,
                            int64_t chat_id,
                            struct portal_error **error);

// - What: ends the actor's membership for good; a DIRECT chat is destroyed by it. Where there is no
//   membership, nothing happens. portal_room_leave goes out of a room.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_OWNER_CANNOT_LEAVE. And those that portal_call has
//   for every operation.
int32_t portal_chat_leave(struct portal *handle,
                          const struct portal_actor *actor,
                          int64_t chat_id,
                          struct portal_error **error);

// - What: makes an invite to a chat and answers its code. expires_at is in UTC milliseconds since
//   1970, 0 for never; max_uses 0 for any number.
// - Ownership: the inputs are read during the call only. *code belongs to the caller, who disposes of
//   it with portal_buf_dispose.
// - NULL: handle, actor and code may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN, PORTAL_ERR_INVITE_QUOTA. And those that
//   portal_call has for every operation.
int32_t portal_invite_create(struct portal *handle,
                             const struct portal_actor *actor,
                             int64_t chat_id,
                             int64_t expires_at,
                             int64_t max_uses,
                             struct portal_buf *code,
                             struct portal_error **error);

// - What: lists a chat's live invites, oldest first, as a JSON object with invites.
// - Ownership: the inputs are read during the call only. *invites belongs to the caller, who disposes
//   of it with portal_buf_dispose.
// - NULL: handle, actor and invites may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN. And those that portal_call has for
//   every operation.
int32_t portal_invite_list(struct portal *handle,
                           const struct portal_actor *actor,
                           int64_t chat_id,
                           struct portal_buf *invites,
                           struct portal_error **error);

// - What: revokes an invite, for good. Repeatable.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL. code may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN, PORTAL_ERR_INVITE_INVALID. And those
//   that portal_call has for every operation.
int32_t portal_invite_revoke(struct portal *handle,
                             const struct portal_actor *actor,
                             int64_t chat_id,
                             const char *code,
                             size_t code_len,
                             struct portal_error **error);

// - What: follows an invite code and makes the actor a member, or the slug of an OFFICIAL or PUBLIC
//   chat and answers where it leads. *joined is 1 if the actor is a member now because of this, else
//   0.
// - Ownership: the inputs are read during the call only.
// - NULL: handle, actor, chat_id and joined may not be NULL. code may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_INVITE_INVALID, PORTAL_ERR_BANNED, PORTAL_ERR_RATE_LIMITED after 10 wrong
//   ones in a minute, PORTAL_ERR_STRANGER_FORBIDDEN. And those that portal_call has for every
//   operation.
int32_t portal_invite_resolve(struct portal *handle,
                              const struct portal_actor *actor,
                              const char *code,
                              size_t code_len,
                              int64_t *chat_id,
                              int32_t *joined,
                              struct portal_error **error);

// - What: joins a chat's room with the actor's connection: from here on its events are delivered to
//   it. *room is a JSON object of as_of, chat and may_talk. An actor without a connection is answered,
//   and joins nothing.
// - Ownership: the inputs are read during the call only. *room belongs to the caller, who disposes of
//   it with portal_buf_dispose.
// - NULL: handle, actor and room may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_BANNED. And those that portal_call has for every
//   operation.
int32_t portal_room_join(struct portal *handle,
                         const struct portal_actor *actor,
                         int64_t chat_id,
                         struct portal_buf *room,
                         struct portal_error **error);

// - What: takes the actor's connection out of a room. Repeatable. Membership stays; portal_chat_leave
//   ends it.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL.
// - Threads: any, also several at once.
// - Statuses: those that portal_call has for every operation.
int32_t portal_room_leave(struct portal *handle,
                          const struct portal_actor *actor,
                          int64_t chat_id,
                          struct portal_error **error);

// - What: sends a message: content is an envelope, sealed by the sender. client_id is the sender's own
//   name for it, of at most 64 characters: a retry with it stores nothing and answers the first
//   message's id.
// - Ownership: the inputs are read during the call only.
// - NULL: handle, actor and message_id may not be NULL. content and client_id may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_BANNED, PORTAL_ERR_FORBIDDEN,
//   PORTAL_ERR_NOT_JOINED, PORTAL_ERR_MUTED, PORTAL_ERR_ENVELOPE_INVALID, PORTAL_ERR_EPOCH_MISMATCH,
//   PORTAL_ERR_NO_ROOM_KEY, PORTAL_ERR_RATE_LIMITED; the first that fails answers. And those that
//   portal_call has for every operation.
int32_t portal_message_send(struct portal *handle,
                            const struct portal_actor *actor,
                            int64_t chat_id,
                            const char *content,
                            size_t content_len,
                            const char *client_id,
                            size_t client_id_len,
                            int64_t *message_id,
                            struct portal_error **error);

// - What: reads a chat's messages, newest first, as a JSON object of messages, epoch, epoch_start and
//   as_of: before and after these ids, 0 for no bound, at most limit (1 to 100), 0 for 50.
// - Ownership: the inputs are read during the call only. *messages belongs to the caller, who disposes
//   of it with portal_buf_dispose.
// - NULL: handle, actor and messages may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_BANNED, PORTAL_ERR_REASON_REQUIRED. And those that
//   portal_call has for every operation.
int32_t portal_message_history(struct portal *handle,
                               const struct portal_actor *actor,
                               int64_t chat_id,
                               int64_t before,
                               int64_t after,
                               uint32_t limit,
                               struct portal_buf *messages,
                               struct portal_error **error);

// - What: deletes count messages (1 to 100) by id, whoever wrote them, for who moderates the chat, and
//   answers how many there were.
// - Ownership: the inputs are read during the call only.
// - NULL: handle, actor and deleted may not be NULL. ids may be, with count 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_BANNED, PORTAL_ERR_FORBIDDEN,
//   PORTAL_ERR_DIRECT_UNMODERATED. And those that portal_call has for every operation.
int32_t portal_message_delete(struct portal *handle,
                              const struct portal_actor *actor,
                              int64_t chat_id,
                              const int64_t *ids,
                              size_t count,
                              int64_t *deleted,
                              struct portal_error **error);

// - What: deletes a chat's last count messages (1 to 100), whoever wrote them, for who moderates the
//   chat, and answers how many there were.
// - Ownership: the inputs are read during the call only.
// - NULL: handle, actor and deleted may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_BANNED, PORTAL_ERR_FORBIDDEN,
//   PORTAL_ERR_DIRECT_UNMODERATED. And those that portal_call has for every operation.
int32_t portal_message_delete_last(struct portal *handle,
                                   const struct portal_actor *actor,
                                   int64_t chat_id,
                                   uint32_t count,
                                   int64_t *deleted,
                                   struct portal_error **error);

// - What: deletes the actor's own messages: count of them (1 to 100) by id, or all with count 0, and
//   answers how many there were.
// - Ownership: the inputs are read during the call only.
// - NULL: handle, actor and deleted may not be NULL. ids may be, with count 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_BANNED, PORTAL_ERR_FORBIDDEN. And those that
//   portal_call has for every operation.
int32_t portal_message_delete_mine(struct portal *handle,
                                   const struct portal_actor *actor,
                                   int64_t chat_id,
                                   const int64_t *ids,
                                   size_t count,
                                   int64_t *deleted,
                                   struct portal_error **error);

// - What: puts a person out of a chat; they may come back. The reason, of at most 500 characters, is
//   for them and staff.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL. reason may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_USER_NOT_FOUND, PORTAL_ERR_FORBIDDEN,
//   PORTAL_ERR_BANNED, PORTAL_ERR_DIRECT_UNMODERATED, PORTAL_ERR_TARGET_IS_OWNER. And those that
//   portal_call has for every operation.
int32_t portal_mod_kick(struct portal *handle,
                        const struct portal_actor *actor,
                        int64_t chat_id,
                        int64_t user_id,
                        const char *reason,
                        size_t reason_len,
                        struct portal_error **error);

// - What: keeps a person from sending in a chat for duration_seconds (1 to 86400), 0 without end; it
//   replaces the end of an earlier mute.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL. reason may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_USER_NOT_FOUND, PORTAL_ERR_FORBIDDEN,
//   PORTAL_ERR_BANNED, PORTAL_ERR_DIRECT_UNMODERATED. And those that portal_call has for every
//   operation.
int32_t portal_mod_mute(struct portal *handle,
                        const struct portal_actor *actor,
                        int64_t chat_id,
                        int64_t user_id,
                        int64_t duration_seconds,
                        const char *reason,
                        size_t reason_len,
                        struct portal_error **error);

// - What: lifts a person's mute in a chat, if there is one; a hard mute stays.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_USER_NOT_FOUND, PORTAL_ERR_FORBIDDEN,
//   PORTAL_ERR_BANNED, PORTAL_ERR_DIRECT_UNMODERATED. And those that portal_call has for every
//   operation.
int32_t portal_mod_unmute(struct portal *handle,
                          const struct portal_actor *actor,
                          int64_t chat_id,
                          int64_t user_id,
                          struct portal_error **error);

// - What: puts a person out of a chat and keeps them out for duration_seconds (1 to 2592000), 0
//   without end.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL. reason may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_USER_NOT_FOUND, PORTAL_ERR_FORBIDDEN,
//   PORTAL_ERR_BANNED, PORTAL_ERR_DIRECT_UNMODERATED, PORTAL_ERR_TARGET_IS_OWNER. And those that
//   portal_call has for every operation.
int32_t portal_mod_ban(struct portal *handle,
                       const struct portal_actor *actor,
                       int64_t chat_id,
                       int64_t user_id,
                       int64_t duration_seconds,
                       const char *reason,
                       size_t reason_len,
                       struct portal_error **error);

// - What: lifts a person's ban from a chat, if there is one.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_USER_NOT_FOUND, PORTAL_ERR_FORBIDDEN,
//   PORTAL_ERR_BANNED, PORTAL_ERR_DIRECT_UNMODERATED. And those that portal_call has for every
//   operation.
int32_t portal_mod_unban(struct portal *handle,
                         const struct portal_actor *actor,
                         int64_t chat_id,
                         int64_t user_id,
                         struct portal_error **error);

// - What: keeps a person from sending anywhere for duration_seconds (1 to 86400), 0 without end; for
//   admins. Everyone is told, without the reason.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL. reason may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_USER_NOT_FOUND, PORTAL_ERR_FORBIDDEN. And those that portal_call has for
//   every operation.
int32_t portal_mod_hard_mute(struct portal *handle,
                             const struct portal_actor *actor,
                             int64_t user_id,
                             int64_t duration_seconds,
                             const char *reason,
                             size_t reason_len,
                             struct portal_error **error);

// - What: lifts a person's hard mute, if there is one; for admins. Mutes in chats stay.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_USER_NOT_FOUND, PORTAL_ERR_FORBIDDEN. And those that portal_call has for
//   every operation.
int32_t portal_mod_hard_unmute(struct portal *handle,
                               const struct portal_actor *actor,
                               int64_t user_id,
                               struct portal_error **error);

// - What: asks to be matched with somebody who shares an interest. interests is 1 to 3 of 3 to 12
//   small letters or digits, with commas between them: "tea,films". *chat_id is the DIRECT chat if
//   somebody waited, else 0: match:found tells.
// - Ownership: the inputs are read during the call only.
// - NULL: handle, actor and chat_id may not be NULL. interests may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_MATCH_BAD_INTEREST, PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_STRANGER_BLOCKED,
//   PORTAL_ERR_MATCH_ALREADY_SEARCHING, PORTAL_ERR_MATCH_SLOT_LIMIT, PORTAL_ERR_NOT_CONNECTED where
//   presence is kept and the person has no connection. And those that portal_call has for every
//   operation.
int32_t portal_match_enqueue(struct portal *handle,
                             const struct portal_actor *actor,
                             const char *interests,
                             size_t interests_len,
                             int64_t *chat_id,
                             struct portal_error **error);

// - What: waits for a match no longer. Repeatable; matches that there are stay.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_UNAUTHENTICATED. And those that portal_call has for every operation.
int32_t portal_match_dequeue(struct portal *handle,
                             const struct portal_actor *actor,
                             struct portal_error **error);

// - What: shows whether the actor waits, and their matches, as a JSON object: state, interests,
//   expires_at, chats with each peer, and more. Asking prolongs nothing.
// - Ownership: the inputs are read during the call only. *status belongs to the caller, who disposes
//   of it with portal_buf_dispose.
// - NULL: handle, actor and status may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_UNAUTHENTICATED. And those that portal_call has for every operation.
int32_t portal_match_status(struct portal *handle,
                            const struct portal_actor *actor,
                            struct portal_buf *status,
                            struct portal_error **error);

// - What: leaves a match: the DIRECT chat is destroyed at once, for both. chat_id is which, 0 for the
//   only one; *left_chat_id is which it was.
// - Ownership: the inputs are read during the call only.
// - NULL: handle, actor and left_chat_id may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_MATCH_NO_ACTIVE_DIRECT, PORTAL_ERR_MATCH_AMBIGUOUS,
//   PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_UNAUTHENTICATED. And those that portal_call has for every
//   operation.
int32_t portal_match_leave(struct portal *handle,
                           const struct portal_actor *actor,
                           int64_t chat_id,
                           int64_t *left_chat_id,
                           struct portal_error **error);

// - What: registers the X25519 public key, 32 bytes, of the actor's session, for which others wrap
//   room keys. Another than before replaces it, at most 5 times an hour, and gives up what was wrapped
//   for that.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL. public_key may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_UNAUTHENTICATED, PORTAL_ERR_RATE_LIMITED. And those that portal_call has for
//   every operation.
int32_t portal_key_register(struct portal *handle,
                            const struct portal_actor *actor,
                            const uint8_t *public_key,
                            size_t public_key_len,
                            struct portal_error **error);

// - What: lists who is there to hold the key of a chat's current epoch, and what is wrapped for the
//   actor's session, as a JSON object: epoch, published, key_check, sessions, blob and more.
// - Ownership: the inputs are read during the call only. *keys belongs to the caller, who disposes of
//   it with portal_buf_dispose.
// - NULL: handle, actor and keys may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN. And those that portal_call has for
//   every operation.
int32_t portal_key_list(struct portal *handle,
                        const struct portal_actor *actor,
                        int64_t chat_id,
                        struct portal_buf *keys,
                        struct portal_error **error);

// - What: publishes the key of a chat's current epoch, wrapped for sessions: the first to do so is its
//   distributor. key_check is 16 bytes, needed in suite 3. blobs is a JSON array of {session_id,
//   public_key, blob}, the last two in base64, at most 256. *published is a JSON object of epoch,
//   first, stored and skipped.
// - Ownership: the inputs are read during the call only. *published belongs to the caller, who
//   disposes of it with portal_buf_dispose.
// - NULL: handle, actor and published may not be NULL. key_check and blobs may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_NOT_JOINED, PORTAL_ERR_NO_PUBLIC_KEY,
//   PORTAL_ERR_EPOCH_MISMATCH, PORTAL_ERR_KEY_CONFLICT, PORTAL_ERR_NO_ROOM_KEY,
//   PORTAL_ERR_RATE_LIMITED. And those that portal_call has for every operation.
int32_t portal_key_publish(struct portal *handle,
                           const struct portal_actor *actor,
                           int64_t chat_id,
                           int64_t epoch,
                           const uint8_t *key_check,
                           size_t key_check_len,
                           const char *blobs,
                           size_t blobs_len,
                           struct portal_buf *published,
                           struct portal_error **error);

// - What: gives back a room key that does not open or fails the key check, so that another holder
//   wraps it anew.
// - Ownership: the inputs are read during the call only.
// - NULL: handle and actor may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN, PORTAL_ERR_NOT_JOINED,
//   PORTAL_ERR_NO_ROOM_KEY. And those that portal_call has for every operation.
int32_t portal_key_reject(struct portal *handle,
                          const struct portal_actor *actor,
                          int64_t chat_id,
                          struct portal_error **error);

// - What: moves the epoch on because the actor's session cannot get its key, as a JSON object of
//   status, epoch and retry_after_ms: moved; asked, where others hold the key and have that long to
//   hand it over; or unpublished, where whoever comes first may publish one.
// - Ownership: the inputs are read during the call only. *renewal belongs to the caller, who disposes
//   of it with portal_buf_dispose.
// - NULL: handle, actor and renewal may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_CHAT_NOT_FOUND, PORTAL_ERR_FORBIDDEN, PORTAL_ERR_NOT_JOINED,
//   PORTAL_ERR_NO_PUBLIC_KEY, PORTAL_ERR_RATE_LIMITED. And those that portal_call has for every
//   operation.
int32_t portal_key_renew(struct portal *handle,
                         const struct portal_actor *actor,
                         int64_t chat_id,
                         struct portal_buf *renewal,
                         struct portal_error **error);

// - What: makes a key pair for a session. Others wrap room keys for the public key, which
//   portal_key_register registers; the secret key stays with the client.
// - Ownership: both buffers are the caller's; each has 32 bytes.
// - NULL: random may be NULL, which is the system's; secret_key and public_key may not.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL without random bytes.
int32_t portal_e2ee_key_pair(const struct portal_random *random,
                             uint8_t *secret_key,
                             size_t secret_key_size,
                             uint8_t *public_key,
                             size_t public_key_size,
                             struct portal_error **error);

// - What: the public key of a secret key.
// - Ownership: the secret key is read during the call only. The buffer is the caller's; it has 32
//   bytes.
// - NULL: public_key may not be NULL. secret_key may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
int32_t portal_e2ee_public_key(const uint8_t *secret_key,
                               size_t secret_key_len,
                               uint8_t *public_key,
                               size_t public_key_size,
                               struct portal_error **error);

// - What: makes the key of an epoch, as its distributor does: room_key says the suite, chat and epoch,
//   and gets the key.
// - Ownership: room_key is the caller's; only its key is written.
// - NULL: random may be NULL, which is the system's; room_key may not.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL without random bytes.
int32_t portal_e2ee_room_key(const struct portal_random *random,
                             struct portal_room_key *room_key,
                             struct portal_error **error);

// - What: the key check of a room key, to be published with it by portal_key_publish: by it receivers
//   know that they have the same key as everybody else. It is no secret.
// - Ownership: the room key is read during the call only. The buffer is the caller's; it has 16 bytes.
// - NULL: room_key and key_check may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
int32_t portal_e2ee_key_check(const struct portal_room_key *room_key,
                              uint8_t *key_check,
                              size_t key_check_size,
                              struct portal_error **error);

// - What: the digits that two people compare over another channel: 12 groups of 5, the same from
//   either side. Equal digits mean that nobody stands between the two public keys.
// - Ownership: the keys are read during the call only. The buffer is the caller's.
// - NULL: fingerprint and fingerprint_len may not be NULL. one and other may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_INVALID, also for a key of small order, PORTAL_ERR_INTERNAL.
int32_t portal_e2ee_fingerprint(const uint8_t *one,
                                size_t one_len,
                                const uint8_t *other,
                                size_t other_len,
                                char *fingerprint,
                                size_t fingerprint_size,
                                size_t *fingerprint_len,
                                struct portal_error **error);

// - What: writes bytes as base64, as keys stand in JSON documents: the standard alphabet, with padding.
// - Ownership: the bytes are read during the call only. The buffer is the caller's; 4 characters for
//   each 3 bytes begun, and a NUL.
// - NULL: bytes may be NULL, with length 0; text and text_len may not.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
int32_t portal_e2ee_encode(const uint8_t *bytes,
                           size_t bytes_len,
                           char *text,
                           size_t text_size,
                           size_t *text_len,
                           struct portal_error **error);

// - What: reads the bytes of base64, strictly: each sequence of bytes has one text.
// - Ownership: the text is read during the call only. The buffer is the caller's.
// - NULL: text may be NULL, with length 0; bytes and bytes_len may not.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
int32_t portal_e2ee_decode(const char *text,
                           size_t text_len,
                           uint8_t *bytes,
                           size_t bytes_size,
                           size_t *bytes_len,
                           struct portal_error **error);

// - What: overwrites memory with zeros, in a way that no compiler leaves out: for keys and texts that
//   are not needed any more.
// - Ownership: the memory stays the caller's.
// - NULL: allowed, does nothing.
// - Threads: any, while no other thread uses the memory.
// - Statuses: none.
void portal_e2ee_wipe(void *memory,
                      size_t len);

// - What: seals a message of the sender for all who have the room key: an envelope, for
//   portal_message_send. At most 2943 bytes of plaintext in suite 3, 3002 in suite 2.
// - Ownership: the inputs are read during the call only. The buffer is the caller's and overlaps no
//   input; what is too small for the envelope and its NUL is refused.
// - NULL: random may be NULL, which is the system's; plaintext may be, with length 0. room_key,
//   envelope and envelope_len may not.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL without random bytes.
int32_t portal_e2ee_seal(const struct portal_room_key *room_key,
                         int64_t sender_id,
                         const char *plaintext,
                         size_t plaintext_len,
                         const struct portal_random *random,
                         char *envelope,
                         size_t envelope_size,
                         size_t *envelope_len,
                         struct portal_error **error);

// - What: opens a message with its chat's and epoch's room key. sender_id is the one that the message
//   was delivered with: in suite 3 opening proves it, in suite 2 it does not.
// - Ownership: the inputs are read during the call only. The buffer is the caller's and overlaps no
//   input; what is too small for the plaintext and its NUL is refused. After a failure it is zeros.
// - NULL: envelope may be NULL, with length 0; room_key, plaintext and plaintext_len may not.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_DECRYPT for whatever does not open, PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
int32_t portal_e2ee_open(const struct portal_room_key *room_key,
                         int64_t sender_id,
                         const char *envelope,
                         size_t envelope_len,
                         char *plaintext,
                         size_t plaintext_size,
                         size_t *plaintext_len,
                         struct portal_error **error);

// - What: the key of one message of suite 3, in base64, to report it with (report.create). It opens
//   that message and nothing else.
// - Ownership: the inputs are read during the call only. The buffer is the caller's and overlaps no
//   input.
// - NULL: envelope may be NULL, with length 0; room_key, disclosure and disclosure_len may not.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_DECRYPT for whatever does not open, PORTAL_ERR_INVALID, which names
//   disclosure in suite 2, PORTAL_ERR_INTERNAL.
int32_t portal_e2ee_disclose(const struct portal_room_key *room_key,
                             int64_t sender_id,
                             const char *envelope,
                             size_t envelope_len,
                             char *disclosure,
                             size_t disclosure_size,
                             size_t *disclosure_len,
                             struct portal_error **error);

// - What: what a reported message of suite 3 said, with the key that its reporter disclosed. Chat,
//   epoch and sender are those of the stored message, never the reporter's word.
// - Ownership: the inputs are read during the call only. The buffer is the caller's and overlaps no
//   input. After a failure it is zeros.
// - NULL: envelope and disclosure may be NULL, with length 0; plaintext and plaintext_len may not.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_DECRYPT if the key is not this message's, PORTAL_ERR_INVALID,
//   PORTAL_ERR_INTERNAL.
int32_t portal_e2ee_verify(int64_t chat_id,
                           int64_t epoch,
                           int64_t sender_id,
                           const char *envelope,
                           size_t envelope_len,
                           const char *disclosure,
                           size_t disclosure_len,
                           char *plaintext,
                           size_t plaintext_size,
                           size_t *plaintext_len,
                           struct portal_error **error);

// - What: wraps a room key for one session of a user: a blob in base64, for portal_key_publish.
//   user_id and public_key are the recipient's: whoever has the secret of that key can read the epoch,
//   so it should be one the host trusts.
// - Ownership: the inputs are read during the call only. The buffer is the caller's.
// - NULL: random may be NULL, which is the system's; room_key, blob and blob_len may not. public_key and
//   secret_key may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_INVALID, also for a key of small order, PORTAL_ERR_INTERNAL without random
//   bytes.
int32_t portal_e2ee_wrap(const struct portal_room_key *room_key,
                         int64_t user_id,
                         const uint8_t *public_key,
                         size_t public_key_len,
                         const uint8_t *secret_key,
                         size_t secret_key_len,
                         const struct portal_random *random,
                         char *blob,
                         size_t blob_size,
                         size_t *blob_len,
                         struct portal_error **error);

// - What: opens a blob with the secret key of the session it is for, and compares the key check:
//   room_key says the suite, chat and epoch, and gets the key. user_id is whose session that is;
//   public_key the one that the blob was delivered with: opening proves that its session made it. After PORTAL_ERR_DECRYPT a client calls
//   portal_key_reject.
// - Ownership: the inputs are read during the call only. room_key is the caller's; only its key is
//   written.
// - NULL: room_key may not be NULL. blob, secret_key, public_key and key_check may be, with length 0;
//   key_check in suite 2, where an epoch may have none.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_DECRYPT for whatever does not open or is not the epoch's key,
//   PORTAL_ERR_INVALID, also for a key of small order, PORTAL_ERR_INTERNAL.
int32_t portal_e2ee_unwrap(const char *blob,
                           size_t blob_len,
                           int64_t user_id,
                           const uint8_t *secret_key,
                           size_t secret_key_len,
                           const uint8_t *public_key,
                           size_t public_key_len,
                           const uint8_t *key_check,
                           size_t key_check_len,
                           struct portal_room_key *room_key,
                           struct portal_error **error);

// - What: follows the event log: after an event of a log, as portal_follower_position gave them, or
//   without a log_id from the log's present end, where after is 0.
// - Ownership: log_id is read during the call only. *follower belongs to the caller, who gives it back
//   with portal_follower_free.
// - NULL: handle and follower may not be NULL. log_id may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_EVENTS_PRUNED if the log no longer reaches back to the place, ends before it,
//   or is another one: read the state again and follow from there. PORTAL_ERR_INVALID,
//   PORTAL_ERR_CLOSED, PORTAL_ERR_STORAGE and its kind, PORTAL_ERR_INTERNAL.
int32_t portal_follower_open(struct portal *handle,
                             const char *log_id,
                             size_t log_id_len,
                             uint64_t after,
                             struct portal_follower **follower,
                             struct portal_error **error);

// - What: the next events as a JSON array of {seq, at, name, data}, at most limit (1 to 1000). Waits
//   about timeout_ms for the first, 0 not at all; without any, the array is empty.
// - Ownership: *events belongs to the caller, who disposes of it with portal_buf_dispose; what it held
//   before is overwritten, not freed.
// - NULL: follower and events may not be NULL.
// - Threads: any; of several at once on one follower, each waits for its turn. portal_close from
//   another thread ends the wait with PORTAL_ERR_CLOSED, portal_follower_wake with what there is.
// - Statuses: PORTAL_ERR_EVENTS_PRUNED if the log was pruned past this follower: read the state again
//   and open another. PORTAL_ERR_INVALID, PORTAL_ERR_CLOSED, PORTAL_ERR_STORAGE and its kind,
//   PORTAL_ERR_INTERNAL.
int32_t portal_follower_next(struct portal_follower *follower,
                             uint32_t limit,
                             uint32_t timeout_ms,
                             struct portal_buf *events,
                             struct portal_error **error);

// - What: the next events, at most limit (1 to 1000), as what is to be written to which connection: a
//   JSON array of {to: connection ids, name, data}, and {close: connection id, reason} for one whose
//   session ended. Who gets what, in which words, is decided here: each viewer of a browser finds
//   their own way in. Who is in a room and who types comes along; there is no other way to them. Waits
//   about timeout_ms for something, 0 not at all. Needs PORTAL_OPEN_PRESENCE; one follower of a file
//   delivers.
// - Ownership: *deliveries belongs to the caller, who disposes of it with portal_buf_dispose; what it
//   held before is overwritten, not freed.
// - NULL: follower and deliveries may not be NULL.
// - Threads: as portal_follower_next.
// - Statuses: PORTAL_ERR_NOT_CONNECTED where presence is off, and those of portal_follower_next.
int32_t portal_follower_deliver(struct portal_follower *follower,
                                uint32_t limit,
                                uint32_t timeout_ms,
                                struct portal_buf *deliveries,
                                struct portal_error **error);

// - What: the place a follower has read to: the log and its last event seen. Kept by the host, it is
//   where portal_follower_open goes on after a restart.
// - Ownership: *log_id belongs to the caller, who disposes of it with portal_buf_dispose.
// - NULL: follower, log_id and after may not be NULL.
// - Threads: any; waits for a portal_follower_next of another thread.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_CLOSED, PORTAL_ERR_INTERNAL.
int32_t portal_follower_position(struct portal_follower *follower,
                                 struct portal_buf *log_id,
                                 uint64_t *after,
                                 struct portal_error **error);

// - What: ends one wait of a follower within about 50 ms: the one under way, or else the next one.
// - Ownership: nothing changes hands.
// - NULL: allowed, does nothing.
// - Threads: any, also while another waits; that is what it is for.
// - Statuses: none.
void portal_follower_wake(struct portal_follower *follower);

// - What: frees a follower.
// - Ownership: takes the follower back; before or after its portal, as it comes.
// - NULL: allowed, does nothing.
// - Threads: any, while no other thread uses the follower.
// - Statuses: none.
void portal_follower_free(struct portal_follower *follower);

// - What: answers a callback of portal_browser_backend with a text or JSON document; where the
//   callback returns a fault, it is the detail for the log: a sentence, no document. What was answered
//   before is replaced.
// - Ownership: the text is copied. The reply is the library's and lasts until the callback returns.
// - NULL: reply may not be NULL. text may be, with length 0.
// - Threads: any, while the callback has not returned.
// - Statuses: PORTAL_ERR_INVALID, also if the text is not UTF-8: the callback has failed then,
//   whatever it returns. PORTAL_ERR_INTERNAL.
int32_t portal_browser_reply_text(struct portal_browser_reply *reply,
                                  const char *text,
                                  size_t text_len,
                                  struct portal_error **error);

// - What: answers portal_browser_backend.screenshot with a picture and its media type, such as
//   "image/jpeg". What was answered before is replaced.
// - Ownership: both are copied. The reply is the library's and lasts until the callback returns.
// - NULL: reply may not be NULL. media_type and bytes may be, with length 0.
// - Threads: any, while the callback has not returned.
// - Statuses: PORTAL_ERR_INVALID, also for an empty picture and for what is no picture's media type:
//   the callback has failed then, whatever it returns. PORTAL_ERR_INTERNAL.
int32_t portal_browser_reply_picture(struct portal_browser_reply *reply,
                                     const char *media_type,
                                     size_t media_type_len,
                                     const uint8_t *bytes,
                                     size_t bytes_len,
                                     struct portal_error **error);

// - What: makes a keeper for the browsers of a file. Until one tends, a browser that was started stays
//   wanted and does not run.
// - Ownership: *keeper belongs to the caller, who gives it back with portal_keeper_free.
// - NULL: handle and keeper may not be NULL.
// - Threads: any, also several at once; each thread that tends has a keeper of its own.
// - Statuses: PORTAL_ERR_BROWSER_UNAVAILABLE where portal_options.browsers was NULL,
//   PORTAL_ERR_INVALID, PORTAL_ERR_CLOSED, PORTAL_ERR_POISONED, PORTAL_ERR_INTERNAL.
int32_t portal_keeper_open(struct portal *handle,
                           struct portal_keeper **keeper,
                           struct portal_error **error);

// - What: asks the browsers' callbacks for what is wanted and not so, and returns when that is done,
//   which may take as long as they take. Chats that another keeper is busy with are left to it.
//   *next_ms is when to call again at the latest, in UTC milliseconds since 1970; sooner, once
//   portal_keeper_wait has news. *faults is what the callbacks did not do, for the operator's log: a
//   JSON array of {chat_id: null for list, kind: unreachable, full, misconfigured, gone or failed,
//   detail}. It is tried again where that helps.
// - Ownership: *faults belongs to the caller, who disposes of it with portal_buf_dispose; what it held
//   before is overwritten, not freed.
// - NULL: keeper, next_ms and faults may not be NULL.
// - Threads: any, one at a time for one keeper; the callbacks are called on this one. portal_close
//   from another thread waits for a callback that is running, and ends the rest with
//   PORTAL_ERR_CLOSED.
// - Statuses: PORTAL_ERR_INVALID, also for a keeper in use, PORTAL_ERR_CLOSED, PORTAL_ERR_POISONED,
//   PORTAL_ERR_STORAGE and its kind, PORTAL_ERR_INTERNAL. After one, call again: what was done is
//   found.
int32_t portal_keeper_tend(struct portal_keeper *keeper,
                           int64_t *next_ms,
                           struct portal_buf *faults,
                           struct portal_error **error);

// - What: waits until there may be something to do since this keeper's last portal_keeper_tend began,
//   about timeout_ms at most; 0 not at all. *news is 1 if there may be, else 0.
// - Ownership: nothing changes hands.
// - NULL: keeper and news may not be NULL.
// - Threads: any, one at a time for one keeper. portal_close from another thread ends the wait with
//   PORTAL_ERR_CLOSED, portal_keeper_wake as if the time were over.
// - Statuses: PORTAL_ERR_INVALID, also for a keeper in use, PORTAL_ERR_CLOSED, PORTAL_ERR_POISONED,
//   PORTAL_ERR_INTERNAL.
int32_t portal_keeper_wait(struct portal_keeper *keeper,
                           uint32_t timeout_ms,
                           int32_t *news,
                           struct portal_error **error);

// - What: ends one wait of a keeper within about 50 ms: the one under way, or else the next one.
// - Ownership: nothing changes hands.
// - NULL: allowed, does nothing.
// - Threads: any, also while another waits; that is what it is for.
// - Statuses: none.
void portal_keeper_wake(struct portal_keeper *keeper);

// - What: frees a keeper.
// - Ownership: takes the keeper back; before or after its portal, as it comes.
// - NULL: allowed, does nothing.
// - Threads: any, while no other thread uses the keeper. A callback may free the keeper it is called
//   from, whose portal_keeper_tend then goes on to its end.
// - Statuses: none.
void portal_keeper_free(struct portal_keeper *keeper);

// - What: makes a keyring that holds nothing yet but the session's own key.
// - Ownership: *keyring belongs to the caller, who gives it back with portal_keyring_free.
// - NULL: options and keyring may not be NULL.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_INVALID with the first wrong field of the options, PORTAL_ERR_INTERNAL.
int32_t portal_keyring_new(const struct portal_keyring_options *options,
                           struct portal_keyring **keyring,
                           struct portal_error **error);

// - What: makes a keyring of what portal_keyring_export has sealed under key, 32 bytes. The session may
//   be another than it was. What was under way is not part of it: join the rooms anew.
// - Ownership: *keyring belongs to the caller, who gives it back with portal_keyring_free. The key is
//   read during the call only; wiping it is the caller's.
// - NULL: options, key and keyring may not be NULL; options.secret_key is. sealed may be, with length 0.
// - Threads: any, also several at once.
// - Statuses: PORTAL_ERR_DECRYPT for another key or damage. PORTAL_ERR_INVALID with the first wrong
//   field, sealed for what another version made, options.user_id for another user's.
//   PORTAL_ERR_INTERNAL.
int32_t portal_keyring_import(const struct portal_keyring_options *options,
                              const char *sealed,
                              size_t sealed_len,
                              const uint8_t *key,
                              struct portal_keyring **keyring,
                              struct portal_error **error);

// - What: seals everything a keyring knows, the session's secret key included, under key, 32 bytes, as a
//   text. Whoever has both reads what the session can read. Keep a new one before the requests of a step
//   are called: a key that was published must not be lost with the process. A key of zeros is refused.
// - Ownership: *sealed belongs to the caller, who disposes of it with portal_buf_dispose. The key is
//   read during the call only; wiping it is the caller's.
// - NULL: keyring, key and sealed may not be NULL.
// - Threads: any; calls on one keyring follow each other.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
int32_t portal_keyring_export(struct portal_keyring *keyring,
                              const uint8_t *key,
                              struct portal_buf *sealed,
                              struct portal_error **error);

// - What: takes in an event, by its name and with its data as JSON, as it was delivered or as the log has
//   it. Three more names are the host's: "room.join" with the reply of that operation, "room.leave" with
//   a chat_id when the session has left a room, and "disconnected" with {} when it is in no room any
//   more. Other names, also mistyped ones, change nothing. *step is a JSON object: requests to call, each {id, op, params}; alarms to show, each with its
//   kind; keys that came, each {chat_id, epoch}; and wake_at_ms, when to call portal_keyring_tick, or
//   null.
// - Ownership: the inputs are read during the call only. *step belongs to the caller, who disposes of it
//   with portal_buf_dispose.
// - NULL: keyring and step may not be NULL. name and data may be, with length 0.
// - Threads: any; calls on one keyring follow each other.
// - Statuses: PORTAL_ERR_INVALID with the first wrong field, when nothing is taken in.
//   PORTAL_ERR_INTERNAL.
int32_t portal_keyring_event(struct portal_keyring *keyring,
                             const char *name,
                             size_t name_len,
                             const char *data,
                             size_t data_len,
                             int64_t now_ms,
                             struct portal_buf *step,
                             struct portal_error **error);

// - What: takes in what came of a request: status 0 and the reply, or the status of the refusal and the
//   error's extras; PORTAL_ERR_INTERNAL and nothing if no answer came at all. *step is as for
//   portal_keyring_event.
// - Ownership: the inputs are read during the call only. *step belongs to the caller, who disposes of it
//   with portal_buf_dispose.
// - NULL: keyring and step may not be NULL. document may be, with length 0, where status is not 0.
// - Threads: any; calls on one keyring follow each other.
// - Statuses: PORTAL_ERR_INVALID with the first wrong field; the request then still waits for an answer.
//   PORTAL_ERR_INTERNAL.
int32_t portal_keyring_reply(struct portal_keyring *keyring,
                             int64_t request_id,
                             int32_t status,
                             const char *document,
                             size_t document_len,
                             int64_t now_ms,
                             struct portal_buf *step,
                             struct portal_error **error);

// - What: does what is due at that time. The first call asks to register the session's key. *step is as
//   for portal_keyring_event.
// - Ownership: *step belongs to the caller, who disposes of it with portal_buf_dispose.
// - NULL: keyring and step may not be NULL.
// - Threads: any; calls on one keyring follow each other.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
int32_t portal_keyring_tick(struct portal_keyring *keyring,
                            int64_t now_ms,
                            struct portal_buf *step,
                            struct portal_error **error);

// - What: says whether a key of a user, 32 bytes, that an alarm has named is to be trusted: accept is 1
//   or 0. What waited for it goes on. *step is as for portal_keyring_event.
// - Ownership: the key is read during the call only. *step belongs to the caller, who disposes of it with
//   portal_buf_dispose.
// - NULL: keyring, public_key and step may not be NULL.
// - Threads: any; calls on one keyring follow each other.
// - Statuses: PORTAL_ERR_INVALID, with public_key for one that was not seen of that user.
//   PORTAL_ERR_INTERNAL.
int32_t portal_keyring_decide(struct portal_keyring *keyring,
                              int64_t user_id,
                              const uint8_t *public_key,
                              int32_t accept,
                              int64_t now_ms,
                              struct portal_buf *step,
                              struct portal_error **error);

// - What: frees a keyring and wipes its keys.
// - Ownership: takes the keyring back. Buffers and errors that came from it stay valid.
// - NULL: allowed, does nothing.
// - Threads: any, while no other thread uses the keyring; not from within a callback.
// - Statuses: none.
void portal_keyring_free(struct portal_keyring *keyring);

// - What: seals a text for a chat's present epoch, the highest that was ever seen: the content of
//   message.send.
// - Ownership: the text is read during the call only. *envelope belongs to the caller, who disposes of it
//   with portal_buf_dispose.
// - NULL: keyring and envelope may not be NULL. plaintext may be, with length 0.
// - Threads: any; calls on one keyring follow each other.
// - Statuses: PORTAL_ERR_NO_ROOM_KEY while that epoch's key is not here. PORTAL_ERR_INVALID,
//   also for a plaintext that is too long. PORTAL_ERR_INTERNAL.
int32_t portal_keyring_seal(struct portal_keyring *keyring,
                            int64_t chat_id,
                            const char *plaintext,
                            size_t plaintext_len,
                            struct portal_buf *envelope,
                            struct portal_error **error);

// - What: opens a message: chat, id and sender as the server says, the envelope as it is stored. What was
//   opened before opens again while its key is here, under the same id and with the same bytes only. Keys
//   of a chat go when it is destroyed, when this user is kicked or banned or leaves, and those of earlier
//   epochs when it is cleared: a host that wants its history keeps the texts, or an earlier export.
// - Ownership: the envelope is read during the call only. *text belongs to the caller, who disposes of it
//   with portal_buf_dispose. It may contain NUL; len is right.
// - NULL: keyring and text may not be NULL. envelope may be, with length 0, and does not open.
// - Threads: any; calls on one keyring follow each other.
// - Statuses: PORTAL_ERR_NO_ROOM_KEY if the key of its epoch is not here: perhaps a step's keys bring it.
//   PORTAL_ERR_DECRYPT for everything else that is wrong with it. PORTAL_ERR_INVALID,
//   PORTAL_ERR_INTERNAL.
int32_t portal_keyring_open(struct portal_keyring *keyring,
                            int64_t chat_id,
                            int64_t message_id,
                            int64_t sender_id,
                            const char *envelope,
                            size_t envelope_len,
                            struct portal_buf *text,
                            struct portal_error **error);

// - What: the key of one message in base64, the disclosure of report.create. It opens that message and
//   no other.
// - Ownership: the envelope is read during the call only. *disclosure belongs to the caller, who disposes
//   of it with portal_buf_dispose.
// - NULL: keyring and disclosure may not be NULL. envelope may be, with length 0, and does not open.
// - Threads: any; calls on one keyring follow each other.
// - Statuses: as portal_keyring_open; PORTAL_ERR_INVALID with disclosure in suite 2.
int32_t portal_keyring_disclose(struct portal_keyring *keyring,
                                int64_t chat_id,
                                int64_t message_id,
                                int64_t sender_id,
                                const char *envelope,
                                size_t envelope_len,
                                struct portal_buf *disclosure,
                                struct portal_error **error);

// - What: for whom this keyring has wrapped the key of a chat's epoch, as a JSON array of {user_id,
//   session_id, public_key, fingerprint, first_seen_ms, wrapped_at_ms}. The fingerprint is the digits
//   that the two people compare.
// - Ownership: *sessions belongs to the caller, who disposes of it with portal_buf_dispose.
// - NULL: keyring and sessions may not be NULL.
// - Threads: any; calls on one keyring follow each other.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
int32_t portal_keyring_sessions(struct portal_keyring *keyring,
                                int64_t chat_id,
                                int64_t epoch,
                                struct portal_buf *sessions,
                                struct portal_error **error);

// - What: every key that was seen of others, as a JSON array of {user_id, public_key, fingerprint,
//   first_seen_ms, trust}; trust is seen, which means that it was not needed yet, accepted, refused, or
//   asked, which waits for portal_keyring_decide.
// - Ownership: *people belongs to the caller, who disposes of it with portal_buf_dispose.
// - NULL: keyring and people may not be NULL.
// - Threads: any; calls on one keyring follow each other.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
int32_t portal_keyring_people(struct portal_keyring *keyring,
                              struct portal_buf *people,
                              struct portal_error **error);

// - What: forgets every key of a user but the session's own; what comes next of them counts as new.
// - Ownership: nothing changes hands.
// - NULL: keyring may not be NULL.
// - Threads: any; calls on one keyring follow each other.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
int32_t portal_keyring_forget_person(struct portal_keyring *keyring,
                                     int64_t user_id,
                                     struct portal_error **error);

// - What: forgets the keys of a chat's epochs before this one, for a host that knows that their messages
//   are gone. The present epoch's key stays.
// - Ownership: nothing changes hands.
// - NULL: keyring may not be NULL.
// - Threads: any; calls on one keyring follow each other.
// - Statuses: PORTAL_ERR_INVALID, PORTAL_ERR_INTERNAL.
int32_t portal_keyring_forget_before(struct portal_keyring *keyring,
                                     int64_t chat_id,
                                     int64_t epoch,
                                     struct portal_error **error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PORTAL_H */
