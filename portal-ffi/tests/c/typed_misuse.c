// What a program can hand over wrongly to the typed calls: each NULL and each text that is not UTF-8 has the name of
// its parameter, and a closed portal says that it is closed (SPEC 17.2, 17.5).

#include "check.h"

static const char NOT_UTF8[] = "caf\xe9";
static const uint8_t key[32] = {9};
static portal_actor who;
static portal_buf buf;
static int64_t any;
static int32_t flag;

static void people(portal *handle) {
    REFUSES("handle", portal_user_create(NULL, &who, TEXT("tea"), &any, &error));
    REFUSES("actor", portal_user_create(handle, NULL, TEXT("tea"), &any, &error));
    REFUSES("username", portal_user_create(handle, &who, NULL, 1, &any, &error));
    REFUSES("username", portal_user_create(handle, &who, NOT_UTF8, 4, &any, &error));
    REFUSES("user_id", portal_user_create(handle, &who, TEXT("tea"), NULL, &error));
    REFUSES("handle", portal_user_get(NULL, &who, 1, &buf, &error));
    REFUSES("actor", portal_user_get(handle, NULL, 1, &buf, &error));
    REFUSES("user", portal_user_get(handle, &who, 1, NULL, &error));
    REFUSES("handle", portal_user_list(NULL, &who, TEXT("tea"), 1, 1, &buf, &error));
    REFUSES("actor", portal_user_list(handle, NULL, TEXT("tea"), 1, 1, &buf, &error));
    REFUSES("search", portal_user_list(handle, &who, NULL, 1, 1, 1, &buf, &error));
    REFUSES("search", portal_user_list(handle, &who, NOT_UTF8, 4, 1, 1, &buf, &error));
    REFUSES("users", portal_user_list(handle, &who, TEXT("tea"), 1, 1, NULL, &error));
}

static void chats(portal *handle) {
    REFUSES("handle", portal_chat_create(NULL, &who, TEXT("tea"), TEXT("tea"), TEXT("tea"), 1, &any, &error));
    REFUSES("actor", portal_chat_create(handle, NULL, TEXT("tea"), TEXT("tea"), TEXT("tea"), 1, &any, &error));
    REFUSES("chat_type", portal_chat_create(handle, &who, NULL, 1, TEXT("tea"), TEXT("tea"), 1, &any, &error));
    REFUSES("chat_type", portal_chat_create(handle, &who, NOT_UTF8, 4, TEXT("tea"), TEXT("tea"), 1, &any, &error));
    REFUSES("name", portal_chat_create(handle, &who, TEXT("tea"), NULL, 1, TEXT("tea"), 1, &any, &error));
    REFUSES("name", portal_chat_create(handle, &who, TEXT("tea"), NOT_UTF8, 4, TEXT("tea"), 1, &any, &error));
    REFUSES("slug", portal_chat_create(handle, &who, TEXT("tea"), TEXT("tea"), NULL, 1, 1, &any, &error));
    REFUSES("slug", portal_chat_create(handle, &who, TEXT("tea"), TEXT("tea"), NOT_UTF8, 4, 1, &any, &error));
    REFUSES("chat_id", portal_chat_create(handle, &who, TEXT("tea"), TEXT("tea"), TEXT("tea"), 1, NULL, &error));
    REFUSES("handle", portal_chat_destroy(NULL, &who, 1, &error));
    REFUSES("actor", portal_chat_destroy(handle, NULL, 1, &error));
    REFUSES("handle", portal_chat_get(NULL, &who, 1, &buf, &error));
    REFUSES("actor", portal_chat_get(handle, NULL, 1, &buf, &error));
    REFUSES("chat", portal_chat_get(handle, &who, 1, NULL, &error));
    REFUSES("handle", portal_chat_leave(NULL, &who, 1, &error));
    REFUSES("actor", portal_chat_leave(handle, NULL, 1, &error));
    REFUSES("handle", portal_chat_list(NULL, &who, 1, 1, 1, &buf, &error));
    REFUSES("actor", portal_chat_list(handle, NULL, 1, 1, 1, &buf, &error));
    REFUSES("chats", portal_chat_list(handle, &who, 1, 1, 1, NULL, &error));
    REFUSES("handle", portal_chat_update(NULL, &who, 1, TEXT("{}"), &error));
    REFUSES("actor", portal_chat_update(handle, NULL, 1, TEXT("{}"), &error));
    REFUSES("changes", portal_chat_update(handle, &who, 1, NULL, 1, &error));
    REFUSES("changes", portal_chat_update(handle, &who, 1, NOT_UTF8, 4, &error));
}

static void invites(portal *handle) {
    REFUSES("handle", portal_invite_create(NULL, &who, 1, 1, 1, &buf, &error));
    REFUSES("actor", portal_invite_create(handle, NULL, 1, 1, 1, &buf, &error));
    REFUSES("code", portal_invite_create(handle, &who, 1, 1, 1, NULL, &error));
    REFUSES("handle", portal_invite_list(NULL, &who, 1, &buf, &error));
    REFUSES("actor", portal_invite_list(handle, NULL, 1, &buf, &error));
    REFUSES("invites", portal_invite_list(handle, &who, 1, NULL, &error));
    REFUSES("handle", portal_invite_resolve(NULL, &who, TEXT("tea"), &any, &flag, &error));
    REFUSES("actor", portal_invite_resolve(handle, NULL, TEXT("tea"), &any, &flag, &error));
    REFUSES("code", portal_invite_resolve(handle, &who, NULL, 1, &any, &flag, &error));
    REFUSES("code", portal_invite_resolve(handle, &who, NOT_UTF8, 4, &any, &flag, &error));
    REFUSES("chat_id", portal_invite_resolve(handle, &who, TEXT("tea"), NULL, &flag, &error));
    REFUSES("joined", portal_invite_resolve(handle, &who, TEXT("tea"), &any, NULL, &error));
    REFUSES("handle", portal_invite_revoke(NULL, &who, 1, TEXT("tea"), &error));
    REFUSES("actor", portal_invite_revoke(handle, NULL, 1, TEXT("tea"), &error));
    REFUSES("code", portal_invite_revoke(handle, &who, 1, NULL, 1, &error));
    REFUSES("code", portal_invite_revoke(handle, &who, 1, NOT_UTF8, 4, &error));
}

static void rooms(portal *handle) {
    REFUSES("handle", portal_room_join(NULL, &who, 1, &buf, &error));
    REFUSES("actor", portal_room_join(handle, NULL, 1, &buf, &error));
    REFUSES("room", portal_room_join(handle, &who, 1, NULL, &error));
    REFUSES("handle", portal_room_leave(NULL, &who, 1, &error));
    REFUSES("actor", portal_room_leave(handle, NULL, 1, &error));
}

static void messages(portal *handle) {
    REFUSES("handle", portal_message_delete(NULL, &who, 1, &any, 1, &any, &error));
    REFUSES("actor", portal_message_delete(handle, NULL, 1, &any, 1, &any, &error));
    REFUSES("ids", portal_message_delete(handle, &who, 1, NULL, 1, &any, &error));
    REFUSES("deleted", portal_message_delete(handle, &who, 1, &any, 1, NULL, &error));
    REFUSES("handle", portal_message_delete_last(NULL, &who, 1, 1, &any, &error));
    REFUSES("actor", portal_message_delete_last(handle, NULL, 1, 1, &any, &error));
    REFUSES("deleted", portal_message_delete_last(handle, &who, 1, 1, NULL, &error));
    REFUSES("handle", portal_message_delete_mine(NULL, &who, 1, &any, 1, &any, &error));
    REFUSES("actor", portal_message_delete_mine(handle, NULL, 1, &any, 1, &any, &error));
    REFUSES("ids", portal_message_delete_mine(handle, &who, 1, NULL, 1, &any, &error));
    REFUSES("deleted", portal_message_delete_mine(handle, &who, 1, &any, 1, NULL, &error));
    REFUSES("handle", portal_message_history(NULL, &who, 1, 1, 1, 1, &buf, &error));
    REFUSES("actor", portal_message_history(handle, NULL, 1, 1, 1, 1, &buf, &error));
    REFUSES("messages", portal_message_history(handle, &who, 1, 1, 1, 1, NULL, &error));
    REFUSES("handle", portal_message_send(NULL, &who, 1, TEXT("tea"), TEXT("tea"), &any, &error));
    REFUSES("actor", portal_message_send(handle, NULL, 1, TEXT("tea"), TEXT("tea"), &any, &error));
    REFUSES("content", portal_message_send(handle, &who, 1, NULL, 1, TEXT("tea"), &any, &error));
    REFUSES("content", portal_message_send(handle, &who, 1, NOT_UTF8, 4, TEXT("tea"), &any, &error));
    REFUSES("client_id", portal_message_send(handle, &who, 1, TEXT("tea"), NULL, 1, &any, &error));
    REFUSES("client_id", portal_message_send(handle, &who, 1, TEXT("tea"), NOT_UTF8, 4, &any, &error));
    REFUSES("message_id", portal_message_send(handle, &who, 1, TEXT("tea"), TEXT("tea"), NULL, &error));
}

static void moderation(portal *handle) {
    REFUSES("handle", portal_mod_ban(NULL, &who, 1, 1, 1, TEXT("tea"), &error));
    REFUSES("actor", portal_mod_ban(handle, NULL, 1, 1, 1, TEXT("tea"), &error));
    REFUSES("reason", portal_mod_ban(handle, &who, 1, 1, 1, NULL, 1, &error));
    REFUSES("reason", portal_mod_ban(handle, &who, 1, 1, 1, NOT_UTF8, 4, &error));
    REFUSES("handle", portal_mod_hard_mute(NULL, &who, 1, 1, TEXT("tea"), &error));
    REFUSES("actor", portal_mod_hard_mute(handle, NULL, 1, 1, TEXT("tea"), &error));
    REFUSES("reason", portal_mod_hard_mute(handle, &who, 1, 1, NULL, 1, &error));
    REFUSES("reason", portal_mod_hard_mute(handle, &who, 1, 1, NOT_UTF8, 4, &error));
    REFUSES("handle", portal_mod_hard_unmute(NULL, &who, 1, &error));
    REFUSES("actor", portal_mod_hard_unmute(handle, NULL, 1, &error));
    REFUSES("handle", portal_mod_kick(NULL, &who, 1, 1, TEXT("tea"), &error));
    REFUSES("actor", portal_mod_kick(handle, NULL, 1, 1, TEXT("tea"), &error));
    REFUSES("reason", portal_mod_kick(handle, &who, 1, 1, NULL, 1, &error));
    REFUSES("reason", portal_mod_kick(handle, &who, 1, 1, NOT_UTF8, 4, &error));
    REFUSES("handle", portal_mod_mute(NULL, &who, 1, 1, 1, TEXT("tea"), &error));
    REFUSES("actor", portal_mod_mute(handle, NULL, 1, 1, 1, TEXT("tea"), &error));
    REFUSES("reason", portal_mod_mute(handle, &who, 1, 1, 1, NULL, 1, &error));
    REFUSES("reason", portal_mod_mute(handle, &who, 1, 1, 1, NOT_UTF8, 4, &error));
    REFUSES("handle", portal_mod_unban(NULL, &who, 1, 1, &error));
    REFUSES("actor", portal_mod_unban(handle, NULL, 1, 1, &error));
    REFUSES("handle", portal_mod_unmute(NULL, &who, 1, 1, &error));
    REFUSES("actor", portal_mod_unmute(handle, NULL, 1, 1, &error));
}

static void matching(portal *handle) {
    REFUSES("handle", portal_match_dequeue(NULL, &who, &error));
    REFUSES("actor", portal_match_dequeue(handle, NULL, &error));
    REFUSES("handle", portal_match_enqueue(NULL, &who, TEXT("tea"), &any, &error));
    REFUSES("actor", portal_match_enqueue(handle, NULL, TEXT("tea"), &any, &error));
    REFUSES("interests", portal_match_enqueue(handle, &who, NULL, 1, &any, &error));
    REFUSES("interests", portal_match_enqueue(handle, &who, NOT_UTF8, 4, &any, &error));
    REFUSES("chat_id", portal_match_enqueue(handle, &who, TEXT("tea"), NULL, &error));
    REFUSES("handle", portal_match_leave(NULL, &who, 1, &any, &error));
    REFUSES("actor", portal_match_leave(handle, NULL, 1, &any, &error));
    REFUSES("left_chat_id", portal_match_leave(handle, &who, 1, NULL, &error));
    REFUSES("handle", portal_match_status(NULL, &who, &buf, &error));
    REFUSES("actor", portal_match_status(handle, NULL, &buf, &error));
    REFUSES("status", portal_match_status(handle, &who, NULL, &error));
}

static void keys(portal *handle) {
    REFUSES("handle", portal_key_list(NULL, &who, 1, &buf, &error));
    REFUSES("actor", portal_key_list(handle, NULL, 1, &buf, &error));
    REFUSES("keys", portal_key_list(handle, &who, 1, NULL, &error));
    REFUSES("handle", portal_key_publish(NULL, &who, 1, 1, key, sizeof key, TEXT("{}"), &buf, &error));
    REFUSES("actor", portal_key_publish(handle, NULL, 1, 1, key, sizeof key, TEXT("{}"), &buf, &error));
    REFUSES("key_check", portal_key_publish(handle, &who, 1, 1, NULL, 1, TEXT("{}"), &buf, &error));
    REFUSES("blobs", portal_key_publish(handle, &who, 1, 1, key, sizeof key, NULL, 1, &buf, &error));
    REFUSES("blobs", portal_key_publish(handle, &who, 1, 1, key, sizeof key, NOT_UTF8, 4, &buf, &error));
    REFUSES("published", portal_key_publish(handle, &who, 1, 1, key, sizeof key, TEXT("{}"), NULL, &error));
    REFUSES("handle", portal_key_register(NULL, &who, key, sizeof key, &error));
    REFUSES("actor", portal_key_register(handle, NULL, key, sizeof key, &error));
    REFUSES("public_key", portal_key_register(handle, &who, NULL, 1, &error));
    REFUSES("handle", portal_key_reject(NULL, &who, 1, &error));
    REFUSES("actor", portal_key_reject(handle, NULL, 1, &error));
    REFUSES("handle", portal_key_renew(NULL, &who, 1, &buf, &error));
    REFUSES("actor", portal_key_renew(handle, NULL, 1, &buf, &error));
    REFUSES("renewal", portal_key_renew(handle, &who, 1, NULL, &error));
}

static void all_are_closed(portal *handle) {
    FAILS(PORTAL_ERR_CLOSED, portal_chat_create(handle, &who, TEXT("tea"), TEXT("tea"), TEXT("tea"), 1, &any, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_chat_destroy(handle, &who, 1, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_chat_get(handle, &who, 1, &buf, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_chat_leave(handle, &who, 1, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_chat_list(handle, &who, 1, 1, 1, &buf, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_chat_update(handle, &who, 1, TEXT("{}"), &error));
    FAILS(PORTAL_ERR_CLOSED, portal_invite_create(handle, &who, 1, 1, 1, &buf, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_invite_list(handle, &who, 1, &buf, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_invite_resolve(handle, &who, TEXT("tea"), &any, &flag, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_invite_revoke(handle, &who, 1, TEXT("tea"), &error));
    FAILS(PORTAL_ERR_CLOSED, portal_key_list(handle, &who, 1, &buf, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_key_publish(handle, &who, 1, 1, key, sizeof key, TEXT("{}"), &buf, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_key_register(handle, &who, key, sizeof key, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_key_reject(handle, &who, 1, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_key_renew(handle, &who, 1, &buf, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_match_dequeue(handle, &who, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_match_enqueue(handle, &who, TEXT("tea"), &any, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_match_leave(handle, &who, 1, &any, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_match_status(handle, &who, &buf, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_message_delete(handle, &who, 1, &any, 1, &any, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_message_delete_last(handle, &who, 1, 1, &any, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_message_delete_mine(handle, &who, 1, &any, 1, &any, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_message_history(handle, &who, 1, 1, 1, 1, &buf, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_message_send(handle, &who, 1, TEXT("tea"), TEXT("tea"), &any, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_mod_ban(handle, &who, 1, 1, 1, TEXT("tea"), &error));
    FAILS(PORTAL_ERR_CLOSED, portal_mod_hard_mute(handle, &who, 1, 1, TEXT("tea"), &error));
    FAILS(PORTAL_ERR_CLOSED, portal_mod_hard_unmute(handle, &who, 1, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_mod_kick(handle, &who, 1, 1, TEXT("tea"), &error));
    FAILS(PORTAL_ERR_CLOSED, portal_mod_mute(handle, &who, 1, 1, 1, TEXT("tea"), &error));
    FAILS(PORTAL_ERR_CLOSED, portal_mod_unban(handle, &who, 1, 1, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_mod_unmute(handle, &who, 1, 1, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_room_join(handle, &who, 1, &buf, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_room_leave(handle, &who, 1, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_user_create(handle, &who, TEXT("tea"), &any, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_user_get(handle, &who, 1, &buf, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_user_list(handle, &who, TEXT("tea"), 1, 1, &buf, &error));
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    portal *handle;
    OK(portal_open(TEXT(file(argv[1], "typed.db")), NULL, &handle, &error));
    who = actor(PORTAL_ACTOR_OPERATOR, 0);
    people(handle);
    chats(handle);
    invites(handle);
    rooms(handle);
    messages(handle);
    moderation(handle);
    matching(handle);
    keys(handle);
    OK(portal_close(handle, &error));
    all_are_closed(handle);
    portal_free(handle);
    return 0;
}
