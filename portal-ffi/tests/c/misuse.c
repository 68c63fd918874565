// What a program can do wrong at the boundary: each mistake is a status with a name, outputs are zeroed,
// and nothing crashes (SPEC 17.2).

#include "check.h"

static const char NOT_UTF8[] = "caf\xe9";

// What an output holds before the call, to be seen zeroed after it.
static void *const STALE = (void *)&NOT_UTF8;

static void statuses_have_names(void) {
    CHECK(strcmp(portal_version(), PORTAL_VERSION) == 0);
    CHECK(portal_version_number() == PORTAL_VERSION_NUMBER);
    CHECK(strcmp(portal_status_code(PORTAL_OK), "OK") == 0);
    CHECK(strcmp(portal_status_code(PORTAL_ERR_CHAT_NOT_FOUND), "ERR_CHAT_NOT_FOUND") == 0);
    CHECK(portal_status_code(-1) == NULL && portal_status_code(200) == NULL);
}

static void null_is_harmless_where_it_is_allowed(void) {
    portal_free(NULL);
    portal_follower_free(NULL);
    portal_follower_wake(NULL);
    portal_error_free(NULL);
    portal_buf_dispose(NULL);
    CHECK(portal_error_status(NULL) == 0);
    CHECK(strcmp(portal_error_code(NULL), "") == 0);
    CHECK(strcmp(portal_error_message(NULL), "") == 0);
    CHECK(strcmp(portal_error_extras(NULL), "{}") == 0);
}

static void count_release(void *host) {
    ++*(int *)host;
}

static void opening_refuses_what_makes_no_sense(const char *directory) {
    const char *path = file(directory, "refused.db");
    portal *handle = STALE;
    REFUSES("path", portal_open(NULL, 3, NULL, &handle, &error));
    CHECK(handle == NULL);
    REFUSES("path", portal_open(NULL, 0, NULL, &handle, &error));
    REFUSES("path", portal_open(path, SIZE_MAX, NULL, &handle, &error));
    REFUSES("path", portal_open(NOT_UTF8, 4, NULL, &handle, &error));
    REFUSES("path", portal_open("a\0b", 3, NULL, &handle, &error));
    REFUSES("handle", portal_open(TEXT(path), NULL, NULL, &error));

    int released = 0;
    portal_options wrong = options(PORTAL_OPEN_EXISTING);
    wrong.host = &released;
    wrong.release = count_release;
    handle = STALE;
    FAILS(PORTAL_ERR_STORAGE_NOT_FOUND, portal_open(TEXT(path), &wrong, &handle, &error));
    CHECK(handle == NULL && released == 1);
    wrong.flags = 1u << 31;
    REFUSES("options.flags", portal_open(TEXT(path), &wrong, &handle, &error));
    CHECK(released == 2);
    wrong.flags = 0;
    wrong.reserved = 1;
    REFUSES("options.reserved", portal_open(TEXT(path), &wrong, &handle, &error));
    CHECK(released == 3);
    wrong.reserved = 0;
    wrong.size = 0;
    REFUSES("options.size", portal_open(TEXT(path), &wrong, &handle, &error));
    wrong.size = sizeof wrong - 1;
    REFUSES("options.size", portal_open(TEXT(path), &wrong, &handle, &error));
    wrong.size = SIZE_MAX;
    REFUSES("options.size", portal_open(TEXT(path), &wrong, &handle, &error));
    CHECK(released == 3);
}

// Options of a newer header: taken as long as what is new is zero.
static void a_larger_struct_is_taken_if_the_rest_is_zero(const char *directory) {
    struct {
        portal_options known;
        void *unknown;
    } newer;
    memset(&newer, 0, sizeof newer);
    newer.known.size = sizeof newer;
    portal *handle;
    OK(portal_open(TEXT(file(directory, "newer.db")), &newer.known, &handle, &error));
    portal_free(handle);
    newer.unknown = &newer;
    REFUSES("options.size", portal_open(TEXT(file(directory, "newer.db")), &newer.known, &handle, &error));
}

static void every_null_has_a_name(portal *handle) {
    portal_actor guest = actor(PORTAL_ACTOR_GUEST, 0);
    portal_buf buf;
    portal_follower *follower;
    int64_t number;
    uint64_t after;
    REFUSES("handle", portal_close(NULL, &error));
    REFUSES("handle", portal_call(NULL, &guest, TEXT("chat.get"), NULL, 0, &buf, &error));
    REFUSES("actor", portal_call(handle, NULL, TEXT("chat.get"), NULL, 0, &buf, &error));
    REFUSES("op", portal_call(handle, &guest, NULL, 1, NULL, 0, &buf, &error));
    REFUSES("params", portal_call(handle, &guest, TEXT("chat.get"), NULL, 1, &buf, &error));
    REFUSES("reply", portal_call(handle, &guest, TEXT("chat.get"), NULL, 0, NULL, &error));
    REFUSES("handle", portal_authenticate(NULL, TEXT("token"), &number, &error));
    REFUSES("token", portal_authenticate(handle, NULL, 5, &number, &error));
    REFUSES("session_id", portal_authenticate(handle, TEXT("token"), NULL, &error));
    REFUSES("handle", portal_authenticate_bot(NULL, TEXT("key"), &number, &error));
    REFUSES("key", portal_authenticate_bot(handle, NULL, 3, &number, &error));
    REFUSES("bot_id", portal_authenticate_bot(handle, TEXT("key"), NULL, &error));
    REFUSES("handle", portal_connect(NULL, &guest, &number, &error));
    REFUSES("actor", portal_connect(handle, NULL, &number, &error));
    REFUSES("connection_id", portal_connect(handle, &guest, NULL, &error));
    REFUSES("handle", portal_disconnect(NULL, 1, &error));
    REFUSES("handle", portal_tick(NULL, &number, &error));
    REFUSES("next_ms", portal_tick(handle, NULL, &error));
    REFUSES("handle", portal_follower_open(NULL, NULL, 0, 0, &follower, &error));
    REFUSES("log_id", portal_follower_open(handle, NULL, 1, 0, &follower, &error));
    REFUSES("follower", portal_follower_open(handle, NULL, 0, 0, NULL, &error));
    REFUSES("follower", portal_follower_next(NULL, 1, 0, &buf, &error));
    REFUSES("follower", portal_follower_position(NULL, &buf, &after, &error));

    OK(portal_follower_open(handle, NULL, 0, 0, &follower, &error));
    REFUSES("events", portal_follower_next(follower, 1, 0, NULL, &error));
    REFUSES("log_id", portal_follower_position(follower, NULL, &after, &error));
    REFUSES("after", portal_follower_position(follower, &buf, NULL, &error));
    portal_follower_free(follower);
}

static void every_text_is_utf8(portal *handle) {
    portal_actor who = actor(PORTAL_ACTOR_OPERATOR, 0);
    portal_buf buf;
    portal_follower *follower;
    int64_t number;
    REFUSES("op", portal_call(handle, &who, NOT_UTF8, 4, NULL, 0, &buf, &error));
    REFUSES("params", portal_call(handle, &who, TEXT("user.create"), NOT_UTF8, 4, &buf, &error));
    REFUSES("token", portal_authenticate(handle, NOT_UTF8, 4, &number, &error));
    REFUSES("key", portal_authenticate_bot(handle, NOT_UTF8, 4, &number, &error));
    REFUSES("log_id", portal_follower_open(handle, NOT_UTF8, 4, 0, &follower, &error));
    who.ip = who.user_agent = who.os_user = NOT_UTF8;
    who.os_user_len = 4;
    REFUSES("actor.os_user", portal_connect(handle, &who, &number, &error));
    who.user_agent_len = 4;
    REFUSES("actor.user_agent", portal_connect(handle, &who, &number, &error));
    who.ip_len = 4;
    REFUSES("actor.ip", portal_connect(handle, &who, &number, &error));
    who.user_agent_len = who.os_user_len = 0;
    who.ip = "nowhere";
    REFUSES("actor.ip", portal_connect(handle, &who, &number, &error));
}

static void an_actor_is_what_it_says(portal *handle) {
    int64_t number = 7;
    portal_actor who = actor(6, 0);
    REFUSES("actor.kind", portal_connect(handle, &who, &number, &error));
    CHECK(number == 0);
    who = actor(PORTAL_ACTOR_GUEST, 1);
    REFUSES("actor.id", portal_connect(handle, &who, &number, &error));
    who = actor(PORTAL_ACTOR_OPERATOR, 1);
    REFUSES("actor.id", portal_connect(handle, &who, &number, &error));
    who = actor(PORTAL_ACTOR_USER, 0);
    REFUSES("actor.id", portal_connect(handle, &who, &number, &error));
    who = actor(PORTAL_ACTOR_SESSION, INT64_MAX);
    REFUSES("actor.id", portal_connect(handle, &who, &number, &error));
    // Connections are those of devices.
    for (int32_t kind = PORTAL_ACTOR_CONNECTION; kind <= PORTAL_ACTOR_BOT; kind++) {
        who = actor(kind, kind == PORTAL_ACTOR_OPERATOR ? 0 : 1);
        REFUSES("actor.kind", portal_connect(handle, &who, &number, &error));
    }
    who = actor(PORTAL_ACTOR_GUEST, 0);
    who.reserved = 1;
    REFUSES("actor.reserved", portal_connect(handle, &who, &number, &error));
    who.size = 0;
    REFUSES("actor.size", portal_connect(handle, &who, &number, &error));
}

static void a_failure_zeroes_what_it_would_have_written(portal *handle) {
    portal_actor guest = actor(PORTAL_ACTOR_GUEST, 0);
    portal_buf reply = {STALE, 9, STALE};
    FAILS(PORTAL_ERR_UNKNOWN_OPERATION, portal_call(handle, &guest, TEXT("no.such"), NULL, 0, &reply, &error));
    CHECK(reply.data == NULL && reply.len == 0 && reply.owner == NULL);
    portal_buf_dispose(&reply);

    int64_t session = 9;
    FAILS(PORTAL_ERR_UNAUTHENTICATED, portal_authenticate(handle, TEXT("nobody's"), &session, &error));
    CHECK(session == 0);

    portal_follower *follower = STALE;
    FAILS(PORTAL_ERR_EVENTS_PRUNED, portal_follower_open(handle, TEXT("another"), 0, &follower, &error));
    CHECK(follower == NULL);
    REFUSES("log_id", portal_follower_open(handle, NULL, 0, 1, &follower, &error));

    portal_buf log_id = {STALE, 9, STALE};
    uint64_t after = 9;
    REFUSES("follower", portal_follower_position(NULL, &log_id, &after, &error));
    CHECK(log_id.data == NULL && after == 0);

    // Without a place for the error, the status says it.
    CHECK(portal_authenticate(handle, TEXT("nobody's"), &session, NULL) == PORTAL_ERR_UNAUTHENTICATED);
}

static void *read_and_free(void *error) {
    CHECK(portal_error_status(error) == PORTAL_ERR_INVALID);
    CHECK(strcmp(portal_error_extras(error), "{\"field\":\"username\"}") == 0);
    CHECK(strlen(portal_error_message(error)) > 0);
    portal_error_free(error);
    return NULL;
}

static void an_error_outlives_its_handle_and_crosses_threads(const char *directory) {
    portal *handle;
    OK(portal_open(TEXT(file(directory, "error.db")), NULL, &handle, &error));
    portal_actor who = actor(PORTAL_ACTOR_OPERATOR, 0);
    portal_buf reply;
    portal_error *error;
    CHECK(portal_call(handle, &who, TEXT("user.create"), TEXT("{\"username\":\"\"}"), &reply, &error) ==
          PORTAL_ERR_INVALID);
    portal_free(handle);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, read_and_free, error) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void a_buffer_is_disposed_of_twice(portal *handle) {
    portal_buf reply = call(handle, "user.create", "{\"username\":\"ada\"}");
    CHECK(reply.data[reply.len] == 0);
    portal_buf_dispose(&reply);
    CHECK(reply.data == NULL && reply.len == 0 && reply.owner == NULL);
    portal_buf_dispose(&reply);
}

static void a_buffer_is_freed_whatever_became_of_its_text(portal *handle) {
    portal_buf reply = call(handle, "user.get", "{\"user_id\":1}");
    reply.data += 3;
    reply.len = 7;
    portal_buf_dispose(&reply);
    CHECK(reply.data == NULL && reply.len == 0 && reply.owner == NULL);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    statuses_have_names();
    null_is_harmless_where_it_is_allowed();
    opening_refuses_what_makes_no_sense(argv[1]);
    a_larger_struct_is_taken_if_the_rest_is_zero(argv[1]);

    portal *handle;
    OK(portal_open(TEXT(file(argv[1], "misuse.db")), NULL, &handle, &error));
    every_null_has_a_name(handle);
    every_text_is_utf8(handle);
    an_actor_is_what_it_says(handle);
    a_failure_zeroes_what_it_would_have_written(handle);
    an_error_outlives_its_handle_and_crosses_threads(argv[1]);
    a_buffer_is_disposed_of_twice(handle);
    a_buffer_is_freed_whatever_became_of_its_text(handle);
    portal_free(handle);
    return 0;
}
