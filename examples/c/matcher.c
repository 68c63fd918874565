// Two people are matched and one of them loses the connection: a host with an event loop and a clock of its own. The
// clock is turned by hand, so that the minute of grace (SPEC 9.9) takes no time.
//
//     cc matcher.c -lportal -o matcher && ./matcher NEW-FILE

#include <portal.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct host {
    portal *handle;
    portal_follower *follower;
    int64_t now_ms;  // What the host's clock says. A real one leaves portal_options.now_ms NULL.
    int64_t next_ms; // When portal_tick wants to be called next.
};

static int64_t clock_of(void *host) {
    return ((struct host *)host)->now_ms;
}

// Ends the program on a failure: this is an example. The error is looked at once the call has answered.
static void done(const char *what, int32_t status, portal_error **error) {
    if (status != 0) {
        fprintf(stderr, "%s: %s: %s\n", what, portal_status_code(status), portal_error_message(*error));
        exit(1);
    }
}

static portal_actor actor(int32_t kind, int64_t id) {
    portal_actor actor = {0};
    actor.size = sizeof actor;
    actor.kind = kind;
    actor.id = id;
    return actor;
}

// The event loop: writes what is to be said to whom, and does what is due, until nothing is left for now. A real
// host does both for ever, waiting in portal_follower_deliver until next_ms instead of not at all.
static void loop(struct host *host) {
    portal_error *error = NULL;
    for (int said = 1; said;) {
        if (host->now_ms >= host->next_ms) {
            done("portal_tick", portal_tick(host->handle, &host->next_ms, &error), &error);
        }
        portal_buf deliveries; // [{"to": [connections], "name": ..., "data": {...}}, ...]
        done("portal_follower_deliver", portal_follower_deliver(host->follower, 100, 0, &deliveries, &error), &error);
        said = strcmp(deliveries.data, "[]") != 0;
        if (said) {
            printf("  write %s\n", deliveries.data); // A real host writes each to the sockets it names.
        }
        portal_buf_dispose(&deliveries);
    }
}

static void pass(struct host *host, int64_t seconds) {
    printf("%" PRId64 " seconds pass\n", seconds);
    host->now_ms += seconds * 1000;
    loop(host);
}

// Makes a person and answers a session of theirs, as signing in would.
static portal_actor sign_up(struct host *host, const char *name) {
    portal_actor operator_ = actor(PORTAL_ACTOR_OPERATOR, 0);
    portal_error *error = NULL;
    int64_t user;
    done("portal_user_create", portal_user_create(host->handle, &operator_, name, strlen(name), &user, &error), &error);
    char params[64];
    int length = snprintf(params, sizeof params, "{\"user_id\": %" PRId64 "}", user);
    portal_buf reply;
    done("session.create",
         portal_call(host->handle, &operator_, "session.create", 14, params, (size_t)length, &reply, &error), &error);
    const char *id = strstr(reply.data, "\"session_id\":"); // A real program reads the reply with a JSON library.
    portal_actor session = actor(PORTAL_ACTOR_SESSION, id == NULL ? 0 : strtoll(id + 13, NULL, 10));
    portal_buf_dispose(&reply);
    return session;
}

// What a host does when a socket of somebody opens.
static portal_actor connect_to(struct host *host, const portal_actor *session) {
    portal_error *error = NULL;
    int64_t connection;
    done("portal_connect", portal_connect(host->handle, session, &connection, &error), &error);
    return actor(PORTAL_ACTOR_CONNECTION, connection);
}

static void disconnect(struct host *host, const portal_actor *connection) {
    portal_error *error = NULL;
    done("portal_disconnect", portal_disconnect(host->handle, connection->id, &error), &error);
    loop(host);
}

// Asks for somebody to talk to; the chat if there is one already, else 0.
static int64_t search(struct host *host, const portal_actor *who, const char *interests) {
    portal_error *error = NULL;
    int64_t chat;
    done("portal_match_enqueue",
         portal_match_enqueue(host->handle, who, interests, strlen(interests), &chat, &error), &error);
    loop(host);
    return chat;
}

static void meet_and_part(struct host *host) {
    portal_actor ada_signed_in = sign_up(host, "ada"), ben_signed_in = sign_up(host, "ben");
    portal_actor ada = connect_to(host, &ada_signed_in), ben = connect_to(host, &ben_signed_in);
    ada.country = "NL", ada.country_len = 2; // For whom she is matched with to see.

    printf("ada looks for somebody, then ben does\n");
    search(host, &ada, "chess,tea");
    int64_t chat = search(host, &ben, "tea,films");
    printf("they share chat %" PRId64 "\n", chat);

    printf("ben's connection is lost; there is a minute to come back\n");
    disconnect(host, &ben);
    pass(host, 59);
    printf("ben is back\n");
    ben = connect_to(host, &ben_signed_in);
    portal_error *error = NULL;
    portal_buf room;
    done("portal_room_join", portal_room_join(host->handle, &ben, chat, &room, &error), &error);
    portal_buf_dispose(&room);
    loop(host);

    printf("ben's connection is lost again\n");
    disconnect(host, &ben);
    pass(host, 60);

    int64_t left;
    int32_t status = portal_match_leave(host->handle, &ada, 0, &left, &error);
    printf("ada leaves: %s\n", portal_status_code(status)); // There is nothing to leave any more.
    portal_error_free(error);
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : "chat.db";
    struct host host = {0};
    host.now_ms = INT64_C(1800000000000);
    portal_options options = {0};
    options.size = sizeof options;
    options.flags = PORTAL_OPEN_PRESENCE; // Who is connected matters here.
    options.host = &host;
    options.now_ms = clock_of;
    portal_error *error = NULL;
    done("portal_open", portal_open(path, strlen(path), &options, &host.handle, &error), &error);
    done("portal_follower_open", portal_follower_open(host.handle, NULL, 0, 0, &host.follower, &error), &error);
    meet_and_part(&host);
    portal_follower_free(host.follower);
    portal_free(host.handle);
    return 0;
}
