// Keepers on threads: one that is slow keeps no other chat waiting, and closing wakes, waits, and releases the host
// when nobody is in a callback any more (SPEC 11, 17.5).

#include "fake.h"

#include <unistd.h>

struct ending {
    struct fake host;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int inside, let_go, has_begun;
    int64_t slow_chat;
    portal_follower *follower;
    pthread_t delivering;
};

static void *keep_until_closed(void *argument) {
    struct ending *self = argument;
    for (;;) {
        int64_t next;
        portal_buf faults;
        int32_t news, status = portal_keeper_tend(self->host.keeper, &next, &faults, NULL);
        portal_buf_dispose(&faults);
        if (status == 0) {
            status = portal_keeper_wait(self->host.keeper, 600000, &news, NULL);
        }
        if (status != 0) {
            CHECK(status == PORTAL_ERR_CLOSED);
            return NULL;
        }
    }
}

static void *wait_until_closed(void *argument) {
    struct ending *self = argument;
    int32_t news, status;
    do {
        // Refused while the other thread looks whether this one is in it.
        status = portal_keeper_wait(self->host.keeper, 600000, &news, NULL);
    } while (status == PORTAL_ERR_INVALID);
    CHECK(status == PORTAL_ERR_CLOSED);
    return NULL;
}

static void *deliver_until_closed(void *argument) {
    struct ending *self = argument;
    portal_buf deliveries;
    pthread_mutex_lock(&self->lock);
    self->delivering = pthread_self();
    self->has_begun = 1;
    pthread_mutex_unlock(&self->lock);
    CHECK(portal_follower_deliver(self->follower, 10, 600000, &deliveries, NULL) == PORTAL_ERR_CLOSED);
    return NULL;
}

// The clock is asked within a delivery, and tells that it is under way.
static int64_t looks_at_the_clock(void *host) {
    struct ending *self = host;
    pthread_mutex_lock(&self->lock);
    if (self->has_begun && pthread_equal(self->delivering, pthread_self())) {
        self->inside = 1;
        pthread_cond_broadcast(&self->changed);
    }
    pthread_mutex_unlock(&self->lock);
    return self->host.now;
}

static void await(struct ending *self, int *what) {
    pthread_mutex_lock(&self->lock);
    while (!*what) {
        pthread_cond_wait(&self->changed, &self->lock);
    }
    pthread_mutex_unlock(&self->lock);
}

static struct ending ending(void) {
    struct ending ending;
    memset(&ending, 0, sizeof ending);
    ending.host = fake_host();
    CHECK(pthread_mutex_init(&ending.lock, NULL) == 0 && pthread_cond_init(&ending.changed, NULL) == 0);
    return ending;
}

static void closing_wakes_who_waits(const char *directory) {
    struct ending self = ending();
    portal_browser_backend browsers = backend(&self.host);
    portal_options with = options(PORTAL_OPEN_PRESENCE);
    with.host = &self;
    with.now_ms = looks_at_the_clock;
    with.browsers = &browsers;
    portal *handle;
    OK(portal_open(TEXT(file(directory, "wait.db")), &with, &handle, &error));
    OK(portal_keeper_open(handle, &self.host.keeper, &error));
    // A wake that comes before the wait ends the wait.
    int32_t news = 7, status;
    tend(&self.host, "[]");
    portal_keeper_wake(self.host.keeper);
    OK(portal_keeper_wait(self.host.keeper, 600000, &news, &error));
    CHECK(news == 0);

    OK(portal_follower_open(handle, NULL, 0, 0, &self.follower, &error));
    pthread_t keeping, delivering;
    CHECK(pthread_create(&delivering, NULL, deliver_until_closed, &self) == 0);
    await(&self, &self.inside);
    CHECK(pthread_create(&keeping, NULL, wait_until_closed, &self) == 0);
    do {
        status = portal_keeper_wait(self.host.keeper, 0, &news, NULL);
    } while (status == 0);
    CHECK(status == PORTAL_ERR_INVALID); // In use: both are in their waits now.
    OK(portal_close(handle, &error));
    CHECK(pthread_join(keeping, NULL) == 0 && pthread_join(delivering, NULL) == 0);
    CHECK(self.host.released == 1);
    int64_t next;
    portal_buf faults;
    portal_keeper *late;
    FAILS(PORTAL_ERR_CLOSED, portal_keeper_tend(self.host.keeper, &next, &faults, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_keeper_wait(self.host.keeper, 0, &news, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_keeper_open(handle, &late, &error));
    // As children may be: freed after their portal.
    portal_free(handle);
    portal_keeper_free(self.host.keeper);
    portal_follower_free(self.follower);
    CHECK(self.host.released == 1);
}

static int32_t slow_start(void *host, int64_t chat, const char *run, size_t run_len, const char *order,
                          size_t order_len, portal_browser_reply *reply) {
    struct ending *self = host;
    pthread_mutex_lock(&self->lock);
    if (chat == self->slow_chat) {
        self->inside = 1;
        pthread_cond_broadcast(&self->changed);
        while (!self->let_go) {
            pthread_cond_wait(&self->changed, &self->lock);
        }
    }
    pthread_mutex_unlock(&self->lock);
    return fake_start(&self->host, chat, run, run_len, order, order_len, reply);
}

// The rest is the fake's, behind another host.
static int32_t slow_stop(void *host, const char *run, size_t run_len, portal_browser_reply *reply) {
    return fake_stop(&((struct ending *)host)->host, run, run_len, reply);
}

static int32_t slow_admit(void *host, const char *run, size_t run_len, int64_t user, const char *name,
                          size_t name_len, portal_browser_reply *reply) {
    return fake_admit(&((struct ending *)host)->host, run, run_len, user, name, name_len, reply);
}

static int32_t nothing_runs(void *host, portal_browser_reply *reply) {
    (void)host;
    says_text(reply, "[]");
    return 0;
}

static void release_ending(void *host) {
    struct ending *self = host;
    // Nobody is in a callback any more.
    CHECK(self->let_go);
    self->host.released++;
}

static void *close_it(void *handle) {
    OK(portal_close(handle, &error));
    return NULL;
}

// Opens a file whose browsers start slowly in one chat, and starts one there.
static portal *open_slow(struct ending *self, const char *path) {
    portal_browser_backend browsers = backend(&self->host);
    browsers.host = self;
    browsers.start = slow_start;
    browsers.stop = slow_stop;
    browsers.list = nothing_runs;
    browsers.admit = slow_admit;
    browsers.release = release_ending;
    portal_options with = options(PORTAL_OPEN_PRESENCE);
    with.browsers = &browsers;
    OK(portal_open(TEXT(path), &with, &self->host.handle, &error));
    OK(portal_keeper_open(self->host.handle, &self->host.keeper, &error));
    self->slow_chat = lobby(self->host.handle, "ada");
    portal_actor who = actor(PORTAL_ACTOR_OPERATOR, 0);
    seat(self->host.handle, new_user(self->host.handle, "ben"), self->slow_chat);
    does(self->host.handle, &who, "browser.start", self->slow_chat);
    return self->host.handle;
}

static void let_go(struct ending *self) {
    pthread_mutex_lock(&self->lock);
    self->let_go = 1;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void *tend_once(void *argument) {
    struct ending *self = argument;
    tend(&self->host, "[]");
    return NULL;
}

static void a_slow_start_keeps_no_other_chat_waiting(const char *directory) {
    struct ending self = ending();
    portal *handle = open_slow(&self, file(directory, "two.db"));
    pthread_t keeping;
    CHECK(pthread_create(&keeping, NULL, tend_once, &self) == 0);
    await(&self, &self.inside);
    // Another thread, with a keeper of its own; the one that is in use is refused.
    int64_t other = lobby(handle, "cleo"), next;
    portal_actor who = actor(PORTAL_ACTOR_OPERATOR, 0);
    does(handle, &who, "browser.start", other);
    portal_keeper *keeper;
    portal_buf faults;
    OK(portal_keeper_open(handle, &keeper, &error));
    REFUSES("keeper", portal_keeper_tend(self.host.keeper, &next, &faults, &error));
    OK(portal_keeper_tend(keeper, &next, &faults, &error));
    CHECK(strcmp(faults.data, "[]") == 0);
    portal_buf_dispose(&faults);
    CHECK(browser_is(handle, other, "\"state\":\"running\""));
    CHECK(browser_is(handle, self.slow_chat, "\"state\":\"starting\""));
    let_go(&self);
    CHECK(pthread_join(keeping, NULL) == 0);
    CHECK(browser_is(handle, self.slow_chat, "\"state\":\"running\""));
    portal_keeper_free(keeper);
    portal_keeper_free(self.host.keeper);
    portal_free(handle);
    CHECK(self.host.released == 1);
}

static void closing_waits_for_a_callback_and_calls_no_other(const char *directory) {
    struct ending self = ending();
    portal *handle = open_slow(&self, file(directory, "slow.db"));
    pthread_t keeping, closing;
    CHECK(pthread_create(&keeping, NULL, keep_until_closed, &self) == 0);
    await(&self, &self.inside);
    CHECK(pthread_create(&closing, NULL, close_it, handle) == 0);
    int64_t next;
    while (portal_tick(handle, &next, NULL) != PORTAL_ERR_CLOSED) {
    }
    CHECK(self.host.released == 0);
    let_go(&self);
    CHECK(pthread_join(keeping, NULL) == 0 && pthread_join(closing, NULL) == 0);
    CHECK(called(&self.host, "start ") && self.host.released == 1);
    portal_keeper_free(self.host.keeper);
    portal_free(handle);
}

// Giving back while another thread closes ----------------------------------------------------------

enum { FOLLOWERS = 64 };

struct crowd {
    struct fake fake;
    portal_follower *followers[FOLLOWERS];
    pthread_t closing;
};

// In the contrary order, so that the two meet.
static void *give_back_once_it_closes(void *argument) {
    struct crowd *self = argument;
    int64_t next;
    while (portal_tick(self->fake.handle, &next, NULL) != PORTAL_ERR_CLOSED) {
    }
    for (int i = FOLLOWERS; i-- > 0;) {
        portal_follower_free(self->followers[i]);
    }
    portal_keeper_free(self->fake.keeper);
    return NULL;
}

static void release_crowd(void *host) {
    struct crowd *self = host;
    // Not by the thread that gives back.
    CHECK(pthread_equal(self->closing, pthread_self()));
    self->fake.released++;
}

// How many of this process's files are of that name; where that cannot be told, none.
static int open_files(const char *name) {
    int found = 0;
    for (int fd = 0; fd < 1024; fd++) {
        char link[64], path[512];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(link, path, sizeof path - 1);
        path[len < 0 ? 0 : len] = 0;
        found += strstr(path, name) != NULL;
    }
    return found;
}

static void closing_waits_for_who_is_giving_back(const char *directory) {
    for (int round = 0; round < 10; round++) {
        struct crowd self;
        memset(&self, 0, sizeof self);
        self.fake = fake_host();
        self.closing = pthread_self();
        portal_browser_backend browsers = backend(&self.fake);
        browsers.host = &self;
        browsers.release = release_crowd;
        portal_options with = options(PORTAL_OPEN_PRESENCE);
        with.browsers = &browsers;
        OK(portal_open(TEXT(file(directory, "crowd.db")), &with, &self.fake.handle, &error));
        OK(portal_keeper_open(self.fake.handle, &self.fake.keeper, &error));
        for (int i = 0; i < FOLLOWERS; i++) {
            OK(portal_follower_open(self.fake.handle, NULL, 0, 0, &self.followers[i], &error));
        }
        pthread_t giving;
        CHECK(pthread_create(&giving, NULL, give_back_once_it_closes, &self) == 0);
        OK(portal_close(self.fake.handle, &error));
        CHECK(self.fake.released == 1 && open_files("/crowd.db") == 0);
        CHECK(pthread_join(giving, NULL) == 0);
        portal_free(self.fake.handle);
    }
}

// Closing twice at once ----------------------------------------------------------------------------

struct twice {
    struct fake fake;
    pthread_t second;
    pthread_mutex_t lock;
    int is_over;
};

static void *close_second(void *host) {
    struct twice *self = host;
    OK(portal_close(self->fake.handle, &error));
    pthread_mutex_lock(&self->lock);
    CHECK(self->is_over);
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

static void release_amid_a_second_close(void *host) {
    struct twice *self = host;
    CHECK(pthread_create(&self->second, NULL, close_second, self) == 0);
    int64_t next;
    for (int i = 0; i < 1000; i++) {
        CHECK(portal_tick(self->fake.handle, &next, NULL) == PORTAL_ERR_CLOSED);
    }
    pthread_mutex_lock(&self->lock);
    self->is_over = 1;
    pthread_mutex_unlock(&self->lock);
}

static void whoever_closes_too_returns_no_earlier(const char *directory) {
    struct twice self;
    memset(&self, 0, sizeof self);
    self.fake = fake_host();
    CHECK(pthread_mutex_init(&self.lock, NULL) == 0);
    portal_browser_backend browsers = backend(&self.fake);
    browsers.host = &self;
    browsers.release = release_amid_a_second_close;
    portal_options with = options(PORTAL_OPEN_PRESENCE);
    with.browsers = &browsers;
    OK(portal_open(TEXT(file(directory, "twice.db")), &with, &self.fake.handle, &error));
    OK(portal_close(self.fake.handle, &error));
    CHECK(pthread_join(self.second, NULL) == 0);
    portal_free(self.fake.handle);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    a_slow_start_keeps_no_other_chat_waiting(argv[1]);
    closing_wakes_who_waits(argv[1]);
    closing_waits_for_a_callback_and_calls_no_other(argv[1]);
    closing_waits_for_who_is_giving_back(argv[1]);
    whoever_closes_too_returns_no_earlier(argv[1]);
    return 0;
}
