// Each mistake in a call of a keyring has a name, and harms nothing (SPEC 17.2).

#include "keyring.h"

#define BAD "\xff"

static portal_keyring *keyring;
static portal_buf out;
static const uint8_t key[32] = {9};
// What a failed call leaves: everybody knows it.
static const uint8_t zero[32];

static void making(void) {
    portal_keyring_options options = ring_options(1, 2);
    portal_keyring *made;
    REFUSES("options", portal_keyring_new(NULL, &made, &error));
    REFUSES("keyring", portal_keyring_new(&options, NULL, &error));
    size_t sizes[] = {0, 1, sizeof options - 1, sizeof options - 8, 5000, (size_t)-1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        options.size = sizes[i];
        REFUSES("options.size", portal_keyring_new(&options, &made, &error));
        CHECK(made == NULL);
    }
    // A newer header's, with and without something that is not known here.
    struct {
        portal_keyring_options known;
        uint64_t more;
    } newer;
    memset(&newer, 0, sizeof newer);
    newer.known = ring_options(1, 2);
    newer.known.size = sizeof newer;
    OK(portal_keyring_new(&newer.known, &made, &error));
    portal_keyring_free(made);
    newer.more = 1;
    REFUSES("options.size", portal_keyring_new(&newer.known, &made, &error));

    options = ring_options(1, 2);
    options.flags = 4;
    REFUSES("options.flags", portal_keyring_new(&options, &made, &error));
    options = ring_options(1, 2);
    options.reserved = 1;
    REFUSES("options.reserved", portal_keyring_new(&options, &made, &error));
    int64_t numbers[] = {0, -1, INT64_MIN, INT64_MAX, INT64_C(9007199254740992)};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        options = ring_options(numbers[i], 2);
        REFUSES("options.user_id", portal_keyring_new(&options, &made, &error));
        options = ring_options(1, numbers[i]);
        REFUSES("options.session_id", portal_keyring_new(&options, &made, &error));
    }
    options = ring_options(1, 2);
    options.secret_key = zero;
    REFUSES("options.secret_key", portal_keyring_new(&options, &made, &error));
    portal_keyring_free(NULL);
}

static void importing(void) {
    portal_keyring_options options = ring_options(1, 2);
    portal_keyring *made;
    portal_buf sealed;
    REFUSES("keyring", portal_keyring_export(NULL, key, &sealed, &error));
    REFUSES("key", portal_keyring_export(keyring, NULL, &sealed, &error));
    REFUSES("key", portal_keyring_export(keyring, zero, &sealed, &error));
    REFUSES("sealed", portal_keyring_export(keyring, key, NULL, &error));
    OK(portal_keyring_export(keyring, key, &sealed, &error));
    REFUSES("options", portal_keyring_import(NULL, sealed.data, sealed.len, key, &made, &error));
    REFUSES("sealed", portal_keyring_import(&options, NULL, 1, key, &made, &error));
    REFUSES("sealed", portal_keyring_import(&options, BAD, 1, key, &made, &error));
    REFUSES("key", portal_keyring_import(&options, sealed.data, sealed.len, NULL, &made, &error));
    REFUSES("key", portal_keyring_import(&options, sealed.data, sealed.len, zero, &made, &error));
    REFUSES("keyring", portal_keyring_import(&options, sealed.data, sealed.len, key, NULL, &error));
    options.secret_key = key;
    REFUSES("options.secret_key", portal_keyring_import(&options, sealed.data, sealed.len, key, &made, &error));
    options = ring_options(3, 2);
    REFUSES("options.user_id", portal_keyring_import(&options, sealed.data, sealed.len, key, &made, &error));
    options = ring_options(1, 2);
    FAILS(PORTAL_ERR_DECRYPT, portal_keyring_import(&options, sealed.data, sealed.len - 4, key, &made, &error));
    FAILS(PORTAL_ERR_DECRYPT, portal_keyring_import(&options, NULL, 0, key, &made, &error));
    FAILS(PORTAL_ERR_DECRYPT, portal_keyring_import(&options, TEXT("not base64"), key, &made, &error));
    CHECK(made == NULL);
    portal_buf_dispose(&sealed);
}

static void steps(void) {
    const char *data = "{}";
    REFUSES("keyring", portal_keyring_event(NULL, TEXT("x"), TEXT(data), 0, &out, &error));
    REFUSES("name", portal_keyring_event(keyring, NULL, 1, TEXT(data), 0, &out, &error));
    REFUSES("name", portal_keyring_event(keyring, BAD, 1, TEXT(data), 0, &out, &error));
    REFUSES("data", portal_keyring_event(keyring, TEXT("x"), NULL, 1, 0, &out, &error));
    REFUSES("data", portal_keyring_event(keyring, TEXT("x"), BAD, 1, 0, &out, &error));
    REFUSES("data", portal_keyring_event(keyring, TEXT("room.join"), NULL, 0, 0, &out, &error));
    REFUSES("data", portal_keyring_event(keyring, TEXT("room.join"), TEXT("[1]"), 0, &out, &error));
    REFUSES("chat_id", portal_keyring_event(keyring, TEXT("room.leave"), TEXT("{}"), 0, &out, &error));
    REFUSES("step", portal_keyring_event(keyring, TEXT("x"), TEXT(data), 0, NULL, &error));
    CHECK(out.data == NULL && out.len == 0);

    OK(portal_keyring_tick(keyring, 0, &out, &error));
    int64_t id = number(&out, "id");
    portal_buf_dispose(&out);
    REFUSES("keyring", portal_keyring_tick(NULL, 0, &out, &error));
    REFUSES("step", portal_keyring_tick(keyring, 0, NULL, &error));

    REFUSES("keyring", portal_keyring_reply(NULL, id, 0, TEXT(data), 0, &out, &error));
    REFUSES("request_id", portal_keyring_reply(keyring, 0, 0, TEXT(data), 0, &out, &error));
    REFUSES("request_id", portal_keyring_reply(keyring, id + 1, 0, TEXT(data), 0, &out, &error));
    REFUSES("status", portal_keyring_reply(keyring, id, 7, TEXT(data), 0, &out, &error));
    REFUSES("document", portal_keyring_reply(keyring, id, 0, NULL, 1, 0, &out, &error));
    REFUSES("document", portal_keyring_reply(keyring, id, 0, BAD, 1, 0, &out, &error));
    REFUSES("document", portal_keyring_reply(keyring, id, 0, NULL, 0, 0, &out, &error));
    REFUSES("document", portal_keyring_reply(keyring, id, PORTAL_ERR_RATE_LIMITED, TEXT("["), 0, &out, &error));
    REFUSES("step", portal_keyring_reply(keyring, id, 0, TEXT(data), 0, NULL, &error));
    OK(portal_keyring_reply(keyring, id, PORTAL_ERR_INTERNAL, NULL, 0, 0, &out, &error));
    portal_buf_dispose(&out);
    OK(portal_keyring_reply(keyring, id, 0, TEXT(data), 0, &out, &error));
    CHECK(strncmp(out.data, "{\"requests\":[],", 15) == 0);
    portal_buf_dispose(&out);

    REFUSES("keyring", portal_keyring_decide(NULL, 1, key, 1, 0, &out, &error));
    REFUSES("user_id", portal_keyring_decide(keyring, 0, key, 1, 0, &out, &error));
    REFUSES("public_key", portal_keyring_decide(keyring, 1, NULL, 1, 0, &out, &error));
    REFUSES("public_key", portal_keyring_decide(keyring, 1, zero, 1, 0, &out, &error));
    REFUSES("public_key", portal_keyring_decide(keyring, 1, key, 1, 0, &out, &error));
    REFUSES("accept", portal_keyring_decide(keyring, 1, key, -1, 0, &out, &error));
    REFUSES("step", portal_keyring_decide(keyring, 1, key, 1, 0, NULL, &error));
}

static void messages(void) {
    const char *envelope = "{\"v\":3,\"epoch\":1,\"ct\":\"\"}";
    REFUSES("keyring", portal_keyring_seal(NULL, 1, TEXT("x"), &out, &error));
    REFUSES("chat_id", portal_keyring_seal(keyring, 0, TEXT("x"), &out, &error));
    REFUSES("plaintext", portal_keyring_seal(keyring, 1, NULL, 1, &out, &error));
    REFUSES("plaintext", portal_keyring_seal(keyring, 1, BAD, 1, &out, &error));
    REFUSES("envelope", portal_keyring_seal(keyring, 1, TEXT("x"), NULL, &error));
    FAILS(PORTAL_ERR_NO_ROOM_KEY, portal_keyring_seal(keyring, 1, TEXT("x"), &out, &error));

    REFUSES("keyring", portal_keyring_open(NULL, 1, 1, 1, TEXT(envelope), &out, &error));
    REFUSES("chat_id", portal_keyring_open(keyring, -1, 1, 1, TEXT(envelope), &out, &error));
    REFUSES("message_id", portal_keyring_open(keyring, 1, -1, 1, TEXT(envelope), &out, &error));
    REFUSES("sender_id", portal_keyring_open(keyring, 1, 1, -1, TEXT(envelope), &out, &error));
    REFUSES("envelope", portal_keyring_open(keyring, 1, 1, 1, NULL, 1, &out, &error));
    REFUSES("envelope", portal_keyring_open(keyring, 1, 1, 1, BAD, 1, &out, &error));
    REFUSES("text", portal_keyring_open(keyring, 1, 1, 1, TEXT(envelope), NULL, &error));
    FAILS(PORTAL_ERR_DECRYPT, portal_keyring_open(keyring, 1, 1, 1, TEXT(envelope), &out, &error));
    FAILS(PORTAL_ERR_DECRYPT, portal_keyring_open(keyring, 1, 1, 1, NULL, 0, &out, &error));

    REFUSES("keyring", portal_keyring_disclose(NULL, 1, 1, 1, TEXT(envelope), &out, &error));
    REFUSES("chat_id", portal_keyring_disclose(keyring, 0, 1, 1, TEXT(envelope), &out, &error));
    REFUSES("message_id", portal_keyring_disclose(keyring, 1, 0, 1, TEXT(envelope), &out, &error));
    REFUSES("sender_id", portal_keyring_disclose(keyring, 1, 1, 0, TEXT(envelope), &out, &error));
    REFUSES("envelope", portal_keyring_disclose(keyring, 1, 1, 1, BAD, 1, &out, &error));
    REFUSES("disclosure", portal_keyring_disclose(keyring, 1, 1, 1, TEXT(envelope), NULL, &error));
    FAILS(PORTAL_ERR_DECRYPT, portal_keyring_disclose(keyring, 1, 1, 1, TEXT(envelope), &out, &error));

    REFUSES("keyring", portal_keyring_sessions(NULL, 1, 1, &out, &error));
    REFUSES("chat_id", portal_keyring_sessions(keyring, 0, 1, &out, &error));
    REFUSES("epoch", portal_keyring_sessions(keyring, 1, 0, &out, &error));
    REFUSES("sessions", portal_keyring_sessions(keyring, 1, 1, NULL, &error));
    REFUSES("keyring", portal_keyring_people(NULL, &out, &error));
    REFUSES("people", portal_keyring_people(keyring, NULL, &error));
    REFUSES("keyring", portal_keyring_forget_person(NULL, 1, &error));
    REFUSES("user_id", portal_keyring_forget_person(keyring, 0, &error));
    REFUSES("keyring", portal_keyring_forget_before(NULL, 1, 1, &error));
    REFUSES("chat_id", portal_keyring_forget_before(keyring, 0, 1, &error));
    REFUSES("epoch", portal_keyring_forget_before(keyring, 1, 0, &error));
    // A call without a place for its error.
    CHECK(portal_keyring_people(NULL, &out, NULL) == PORTAL_ERR_INVALID && out.data == NULL);
}

int main(void) {
    making();
    portal_keyring_options options = ring_options(1, 2);
    OK(portal_keyring_new(&options, &keyring, &error));
    importing();
    steps();
    messages();
    portal_keyring_free(keyring);
    return 0;
}
