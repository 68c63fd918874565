// The client's side of the encryption on the program's own memory: two people talk, in both suites, and nobody else
// reads (SPEC 8.8, 17.3).

#include "check.h"

static const int64_t ANA = 1000003;
static const int64_t BEN = 2000029;
static const int64_t CHAT = 70007;

typedef struct person {
    int64_t user_id;
    uint8_t secret[PORTAL_E2EE_KEY_BYTES];
    uint8_t public_[PORTAL_E2EE_KEY_BYTES];
} person;

static person someone(int64_t user_id) {
    person made;
    made.user_id = user_id;
    OK(portal_e2ee_key_pair(NULL, made.secret, sizeof made.secret, made.public_, sizeof made.public_, &error));
    uint8_t again[PORTAL_E2EE_KEY_BYTES];
    OK(portal_e2ee_public_key(made.secret, sizeof made.secret, again, sizeof again, &error));
    CHECK(memcmp(again, made.public_, sizeof again) == 0);
    return made;
}

static portal_room_key room(int32_t suite, int64_t chat_id, int64_t epoch) {
    portal_room_key key;
    memset(&key, 0, sizeof key);
    key.size = sizeof key;
    key.suite = suite;
    key.chat_id = chat_id;
    key.epoch = epoch;
    return key;
}

static int zeros(const void *memory, size_t len) {
    const uint8_t *byte = memory;
    size_t at;
    for (at = 0; at < len && byte[at] == 0; at++) {
    }
    return at == len;
}

// A message that opens, and its plaintext.
static void reads(const portal_room_key *key, int64_t sender, const char *envelope, const char *expected) {
    char plaintext[PORTAL_E2EE_PLAINTEXT_SIZE];
    memset(plaintext, 'x', sizeof plaintext);
    size_t len = 9;
    OK(portal_e2ee_open(key, sender, TEXT(envelope), plaintext, sizeof plaintext, &len, &error));
    CHECK(len == strlen(expected) && strcmp(plaintext, expected) == 0);
    CHECK(zeros(plaintext + len, sizeof plaintext - len));
}

// A message that does not open leaves zeros.
static void does_not_read(const portal_room_key *key, int64_t sender, const char *envelope) {
    char plaintext[PORTAL_E2EE_PLAINTEXT_SIZE];
    memset(plaintext, 'x', sizeof plaintext);
    size_t len = 9;
    FAILS(PORTAL_ERR_DECRYPT,
          portal_e2ee_open(key, sender, TEXT(envelope), plaintext, sizeof plaintext, &len, &error));
    CHECK(len == 0 && zeros(plaintext, sizeof plaintext));
}

static void two_people_talk(int32_t suite) {
    person ana = someone(ANA), ben = someone(BEN), eve = someone(BEN);

    // Ana makes the epoch's key and wraps it for Ben's session.
    portal_room_key at_ana = room(suite, CHAT, 12);
    OK(portal_e2ee_room_key(NULL, &at_ana, &error));
    CHECK(!zeros(at_ana.key, sizeof at_ana.key) && at_ana.epoch == 12);
    uint8_t check[PORTAL_E2EE_KEY_CHECK_BYTES];
    OK(portal_e2ee_key_check(&at_ana, check, sizeof check, &error));
    char blob[PORTAL_E2EE_BLOB_SIZE];
    size_t blob_len;
    OK(portal_e2ee_wrap(&at_ana, ben.user_id, ben.public_, 32, ana.secret, 32, NULL, blob, sizeof blob, &blob_len,
                        &error));
    CHECK(blob_len == strlen(blob) && blob_len == (suite == 2 ? 96 : 108));

    // It opens for Ben, and for nobody else and from nobody else.
    portal_room_key at_ben = room(suite, CHAT, 12);
    OK(portal_e2ee_unwrap(blob, blob_len, ben.user_id, ben.secret, 32, ana.public_, 32, check, 16, &at_ben, &error));
    CHECK(memcmp(&at_ben, &at_ana, sizeof at_ana) == 0);
    portal_room_key none = at_ben;
    FAILS(PORTAL_ERR_DECRYPT, portal_e2ee_unwrap(blob, blob_len, ben.user_id, eve.secret, 32, ana.public_, 32, check,
                                                 16, &none, &error));
    CHECK(zeros(none.key, sizeof none.key));
    FAILS(PORTAL_ERR_DECRYPT, portal_e2ee_unwrap(blob, blob_len, ben.user_id, ben.secret, 32, eve.public_, 32, check,
                                                 16, &none, &error));
    check[0] ^= 1;
    FAILS(PORTAL_ERR_DECRYPT, portal_e2ee_unwrap(blob, blob_len, ben.user_id, ben.secret, 32, ana.public_, 32, check,
                                                 16, &none, &error));
    if (suite == 2) {
        // An epoch of an existing client may have no check.
        OK(portal_e2ee_unwrap(blob, blob_len, ben.user_id, ben.secret, 32, ana.public_, 32, NULL, 0, &none, &error));
        CHECK(memcmp(none.key, at_ana.key, sizeof none.key) == 0);
    } else {
        FAILS(PORTAL_ERR_DECRYPT, portal_e2ee_unwrap(blob, blob_len, ben.user_id, ben.secret, 32, ana.public_, 32,
                                                     NULL, 0, &none, &error));
        FAILS(PORTAL_ERR_DECRYPT, portal_e2ee_unwrap(blob, blob_len, ana.user_id, ben.secret, 32, ana.public_, 32,
                                                     check, 16, &none, &error));
    }

    // A message travels.
    char envelope[PORTAL_E2EE_ENVELOPE_SIZE];
    size_t len;
    OK(portal_e2ee_seal(&at_ana, ana.user_id, TEXT("h\xc3\xa9llo"), NULL, envelope, sizeof envelope, &len, &error));
    CHECK(len == strlen(envelope) && strstr(envelope, "\"epoch\":12,") != NULL);
    CHECK(strstr(envelope, "llo") == NULL);
    reads(&at_ben, ana.user_id, envelope, "h\xc3\xa9llo");

    portal_room_key later = at_ben;
    later.epoch = 13;
    does_not_read(&later, ana.user_id, envelope);
    portal_room_key strangers = room(suite, CHAT, 12);
    OK(portal_e2ee_room_key(NULL, &strangers, &error));
    does_not_read(&strangers, ana.user_id, envelope);
    does_not_read(&at_ben, ana.user_id, "no envelope");
    char changed[PORTAL_E2EE_ENVELOPE_SIZE];
    memcpy(changed, envelope, sizeof changed);
    char *at = strstr(changed, "\"ct\":\"") + 40;
    *at = *at == 'A' ? 'B' : 'A';
    does_not_read(&at_ben, ana.user_id, changed);
    if (suite == 3) {
        does_not_read(&at_ben, ben.user_id, envelope);
        portal_room_key elsewhere = at_ben;
        elsewhere.chat_id = CHAT + 1;
        does_not_read(&elsewhere, ana.user_id, envelope);
    }

    // Nothing at all is a message too.
    OK(portal_e2ee_seal(&at_ana, ana.user_id, NULL, 0, NULL, envelope, sizeof envelope, &len, &error));
    reads(&at_ben, ana.user_id, envelope, "");

    portal_e2ee_wipe(&at_ana, sizeof at_ana);
    CHECK(zeros(&at_ana, sizeof at_ana));
}

static void a_reader_shows_what_one_message_said(void) {
    portal_room_key key = room(3, CHAT, 12);
    OK(portal_e2ee_room_key(NULL, &key, &error));
    char envelope[PORTAL_E2EE_ENVELOPE_SIZE], next[PORTAL_E2EE_ENVELOPE_SIZE];
    size_t envelope_len, next_len;
    OK(portal_e2ee_seal(&key, ANA, TEXT("a threat"), NULL, envelope, sizeof envelope, &envelope_len, &error));
    OK(portal_e2ee_seal(&key, ANA, TEXT("a secret"), NULL, next, sizeof next, &next_len, &error));

    char disclosure[PORTAL_E2EE_DISCLOSURE_SIZE];
    size_t len;
    OK(portal_e2ee_disclose(&key, ANA, envelope, envelope_len, disclosure, sizeof disclosure, &len, &error));
    CHECK(len == 44 && strlen(disclosure) == 44);
    FAILS(PORTAL_ERR_DECRYPT,
          portal_e2ee_disclose(&key, BEN, envelope, envelope_len, disclosure, sizeof disclosure, &len, &error));
    CHECK(len == 0 && zeros(disclosure, sizeof disclosure));
    OK(portal_e2ee_disclose(&key, ANA, envelope, envelope_len, disclosure, sizeof disclosure, &len, &error));

    char said[PORTAL_E2EE_PLAINTEXT_SIZE];
    size_t said_len;
    OK(portal_e2ee_verify(CHAT, 12, ANA, envelope, envelope_len, disclosure, len, said, sizeof said, &said_len, &error));
    CHECK(said_len == 8 && strcmp(said, "a threat") == 0);

    // It opens nothing else, and puts no other name to it.
    FAILS(PORTAL_ERR_DECRYPT,
          portal_e2ee_verify(CHAT, 12, ANA, next, next_len, disclosure, len, said, sizeof said, &said_len, &error));
    CHECK(said_len == 0 && zeros(said, sizeof said));
    FAILS(PORTAL_ERR_DECRYPT, portal_e2ee_verify(CHAT, 12, BEN, envelope, envelope_len, disclosure, len, said,
                                                 sizeof said, &said_len, &error));
    FAILS(PORTAL_ERR_DECRYPT, portal_e2ee_verify(CHAT + 1, 12, ANA, envelope, envelope_len, disclosure, len, said,
                                                 sizeof said, &said_len, &error));
    FAILS(PORTAL_ERR_DECRYPT, portal_e2ee_verify(CHAT, 12, ANA, TEXT("no envelope"), disclosure, len, said,
                                                 sizeof said, &said_len, &error));

    // Suite 2 has nothing to show.
    key.suite = 2;
    OK(portal_e2ee_seal(&key, ANA, TEXT("a threat"), NULL, envelope, sizeof envelope, &envelope_len, &error));
    REFUSES("disclosure",
            portal_e2ee_disclose(&key, ANA, envelope, envelope_len, disclosure, sizeof disclosure, &len, &error));
}

static void two_people_compare_digits(void) {
    person ana = someone(ANA), ben = someone(BEN);
    char one[PORTAL_E2EE_FINGERPRINT_SIZE], other[PORTAL_E2EE_FINGERPRINT_SIZE];
    size_t len;
    OK(portal_e2ee_fingerprint(ana.public_, 32, ben.public_, 32, one, sizeof one, &len, &error));
    OK(portal_e2ee_fingerprint(ben.public_, 32, ana.public_, 32, other, sizeof other, &len, &error));
    CHECK(len == 71 && strlen(one) == 71 && strcmp(one, other) == 0);
}

static void bytes_stand_in_documents_as_base64(void) {
    static const uint8_t BYTES[] = {0xfb, 0xff, 0, 1};
    char text[9];
    size_t len;
    OK(portal_e2ee_encode(BYTES, sizeof BYTES, text, sizeof text, &len, &error));
    CHECK(len == 8 && strcmp(text, "+/8AAQ==") == 0);
    uint8_t back[sizeof BYTES];
    OK(portal_e2ee_decode(text, len, back, sizeof back, &len, &error));
    CHECK(len == sizeof BYTES && memcmp(back, BYTES, sizeof BYTES) == 0);
    OK(portal_e2ee_encode(NULL, 0, text, sizeof text, &len, &error));
    CHECK(len == 0 && text[0] == 0);
    OK(portal_e2ee_decode(NULL, 0, back, sizeof back, &len, &error));
    CHECK(len == 0);
}

static int32_t counting(void *host, uint8_t *out, size_t len) {
    uint8_t *next = host;
    for (size_t at = 0; at < len; at++) {
        out[at] = (*next)++;
    }
    return 0;
}

static int32_t exhausted(void *host, uint8_t *out, size_t len) {
    (void)host;
    memset(out, 7, len);
    return 1;
}

static void a_host_has_randomness_of_its_own(void) {
    uint8_t next = 1;
    portal_random random;
    memset(&random, 0, sizeof random);
    random.size = sizeof random;
    random.host = &next;
    random.fill = counting;

    uint8_t secret[32], public_[32];
    OK(portal_e2ee_key_pair(&random, secret, 32, public_, 32, &error));
    CHECK(secret[0] == 1 && secret[31] == 32);
    portal_room_key key = room(3, CHAT, 12);
    OK(portal_e2ee_room_key(&random, &key, &error));
    CHECK(key.key[0] == 33 && key.key[31] == 64);
    char one[PORTAL_E2EE_ENVELOPE_SIZE], other[PORTAL_E2EE_ENVELOPE_SIZE];
    size_t len;
    next = 1;
    OK(portal_e2ee_seal(&key, ANA, TEXT("tea"), &random, one, sizeof one, &len, &error));
    next = 1;
    OK(portal_e2ee_seal(&key, ANA, TEXT("tea"), &random, other, sizeof other, &len, &error));
    CHECK(strcmp(one, other) == 0);

    // Where there is none, nothing is made of what was written instead.
    random.fill = exhausted;
    FAILS(PORTAL_ERR_INTERNAL, portal_e2ee_key_pair(&random, secret, 32, public_, 32, &error));
    CHECK(zeros(secret, 32) && zeros(public_, 32));
    portal_room_key unmade = room(3, CHAT, 12);
    FAILS(PORTAL_ERR_INTERNAL, portal_e2ee_room_key(&random, &unmade, &error));
    CHECK(zeros(unmade.key, 32));
    FAILS(PORTAL_ERR_INTERNAL, portal_e2ee_seal(&key, ANA, TEXT("tea"), &random, one, sizeof one, &len, &error));
    CHECK(len == 0 && zeros(one, sizeof one));
    person ben = someone(BEN);
    char blob[PORTAL_E2EE_BLOB_SIZE];
    FAILS(PORTAL_ERR_INTERNAL, portal_e2ee_wrap(&key, BEN, ben.public_, 32, ben.secret, 32, &random, blob, sizeof blob,
                                                &len, &error));
    CHECK(len == 0 && zeros(blob, sizeof blob));

    // Without a callback it is the system's.
    random.fill = NULL;
    OK(portal_e2ee_key_pair(&random, secret, 32, public_, 32, &error));
    CHECK(!zeros(secret, 32));
}

static void *talk(void *nothing) {
    (void)nothing;
    two_people_talk(3);
    return NULL;
}

static void any_thread_may_do_it(void) {
    pthread_t threads[4];
    for (int at = 0; at < 4; at++) {
        CHECK(pthread_create(&threads[at], NULL, talk, NULL) == 0);
    }
    for (int at = 0; at < 4; at++) {
        CHECK(pthread_join(threads[at], NULL) == 0);
    }
}

// The longest texts fit the buffers that the header's sizes make, at the epoch that takes the most room.
static void the_sizes_are_enough(void) {
    static const size_t LONGEST[] = {3002, 2943};
    for (int32_t suite = 2; suite <= 3; suite++) {
        portal_room_key key = room(suite, INT64_C(9007199254740991), INT64_C(9007199254740991));
        OK(portal_e2ee_room_key(NULL, &key, &error));
        char text[3002], envelope[PORTAL_E2EE_ENVELOPE_SIZE], plaintext[PORTAL_E2EE_PLAINTEXT_SIZE];
        memset(text, 'a', sizeof text);
        size_t len;
        OK(portal_e2ee_seal(&key, ANA, text, LONGEST[suite - 2], NULL, envelope, sizeof envelope, &len, &error));
        CHECK(strlen(envelope) == len && len <= 4096);
        OK(portal_e2ee_open(&key, ANA, envelope, len, plaintext, sizeof plaintext, &len, &error));
        CHECK(len == LONGEST[suite - 2] && memcmp(text, plaintext, len) == 0);
    }
}

int main(void) {
    two_people_talk(2);
    two_people_talk(3);
    a_reader_shows_what_one_message_said();
    two_people_compare_digits();
    bytes_stand_in_documents_as_base64();
    a_host_has_randomness_of_its_own();
    any_thread_may_do_it();
    the_sizes_are_enough();
    return 0;
}
