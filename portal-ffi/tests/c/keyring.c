// Two people talk in a room, with keyrings, through a portal (e2ee-bytes.md 8).

#include "keyring.h"

static int released;
static int failing;

static void release(void *host) {
    CHECK(host == &released);
    released++;
}

static int32_t bytes(void *host, uint8_t *out, size_t len) {
    CHECK(host == &released);
    if (failing) {
        return 7;
    }
    static uint8_t next;
    for (size_t i = 0; i < len; i++) {
        out[i] = next++;
    }
    return 0;
}

// Reads what was sealed, and says which status that has.
static int32_t reads(client *who, int64_t chat, int64_t id, int64_t sender, const portal_buf *envelope,
                     const char *expected) {
    portal_buf text;
    int32_t status = portal_keyring_open(who->keyring, chat, id, sender, envelope->data, envelope->len, &text, NULL);
    CHECK((status == 0) == (text.data != NULL));
    CHECK(status != 0 || strcmp(text.data, expected) == 0);
    portal_buf_dispose(&text);
    return status;
}

static void talk(portal *handle) {
    portal_follower *follower;
    OK(portal_follower_open(handle, NULL, 0, 0, &follower, &error));
    int64_t chat = lobby(handle, "ana");
    int64_t ben_id = call_number(handle, "user.create", "{\"username\":\"ben\"}", "user_id");
    int64_t ana_id = call_number(handle, "user.list", "{}", "id");
    client people[2];
    people[0] = arrive(handle, ana_id);
    people[1] = arrive(handle, ben_id);
    client *ana = &people[0], *ben = &people[1];
    settle(follower, people, 2);
    for (int i = 0; i < 2; i++) {
        join(&people[i], chat);
        settle(follower, people, 2);
        CHECK(people[i].keys == 1);
    }
    // Ben saw Ana's key for the first time, and it was accepted.
    CHECK(ana->alarms == 1 && ben->alarms == 1);
    CHECK(strstr(ben->last_alarm, "\"key_new\"") != NULL && strstr(ben->last_alarm, "\"accepted\":true") != NULL);

    portal_buf envelope, text;
    int64_t id;
    OK(portal_keyring_seal(ana->keyring, chat, TEXT("hello"), &envelope, &error));
    OK(portal_message_send(handle, &ana->actor, chat, envelope.data, envelope.len, NULL, 0, &id, &error));
    CHECK(reads(ben, chat, id, ana->user, &envelope, "hello") == 0);
    CHECK(reads(ana, chat, id, ana->user, &envelope, "hello") == 0);
    CHECK(reads(ben, chat, id + 1, ana->user, &envelope, "") == PORTAL_ERR_DECRYPT);
    CHECK(reads(ben, chat, id, ben->user, &envelope, "") == PORTAL_ERR_DECRYPT);
    CHECK(reads(ben, chat + 1, id, ana->user, &envelope, "") == PORTAL_ERR_NO_ROOM_KEY);

    OK(portal_keyring_disclose(ben->keyring, chat, id, ana->user, envelope.data, envelope.len, &text, &error));
    CHECK(text.len == 44);
    char params[512];
    snprintf(params, sizeof params,
             "{\"chat_id\":%" PRId64 ",\"message_id\":%" PRId64 ",\"reason\":\"rude\",\"disclosure\":\"%s\"}", chat, id,
             text.data);
    portal_buf_dispose(&text);
    OK(portal_call(handle, &ben->actor, TEXT("report.create"), TEXT(params), &text, &error));
    CHECK(strstr(text.data, "\"verified\":true") != NULL);
    portal_buf_dispose(&text);

    OK(portal_keyring_sessions(ana->keyring, chat, 1, &text, &error));
    CHECK(number(&text, "user_id") == ben->user && number(&text, "session_id") == ben->session);
    CHECK(strstr(text.data, "\"fingerprint\":\"") != NULL);
    portal_buf_dispose(&text);
    OK(portal_keyring_sessions(ben->keyring, chat, 1, &text, &error));
    CHECK(strcmp(text.data, "[]") == 0);
    portal_buf_dispose(&text);
    OK(portal_keyring_people(ana->keyring, &text, &error));
    CHECK(strstr(text.data, "\"trust\":\"accepted\"") != NULL);
    portal_buf_dispose(&text);

    // Ben's process ends and begins again.
    uint8_t key[32] = {1, 2, 3};
    portal_buf sealed;
    OK(portal_keyring_export(ben->keyring, key, &sealed, &error));
    portal_keyring_free(ben->keyring);
    portal_keyring_options options = ring_options(ben->user, ben->session);
    OK(portal_keyring_import(&options, sealed.data, sealed.len, key, &ben->keyring, &error));
    CHECK(reads(ben, chat, id, ana->user, &envelope, "hello") == 0);
    CHECK(reads(ben, chat, id + 1, ana->user, &envelope, "") == PORTAL_ERR_DECRYPT);
    key[0] = 9;
    portal_keyring *other;
    FAILS(PORTAL_ERR_DECRYPT, portal_keyring_import(&options, sealed.data, sealed.len, key, &other, &error));
    CHECK(other == NULL);
    portal_buf_dispose(&sealed);
    join(ben, chat);
    settle(follower, people, 2);
    portal_buf_dispose(&envelope);
    OK(portal_keyring_seal(ben->keyring, chat, NULL, 0, &envelope, &error));
    portal_buf_dispose(&envelope);

    // Another key of Ben's: nothing is wrapped for it before that is decided.
    int before = ana->alarms;
    client second = arrive(handle, ben->user);
    join(&second, chat);
    settle(follower, people, 2);
    CHECK(ana->alarms == before + 1 && strstr(ana->last_alarm, "\"key_changed\"") != NULL);
    CHECK(strstr(ana->last_alarm, "\"accepted\":false") != NULL);
    portal_keyring_free(second.keyring);

    // An epoch that is over, and somebody who is met anew.
    OK(portal_keyring_forget_before(ana->keyring, chat, 9, &error));
    OK(portal_keyring_seal(ana->keyring, chat, TEXT("still"), &text, &error));
    portal_buf_dispose(&text);
    OK(portal_keyring_forget_person(ana->keyring, ben->user, &error));
    OK(portal_keyring_people(ana->keyring, &text, &error));
    CHECK(strcmp(text.data, "[]") == 0);
    portal_buf_dispose(&text);

    for (int i = 0; i < 2; i++) {
        event(&people[i], TEXT("disconnected"), TEXT("{}"));
        portal_keyring_free(people[i].keyring);
    }
    portal_follower_free(follower);
}

// A decision, with a key that the test makes up: the base point's of X25519.
static void decide(void) {
    portal_keyring_options options = ring_options(1, 2);
    options.flags = PORTAL_KEYRING_ASK_NEW;
    portal_keyring *keyring;
    OK(portal_keyring_new(&options, &keyring, &error));
    uint8_t key[32] = {9};
    portal_buf step;
    REFUSES("public_key", portal_keyring_decide(keyring, 3, key, 1, 0, &step, &error));
    REFUSES("accept", portal_keyring_decide(keyring, 3, key, 2, 0, &step, &error));
    portal_keyring_free(keyring);
}

// The host's own randomness and its release.
static void callbacks(void) {
    portal_keyring_options options = ring_options(1, 2);
    options.host = &released;
    options.random = bytes;
    options.release = release;
    portal_keyring *keyring;
    OK(portal_keyring_new(&options, &keyring, &error));
    portal_buf step, again;
    OK(portal_keyring_tick(keyring, 5, &step, &error));
    CHECK(strstr(step.data, "key.register") != NULL);
    CHECK(released == 0);
    portal_keyring_free(keyring);
    CHECK(released == 1);
    // The same secret key, given.
    uint8_t secret[32];
    for (int i = 0; i < 32; i++) {
        secret[i] = (uint8_t)i;
    }
    options.secret_key = secret;
    OK(portal_keyring_new(&options, &keyring, &error));
    OK(portal_keyring_tick(keyring, 5, &again, &error));
    CHECK(strcmp(step.data, again.data) == 0);
    portal_buf_dispose(&step);
    portal_buf_dispose(&again);
    // Without bytes a call fails, and the keyring goes on.
    failing = 1;
    FAILS(PORTAL_ERR_INTERNAL, portal_keyring_export(keyring, secret, &again, &error));
    failing = 0;
    OK(portal_keyring_export(keyring, secret, &again, &error));
    portal_buf_dispose(&again);
    portal_keyring_free(keyring);
    CHECK(released == 2);
    // Without bytes there is no keyring, and the host is released all the same.
    options.secret_key = NULL;
    failing = 1;
    FAILS(PORTAL_ERR_INTERNAL, portal_keyring_new(&options, &keyring, &error));
    CHECK(keyring == NULL && released == 3);
    options.user_id = 0;
    REFUSES("options.user_id", portal_keyring_new(&options, &keyring, &error));
    CHECK(released == 4);
}

static void *many(void *keyring) {
    for (int i = 0; i < 200; i++) {
        portal_buf out;
        OK(portal_keyring_people(keyring, &out, &error));
        portal_buf_dispose(&out);
        OK(portal_keyring_event(keyring, TEXT("room.join"), TEXT("{\"chat\":{\"id\":7,\"e2ee\":3,\"epoch\":1}}"), i, &out,
                                &error));
        portal_buf_dispose(&out);
    }
    return NULL;
}

// One keyring from several threads.
static void threads(void) {
    portal_keyring_options options = ring_options(1, 2);
    portal_keyring *keyring;
    OK(portal_keyring_new(&options, &keyring, &error));
    pthread_t running[4];
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&running[i], NULL, many, keyring) == 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(running[i], NULL) == 0);
    }
    portal_keyring_free(keyring);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    portal_options how = options(PORTAL_OPEN_PRESENCE | PORTAL_OPEN_NORMAL_DURABILITY);
    portal *handle;
    const char *path = file(argv[1], "keyring.db");
    OK(portal_open(TEXT(path), &how, &handle, &error));
    talk(handle);
    portal_free(handle);
    decide();
    callbacks();
    threads();
    return 0;
}
