// Keepers on threads: one that is slow keeps no other chat waiting, and closing wakes, waits, and releases the host
// when nobody is in a callback any more (SPEC 11, 17.5).

#include "fake.h"

struct ending {
    struct fake host;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int waiting, inside, let_go;
    int64_t slow_chat;
    portal_follower *follower;
};

static void *keep_until_closed(void *argument) {
    struct ending *self = argument;
    pthread_mutex_lock(&self->lock);
    self->waiting = 1;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
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

static void *deliver_until_closed(void *argument) {
    struct ending *self = argument;
    portal_buf deliveries;
    int32_t status;
    while ((status = portal_follower_deliver(self->follower, 10, 600000, &deliveries, NULL)) == 0) {
        portal_buf_dispose(&deliveries);
    }
    CHECK(status == PORTAL_ERR_CLOSED);
    return NULL;
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
    portal *handle = open_house(&self.host, file(directory, "wait.db"));
    // A wake that comes before the wait ends the wait.
    int32_t news = 7;
    tend(&self.host, "[]");
    portal_keeper_wake(self.host.keeper);
    OK(portal_keeper_wait(self.host.keeper, 600000, &news, &error));
    CHECK(news == 0);

    OK(portal_follower_open(handle, NULL, 0, 0, &self.follower, &error));
    pthread_t keeping, delivering;
    CHECK(pthread_create(&keeping, NULL, keep_until_closed, &self) == 0);
    CHECK(pthread_create(&delivering, NULL, deliver_until_closed, &self) == 0);
    await(&self, &self.waiting);
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

int main(int argc, char **argv) {
    CHECK(argc == 2);
    a_slow_start_keeps_no_other_chat_waiting(argv[1]);
    closing_wakes_who_waits(argv[1]);
    closing_waits_for_a_callback_and_calls_no_other(argv[1]);
    return 0;
}
