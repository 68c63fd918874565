// What a program can hand over wrongly to the encryption: each NULL, each buffer that is too small, each number that is no
// id and each key that is none has the name of its parameter, and nothing is written (SPEC 17.2).

#include "check.h"

static const char NOT_UTF8[] = "caf\xe9";
// More than any program has; and what does not reach to a new page.
static const size_t IMPOSSIBLE = SIZE_MAX;
static const int64_t TOO_LARGE = INT64_C(9007199254740992);

static uint8_t secret[32], public_[32], small_order[32], zero[32], check[16];
static portal_room_key key;
static char envelope[PORTAL_E2EE_ENVELOPE_SIZE], blob[PORTAL_E2EE_BLOB_SIZE], disclosure[PORTAL_E2EE_DISCLOSURE_SIZE];
static char out[PORTAL_E2EE_ENVELOPE_SIZE];
static uint8_t bytes[32];
static size_t len;

static portal_room_key room(void) {
    portal_room_key room;
    memset(&room, 0, sizeof room);
    room.size = sizeof room;
    room.suite = 3;
    room.chat_id = 7;
    room.epoch = 1;
    return room;
}

static void prepare(void) {
    size_t written;
    small_order[0] = 1;
    OK(portal_e2ee_key_pair(NULL, secret, 32, public_, 32, &error));
    key = room();
    OK(portal_e2ee_room_key(NULL, &key, &error));
    OK(portal_e2ee_key_check(&key, check, 16, &error));
    OK(portal_e2ee_seal(&key, 5, TEXT("tea"), NULL, envelope, sizeof envelope, &written, &error));
    OK(portal_e2ee_wrap(&key, 5, public_, 32, secret, 32, NULL, blob, sizeof blob, &written, &error));
    OK(portal_e2ee_disclose(&key, 5, TEXT(envelope), disclosure, sizeof disclosure, &written, &error));
}

static void keys(void) {
    REFUSES("secret_key", portal_e2ee_key_pair(NULL, NULL, 32, public_, 32, &error));
    REFUSES("secret_key", portal_e2ee_key_pair(NULL, bytes, 31, public_, 32, &error));
    REFUSES("secret_key", portal_e2ee_key_pair(NULL, bytes, IMPOSSIBLE, public_, 32, &error));
    REFUSES("public_key", portal_e2ee_key_pair(NULL, bytes, 32, NULL, 32, &error));
    uint8_t longer[33];
    memset(longer, 9, sizeof longer);
    REFUSES("public_key", portal_e2ee_key_pair(NULL, bytes, 32, longer, sizeof longer, &error));
    for (size_t at = 0; at < sizeof longer; at++) {
        CHECK(longer[at] == 0);
    }
    portal_random random;
    memset(&random, 0, sizeof random);
    REFUSES("random.size", portal_e2ee_key_pair(&random, bytes, 32, longer, 32, &error));
    REFUSES("random.size", portal_e2ee_room_key(&random, &key, &error));
    prepare();

    REFUSES("secret_key", portal_e2ee_public_key(NULL, 32, bytes, 32, &error));
    REFUSES("secret_key", portal_e2ee_public_key(secret, 31, bytes, 32, &error));
    REFUSES("secret_key", portal_e2ee_public_key(zero, 32, bytes, 32, &error));
    REFUSES("secret_key", portal_e2ee_public_key(secret, IMPOSSIBLE, bytes, 32, &error));
    REFUSES("public_key", portal_e2ee_public_key(secret, 32, NULL, 32, &error));
    REFUSES("public_key", portal_e2ee_public_key(secret, 32, bytes, 16, &error));
    // In place: it is zeroed first, and nothing is made of zeros.
    uint8_t same[32];
    memcpy(same, secret, 32);
    REFUSES("secret_key", portal_e2ee_public_key(same, 32, same, 32, &error));

    REFUSES("room_key", portal_e2ee_key_check(NULL, bytes, 16, &error));
    REFUSES("key_check", portal_e2ee_key_check(&key, NULL, 16, &error));
    REFUSES("key_check", portal_e2ee_key_check(&key, bytes, 15, &error));

    REFUSES("one", portal_e2ee_fingerprint(NULL, 32, public_, 32, out, sizeof out, &len, &error));
    REFUSES("one", portal_e2ee_fingerprint(public_, 33, public_, 32, out, sizeof out, &len, &error));
    REFUSES("one", portal_e2ee_fingerprint(small_order, 32, public_, 32, out, sizeof out, &len, &error));
    REFUSES("other", portal_e2ee_fingerprint(public_, 32, NULL, 32, out, sizeof out, &len, &error));
    REFUSES("other", portal_e2ee_fingerprint(public_, 32, small_order, 32, out, sizeof out, &len, &error));
    REFUSES("fingerprint", portal_e2ee_fingerprint(public_, 32, public_, 32, NULL, sizeof out, &len, &error));
    REFUSES("fingerprint", portal_e2ee_fingerprint(public_, 32, public_, 32, out, 71, &len, &error));
    REFUSES("fingerprint_len", portal_e2ee_fingerprint(public_, 32, public_, 32, out, 72, NULL, &error));

    portal_e2ee_wipe(NULL, 9);
    portal_e2ee_wipe(bytes, 0);
    portal_e2ee_wipe(bytes, IMPOSSIBLE);
}

static void base64(void) {
    REFUSES("bytes", portal_e2ee_encode(NULL, 1, out, sizeof out, &len, &error));
    REFUSES("text", portal_e2ee_encode(secret, 32, NULL, sizeof out, &len, &error));
    REFUSES("text", portal_e2ee_encode(secret, 32, out, 44, &len, &error));
    REFUSES("text_len", portal_e2ee_encode(secret, 32, out, 45, NULL, &error));
    REFUSES("text", portal_e2ee_encode((uint8_t *)out, 32, out + 31, 45, &len, &error));
    REFUSES("text", portal_e2ee_decode(NULL, 1, bytes, 32, &len, &error));
    REFUSES("text", portal_e2ee_decode(NOT_UTF8, 4, bytes, 32, &len, &error));
    REFUSES("text", portal_e2ee_decode(TEXT("AAA"), bytes, 32, &len, &error));
    REFUSES("text", portal_e2ee_decode(TEXT("AB=="), bytes, 32, &len, &error));
    REFUSES("bytes", portal_e2ee_decode(TEXT("AAAA"), NULL, 32, &len, &error));
    REFUSES("bytes", portal_e2ee_decode(TEXT("AAAA"), bytes, 2, &len, &error));
    REFUSES("bytes_len", portal_e2ee_decode(TEXT("AAAA"), bytes, 3, NULL, &error));
    memcpy(out, "AAAA", 5);
    REFUSES("bytes", portal_e2ee_decode(out, 4, (uint8_t *)out, 3, &len, &error));
}

// What a room key can say wrongly, where it is read and where it is made.
static void rooms(void) {
    REFUSES("room_key", portal_e2ee_room_key(NULL, NULL, &error));
    static const struct {
        const char *field;
        size_t size;
        int32_t suite;
        uint32_t reserved;
        int64_t chat_id, epoch;
    } WRONG[] = {
        {"room_key.size", 0, 3, 0, 7, 1},
        {"room_key.size", sizeof(portal_room_key) - 1, 3, 0, 7, 1},
        {"room_key.size", 100000, 3, 0, 7, 1},
        {"room_key.suite", sizeof(portal_room_key), 1, 0, 7, 1},
        {"room_key.suite", sizeof(portal_room_key), 4, 0, 7, 1},
        {"room_key.suite", sizeof(portal_room_key), -3, 0, 7, 1},
        {"room_key.reserved", sizeof(portal_room_key), 3, 1, 7, 1},
        {"room_key.chat_id", sizeof(portal_room_key), 3, 0, 0, 1},
        {"room_key.chat_id", sizeof(portal_room_key), 3, 0, -1, 1},
        {"room_key.chat_id", sizeof(portal_room_key), 3, 0, INT64_C(9007199254740992), 1},
        {"room_key.epoch", sizeof(portal_room_key), 3, 0, 7, 0},
        {"room_key.epoch", sizeof(portal_room_key), 3, 0, 7, INT64_MIN},
    };
    for (size_t at = 0; at < sizeof WRONG / sizeof *WRONG; at++) {
        portal_room_key wrong = key;
        wrong.size = WRONG[at].size;
        wrong.suite = WRONG[at].suite;
        wrong.reserved = WRONG[at].reserved;
        wrong.chat_id = WRONG[at].chat_id;
        wrong.epoch = WRONG[at].epoch;
        char expected[64];
        snprintf(expected, sizeof expected, "{\"field\":\"%s\"}", WRONG[at].field);
        portal_error *error;
        CHECK(portal_e2ee_seal(&wrong, 5, TEXT("tea"), NULL, out, sizeof out, &len, &error) == PORTAL_ERR_INVALID);
        CHECK(strcmp(portal_error_extras(error), expected) == 0);
        portal_error_free(error);
        CHECK(portal_e2ee_unwrap(TEXT(blob), 5, secret, 32, public_, 32, check, 16, &wrong, &error) ==
              PORTAL_ERR_INVALID);
        CHECK(strcmp(portal_error_extras(error), expected) == 0);
        portal_error_free(error);
        CHECK(portal_e2ee_room_key(NULL, &wrong, &error) == PORTAL_ERR_INVALID);
        CHECK(strcmp(portal_error_extras(error), expected) == 0);
        portal_error_free(error);
    }
    // What a failed call leaves is no key to talk under.
    portal_room_key unmade = room();
    REFUSES("room_key.key", portal_e2ee_seal(&unmade, 5, TEXT("tea"), NULL, out, sizeof out, &len, &error));
    REFUSES("room_key.key", portal_e2ee_wrap(&unmade, 5, public_, 32, secret, 32, NULL, out, sizeof out, &len, &error));
    REFUSES("room_key.key", portal_e2ee_key_check(&unmade, bytes, 16, &error));

    // One of a newer header is taken as long as it asks for nothing more.
    struct {
        portal_room_key known;
        uint64_t unknown;
    } newer;
    memset(&newer, 0, sizeof newer);
    newer.known = key;
    newer.known.size = sizeof newer;
    OK(portal_e2ee_seal(&newer.known, 5, TEXT("tea"), NULL, out, sizeof out, &len, &error));
    newer.unknown = 1;
    REFUSES("room_key.size", portal_e2ee_seal(&newer.known, 5, TEXT("tea"), NULL, out, sizeof out, &len, &error));
    // And one that lies where no such struct can.
    uint8_t memory[sizeof key + sizeof key.size];
    uint8_t *beside = memory + 1 + (uintptr_t)memory % 2;
    memcpy(beside, &key, sizeof key);
    REFUSES("room_key", portal_e2ee_key_check((const portal_room_key *)(void *)beside, bytes, 16, &error));
}

static void messages(void) {
    REFUSES("room_key", portal_e2ee_seal(NULL, 5, TEXT("tea"), NULL, out, sizeof out, &len, &error));
    REFUSES("sender_id", portal_e2ee_seal(&key, 0, TEXT("tea"), NULL, out, sizeof out, &len, &error));
    REFUSES("sender_id", portal_e2ee_seal(&key, -5, TEXT("tea"), NULL, out, sizeof out, &len, &error));
    REFUSES("sender_id", portal_e2ee_seal(&key, TOO_LARGE, TEXT("tea"), NULL, out, sizeof out, &len, &error));
    REFUSES("plaintext", portal_e2ee_seal(&key, 5, NULL, 1, NULL, out, sizeof out, &len, &error));
    REFUSES("plaintext", portal_e2ee_seal(&key, 5, NOT_UTF8, 4, NULL, out, sizeof out, &len, &error));
    static char text[2944];
    memset(text, 'a', sizeof text);
    REFUSES("plaintext", portal_e2ee_seal(&key, 5, text, sizeof text, NULL, out, sizeof out, &len, &error));
    REFUSES("envelope", portal_e2ee_seal(&key, 5, TEXT("tea"), NULL, NULL, sizeof out, &len, &error));
    REFUSES("envelope", portal_e2ee_seal(&key, 5, TEXT("tea"), NULL, out, 0, &len, &error));
    REFUSES("envelope", portal_e2ee_seal(&key, 5, TEXT("tea"), NULL, out, strlen(envelope), &len, &error));
    CHECK(len == 0 && out[0] == 0);
    REFUSES("envelope", portal_e2ee_seal(&key, 5, TEXT("tea"), NULL, out, IMPOSSIBLE, &len, &error));
    REFUSES("envelope_len", portal_e2ee_seal(&key, 5, TEXT("tea"), NULL, out, sizeof out, NULL, &error));
    // In place, zeros would be sealed.
    REFUSES("envelope", portal_e2ee_seal(&key, 5, out, 3, NULL, out, sizeof out, &len, &error));
    REFUSES("envelope", portal_e2ee_seal(&key, 5, out + sizeof out - 1, 1, NULL, out, sizeof out, &len, &error));

    REFUSES("room_key", portal_e2ee_open(NULL, 5, TEXT(envelope), out, sizeof out, &len, &error));
    REFUSES("sender_id", portal_e2ee_open(&key, 0, TEXT(envelope), out, sizeof out, &len, &error));
    REFUSES("envelope", portal_e2ee_open(&key, 5, NULL, 1, out, sizeof out, &len, &error));
    REFUSES("envelope", portal_e2ee_open(&key, 5, NOT_UTF8, 4, out, sizeof out, &len, &error));
    REFUSES("plaintext", portal_e2ee_open(&key, 5, TEXT(envelope), NULL, sizeof out, &len, &error));
    memset(out, 'x', sizeof out);
    REFUSES("plaintext", portal_e2ee_open(&key, 5, TEXT(envelope), out, 3, &len, &error));
    CHECK(memcmp(out, "\0\0\0x", 4) == 0);
    REFUSES("plaintext_len", portal_e2ee_open(&key, 5, TEXT(envelope), out, sizeof out, NULL, &error));
    REFUSES("plaintext", portal_e2ee_open(&key, 5, out, 9, out, sizeof out, &len, &error));
    FAILS(PORTAL_ERR_DECRYPT, portal_e2ee_open(&key, 5, NULL, 0, out, sizeof out, &len, &error));
    // As small as it may be.
    OK(portal_e2ee_open(&key, 5, TEXT(envelope), out, 4, &len, &error));
    CHECK(len == 3 && strcmp(out, "tea") == 0);

    REFUSES("room_key", portal_e2ee_disclose(NULL, 5, TEXT(envelope), out, 45, &len, &error));
    REFUSES("sender_id", portal_e2ee_disclose(&key, -1, TEXT(envelope), out, 45, &len, &error));
    REFUSES("envelope", portal_e2ee_disclose(&key, 5, NULL, 1, out, 45, &len, &error));
    REFUSES("envelope", portal_e2ee_disclose(&key, 5, NOT_UTF8, 4, out, 45, &len, &error));
    REFUSES("disclosure", portal_e2ee_disclose(&key, 5, TEXT(envelope), NULL, 45, &len, &error));
    REFUSES("disclosure", portal_e2ee_disclose(&key, 5, TEXT(envelope), out, 44, &len, &error));
    REFUSES("disclosure_len", portal_e2ee_disclose(&key, 5, TEXT(envelope), out, 45, NULL, &error));

    REFUSES("chat_id", portal_e2ee_verify(0, 1, 5, TEXT(envelope), TEXT(disclosure), out, sizeof out, &len, &error));
    REFUSES("epoch", portal_e2ee_verify(7, 0, 5, TEXT(envelope), TEXT(disclosure), out, sizeof out, &len, &error));
    REFUSES("sender_id",
            portal_e2ee_verify(7, 1, TOO_LARGE, TEXT(envelope), TEXT(disclosure), out, sizeof out, &len, &error));
    REFUSES("envelope", portal_e2ee_verify(7, 1, 5, NULL, 1, TEXT(disclosure), out, sizeof out, &len, &error));
    REFUSES("envelope", portal_e2ee_verify(7, 1, 5, NOT_UTF8, 4, TEXT(disclosure), out, sizeof out, &len, &error));
    REFUSES("disclosure", portal_e2ee_verify(7, 1, 5, TEXT(envelope), NULL, 1, out, sizeof out, &len, &error));
    REFUSES("disclosure", portal_e2ee_verify(7, 1, 5, TEXT(envelope), NULL, 0, out, sizeof out, &len, &error));
    REFUSES("disclosure", portal_e2ee_verify(7, 1, 5, TEXT(envelope), NOT_UTF8, 4, out, sizeof out, &len, &error));
    REFUSES("disclosure", portal_e2ee_verify(7, 1, 5, TEXT(envelope), TEXT("AAAA"), out, sizeof out, &len, &error));
    REFUSES("plaintext", portal_e2ee_verify(7, 1, 5, TEXT(envelope), TEXT(disclosure), NULL, 9, &len, &error));
    REFUSES("plaintext", portal_e2ee_verify(7, 1, 5, TEXT(envelope), TEXT(disclosure), out, 3, &len, &error));
    REFUSES("plaintext_len", portal_e2ee_verify(7, 1, 5, TEXT(envelope), TEXT(disclosure), out, 4, NULL, &error));
}

static void blobs(void) {
    REFUSES("room_key", portal_e2ee_wrap(NULL, 5, public_, 32, secret, 32, NULL, out, sizeof out, &len, &error));
    REFUSES("user_id", portal_e2ee_wrap(&key, 0, public_, 32, secret, 32, NULL, out, sizeof out, &len, &error));
    REFUSES("user_id", portal_e2ee_wrap(&key, TOO_LARGE, public_, 32, secret, 32, NULL, out, sizeof out, &len, &error));
    REFUSES("public_key", portal_e2ee_wrap(&key, 5, NULL, 32, secret, 32, NULL, out, sizeof out, &len, &error));
    REFUSES("public_key", portal_e2ee_wrap(&key, 5, public_, 44, secret, 32, NULL, out, sizeof out, &len, &error));
    REFUSES("public_key", portal_e2ee_wrap(&key, 5, NULL, 0, secret, 32, NULL, out, sizeof out, &len, &error));
    REFUSES("public_key", portal_e2ee_wrap(&key, 5, small_order, 32, secret, 32, NULL, out, sizeof out, &len, &error));
    REFUSES("secret_key", portal_e2ee_wrap(&key, 5, public_, 32, NULL, 32, NULL, out, sizeof out, &len, &error));
    REFUSES("secret_key", portal_e2ee_wrap(&key, 5, public_, 32, zero, 32, NULL, out, sizeof out, &len, &error));
    REFUSES("blob", portal_e2ee_wrap(&key, 5, public_, 32, secret, 32, NULL, NULL, sizeof out, &len, &error));
    REFUSES("blob", portal_e2ee_wrap(&key, 5, public_, 32, secret, 32, NULL, out, 108, &len, &error));
    REFUSES("blob_len", portal_e2ee_wrap(&key, 5, public_, 32, secret, 32, NULL, out, 109, NULL, &error));

    portal_room_key into = room();
    REFUSES("blob", portal_e2ee_unwrap(NULL, 1, 5, secret, 32, public_, 32, check, 16, &into, &error));
    REFUSES("blob", portal_e2ee_unwrap(NOT_UTF8, 4, 5, secret, 32, public_, 32, check, 16, &into, &error));
    REFUSES("user_id", portal_e2ee_unwrap(TEXT(blob), 0, secret, 32, public_, 32, check, 16, &into, &error));
    REFUSES("secret_key", portal_e2ee_unwrap(TEXT(blob), 5, NULL, 32, public_, 32, check, 16, &into, &error));
    REFUSES("secret_key", portal_e2ee_unwrap(TEXT(blob), 5, secret, 16, public_, 32, check, 16, &into, &error));
    REFUSES("public_key", portal_e2ee_unwrap(TEXT(blob), 5, secret, 32, NULL, 32, check, 16, &into, &error));
    REFUSES("public_key", portal_e2ee_unwrap(TEXT(blob), 5, secret, 32, small_order, 32, check, 16, &into, &error));
    REFUSES("key_check", portal_e2ee_unwrap(TEXT(blob), 5, secret, 32, public_, 32, NULL, 16, &into, &error));
    REFUSES("key_check", portal_e2ee_unwrap(TEXT(blob), 5, secret, 32, public_, 32, check, 15, &into, &error));
    REFUSES("room_key", portal_e2ee_unwrap(TEXT(blob), 5, secret, 32, public_, 32, check, 16, NULL, &error));
    FAILS(PORTAL_ERR_DECRYPT, portal_e2ee_unwrap(NULL, 0, 5, secret, 32, public_, 32, check, 16, &into, &error));
    CHECK(memcmp(into.key, zero, 32) == 0);
    OK(portal_e2ee_unwrap(TEXT(blob), 5, secret, 32, public_, 32, check, 16, &into, &error));
    CHECK(memcmp(&into, &key, sizeof key) == 0);
}

int main(void) {
    prepare();
    keys();
    base64();
    rooms();
    messages();
    blobs();
    return 0;
}
