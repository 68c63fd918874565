// An encrypted chat of two people, then three, then two again, whose keys move on when somebody is kicked. Host and
// clients are one program here; elsewhere each client has a keyring of its own on its own device, and the two talk over
// a socket.
//
//     cc e2ee.c -lportal -o e2ee && ./e2ee NEW-FILE

#include <portal.h>

#include "json.h"

#include <inttypes.h>

#define MOST 3

struct person {
    const char *name;
    int64_t user;
    portal_actor session, connection;
    portal_keyring *keyring;
    int64_t wake_at_ms; // When the keyring wants a tick; 0: not before something happens.
};

struct host {
    portal *handle;
    portal_follower *follower;
    int64_t now_ms, next_ms; // The clock is turned by hand, so that nothing has to be waited for.
    struct person people[MOST];
    int count;
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

// Calls an operation; the caller disposes of the reply.
static portal_buf call(struct host *host, const portal_actor *who, const char *op, const char *params) {
    portal_buf reply;
    portal_error *error = NULL;
    done(op, portal_call(host->handle, who, op, strlen(op), params, strlen(params), &reply, &error), &error);
    return reply;
}

// Does what a keyring asks for. This is all that keys need of a client; with a server, portal_call is a message on the
// socket and portal_keyring_reply what its answer leads to.
static void carry_out(struct host *host, struct person *person, portal_buf step) {
    json requests = json_member(json_of(step.data), "requests"), request;
    person->wake_at_ms = json_number(json_member(json_of(step.data), "wake_at_ms"));
    for (const char *place = NULL; (request = json_next(requests, &place)).len > 0;) {
        char *op = json_text(json_member(request, "op"));
        json params = json_member(request, "params");
        portal_buf reply, next;
        portal_error *refusal, *error = NULL;
        int32_t status = portal_call(host->handle, &person->connection, op, strlen(op), params.at, params.len, &reply,
                                     &refusal);
        const char *document = status == 0 ? reply.data : portal_error_extras(refusal);
        done(op, portal_keyring_reply(person->keyring, json_number(json_member(request, "id")), status, document,
                                      strlen(document), host->now_ms, &next, &error), &error);
        portal_buf_dispose(&reply);
        portal_error_free(refusal);
        free(op);
        carry_out(host, person, next);
    }
    json alarms = json_member(json_of(step.data), "alarms"), alarm;
    for (const char *place = NULL; (alarm = json_next(alarms, &place)).len > 0;) {
        printf("  (%s's keyring: %.*s)\n", person->name, (int)alarm.len, alarm.at);
    }
    portal_buf_dispose(&step);
}

// Tells a keyring what has happened.
static void tell(struct host *host, struct person *person, const char *name, json data) {
    portal_buf step;
    portal_error *error = NULL;
    done(name, portal_keyring_event(person->keyring, name, strlen(name), data.at, data.len, host->now_ms, &step, &error),
         &error);
    carry_out(host, person, step);
}

// Opens a message and prints it, or why it stays closed.
static void read_message(struct person *person, json message) {
    char *envelope = json_text(json_member(message, "content"));
    int64_t sender = json_number(json_member(json_member(message, "sender"), "id"));
    portal_buf text;
    portal_error *error;
    int32_t status = portal_keyring_open(person->keyring, json_number(json_member(message, "chat_id")),
                                         json_number(json_member(message, "id")), sender, envelope, strlen(envelope),
                                         &text, &error);
    printf("%s reads: %s\n", person->name, status == 0 ? text.data : portal_error_code(error));
    portal_error_free(error);
    portal_buf_dispose(&text);
    free(envelope);
}

// What the host does with one delivery: elsewhere it writes to the sockets named, and the clients do this.
static void deliver(struct host *host, json delivery) {
    json to = json_member(delivery, "to"), connection, data = json_member(delivery, "data");
    char *name = json_text(json_member(delivery, "name"));
    for (const char *place = NULL; name != NULL && (connection = json_next(to, &place)).len > 0;) {
        for (int i = 0; i < host->count; i++) {
            struct person *person = &host->people[i];
            if (person->connection.id != json_number(connection)) {
                continue;
            }
            tell(host, person, name, data);
            json message = json_member(data, "message");
            if (strcmp(name, "message:new") == 0 && json_is(json_member(message, "kind"), "user")) {
                read_message(person, message);
            }
        }
    }
    free(name);
}

// Delivers what there is; whether there was anything.
static int deliver_all(struct host *host) {
    portal_buf deliveries;
    portal_error *error = NULL;
    done("portal_follower_deliver", portal_follower_deliver(host->follower, 100, 0, &deliveries, &error), &error);
    json all = json_of(deliveries.data), delivery;
    int any = 0;
    for (const char *place = NULL; (delivery = json_next(all, &place)).len > 0; any = 1) {
        deliver(host, delivery);
    }
    portal_buf_dispose(&deliveries);
    return any;
}

// The event loop, until nothing is left to do or to wait for. A real host waits where this one turns its clock.
static void loop(struct host *host) {
    for (;;) {
        portal_error *error = NULL;
        if (host->now_ms >= host->next_ms) {
            done("portal_tick", portal_tick(host->handle, &host->next_ms, &error), &error);
        }
        if (deliver_all(host)) {
            continue;
        }
        struct person *next = NULL;
        for (int i = 0; i < host->count; i++) {
            struct person *person = &host->people[i];
            if (person->wake_at_ms != 0 && (next == NULL || person->wake_at_ms < next->wake_at_ms)) {
                next = person;
            }
        }
        if (next == NULL) {
            return;
        }
        if (host->now_ms < next->wake_at_ms) {
            host->now_ms = next->wake_at_ms;
        }
        portal_buf step;
        done("portal_keyring_tick", portal_keyring_tick(next->keyring, host->now_ms, &step, &error), &error);
        carry_out(host, next, step);
    }
}

// A person with a session, a connection and a keyring, as after signing in on some device.
static struct person *sign_in(struct host *host, const char *name) {
    struct person *person = &host->people[host->count++];
    portal_actor operator_ = actor(PORTAL_ACTOR_OPERATOR, 0);
    portal_error *error = NULL;
    person->name = name;
    done(name, portal_user_create(host->handle, &operator_, name, strlen(name), &person->user, &error), &error);
    char params[64];
    snprintf(params, sizeof params, "{\"user_id\": %" PRId64 ", \"tier\": \"premium\"}", person->user);
    portal_buf reply = call(host, &operator_, "user.set_tier", params); // PRIVATE chats need a premium owner.
    portal_buf_dispose(&reply);
    snprintf(params, sizeof params, "{\"user_id\": %" PRId64 "}", person->user);
    reply = call(host, &operator_, "session.create", params);
    person->session = actor(PORTAL_ACTOR_SESSION, json_number(json_member(json_of(reply.data), "session_id")));
    portal_buf_dispose(&reply);
    int64_t connection;
    done(name, portal_connect(host->handle, &person->session, &connection, &error), &error);
    person->connection = actor(PORTAL_ACTOR_CONNECTION, connection);

    portal_keyring_options options = {0};
    options.size = sizeof options;
    options.user_id = person->user;
    options.session_id = person->session.id;
    done(name, portal_keyring_new(&options, &person->keyring, &error), &error);
    return person;
}

// Sits down in a room, and tells the keyring so.
static void join(struct host *host, struct person *person, int64_t chat) {
    portal_buf room;
    portal_error *error = NULL;
    done("portal_room_join", portal_room_join(host->handle, &person->connection, chat, &room, &error), &error);
    printf("%s is in the room\n", person->name);
    tell(host, person, "room.join", json_of(room.data));
    portal_buf_dispose(&room);
    loop(host);
}

static void invite(struct host *host, struct person *owner, struct person *guest, int64_t chat) {
    portal_buf code;
    portal_error *error = NULL;
    int32_t joined;
    done("portal_invite_create", portal_invite_create(host->handle, &owner->connection, chat, 0, 1, &code, &error), &error);
    done("portal_invite_resolve", portal_invite_resolve(host->handle, &guest->connection, code.data, code.len, &chat,
                                                        &joined, &error), &error);
    portal_buf_dispose(&code);
    join(host, guest, chat);
}

static void say(struct host *host, struct person *person, int64_t chat, const char *text) {
    portal_buf envelope;
    portal_error *error = NULL;
    int64_t message;
    printf("%s says: %s\n", person->name, text);
    done("portal_keyring_seal", portal_keyring_seal(person->keyring, chat, text, strlen(text), &envelope, &error), &error);
    done("portal_message_send", portal_message_send(host->handle, &person->connection, chat, envelope.data, envelope.len,
                                                    NULL, 0, &message, &error), &error);
    portal_buf_dispose(&envelope);
    loop(host);
}

// A keyring can be kept, sealed under a key of the host's, and be there again after a restart.
static portal_keyring *copy_of(struct person *person) {
    static const uint8_t KEY[32] = {7}; // A real one is random and kept where the system keeps secrets.
    portal_keyring_options options = {0};
    options.size = sizeof options;
    options.user_id = person->user;
    options.session_id = person->session.id;
    portal_buf sealed;
    portal_error *error = NULL;
    portal_keyring *copy;
    done("portal_keyring_export", portal_keyring_export(person->keyring, KEY, &sealed, &error), &error);
    done("portal_keyring_import", portal_keyring_import(&options, sealed.data, sealed.len, KEY, &copy, &error), &error);
    portal_buf_dispose(&sealed);
    return copy;
}

// Reads what the file holds of a chat, newest first, as whoever holds the file can.
static void read_file(struct host *host, struct person *person, int64_t chat) {
    portal_actor operator_ = actor(PORTAL_ACTOR_OPERATOR, 0);
    portal_buf history;
    portal_error *error = NULL;
    done("portal_message_history", portal_message_history(host->handle, &operator_, chat, 0, 0, 0, &history, &error),
         &error);
    json messages = json_member(json_of(history.data), "messages"), message;
    for (const char *place = NULL; (message = json_next(messages, &place)).len > 0;) {
        if (json_is(json_member(message, "kind"), "user")) {
            read_message(person, message);
        }
    }
    portal_buf_dispose(&history);
}

static void talk(struct host *host) {
    portal_error *error = NULL;
    int64_t chat;
    struct person *ada = sign_in(host, "ada"), *ben = sign_in(host, "ben"), *cyd = sign_in(host, "cyd");
    done("portal_chat_create", portal_chat_create(host->handle, &ada->connection, "PRIVATE", 7, "The garden", 10, NULL, 0,
                                                  0, &chat, &error), &error);
    join(host, ada, chat);
    invite(host, ada, ben, chat);
    say(host, ada, chat, "Good morning, Ben");
    say(host, ben, chat, "Good morning");
    invite(host, ada, cyd, chat);
    say(host, cyd, chat, "Am I late?");

    // Whoever was there can have kept the keys of that time; her keyring itself wipes them when she is put out.
    struct person copy = *cyd;
    copy.keyring = copy_of(cyd);
    printf("ada puts cyd out of the room\n");
    done("portal_mod_kick", portal_mod_kick(host->handle, &ada->connection, chat, cyd->user, NULL, 0, &error), &error);
    loop(host);
    say(host, ben, chat, "Where were we?");
    printf("cyd looks into the file, with a copy of her keys\n");
    read_file(host, &copy, chat);
    portal_keyring_free(copy.keyring);
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : "chat.db";
    struct host host = {0};
    host.now_ms = INT64_C(1800000000000);
    portal_options options = {0};
    options.size = sizeof options;
    options.flags = PORTAL_OPEN_PRESENCE;
    options.host = &host;
    options.now_ms = clock_of;
    portal_error *error = NULL;
    done("portal_open", portal_open(path, strlen(path), &options, &host.handle, &error), &error);
    done("portal_follower_open", portal_follower_open(host.handle, NULL, 0, 0, &host.follower, &error), &error);
    talk(&host);
    for (int i = 0; i < host.count; i++) {
        portal_keyring_free(host.people[i].keyring); // Wipes its keys.
    }
    portal_follower_free(host.follower);
    portal_free(host.handle);
    return 0;
}
