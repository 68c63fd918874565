// What a host's log is told, and when it is told no more (SPEC 17.4).

#include "check.h"

#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>

// What was heard, one line each, beginning with its level.
typedef struct host {
    char heard[4096];
    int breaks;
    int released;
} host;

static void hears(void *pointer, int32_t level, const char *text, size_t len) {
    host *this = pointer;
    CHECK(!this->released);
    CHECK(len > 0 && strlen(text) == len && strchr(text, '\n') == NULL);
    size_t end = strlen(this->heard);
    CHECK(snprintf(this->heard + end, sizeof this->heard - end, "%" PRId32 " %s\n", level, text) <
          (int)(sizeof this->heard - end));
}

static int32_t draws(void *pointer, uint8_t *out, size_t len) {
    host *this = pointer;
    static uint8_t next;
    for (size_t at = 0; at < len; at++) {
        out[at] = ++next;
    }
    return this->breaks;
}

static void released(void *pointer) {
    host *this = pointer;
    this->released++;
}

static portal_options listening(host *this) {
    portal_options given = options(0);
    given.host = this;
    given.random = draws;
    given.release = released;
    given.log = hears;
    return given;
}

// What was heard since the last time is exactly this.
static void heard(host *this, const char *expected) {
    if (strcmp(this->heard, expected) != 0) {
        fprintf(stderr, "heard: %s\nnot: %s\n", this->heard, expected);
        exit(1);
    }
    this->heard[0] = 0;
}

// Somewhere in one line of this level.
static void heard_of(host *this, const char *level, const char *what) {
    if (strncmp(this->heard, level, strlen(level)) != 0 || strstr(this->heard, what) == NULL) {
        fprintf(stderr, "heard: %s\nnothing of: %s%s\n", this->heard, level, what);
        exit(1);
    }
    CHECK(strchr(this->heard, '\n') == this->heard + strlen(this->heard) - 1);
    this->heard[0] = 0;
}

static void a_file_is_made_opened_and_closed(const char *directory) {
    host this = {{0}, 0, 0};
    portal_options given = listening(&this);
    const char *path = file(directory, "log.db");
    portal *handle;
    OK(portal_open(TEXT(path), &given, &handle, &error));
    heard(&this, "3 Created the database, schema 1.\n");
    OK(portal_close(handle, &error));
    heard(&this, "3 Closed the database.\n");
    CHECK(this.released == 1);
    portal_free(handle);

    this.released = 0;
    OK(portal_open(TEXT(path), &given, &handle, &error));
    heard(&this, "3 Opened the database, schema 1.\n");
    portal_free(handle);
    heard(&this, "3 Closed the database.\n");
    CHECK(this.released == 1);
}

static void a_file_that_does_not_open_says_why(const char *directory) {
    host this = {{0}, 0, 0};
    portal_options given = listening(&this);
    portal *handle;
    FAILS(PORTAL_ERR_STORAGE_NOT_FOUND,
          portal_open(TEXT(file(directory, "nowhere/log.db")), &given, &handle, &error));
    heard_of(&this, "1 Cannot open the database: ERR_STORAGE_NOT_FOUND: ", "(No such file");
    CHECK(this.released == 1);
}

static void a_defect_has_the_name_of_its_operation(const char *directory) {
    host this = {{0}, 0, 0};
    portal_options given = listening(&this);
    portal *handle;
    OK(portal_open(TEXT(file(directory, "defect.db")), &given, &handle, &error));
    int64_t user = call_number(handle, "user.create", "{\"username\":\"ada\"}", "user_id");
    this.heard[0] = 0;
    this.breaks = 1;
    portal_actor operator_ = actor(PORTAL_ACTOR_OPERATOR, 0);
    char params[64];
    snprintf(params, sizeof params, "{\"user_id\":%" PRId64 "}", user);
    portal_buf reply;
    FAILS(PORTAL_ERR_INTERNAL,
          portal_call(handle, &operator_, TEXT("session.create"), TEXT(params), &reply, &error));
    heard_of(&this, "1 ", "`session.create` panicked");
    this.breaks = 0;
    portal_free(handle);
}

// A disk that takes no more: the answer says that, the log what the system said.
static void what_the_system_said_of_the_file_is_told(const char *directory) {
    host this = {{0}, 0, 0};
    portal_options given = listening(&this);
    portal *handle;
    OK(portal_open(TEXT(file(directory, "full.db")), &given, &handle, &error));
    this.heard[0] = 0;
    portal_actor operator_ = actor(PORTAL_ACTOR_OPERATOR, 0);
    portal_buf reply;
    int64_t id;

    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    struct rlimit before, none;
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    none = before;
    none.rlim_cur = 1;
    CHECK(setrlimit(RLIMIT_FSIZE, &none) == 0);
    int32_t called =
        portal_call(handle, &operator_, TEXT("user.create"), TEXT("{\"username\":\"ada\"}"), &reply, NULL);
    char first[sizeof this.heard];
    memcpy(first, this.heard, sizeof first);
    this.heard[0] = 0;
    int32_t typed = portal_user_create(handle, &operator_, TEXT("ben"), &id, NULL);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);

    // What has no answer at all, deleted content that stays for now, is told once; a failed call each time.
    CHECK(called / 100 == 4 && typed == called);
    CHECK(strncmp(first, "2 The write-ahead log cannot be emptied", 39) == 0);
    CHECK(strcmp(this.heard, strchr(first, '\n') + 1) == 0);
    heard_of(&this, "1 `user.create` failed: ERR_STORAGE", "(");
    OK(portal_user_create(handle, &operator_, TEXT("ben"), &id, &error));
    heard(&this, "");
    portal_free(handle);
}

// A program of a header that had no log is not asked for one, whatever stands behind its struct.
static void an_earlier_program_has_no_log(const char *directory) {
    host this = {{0}, 0, 0};
    portal_options given = listening(&this);
    given.size = offsetof(portal_options, log);
    portal *handle;
    OK(portal_open(TEXT(file(directory, "earlier.db")), &given, &handle, &error));
    portal_free(handle);
    heard(&this, "");
    CHECK(this.released == 1);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    a_file_is_made_opened_and_closed(argv[1]);
    a_file_that_does_not_open_says_why(argv[1]);
    a_defect_has_the_name_of_its_operation(argv[1]);
    what_the_system_said_of_the_file_is_told(argv[1]);
    an_earlier_program_has_no_log(argv[1]);
    return 0;
}
