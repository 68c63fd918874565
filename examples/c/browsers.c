// A host that runs browsers: the callbacks, a thread that keeps them, and who is told what. The browsers are
// pretended; a real host starts a container where this one prints a line.
//
//     cc browsers.c -lportal -pthread -o browsers && ./browsers NEW-FILE

#include <portal.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// What runs. This host has room for one; its lock is needed as soon as several threads keep browsers.
static char running[33];
static int64_t running_for;

static int32_t start(void *host, int64_t chat_id, const char *run, size_t run_len, const char *order, size_t order_len,
                     portal_browser_reply *reply) {
    (void)host, (void)run_len, (void)order_len;
    if (running[0] != 0 && strcmp(running, run) != 0) {
        portal_browser_reply_text(reply, "one runs already", 16, NULL);
        return PORTAL_BROWSER_FAULT_FULL;
    }
    printf("a browser for chat %" PRId64 ": %s\n", chat_id, order);
    snprintf(running, sizeof running, "%s", run);
    running_for = chat_id;
    return 0;
}

static int32_t stop(void *host, const char *run, size_t run_len, portal_browser_reply *reply) {
    (void)host, (void)run_len, (void)reply;
    if (strcmp(running, run) == 0) {
        running[0] = 0;
    }
    return 0;
}

static int32_t list(void *host, portal_browser_reply *reply) {
    (void)host;
    char json[160] = "[]"; // A real host also tells who is let in, so that others can be let out.
    if (running[0] != 0) {
        snprintf(json, sizeof json, "[{\"chat_id\":%" PRId64 ",\"run\":\"%s\",\"viewers\":[],\"controller\":null}]",
                 running_for, running);
    }
    return portal_browser_reply_text(reply, json, strlen(json), NULL);
}

static int32_t admit(void *host, const char *run, size_t run_len, int64_t user_id, const char *name, size_t name_len,
                     portal_browser_reply *reply) {
    (void)host, (void)run_len, (void)user_id, (void)name_len;
    char json[256]; // A name has no character that JSON would escape. A real host draws the password at random.
    snprintf(json, sizeof json, "{\"url\":\"https://browsers.example/%s\",\"username\":\"%s\",\"password\":\"open sesame\"}",
             run, name);
    return portal_browser_reply_text(reply, json, strlen(json), NULL);
}

// To let somebody out, or give them control, of what is pretended.
static int32_t does_nothing(void *host, const char *run, size_t run_len, int64_t user_id, portal_browser_reply *reply) {
    (void)host, (void)run, (void)run_len, (void)user_id, (void)reply;
    return 0;
}

static int32_t set_clipboard(void *host, const char *run, size_t run_len, const char *text, size_t text_len,
                             portal_browser_reply *reply) {
    (void)host, (void)run, (void)run_len, (void)text, (void)text_len, (void)reply;
    return PORTAL_BROWSER_FAULT_FAILED;
}

// The clipboard and the screen of what is pretended.
static int32_t has_none(void *host, const char *run, size_t run_len, portal_browser_reply *reply) {
    (void)host, (void)run, (void)run_len, (void)reply;
    return PORTAL_BROWSER_FAULT_FAILED;
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

// A thread that keeps the browsers until the file is closed.
static void *keep(void *keeper) {
    int64_t next_ms, wait_ms;
    int32_t news;
    do {
        portal_buf faults;
        portal_error *error;
        if (portal_keeper_tend(keeper, &next_ms, &faults, &error) == 0) {
            if (strcmp(faults.data, "[]") != 0) {
                fprintf(stderr, "faults: %s\n", faults.data);
            }
            portal_buf_dispose(&faults);
        } else {
            // Another process may hold the file locked, or the disk be full: what was to be done still is.
            if (portal_error_status(error) != PORTAL_ERR_CLOSED) {
                fprintf(stderr, "portal_keeper_tend: %s\n", portal_error_message(error));
            }
            portal_error_free(error);
            next_ms = now_ms() + 1000;
        }
        wait_ms = next_ms - now_ms();
        wait_ms = wait_ms < 0 ? 0 : wait_ms < 60000 ? wait_ms : 60000;
        // Fails once the file is closed.
    } while (portal_keeper_wait(keeper, (uint32_t)wait_ms, &news, NULL) == 0);
    return NULL;
}

// Ends the program on a failure: this is an example. The error is looked at once the call has answered.
static void done(const char *what, int32_t status, portal_error **error) {
    if (status != 0) {
        fprintf(stderr, "%s: %s: %s\n", what, portal_status_code(status), portal_error_message(*error));
        exit(1);
    }
}

// Calls an operation, and answers the number of that name in its reply, or 0.
static int64_t call(portal *handle, int32_t kind, int64_t id, const char *op, const char *params, const char *name) {
    portal_actor actor = {0};
    actor.size = sizeof actor;
    actor.kind = kind;
    actor.id = id;
    portal_buf reply;
    portal_error *error = NULL;
    done(op, portal_call(handle, &actor, op, strlen(op), params, strlen(params), &reply, &error), &error);
    const char *found = strstr(reply.data, name); // A real program reads the reply with a JSON library.
    int64_t number = found == NULL ? 0 : strtoll(found + strlen(name) + 2, NULL, 10);
    portal_buf_dispose(&reply);
    return number;
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : "chat.db";
    portal_browser_backend browsers = {0};
    browsers.size = sizeof browsers;
    browsers.start = start;
    browsers.stop = stop;
    browsers.list = list;
    browsers.admit = admit;
    browsers.dismiss = does_nothing;
    browsers.give_control = does_nothing;
    browsers.clipboard = has_none;
    browsers.set_clipboard = set_clipboard;
    browsers.screenshot = has_none;
    portal_options options = {0};
    options.size = sizeof options;
    options.flags = PORTAL_OPEN_PRESENCE;
    options.browsers = &browsers;
    portal *handle;
    portal_error *error = NULL;
    done("portal_open", portal_open(path, strlen(path), &options, &handle, &error), &error);
    portal_keeper *keeper;
    done("portal_keeper_open", portal_keeper_open(handle, &keeper, &error), &error);
    portal_follower *follower;
    done("portal_follower_open", portal_follower_open(handle, NULL, 0, 0, &follower, &error), &error);
    pthread_t thread;
    pthread_create(&thread, NULL, keep, keeper);

    // Somebody in a room, whose connection a real host has from a socket.
    char params[128];
    int64_t ada = call(handle, PORTAL_ACTOR_OPERATOR, 0, "user.create", "{\"username\":\"ada\",\"role\":\"admin\"}", "user_id");
    snprintf(params, sizeof params, "{\"chat_type\":\"OFFICIAL\",\"name\":\"Cinema\",\"owner_id\":%" PRId64 "}", ada);
    int64_t chat = call(handle, PORTAL_ACTOR_OPERATOR, 0, "chat.create", params, "id");
    snprintf(params, sizeof params, "{\"user_id\":%" PRId64 "}", ada);
    portal_actor session = {0};
    session.size = sizeof session;
    session.kind = PORTAL_ACTOR_SESSION;
    session.id = call(handle, PORTAL_ACTOR_OPERATOR, 0, "session.create", params, "session_id");
    int64_t connection;
    done("portal_connect", portal_connect(handle, &session, &connection, &error), &error);
    snprintf(params, sizeof params, "{\"chat_id\":%" PRId64 "}", chat);
    call(handle, PORTAL_ACTOR_CONNECTION, connection, "room.join", params, "");
    call(handle, PORTAL_ACTOR_CONNECTION, connection, "browser.start", params, "");

    // What a real host writes to its sockets, until the browser runs.
    for (int runs = 0; !runs;) {
        portal_buf deliveries;
        done("portal_follower_deliver", portal_follower_deliver(follower, 100, 1000, &deliveries, &error), &error);
        printf("deliver: %s\n", deliveries.data);
        runs = strstr(deliveries.data, "\"room:started\"") != NULL;
        portal_buf_dispose(&deliveries);
    }
    portal_close(handle, NULL); // Wakes the thread.
    pthread_join(thread, NULL);
    portal_follower_free(follower);
    portal_keeper_free(keeper);
    portal_free(handle);
    return 0;
}
