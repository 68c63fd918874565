// What the boundary does with an open file: calls, presence, the host's clock and randomness, followers,
// and how the work ends while others wait (SPEC 17.3 to 17.5).

#include "check.h"

#include <time.h>
#ifdef __linux__
#include <dirent.h>
#include <unistd.h>
#endif

// A host with a clock that stands still and numbers that repeat themselves.
struct host {
    int64_t now;
    uint8_t next;
    int32_t random_status;
    int released;
};

static int64_t host_now(void *host) {
    return ((struct host *)host)->now;
}

static int32_t host_random(void *host, uint8_t *out, size_t len) {
    struct host *self = host;
    for (size_t i = 0; i < len; i++) {
        out[i] = self->next++;
    }
    return self->random_status;
}

static void host_release(void *host) {
    ((struct host *)host)->released++;
}

static portal *open_with(struct host *host, const char *path, uint32_t flags) {
    portal_options with = options(flags);
    with.host = host;
    with.now_ms = host_now;
    with.random = host_random;
    with.release = host_release;
    portal *handle;
    OK(portal_open(TEXT(path), &with, &handle, &error));
    return handle;
}

// How many descriptors of this process are of this file.
static int descriptors_of(const char *path) {
    int count = 0;
#ifdef __linux__
    DIR *open_files = opendir("/proc/self/fd");
    CHECK(open_files != NULL);
    for (struct dirent *entry; (entry = readdir(open_files)) != NULL;) {
        char name[300], target[600];
        snprintf(name, sizeof name, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(name, target, sizeof target - 1);
        count += length > 0 && strncmp(target, path, strlen(path)) == 0;
    }
    closedir(open_files);
#else
    (void)path;
#endif
    return count;
}

static void time_and_randomness_are_the_hosts(const char *directory) {
    struct host host = {1800000000000, 0, 0, 0};
    portal *handle = open_with(&host, file(directory, "host.db"), 0);
    int64_t user = call_number(handle, "user.create", "{\"username\":\"ada\"}", "user_id");
    char params[64];
    snprintf(params, sizeof params, "{\"user_id\":%" PRId64 "}", user);
    int64_t thirty_days = 30ll * 24 * 60 * 60 * 1000;
    host.next = 0;
    portal_buf first = call(handle, "session.create", params);
    CHECK(number(&first, "expires_at") == host.now + thirty_days);
    CHECK(strstr(first.data, "\"token\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"") != NULL);

    // The token opens its session until the host's clock says otherwise.
    const char *token = strstr(first.data, "AAEC");
    int64_t session;
    OK(portal_authenticate(handle, token, 43, &session, &error));
    CHECK(session == number(&first, "session_id"));
    host.now += thirty_days;
    FAILS(PORTAL_ERR_UNAUTHENTICATED, portal_authenticate(handle, token, 43, &session, &error));
    portal_buf_dispose(&first);

    // Without random bytes nothing is stored, and the handle goes on.
    portal_actor who = actor(PORTAL_ACTOR_OPERATOR, 0);
    portal_buf reply;
    host.random_status = 1;
    FAILS(PORTAL_ERR_INTERNAL, portal_call(handle, &who, TEXT("session.create"), TEXT(params), &reply, &error));
    host.random_status = 0;
    int64_t next;
    OK(portal_tick(handle, &next, &error));
    CHECK(next > host.now);
    reply = call(handle, "audit.list", "{}");
    const char *audited = strstr(reply.data, "session.create");
    CHECK(audited != NULL && strstr(audited + 1, "session.create") == NULL);
    portal_buf_dispose(&reply);

    CHECK(host.released == 0);
    OK(portal_close(handle, &error));
    CHECK(host.released == 1);
    portal_free(handle);
    CHECK(host.released == 1);
}

static void a_bot_acts_by_its_key(const char *directory) {
    struct host host = {1800000000000, 0, 0, 0};
    portal *handle = open_with(&host, file(directory, "bot.db"), 0);
    portal_buf made = call(handle, "bot.add", "{\"platform\":\"telegram\",\"name\":\"Doorman\"}");
    const char *key = strstr(made.data, "pbot_");
    CHECK(key != NULL);
    int64_t bot;
    OK(portal_authenticate_bot(handle, key, 48, &bot, &error));
    CHECK(bot == number(&made, "bot_id"));
    FAILS(PORTAL_ERR_UNAUTHENTICATED, portal_authenticate_bot(handle, key, 47, &bot, &error));
    bot = number(&made, "bot_id");
    portal_buf_dispose(&made);
    portal_actor who = actor(PORTAL_ACTOR_BOT, bot);
    portal_buf reply;
    OK(portal_call(handle, &who, TEXT("account.lookup"), TEXT("{\"identity\":\"4711\"}"), &reply, &error));
    CHECK(strcmp(reply.data, "{\"has_account\":false}") == 0);
    portal_buf_dispose(&reply);
    FAILS(PORTAL_ERR_FORBIDDEN, portal_call(handle, &who, TEXT("user.me"), TEXT("{}"), &reply, &error));
    who.id = bot + 1;
    FAILS(PORTAL_ERR_UNAUTHENTICATED, portal_call(handle, &who, TEXT("login_code.fetch"), TEXT("{}"), &reply, &error));
    OK(portal_close(handle, &error));
    portal_free(handle);
}

static void a_failed_opening_releases_the_host_once(const char *directory) {
    struct host host = {0, 0, 0, 0};
    const char *path = file(directory, "presence.db");
    portal *handle = open_with(&host, path, PORTAL_OPEN_PRESENCE);
    struct host second = {0, 0, 0, 0};
    portal_options with = options(PORTAL_OPEN_PRESENCE);
    with.host = &second;
    with.release = host_release;
    portal *other;
    FAILS(PORTAL_ERR_PRESENCE_TAKEN, portal_open(TEXT(path), &with, &other, &error));
    CHECK(second.released == 1);
    // Closing frees presence for the next.
    OK(portal_close(handle, &error));
    OK(portal_open(TEXT(path), &with, &other, &error));
    portal_free(other);
    CHECK(second.released == 2 && host.released == 1);
    portal_free(handle);
}

static void a_connection_joins_and_goes(const char *directory) {
    struct host host = {1800000000000, 0, 0, 0};
    portal *handle = open_with(&host, file(directory, "room.db"), PORTAL_OPEN_PRESENCE | PORTAL_OPEN_NORMAL_DURABILITY);
    int64_t chat = lobby(handle, "ada");
    portal_actor guest = actor(PORTAL_ACTOR_GUEST, 0);
    guest.ip = "2001:db8::7";
    guest.ip_len = strlen(guest.ip);
    int64_t connection;
    OK(portal_connect(handle, &guest, &connection, &error));
    portal_actor connected = actor(PORTAL_ACTOR_CONNECTION, connection);
    char params[64];
    snprintf(params, sizeof params, "{\"chat_id\":%" PRId64 "}", chat);
    portal_buf reply;
    OK(portal_call(handle, &connected, TEXT("room.join"), TEXT(params), &reply, &error));
    CHECK(strstr(reply.data, "\"may_talk\":false") != NULL);
    portal_buf_dispose(&reply);
    OK(portal_disconnect(handle, connection, &error));
    OK(portal_disconnect(handle, connection, &error));
    REFUSES("connection_id", portal_disconnect(handle, 0, &error));
    FAILS(PORTAL_ERR_NOT_CONNECTED, portal_call(handle, &connected, TEXT("room.join"), TEXT(params), &reply, &error));
    FAILS(PORTAL_ERR_UNAUTHENTICATED, portal_call(handle, &guest, TEXT("audit.list"), NULL, 0, &reply, &error));
    portal_free(handle);
}

static void a_hard_muted_person_sends_nothing(const char *directory) {
    portal *handle;
    OK(portal_open(TEXT(file(directory, "mute.db")), NULL, &handle, &error));
    int64_t chat = lobby(handle, "ada");
    int64_t ben = call_number(handle, "user.create", "{\"username\":\"ben\"}", "user_id");
    char params[128];
    snprintf(params, sizeof params, "{\"user_id\":%" PRId64 "}", ben);
    int64_t session = call_number(handle, "session.create", params, "session_id");
    portal_buf reply = call(handle, "mod.hard_mute", params);
    portal_buf_dispose(&reply);
    portal_actor muted = actor(PORTAL_ACTOR_SESSION, session);
    snprintf(params, sizeof params, "{\"chat_id\":%" PRId64 ",\"content\":\"{}\"}", chat);
    FAILS(PORTAL_ERR_MUTED, portal_call(handle, &muted, TEXT("message.send"), TEXT(params), &reply, &error));
    portal_free(handle);
}

static int64_t milliseconds(void) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void a_follower_waits_reads_and_goes_on_elsewhere(const char *directory) {
    const char *path = file(directory, "follow.db");
    portal *handle;
    OK(portal_open(TEXT(path), NULL, &handle, &error));
    portal_follower *follower;
    OK(portal_follower_open(handle, NULL, 0, 0, &follower, &error));
    portal_buf events;
    REFUSES("limit", portal_follower_next(follower, 0, 0, &events, &error));
    REFUSES("limit", portal_follower_next(follower, 1001, 0, &events, &error));

    // Nothing happens: the wait ends by itself, with an empty array.
    int64_t began = milliseconds();
    OK(portal_follower_next(follower, 10, 120, &events, &error));
    CHECK(strcmp(events.data, "[]") == 0 && milliseconds() - began >= 100);
    portal_buf_dispose(&events);

    // A wake that comes before the wait ends the wait.
    portal_follower_wake(follower);
    OK(portal_follower_next(follower, 10, 600000, &events, &error));
    CHECK(strcmp(events.data, "[]") == 0);
    portal_buf_dispose(&events);

    int64_t chat = lobby(handle, "ada");
    char params[96];
    snprintf(params, sizeof params, "{\"chat_id\":%" PRId64 ",\"name\":\"Hall\"}", chat);
    portal_buf reply = call(handle, "chat.update", params);
    portal_buf_dispose(&reply);
    OK(portal_follower_next(follower, 10, 600000, &events, &error));
    CHECK(events.data[0] == '[' && strstr(events.data, "\"name\":\"room:updated\"") != NULL);
    CHECK(number(&events, "chat_id") == chat);
    portal_buf_dispose(&events);

    // The place outlives the process; another follower goes on from it.
    portal_buf log_id;
    uint64_t after;
    OK(portal_follower_position(follower, &log_id, &after, &error));
    CHECK(after > 0);
    portal_free(handle);
    FAILS(PORTAL_ERR_CLOSED, portal_follower_next(follower, 10, 0, &events, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_follower_position(follower, &events, &after, &error));
    portal_follower_free(follower);

    OK(portal_open(TEXT(path), NULL, &handle, &error));
    OK(portal_follower_open(handle, NULL, 0, 0, &follower, &error));
    portal_buf again;
    OK(portal_follower_position(follower, &again, &after, &error));
    CHECK(strcmp(again.data, log_id.data) == 0);
    portal_follower_free(follower);
    OK(portal_follower_open(handle, log_id.data, log_id.len, after - 1, &follower, &error));
    OK(portal_follower_next(follower, 10, 0, &events, &error));
    CHECK((uint64_t)number(&events, "seq") == after);
    portal_buf_dispose(&events);
    portal_follower_free(follower);
    FAILS(PORTAL_ERR_EVENTS_PRUNED,
          portal_follower_open(handle, log_id.data, log_id.len, after + 1, &follower, &error));
    portal_buf_dispose(&again);
    portal_buf_dispose(&log_id);
    portal_free(handle);
}

// A thread that follows until the portal is closed, and says when it has read something.
struct listener {
    portal_follower *follower;
    pthread_mutex_t lock;
    pthread_cond_t heard_more;
    int heard;
};

static void *listen_until_closed(void *argument) {
    struct listener *self = argument;
    for (;;) {
        portal_buf events;
        portal_error *error;
        int32_t status = portal_follower_next(self->follower, 100, 600000, &events, &error);
        if (status != 0) {
            CHECK(status == PORTAL_ERR_CLOSED && events.data == NULL);
            portal_error_free(error);
            return NULL;
        }
        CHECK(strcmp(events.data, "[]") != 0);
        portal_buf_dispose(&events);
        pthread_mutex_lock(&self->lock);
        self->heard++;
        pthread_cond_signal(&self->heard_more);
        pthread_mutex_unlock(&self->lock);
    }
}

static void *close_it(void *handle) {
    OK(portal_close(handle, &error));
    return NULL;
}

static void closing_wakes_who_waits_and_closes_the_file(const char *directory) {
    char path[512];
    snprintf(path, sizeof path, "%s", file(directory, "close.db"));
    portal *handle;
    OK(portal_open(TEXT(path), NULL, &handle, &error));
    struct listener listener = {NULL, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    OK(portal_follower_open(handle, NULL, 0, 0, &listener.follower, &error));
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, listen_until_closed, &listener) == 0);
    int64_t chat = lobby(handle, "ada");
    char params[96];
    snprintf(params, sizeof params, "{\"chat_id\":%" PRId64 ",\"name\":\"Hall\"}", chat);
    portal_buf reply = call(handle, "chat.update", params);
    portal_buf_dispose(&reply);
    pthread_mutex_lock(&listener.lock);
    while (listener.heard == 0) {
        pthread_cond_wait(&listener.heard_more, &listener.lock);
    }
    pthread_mutex_unlock(&listener.lock);
#ifdef __linux__
    CHECK(descriptors_of(path) > 0);
#endif

    pthread_t closers[2];
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&closers[i], NULL, close_it, handle) == 0);
    }
    OK(portal_close(handle, &error));
    CHECK(descriptors_of(path) == 0);
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_join(closers[i], NULL) == 0);
    }
    CHECK(pthread_join(thread, NULL) == 0);

    // Whatever is called now says that it is closed.
    portal_actor who = actor(PORTAL_ACTOR_OPERATOR, 0);
    portal_follower *late;
    int64_t answer;
    FAILS(PORTAL_ERR_CLOSED, portal_call(handle, &who, TEXT("audit.list"), NULL, 0, &reply, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_authenticate(handle, TEXT("token"), &answer, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_connect(handle, &who, &answer, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_disconnect(handle, 1, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_tick(handle, &answer, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_follower_open(handle, NULL, 0, 0, &late, &error));
    portal_follower_free(listener.follower);
    portal_free(handle);
}

// A clock in which a call stays until it is let go.
struct gatekeeper {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int holding, inside, let_go, left;
    portal *handle;
};

static int64_t slow_now(void *host) {
    struct gatekeeper *self = host;
    pthread_mutex_lock(&self->lock);
    if (self->holding) {
        self->holding = 0;
        self->inside = 1;
        pthread_cond_broadcast(&self->changed);
        while (!self->let_go) {
            pthread_cond_wait(&self->changed, &self->lock);
        }
        self->left = 1;
    }
    pthread_mutex_unlock(&self->lock);
    return 1800000000000;
}

static void *ask(void *argument) {
    struct gatekeeper *self = argument;
    int64_t session;
    FAILS(PORTAL_ERR_UNAUTHENTICATED, portal_authenticate(self->handle, TEXT("token"), &session, &error));
    return NULL;
}

static void *close_and_look(void *argument) {
    struct gatekeeper *self = argument;
    OK(portal_close(self->handle, &error));
    pthread_mutex_lock(&self->lock);
    CHECK(self->left);
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

static void closing_waits_for_the_call_that_is_inside(const char *directory) {
    struct gatekeeper keeper = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0, NULL};
    portal_options with = options(0);
    with.host = &keeper;
    with.now_ms = slow_now;
    OK(portal_open(TEXT(file(directory, "inside.db")), &with, &keeper.handle, &error));
    pthread_t asking, closing;
    keeper.holding = 1;
    CHECK(pthread_create(&asking, NULL, ask, &keeper) == 0);
    pthread_mutex_lock(&keeper.lock);
    while (!keeper.inside) {
        pthread_cond_wait(&keeper.changed, &keeper.lock);
    }
    pthread_mutex_unlock(&keeper.lock);
    CHECK(pthread_create(&closing, NULL, close_and_look, &keeper) == 0);
    int64_t session;
    while (portal_authenticate(keeper.handle, TEXT("token"), &session, NULL) != PORTAL_ERR_CLOSED) {
    }
    // New calls are refused by now. A close that would not wait gets the time to be caught at it.
    struct timespec moment = {0, 50000000};
    nanosleep(&moment, NULL);
    pthread_mutex_lock(&keeper.lock);
    keeper.let_go = 1;
    pthread_cond_broadcast(&keeper.changed);
    pthread_mutex_unlock(&keeper.lock);
    CHECK(pthread_join(asking, NULL) == 0 && pthread_join(closing, NULL) == 0);
    portal_free(keeper.handle);
}

enum { THREADS = 4, CALLS = 20 };

struct caller {
    portal *handle;
    int64_t number;
};

static void *create_users(void *argument) {
    struct caller *self = argument;
    for (int i = 0; i < CALLS; i++) {
        char params[64];
        snprintf(params, sizeof params, "{\"username\":\"user-%" PRId64 "-%d\"}", self->number, i);
        CHECK(call_number(self->handle, "user.create", params, "user_id") > 0);
    }
    return NULL;
}

static void any_thread_calls(const char *directory) {
    portal *handle;
    OK(portal_open(TEXT(file(directory, "threads.db")), NULL, &handle, &error));
    pthread_t threads[THREADS];
    struct caller callers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){handle, i};
        CHECK(pthread_create(&threads[i], NULL, create_users, &callers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    int64_t last = call_number(handle, "user.create", "{\"username\":\"last\"}", "user_id");
    CHECK(last == THREADS * CALLS + 1);
    portal_free(handle);
}

// What the system says of this process's threads and signal handlers.
static void describe_process(char *into, size_t size) {
    into[0] = 0;
#ifdef __linux__
    static const char *const lines[] = {"Threads:", "SigBlk:", "SigIgn:", "SigCgt:"};
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status != NULL);
    for (char line[600]; fgets(line, sizeof line, status) != NULL;) {
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
            if (strncmp(line, lines[i], strlen(lines[i])) == 0) {
                CHECK(strlen(into) + strlen(line) < size);
                strcat(into, line);
            }
        }
    }
    fclose(status);
    CHECK(strstr(into, "Threads:\t1\n") != NULL && strstr(into, "SigCgt:") != NULL);
#else
    (void)size;
#endif
}

static void nothing_is_started_and_no_handler_installed(const char *directory) {
    char before[600], during[600], after[600];
    describe_process(before, sizeof before);
    struct host host = {1800000000000, 0, 0, 0};
    portal *handle = open_with(&host, file(directory, "alone.db"), PORTAL_OPEN_PRESENCE);
    portal_buf reply = call(handle, "user.create", "{\"username\":\"ada\"}");
    portal_buf_dispose(&reply);
    portal_follower *follower;
    OK(portal_follower_open(handle, NULL, 0, 0, &follower, &error));
    portal_buf events;
    OK(portal_follower_next(follower, 10, 0, &events, &error));
    CHECK(events.len > 0);
    portal_buf_dispose(&events);
    int64_t next;
    OK(portal_tick(handle, &next, &error));
    describe_process(during, sizeof during);
    portal_follower_free(follower);
    portal_free(handle);
    describe_process(after, sizeof after);
    CHECK(strcmp(before, during) == 0 && strcmp(before, after) == 0);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    nothing_is_started_and_no_handler_installed(argv[1]);
    time_and_randomness_are_the_hosts(argv[1]);
    a_bot_acts_by_its_key(argv[1]);
    a_failed_opening_releases_the_host_once(argv[1]);
    a_connection_joins_and_goes(argv[1]);
    a_hard_muted_person_sends_nothing(argv[1]);
    a_follower_waits_reads_and_goes_on_elsewhere(argv[1]);
    closing_wakes_who_waits_and_closes_the_file(argv[1]);
    closing_waits_for_the_call_that_is_inside(argv[1]);
    any_thread_calls(argv[1]);
    return 0;
}
