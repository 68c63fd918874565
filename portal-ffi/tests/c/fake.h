// A host that runs browsers which are none: it remembers what it was asked, answers as it is told, and has a
// clock that stands still. Shared by the tests of what runs browsers.

#ifndef FAKE_H
#define FAKE_H

#include "check.h"

enum { RUNS = 4, VIEWERS = 8 };

struct browser {
    char run[33];
    int64_t chat, viewers[VIEWERS], controller;
    char clipboard[128];
};

struct fake {
    pthread_mutex_t lock;
    int64_t now;
    struct browser browsers[RUNS];
    // Every call in a word, each followed by a space, since it was last looked at.
    char calls[512];
    // The call of this name answers so: a status, and a text unless that is NULL.
    const char *told;
    int32_t status;
    const char *text;
    size_t text_len;
    // Done within the call of this name, once.
    const char *amid;
    void (*during)(struct fake *);
    portal *handle;
    portal_keeper *keeper;
    int64_t connection, chat;
    int passwords, released;
};

static inline struct fake fake_host(void) {
    struct fake fake;
    memset(&fake, 0, sizeof fake);
    CHECK(pthread_mutex_init(&fake.lock, NULL) == 0);
    fake.now = 1800000000000;
    return fake;
}

static inline void says_text(portal_browser_reply *reply, const char *text) {
    OK(portal_browser_reply_text(reply, TEXT(text), &error));
}

static inline struct browser *of_run(struct fake *self, const char *run) {
    for (int i = 0; i < RUNS; i++) {
        if (strcmp(self->browsers[i].run, run) == 0) {
            return &self->browsers[i];
        }
    }
    return NULL;
}

// Where a user stands in the list of viewers; 0 finds a free place.
static inline int64_t *viewer(struct browser *browser, int64_t user) {
    for (int i = 0; i < VIEWERS; i++) {
        if (browser->viewers[i] == user) {
            return &browser->viewers[i];
        }
    }
    return NULL;
}

// Begins a call: notes it, and answers as told. Not 0: the call is over, with *status. Holds the lock if it
// is not over.
static inline int begin(struct fake *self, const char *name, portal_browser_reply *reply, int32_t *status) {
    pthread_mutex_lock(&self->lock);
    CHECK(self->released == 0);
    CHECK(strlen(self->calls) + strlen(name) + 2 < sizeof self->calls);
    strcat(strcat(self->calls, name), " ");
    void (*during)(struct fake *) = self->amid != NULL && strcmp(self->amid, name) == 0 ? self->during : NULL;
    if (during != NULL) {
        self->amid = NULL;
        pthread_mutex_unlock(&self->lock);
        during(self);
        pthread_mutex_lock(&self->lock);
    }
    if (self->told == NULL || strcmp(self->told, name) != 0) {
        return 0;
    }
    *status = self->status;
    if (self->text != NULL) {
        portal_browser_reply_text(reply, self->text, self->text_len, NULL);
    }
    pthread_mutex_unlock(&self->lock);
    return 1;
}

static inline int32_t end(struct fake *self, int32_t status) {
    pthread_mutex_unlock(&self->lock);
    return status;
}

static inline int32_t gone(struct fake *self, portal_browser_reply *reply) {
    says_text(reply, "no such run");
    return end(self, PORTAL_BROWSER_FAULT_GONE);
}

static inline int32_t fake_start(void *host, int64_t chat, const char *run, size_t run_len, const char *order,
                                 size_t order_len, portal_browser_reply *reply) {
    struct fake *self = host;
    int32_t status;
    if (begin(self, "start", reply, &status)) {
        return status;
    }
    CHECK(run_len == 32 && strlen(run) == 32 && strlen(order) == order_len && strstr(order, run) != NULL);
    CHECK(strstr(order, "\"browser_config\":{\"adblock\":true,\"browser\":\"firefox\",\"kiosk\":false") != NULL);
    CHECK(strstr(order, "\"chat_config\":{") != NULL && strstr(order, "\"inactive_cursors\":false") != NULL);
    if (of_run(self, run) == NULL) {
        struct browser *browser = of_run(self, "");
        CHECK(browser != NULL);
        memset(browser, 0, sizeof *browser);
        strcpy(browser->run, run);
        browser->chat = chat;
    }
    return end(self, 0);
}

static inline int32_t fake_stop(void *host, const char *run, size_t run_len, portal_browser_reply *reply) {
    struct fake *self = host;
    int32_t status;
    if (begin(self, "stop", reply, &status)) {
        return status;
    }
    CHECK(strlen(run) == run_len);
    struct browser *browser = of_run(self, run);
    if (browser != NULL) {
        memset(browser, 0, sizeof *browser);
    }
    return end(self, 0);
}

static inline int32_t fake_list(void *host, portal_browser_reply *reply) {
    struct fake *self = host;
    int32_t status;
    if (begin(self, "list", reply, &status)) {
        return status;
    }
    char json[1024] = "[";
    for (struct browser *browser = self->browsers; browser < self->browsers + RUNS; browser++) {
        if (browser->run[0] == 0) {
            continue;
        }
        sprintf(json + strlen(json), "%s{\"chat_id\":%" PRId64 ",\"run\":\"%s\",\"viewers\":[",
                json[1] == 0 ? "" : ",", browser->chat, browser->run);
        const char *comma = "";
        for (int i = 0; i < VIEWERS; i++) {
            if (browser->viewers[i] != 0) {
                sprintf(json + strlen(json), "%s%" PRId64, comma, browser->viewers[i]);
                comma = ",";
            }
        }
        strcat(json, "],\"controller\":");
        sprintf(json + strlen(json), browser->controller == 0 ? "null}" : "%" PRId64 "}", browser->controller);
    }
    says_text(reply, strcat(json, "]"));
    return end(self, 0);
}

static inline int32_t fake_admit(void *host, const char *run, size_t run_len, int64_t user, const char *name,
                                 size_t name_len, portal_browser_reply *reply) {
    struct fake *self = host;
    int32_t status;
    if (begin(self, "admit", reply, &status)) {
        return status;
    }
    CHECK(strlen(run) == run_len && strlen(name) == name_len);
    struct browser *browser = of_run(self, run);
    if (browser == NULL) {
        return gone(self, reply);
    }
    int64_t *place = viewer(browser, user);
    place = place != NULL ? place : viewer(browser, 0);
    CHECK(place != NULL);
    *place = user;
    char json[256];
    snprintf(json, sizeof json,
             "{\"url\":\"https://browsers.example/%" PRId64 "\",\"username\":\"%s\",\"password\":\"secret-%s-%d\"}",
             browser->chat, name, name, ++self->passwords);
    says_text(reply, json);
    return end(self, 0);
}

static inline int32_t fake_dismiss(void *host, const char *run, size_t run_len, int64_t user,
                                   portal_browser_reply *reply) {
    struct fake *self = host;
    int32_t status;
    if (begin(self, "dismiss", reply, &status)) {
        return status;
    }
    CHECK(strlen(run) == run_len);
    struct browser *browser = of_run(self, run);
    if (browser == NULL) {
        return gone(self, reply);
    }
    int64_t *place = viewer(browser, user);
    if (place != NULL) {
        *place = 0;
    }
    return end(self, 0);
}

static inline int32_t fake_give_control(void *host, const char *run, size_t run_len, int64_t user,
                                        portal_browser_reply *reply) {
    struct fake *self = host;
    int32_t status;
    if (begin(self, "give_control", reply, &status)) {
        return status;
    }
    CHECK(strlen(run) == run_len);
    struct browser *browser = of_run(self, run);
    if (browser == NULL) {
        return gone(self, reply);
    }
    CHECK(user == 0 || viewer(browser, user) != NULL);
    browser->controller = user;
    return end(self, 0);
}

static inline int32_t fake_clipboard(void *host, const char *run, size_t run_len, portal_browser_reply *reply) {
    struct fake *self = host;
    int32_t status;
    if (begin(self, "clipboard", reply, &status)) {
        return status;
    }
    CHECK(strlen(run) == run_len);
    struct browser *browser = of_run(self, run);
    if (browser == NULL) {
        return gone(self, reply);
    }
    says_text(reply, browser->clipboard);
    return end(self, 0);
}

static inline int32_t fake_set_clipboard(void *host, const char *run, size_t run_len, const char *text,
                                         size_t text_len, portal_browser_reply *reply) {
    struct fake *self = host;
    int32_t status;
    if (begin(self, "set_clipboard", reply, &status)) {
        return status;
    }
    CHECK(strlen(run) == run_len && strlen(text) == text_len);
    struct browser *browser = of_run(self, run);
    if (browser == NULL) {
        return gone(self, reply);
    }
    snprintf(browser->clipboard, sizeof browser->clipboard, "%s", text);
    return end(self, 0);
}

static inline int32_t fake_screenshot(void *host, const char *run, size_t run_len, portal_browser_reply *reply) {
    static const uint8_t PICTURE[] = {0, 1, 0xff};
    struct fake *self = host;
    int32_t status;
    if (begin(self, "screenshot", reply, &status)) {
        return status;
    }
    CHECK(strlen(run) == run_len);
    if (of_run(self, run) == NULL) {
        return gone(self, reply);
    }
    OK(portal_browser_reply_picture(reply, TEXT("image/png"), PICTURE, sizeof PICTURE, &error));
    return end(self, 0);
}

static inline void fake_release(void *host) {
    ((struct fake *)host)->released++;
}

static inline int64_t fake_now(void *host) {
    return ((struct fake *)host)->now;
}

static inline portal_browser_backend backend(struct fake *host) {
    portal_browser_backend backend;
    memset(&backend, 0, sizeof backend);
    backend.size = sizeof backend;
    backend.host = host;
    backend.start = fake_start;
    backend.stop = fake_stop;
    backend.list = fake_list;
    backend.admit = fake_admit;
    backend.dismiss = fake_dismiss;
    backend.give_control = fake_give_control;
    backend.clipboard = fake_clipboard;
    backend.set_clipboard = fake_set_clipboard;
    backend.screenshot = fake_screenshot;
    backend.release = fake_release;
    return backend;
}

// Opens a file with this host's browsers and clock.
static inline portal *open_house(struct fake *host, const char *path) {
    portal_browser_backend browsers = backend(host);
    portal_options with = options(PORTAL_OPEN_PRESENCE | PORTAL_OPEN_NORMAL_DURABILITY);
    with.host = host;
    with.now_ms = fake_now;
    with.browsers = &browsers;
    OK(portal_open(TEXT(path), &with, &host->handle, &error));
    // What is given is read, not kept.
    memset(&browsers, 0xff, sizeof browsers);
    memset(&with, 0xff, sizeof with);
    OK(portal_keeper_open(host->handle, &host->keeper, &error));
    return host->handle;
}

// Whether this was called since it was last asked, and nothing else.
static inline int called(struct fake *self, const char *calls) {
    int same = strcmp(self->calls, calls) == 0;
    if (!same) {
        fprintf(stderr, "called: %s\nwanted: %s\n", self->calls, calls);
    }
    self->calls[0] = 0;
    return same;
}

// Tends, and checks that the faults are these: a part of the document, "[]" for none.
static inline int64_t tend(struct fake *self, const char *faults) {
    int64_t next;
    portal_buf told;
    OK(portal_keeper_tend(self->keeper, &next, &told, &error));
    if (strstr(told.data, faults) == NULL) {
        fprintf(stderr, "faults: %s\nwanted: %s\n", told.data, faults);
        exit(1);
    }
    portal_buf_dispose(&told);
    return next;
}

// Calls about a chat as somebody; the caller disposes of the reply.
static inline portal_buf about(portal *handle, const portal_actor *who, const char *op, int64_t chat) {
    char params[64];
    portal_buf reply;
    snprintf(params, sizeof params, "{\"chat_id\":%" PRId64 "}", chat);
    OK(portal_call(handle, who, TEXT(op), TEXT(params), &reply, &error));
    return reply;
}

static inline void does(portal *handle, const portal_actor *who, const char *op, int64_t chat) {
    portal_buf reply = about(handle, who, op, chat);
    portal_buf_dispose(&reply);
}

// Whether the operator reads this about the chat's browser.
static inline int browser_is(portal *handle, int64_t chat, const char *part) {
    portal_actor operator_ = actor(PORTAL_ACTOR_OPERATOR, 0);
    portal_buf reply = about(handle, &operator_, "browser.get", chat);
    int found = strstr(reply.data, part) != NULL;
    if (!found) {
        fprintf(stderr, "%s\nwanted: %s\n", reply.data, part);
    }
    portal_buf_dispose(&reply);
    return found;
}

// A connection of a new session of somebody.
static inline int64_t connect_user(portal *handle, int64_t user) {
    char params[64];
    snprintf(params, sizeof params, "{\"user_id\":%" PRId64 "}", user);
    portal_actor session = actor(PORTAL_ACTOR_SESSION, call_number(handle, "session.create", params, "session_id"));
    int64_t connection;
    OK(portal_connect(handle, &session, &connection, &error));
    return connection;
}

static inline int64_t new_user(portal *handle, const char *name) {
    char params[64];
    snprintf(params, sizeof params, "{\"username\":\"%s\"}", name);
    return call_number(handle, "user.create", params, "user_id");
}

// The same, in the chat's room; the actor of the connection.
static inline portal_actor seat(portal *handle, int64_t user, int64_t chat) {
    portal_actor connection = actor(PORTAL_ACTOR_CONNECTION, connect_user(handle, user));
    does(handle, &connection, "room.join", chat);
    return connection;
}

#endif
