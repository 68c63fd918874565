// The typed calls: each does what its operation does and answers what it answers, and a mistake has the name of
// its parameter (SPEC 17.3).

#include "check.h"

#include <time.h>

// A person, and a session of theirs.
struct person {
    int64_t id, session;
};

static portal_actor operator_(void) {
    return actor(PORTAL_ACTOR_OPERATOR, 0);
}

static struct person person(portal *handle, const char *name) {
    struct person person;
    portal_actor who = operator_();
    OK(portal_user_create(handle, &who, TEXT(name), &person.id, &error));
    char params[64];
    snprintf(params, sizeof params, "{\"user_id\":%" PRId64 "}", person.id);
    person.session = call_number(handle, "session.create", params, "session_id");
    return person;
}

static portal_actor session_of(struct person person) {
    return actor(PORTAL_ACTOR_SESSION, person.session);
}

// Whether a document is what portal_call answers with these parameters; disposes of it.
static int is_reply(portal *handle, const portal_actor *who, portal_buf *document, const char *op, const char *params) {
    portal_buf reply;
    OK(portal_call(handle, who, TEXT(op), TEXT(params), &reply, &error));
    int same = document->len == reply.len && strcmp(document->data, reply.data) == 0;
    if (!same) {
        fprintf(stderr, "%s: %s\nwanted: %s\n", op, document->data, reply.data);
    }
    portal_buf_dispose(&reply);
    portal_buf_dispose(document);
    return same;
}

// What a typed call refuses, portal_call refuses with these parameters, in the same words, with the same details; and
// what the one takes the other takes.
#define SAME_OUTCOME(op, params, call)                                                             \
    do {                                                                                           \
        portal_error *error = NULL, *wanted = NULL;                                                \
        portal_buf reply_;                                                                         \
        int32_t status_ = (call);                                                                  \
        int32_t wanted_ = portal_call(handle, &who, TEXT(op), TEXT(params), &reply_, &wanted);      \
        portal_buf_dispose(&reply_);                                                               \
        if (status_ != wanted_ ||                                                                  \
            strcmp(portal_error_message(error), portal_error_message(wanted)) != 0 ||              \
            strcmp(portal_error_extras(error), portal_error_extras(wanted)) != 0) {                \
            fprintf(stderr, "%s:%d: %s %s\nwanted: %s %s\n", __FILE__, __LINE__,                   \
                    portal_error_message(error), portal_error_extras(error),                       \
                    portal_error_message(wanted), portal_error_extras(wanted));                    \
            exit(1);                                                                               \
        }                                                                                          \
        portal_error_free(error);                                                                  \
        portal_error_free(wanted);                                                                 \
    } while (0)

// Parameters with numbers in them.
static const char *with(const char *format, int64_t first, int64_t second) {
    static char params[256];
    snprintf(params, sizeof params, format, first, second);
    return params;
}

#define CHAT "{\"chat_id\":%" PRId64 "}"

static int64_t club(portal *handle, struct person owner) {
    portal_actor who = operator_();
    int64_t chat;
    portal_buf done = call(handle, "user.set_tier", with("{\"user_id\":%" PRId64 ",\"tier\":\"lifetime\"}", owner.id, 0));
    portal_buf_dispose(&done);
    who = session_of(owner);
    OK(portal_chat_create(handle, &who, TEXT("PRIVATE"), TEXT("Club"), NULL, 0, 0, &chat, &error));
    return chat;
}

static void people_are_made_and_shown(portal *handle) {
    portal_actor who = operator_();
    struct person ada = person(handle, "people-ada"), ben = person(handle, "people-ben");
    portal_buf found;
    OK(portal_user_get(handle, &who, ben.id, &found, &error));
    CHECK(number(&found, "id") == ben.id);
    CHECK(is_reply(handle, &who, &found, "user.get", with("{\"user_id\":%" PRId64 "}", ben.id, 0)));
    OK(portal_user_list(handle, &who, NULL, 0, 0, 0, &found, &error));
    CHECK(is_reply(handle, &who, &found, "user.list", "{}"));
    OK(portal_user_list(handle, &who, TEXT("PEOPLE-"), ada.id, 1, &found, &error));
    CHECK(number(&found, "id") == ben.id);
    CHECK(is_reply(handle, &who, &found, "user.list",
                   with("{\"search\":\"people-\",\"after\":%" PRId64 ",\"limit\":1}", ada.id, 0)));
    int64_t again = 7;
    FAILS(PORTAL_ERR_USERNAME_TAKEN, portal_user_create(handle, &who, TEXT("People-Ada"), &again, &error));
    CHECK(again == 0);
    REFUSES("username", portal_user_create(handle, &who, NULL, 0, &again, &error));
    REFUSES("user_id", portal_user_get(handle, &who, 0, &found, &error));
    REFUSES("limit", portal_user_list(handle, &who, NULL, 0, 0, 201, &found, &error));
    FAILS(PORTAL_ERR_USER_NOT_FOUND, portal_user_get(handle, &who, 4711, &found, &error));
    CHECK(found.data == NULL);
    who = session_of(ben);
    FAILS(PORTAL_ERR_FORBIDDEN, portal_user_list(handle, &who, NULL, 0, 0, 0, &found, &error));
}

static void chats_are_made_changed_and_gone(portal *handle) {
    struct person owner = person(handle, "chats-owner"), ben = person(handle, "chats-ben");
    int64_t chat = club(handle, owner), other;
    portal_actor mine = session_of(owner), his = session_of(ben), who = operator_();
    portal_buf found;
    OK(portal_chat_create(handle, &who, TEXT("PUBLIC"), TEXT("Square"), TEXT("the-square"), owner.id, &other, &error));
    OK(portal_chat_get(handle, &his, other, &found, &error));
    CHECK(strstr(found.data, "\"slug\":\"the-square\"") != NULL && number(&found, "owner") == owner.id);
    CHECK(is_reply(handle, &his, &found, "chat.get", with(CHAT, other, 0)));
    OK(portal_chat_list(handle, &mine, 0, 0, 0, &found, &error));
    CHECK(is_reply(handle, &mine, &found, "chat.list", "{}"));
    OK(portal_chat_list(handle, &who, owner.id, chat, 1, &found, &error));
    CHECK(strstr(found.data, "Square") != NULL && strstr(found.data, "Club") == NULL);
    portal_buf_dispose(&found);

    OK(portal_chat_update(handle, &mine, chat, TEXT("{\"name\":\"Den\",\"chat_config\":{\"wipe_preset\":\"1h\"}}"), &error));
    OK(portal_chat_get(handle, &mine, chat, &found, &error));
    CHECK(strstr(found.data, "\"name\":\"Den\"") != NULL && strstr(found.data, "\"wipe_preset\":\"1h\"") != NULL);
    portal_buf_dispose(&found);
    // It is this chat that changes, whatever the changes say.
    OK(portal_chat_update(handle, &mine, other, with("{\"name\":\"Plaza\",\"chat_id\":%" PRId64 "}", chat, 0),
                          strlen(with("{\"name\":\"Plaza\",\"chat_id\":%" PRId64 "}", chat, 0)), &error));
    OK(portal_chat_get(handle, &mine, chat, &found, &error));
    CHECK(strstr(found.data, "\"name\":\"Den\"") != NULL);
    portal_buf_dispose(&found);
    REFUSES("changes", portal_chat_update(handle, &mine, chat, TEXT("[]"), &error));
    REFUSES("changes", portal_chat_update(handle, &mine, chat, TEXT("{"), &error));
    REFUSES("changes", portal_chat_update(handle, &mine, chat, NULL, 0, &error));
    REFUSES("name", portal_chat_update(handle, &mine, chat, TEXT("{\"name\":5}"), &error));
    REFUSES("chat_type", portal_chat_create(handle, &mine, TEXT("ROOM"), TEXT("Room"), NULL, 0, 0, &other, &error));
    FAILS(PORTAL_ERR_PREMIUM_REQUIRED,
          portal_chat_create(handle, &his, TEXT("PRIVATE"), TEXT("Mine"), NULL, 0, 0, &other, &error));
    FAILS(PORTAL_ERR_CHAT_NOT_FOUND, portal_chat_update(handle, &his, chat, TEXT("{}"), &error));

    FAILS(PORTAL_ERR_OWNER_CANNOT_LEAVE, portal_chat_leave(handle, &mine, chat, &error));
    portal_buf done = call(handle, "member.add", with("{\"chat_id\":%" PRId64 ",\"user_id\":%" PRId64 "}", chat, ben.id));
    portal_buf_dispose(&done);
    OK(portal_chat_leave(handle, &his, chat, &error));
    FAILS(PORTAL_ERR_CHAT_NOT_FOUND, portal_chat_leave(handle, &his, chat, &error));
    OK(portal_chat_destroy(handle, &mine, chat, &error));
    FAILS(PORTAL_ERR_CHAT_NOT_FOUND, portal_chat_destroy(handle, &mine, chat, &error));
}

static void an_invite_lets_somebody_in(portal *handle) {
    struct person owner = person(handle, "invites-owner"), ben = person(handle, "invites-ben");
    int64_t chat = club(handle, owner), led_to;
    portal_actor mine = session_of(owner), his = session_of(ben);
    portal_buf code, second, found;
    int32_t joined;
    OK(portal_invite_create(handle, &mine, chat, 0, 1, &code, &error));
    CHECK(code.len == 16 && strlen(code.data) == 16);
    int64_t tomorrow = ((int64_t)time(NULL) + 24 * 60 * 60) * 1000;
    OK(portal_invite_create(handle, &mine, chat, tomorrow, 0, &second, &error));
    OK(portal_invite_list(handle, &mine, chat, &found, &error));
    CHECK(strstr(found.data, code.data) != NULL && strstr(found.data, "\"max_uses\":1") != NULL);
    CHECK(strstr(found.data, second.data) != NULL && strstr(found.data, "\"max_uses\":null") != NULL);
    CHECK(strstr(found.data, "\"expires_at\":null") != NULL && strstr(found.data, with("\"expires_at\":%" PRId64, tomorrow, 0)) != NULL);
    CHECK(is_reply(handle, &mine, &found, "invite.list", with(CHAT, chat, 0)));
    REFUSES("expires_at", portal_invite_create(handle, &mine, chat, 1, 0, &found, &error));
    REFUSES("max_uses", portal_invite_create(handle, &mine, chat, 0, -1, &found, &error));

    OK(portal_invite_resolve(handle, &his, code.data, code.len, &led_to, &joined, &error));
    CHECK(led_to == chat && joined == 1);
    OK(portal_invite_resolve(handle, &his, second.data, second.len, &led_to, &joined, &error));
    CHECK(led_to == chat && joined == 0);
    OK(portal_invite_revoke(handle, &mine, chat, second.data, second.len, &error));
    struct person cleo = person(handle, "invites-cleo");
    portal_actor hers = session_of(cleo);
    FAILS(PORTAL_ERR_INVITE_INVALID,
          portal_invite_resolve(handle, &hers, second.data, second.len, &led_to, &joined, &error));
    CHECK(led_to == 0 && joined == 0);
    FAILS(PORTAL_ERR_INVITE_INVALID, portal_invite_revoke(handle, &mine, chat, TEXT("0000000000000000"), &error));
    portal_buf_dispose(&code);
    portal_buf_dispose(&second);
}

static void a_room_is_joined_and_left(const char *directory) {
    portal *handle;
    portal_options presence = options(PORTAL_OPEN_PRESENCE);
    OK(portal_open(TEXT(file(directory, "rooms.db")), &presence, &handle, &error));
    int64_t chat = lobby(handle, "ada"), connection;
    struct person ben = person(handle, "ben");
    portal_actor his = session_of(ben);
    OK(portal_connect(handle, &his, &connection, &error));
    his = actor(PORTAL_ACTOR_CONNECTION, connection);
    portal_buf room;
    OK(portal_room_join(handle, &his, chat, &room, &error));
    CHECK(strstr(room.data, "\"may_talk\":true") != NULL);
    CHECK(number(&room, "id") == chat && number(&room, "as_of") > 0);
    portal_buf_dispose(&room);
    FAILS(PORTAL_ERR_CHAT_NOT_FOUND, portal_room_join(handle, &his, 4711, &room, &error));
    portal_buf typing;
    OK(portal_call(handle, &his, TEXT("room.typing"), TEXT(with(CHAT, chat, 0)), &typing, &error));
    portal_buf_dispose(&typing);
    OK(portal_room_leave(handle, &his, chat, &error));
    FAILS(PORTAL_ERR_NOT_JOINED, portal_call(handle, &his, TEXT("room.typing"), TEXT(with(CHAT, chat, 0)), &typing, &error));
    portal_free(handle);
}

// An envelope of suite 3 of the shortest length; nobody opens it.
static const char *envelope(int64_t epoch) {
    static char text[400];
    int head = snprintf(text, sizeof text, "{\"v\":3,\"epoch\":%" PRId64 ",\"ct\":\"", epoch);
    memset(text + head, 'A', 256);
    strcpy(text + head + 256, "\"}");
    return text;
}

static void keys_are_published_and_messages_sent(portal *handle) {
    struct person owner = person(handle, "keys-owner"), ben = person(handle, "keys-ben");
    int64_t chat = club(handle, owner), first, second, deleted;
    portal_actor mine = session_of(owner), his = session_of(ben);
    portal_buf found, done;
    done = call(handle, "member.add", with("{\"chat_id\":%" PRId64 ",\"user_id\":%" PRId64 "}", chat, ben.id));
    portal_buf_dispose(&done);
    uint8_t key[32] = {9}, check[16] = {1, 2, 3};
    FAILS(PORTAL_ERR_NO_PUBLIC_KEY, portal_key_publish(handle, &mine, chat, 1, check, 16, TEXT("[]"), &found, &error));
    OK(portal_key_register(handle, &mine, key, 32, &error));
    key[1] = 1;
    OK(portal_key_register(handle, &his, key, 32, &error));
    REFUSES("public_key", portal_key_register(handle, &his, key, 31, &error));
    REFUSES("public_key", portal_key_register(handle, &his, NULL, 0, &error));

    FAILS(PORTAL_ERR_NO_ROOM_KEY, portal_message_send(handle, &mine, chat, TEXT(envelope(1)), NULL, 0, &first, &error));
    // 80 bytes, wrapped by nobody, for Ben's key as it was registered.
    char blobs[320];
    int length = snprintf(blobs, sizeof blobs,
                          "[{\"session_id\":%" PRId64 ",\"public_key\":\"CQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\"blob\":\"",
                          ben.session);
    memset(blobs + length, 'A', 107);
    strcpy(blobs + length + 107, "=\"}]");
    OK(portal_key_publish(handle, &mine, chat, 1, check, 16, TEXT(blobs), &found, &error));
    CHECK(strstr(found.data, "\"first\":true") != NULL && strstr(found.data, "\"skipped\":[]") != NULL);
    portal_buf_dispose(&found);
    OK(portal_key_list(handle, &his, chat, &found, &error));
    CHECK(strstr(found.data, "\"key_check\":\"AQIDAAAAAAAAAAAAAAAAAA==\"") != NULL);
    CHECK(is_reply(handle, &his, &found, "key.list", with(CHAT, chat, 0)));
    REFUSES("blobs", portal_key_publish(handle, &mine, chat, 1, check, 16, TEXT("what"), &found, &error));
    REFUSES("blobs", portal_key_publish(handle, &mine, chat, 1, check, 16, NULL, 0, &found, &error));
    FAILS(PORTAL_ERR_EPOCH_MISMATCH, portal_key_publish(handle, &mine, chat, 2, check, 16, TEXT("[]"), &found, &error));
    FAILS(PORTAL_ERR_KEY_CONFLICT, portal_key_publish(handle, &his, chat, 1, key, 16, TEXT("[]"), &found, &error));

    OK(portal_message_send(handle, &his, chat, TEXT(envelope(1)), TEXT("mine-1"), &first, &error));
    OK(portal_message_send(handle, &his, chat, TEXT(envelope(1)), TEXT("mine-1"), &second, &error));
    CHECK(first > 0 && second == first);
    OK(portal_message_send(handle, &mine, chat, TEXT(envelope(1)), NULL, 0, &second, &error));
    CHECK(second > first);
    FAILS(PORTAL_ERR_ENVELOPE_INVALID, portal_message_send(handle, &his, chat, TEXT("{}"), NULL, 0, &deleted, &error));
    FAILS(PORTAL_ERR_EPOCH_MISMATCH, portal_message_send(handle, &his, chat, TEXT(envelope(2)), NULL, 0, &deleted, &error));

    OK(portal_message_history(handle, &his, chat, 0, 0, 0, &found, &error));
    CHECK(is_reply(handle, &his, &found, "message.history", with(CHAT, chat, 0)));
    OK(portal_message_history(handle, &his, chat, second, first - 1, 1, &found, &error));
    CHECK(number(&found, "id") == first);
    portal_buf_dispose(&found);
    REFUSES("limit", portal_message_history(handle, &his, chat, 0, 0, 101, &found, &error));

    int64_t ids[2] = {first, 4711};
    FAILS(PORTAL_ERR_FORBIDDEN, portal_message_delete(handle, &his, chat, ids, 2, &deleted, &error));
    OK(portal_message_delete(handle, &mine, chat, ids, 2, &deleted, &error));
    CHECK(deleted == 1);
    REFUSES("ids", portal_message_delete(handle, &mine, chat, NULL, 0, &deleted, &error));
    REFUSES("ids", portal_message_delete(handle, &mine, chat, NULL, 1, &deleted, &error));
    REFUSES("ids", portal_message_delete(handle, &mine, chat, ids, SIZE_MAX, &deleted, &error));
    OK(portal_message_send(handle, &his, chat, TEXT(envelope(1)), NULL, 0, &ids[0], &error));
    OK(portal_message_send(handle, &his, chat, TEXT(envelope(1)), NULL, 0, &ids[1], &error));
    OK(portal_message_delete_mine(handle, &his, chat, ids, 1, &deleted, &error));
    CHECK(deleted == 1);
    OK(portal_message_delete_mine(handle, &his, chat, NULL, 0, &deleted, &error));
    CHECK(deleted == 1);
    OK(portal_message_delete_last(handle, &mine, chat, 1, &deleted, &error));
    CHECK(deleted == 1);
    REFUSES("count", portal_message_delete_last(handle, &mine, chat, 0, &deleted, &error));

    OK(portal_key_reject(handle, &his, chat, &error));
    FAILS(PORTAL_ERR_NO_ROOM_KEY, portal_key_reject(handle, &his, chat, &error));
    OK(portal_key_renew(handle, &his, chat, &found, &error));
    CHECK(strstr(found.data, "\"status\":\"") != NULL && number(&found, "epoch") >= 1);
    portal_buf_dispose(&found);
}

static void people_are_moderated(portal *handle) {
    struct person owner = person(handle, "mod-owner"), ben = person(handle, "mod-ben");
    int64_t chat = club(handle, owner), other = lobby(handle, "mod-admin");
    portal_actor mine = session_of(owner), his = session_of(ben), who = operator_();
    portal_buf found;
    int64_t sent;
    OK(portal_mod_mute(handle, &who, other, ben.id, 60, TEXT("too loud"), &error));
    FAILS(PORTAL_ERR_MUTED, portal_message_send(handle, &his, other, TEXT(envelope(1)), NULL, 0, &sent, &error));
    OK(portal_mod_unmute(handle, &who, other, ben.id, &error));
    FAILS(PORTAL_ERR_NO_ROOM_KEY, portal_message_send(handle, &his, other, TEXT(envelope(1)), NULL, 0, &sent, &error));
    OK(portal_mod_hard_mute(handle, &who, ben.id, 0, NULL, 0, &error));
    portal_error *error;
    CHECK(portal_message_send(handle, &his, other, TEXT(envelope(1)), NULL, 0, &sent, &error) == PORTAL_ERR_MUTED);
    CHECK(strcmp(portal_error_extras(error), "{\"ttl_seconds\":0}") == 0);
    portal_error_free(error);
    OK(portal_mod_hard_unmute(handle, &who, ben.id, &error));
    OK(portal_mod_ban(handle, &who, other, ben.id, 3600, NULL, 0, &error));
    FAILS(PORTAL_ERR_BANNED, portal_chat_get(handle, &his, other, &found, &error));
    OK(portal_mod_unban(handle, &who, other, ben.id, &error));
    OK(portal_chat_get(handle, &his, other, &found, &error));
    portal_buf_dispose(&found);

    found = call(handle, "member.add", with("{\"chat_id\":%" PRId64 ",\"user_id\":%" PRId64 "}", chat, ben.id));
    portal_buf_dispose(&found);
    FAILS(PORTAL_ERR_FORBIDDEN, portal_mod_kick(handle, &his, chat, owner.id, NULL, 0, &error));
    OK(portal_mod_kick(handle, &mine, chat, ben.id, TEXT("enough"), &error));
    FAILS(PORTAL_ERR_CHAT_NOT_FOUND, portal_chat_get(handle, &his, chat, &found, &error));
    FAILS(PORTAL_ERR_TARGET_IS_OWNER, portal_mod_ban(handle, &who, chat, owner.id, 0, NULL, 0, &error));
    REFUSES("duration_seconds", portal_mod_mute(handle, &who, other, ben.id, 86401, NULL, 0, &error));
    REFUSES("duration_seconds", portal_mod_mute(handle, &who, other, ben.id, -1, NULL, 0, &error));
    char longest[502];
    memset(longest, 'x', sizeof longest);
    REFUSES("reason", portal_mod_kick(handle, &who, other, ben.id, longest, 501, &error));
    portal_buf reasons = call(handle, "user.punishments", with("{\"user_id\":%" PRId64 "}", ben.id, 0));
    CHECK(strstr(reasons.data, "too loud") != NULL);
    portal_buf_dispose(&reasons);
}

// Numbers that are too large, too small or below zero, nulls, and what is wrong within a document.
static void mistakes_are_those_of_portal_call(portal *handle) {
    portal_actor who = operator_();
    int64_t chat = lobby(handle, "same-admin"), any;
    portal_buf buf;
    SAME_OUTCOME("chat.get", "{\"chat_id\":0}", portal_chat_get(handle, &who, 0, &buf, &error));
    SAME_OUTCOME("chat.get", "{\"chat_id\":-5}", portal_chat_get(handle, &who, -5, &buf, &error));
    SAME_OUTCOME("chat.get", "{\"chat_id\":9223372036854775807}", portal_chat_get(handle, &who, INT64_MAX, &buf, &error));
    SAME_OUTCOME("chat.list", "{\"user_id\":-1}", portal_chat_list(handle, &who, -1, 0, 0, &buf, &error));
    SAME_OUTCOME("chat.list", "{\"limit\":65536}", portal_chat_list(handle, &who, 0, 0, 65536, &buf, &error));
    SAME_OUTCOME("chat.list", "{\"limit\":4294967295}", portal_chat_list(handle, &who, 0, 0, UINT32_MAX, &buf, &error));
    SAME_OUTCOME("user.list", "{\"after\":-1}", portal_user_list(handle, &who, NULL, 0, -1, 0, &buf, &error));
    SAME_OUTCOME("user.list", "{\"limit\":70000}", portal_user_list(handle, &who, NULL, 0, 0, 70000, &buf, &error));
    SAME_OUTCOME("user.create", "{\"username\":\"\"}", portal_user_create(handle, &who, NULL, 0, &any, &error));
    SAME_OUTCOME("invite.create", with("{\"chat_id\":%" PRId64 ",\"max_uses\":-1}", chat, 0),
               portal_invite_create(handle, &who, chat, 0, -1, &buf, &error));
    SAME_OUTCOME("invite.create", with("{\"chat_id\":%" PRId64 ",\"expires_at\":-1}", chat, 0),
               portal_invite_create(handle, &who, chat, -1, 0, &buf, &error));
    SAME_OUTCOME("message.history", with("{\"chat_id\":%" PRId64 ",\"before\":-1}", chat, 0),
               portal_message_history(handle, &who, chat, -1, 0, 0, &buf, &error));
    SAME_OUTCOME("message.history", with("{\"chat_id\":%" PRId64 ",\"limit\":65537}", chat, 0),
               portal_message_history(handle, &who, chat, 0, 0, 65537, &buf, &error));
    // Of several that are wrong the first is named, in the order of the parameters.
    SAME_OUTCOME("message.history", "{\"chat_id\":-1,\"before\":-2,\"after\":-3,\"limit\":70000}",
               portal_message_history(handle, &who, -1, -2, -3, 70000, &buf, &error));
    int64_t ids[2] = {1, -1};
    SAME_OUTCOME("message.delete", with("{\"chat_id\":%" PRId64 ",\"ids\":[1,-1]}", chat, 0),
               portal_message_delete(handle, &who, chat, ids, 2, &any, &error));
    SAME_OUTCOME("message.delete_last", with("{\"chat_id\":%" PRId64 ",\"count\":4294967295}", chat, 0),
               portal_message_delete_last(handle, &who, chat, UINT32_MAX, &any, &error));
    SAME_OUTCOME("mod.mute", with("{\"chat_id\":%" PRId64 ",\"user_id\":-7,\"duration_seconds\":-1}", chat, 0),
               portal_mod_mute(handle, &who, chat, -7, -1, NULL, 0, &error));
    SAME_OUTCOME("mod.ban", with("{\"chat_id\":%" PRId64 ",\"user_id\":4711,\"duration_seconds\":0}", chat, 0),
               portal_mod_ban(handle, &who, chat, 4711, 0, NULL, 0, &error));
    SAME_OUTCOME("key.publish",
               with("{\"chat_id\":%" PRId64 ",\"epoch\":0,\"key_check\":null,\"blobs\":[{\"session_id\":-1}]}", chat, 0),
               portal_key_publish(handle, &who, chat, 0, NULL, 0, TEXT("[{\"session_id\":-1}]"), &buf, &error));
    SAME_OUTCOME("key.publish",
               with("{\"chat_id\":%" PRId64 ",\"epoch\":1,\"key_check\":null,\"blobs\":[{\"session_id\":1.0}]}", chat, 0),
               portal_key_publish(handle, &who, chat, 1, NULL, 0, TEXT("[{\"session_id\":1.0}]"), &buf, &error));
    static const char *const CHANGES[] = {
        "\"name\":null",
        "\"name\":5",
        "\"name\":\"\"",
        "\"chat_config\":null",
        "\"chat_config\":{\"wipe_preset\":\"2h\"}",
        "\"chat_config\":{\"wipe_preset\":null}",
        "\"chat_config\":{\"slow_mode\":-1}",
        "\"browser_config\":[1]",
        "\"description\":7",
        "\"description\":[\"x\"]",
        "\"slug\":\"-\"",
        "\"what\":1",
    };
    for (size_t i = 0; i < sizeof CHANGES / sizeof *CHANGES; i++) {
        char changes[128], params[256];
        snprintf(changes, sizeof changes, "{%s}", CHANGES[i]);
        snprintf(params, sizeof params, "{\"chat_id\":%" PRId64 ",%s}", chat, CHANGES[i]);
        SAME_OUTCOME("chat.update", params, portal_chat_update(handle, &who, chat, TEXT(changes), &error));
    }
    // A null empties, and what is left out stays.
    OK(portal_chat_update(handle, &who, chat, TEXT("{\"description\":\"For all\"}"), &error));
    OK(portal_chat_update(handle, &who, chat, TEXT("{\"name\":\"Hall\"}"), &error));
    OK(portal_chat_get(handle, &who, chat, &buf, &error));
    CHECK(strstr(buf.data, "\"description\":\"For all\"") != NULL);
    portal_buf_dispose(&buf);
    OK(portal_chat_update(handle, &who, chat, TEXT("{\"description\":null}"), &error));
    OK(portal_chat_get(handle, &who, chat, &buf, &error));
    CHECK(strstr(buf.data, "\"description\":null") != NULL && strstr(buf.data, "\"name\":\"Hall\"") != NULL);
    portal_buf_dispose(&buf);
}

static void two_are_matched(portal *handle) {
    struct person ada = person(handle, "match-ada"), ben = person(handle, "match-ben");
    portal_actor hers = session_of(ada), his = session_of(ben);
    int64_t chat = 7, left;
    portal_buf status;
    OK(portal_match_enqueue(handle, &hers, TEXT("tea,films"), &chat, &error));
    CHECK(chat == 0);
    OK(portal_match_status(handle, &hers, &status, &error));
    CHECK(strstr(status.data, "\"interests\":[\"films\",\"tea\"]") != NULL || strstr(status.data, "\"interests\":[\"tea\",\"films\"]") != NULL);
    CHECK(is_reply(handle, &hers, &status, "match.status", "{}"));
    FAILS(PORTAL_ERR_MATCH_ALREADY_SEARCHING, portal_match_enqueue(handle, &hers, TEXT("tea"), &chat, &error));
    OK(portal_match_dequeue(handle, &hers, &error));
    OK(portal_match_dequeue(handle, &hers, &error));
    OK(portal_match_enqueue(handle, &hers, TEXT("films"), &chat, &error));
    OK(portal_match_enqueue(handle, &his, TEXT("films"), &chat, &error));
    CHECK(chat > 0);
    OK(portal_match_leave(handle, &hers, 0, &left, &error));
    CHECK(left == chat);
    FAILS(PORTAL_ERR_MATCH_NO_ACTIVE_DIRECT, portal_match_leave(handle, &hers, 0, &left, &error));
    FAILS(PORTAL_ERR_CHAT_NOT_FOUND, portal_match_leave(handle, &hers, chat, &left, &error));
    FAILS(PORTAL_ERR_MATCH_BAD_INTEREST, portal_match_enqueue(handle, &hers, NULL, 0, &chat, &error));
    FAILS(PORTAL_ERR_MATCH_BAD_INTEREST, portal_match_enqueue(handle, &hers, TEXT("tea,"), &chat, &error));
    FAILS(PORTAL_ERR_MATCH_BAD_INTEREST, portal_match_enqueue(handle, &hers, TEXT("tea, films"), &chat, &error));
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    portal *handle;
    OK(portal_open(TEXT(file(argv[1], "typed.db")), NULL, &handle, &error));
    people_are_made_and_shown(handle);
    chats_are_made_changed_and_gone(handle);
    an_invite_lets_somebody_in(handle);
    a_room_is_joined_and_left(argv[1]);
    keys_are_published_and_messages_sent(handle);
    people_are_moderated(handle);
    mistakes_are_those_of_portal_call(handle);
    two_are_matched(handle);
    portal_free(handle);
    return 0;
}
