// A client in C: a session, a keyring, and the loop between it and a portal.

#ifndef KEYRING_H
#define KEYRING_H

#include "check.h"

typedef struct {
    portal *handle;
    portal_actor actor;
    int64_t user;
    int64_t session;
    portal_keyring *keyring;
    int keys;
    int alarms;
    int64_t now;
    char last_alarm[512];
} client;

static inline portal_keyring_options ring_options(int64_t user, int64_t session) {
    portal_keyring_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.user_id = user;
    options.session_id = session;
    return options;
}

static inline int count(const char *text, const char *word) {
    int found = 0;
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        found++;
    }
    return found;
}

// The end of the JSON object that begins here. No text in these documents has a brace in it.
static inline const char *end_of_object(const char *at) {
    int depth = 0;
    do {
        CHECK(*at != 0);
        depth += (*at == '{') - (*at == '}');
        at++;
    } while (depth > 0);
    return at;
}

static inline void carry_out(client *who, portal_buf step);

// Calls one request and hands in what came of it.
static inline void request(client *who, int64_t id, const char *op, size_t op_len, const char *params,
                           size_t params_len) {
    portal_buf reply, step;
    portal_error *failure = NULL;
    int32_t status = portal_call(who->handle, &who->actor, op, op_len, params, params_len, &reply, &failure);
    const char *document = status == 0 ? reply.data : portal_error_extras(failure);
    OK(portal_keyring_reply(who->keyring, id, status, TEXT(document), who->now, &step, &error));
    portal_buf_dispose(&reply);
    portal_error_free(failure);
    carry_out(who, step);
}

// Does what a step asks for, and disposes of it.
static inline void carry_out(client *who, portal_buf step) {
    CHECK(strncmp(step.data, "{\"requests\":[", 13) == 0);
    const char *at = step.data + 13;
    while (*at == '{' || *at == ',') {
        at += *at == ',';
        CHECK(strncmp(at, "{\"id\":", 6) == 0);
        int64_t id = strtoll(at + 6, NULL, 10);
        const char *op = strstr(at, "\"op\":\"") + 6;
        size_t op_len = strcspn(op, "\"");
        const char *params = strstr(op, "\"params\":") + 9;
        const char *end = end_of_object(params);
        request(who, id, op, op_len, params, (size_t)(end - params));
        at = end + 1;
    }
    who->alarms += count(step.data, "\"kind\":");
    const char *alarm = strstr(step.data, "{\"kind\":");
    if (alarm != NULL) {
        size_t length = (size_t)(end_of_object(alarm) - alarm);
        CHECK(length < sizeof who->last_alarm);
        memcpy(who->last_alarm, alarm, length);
        who->last_alarm[length] = 0;
    }
    const char *keys = strstr(step.data, "\"keys\":[");
    CHECK(keys != NULL);
    who->keys += count(keys, "\"chat_id\":");
    portal_buf_dispose(&step);
}

static inline void event(client *who, const char *name, size_t name_len, const char *data, size_t data_len) {
    portal_buf step;
    OK(portal_keyring_event(who->keyring, name, name_len, data, data_len, who->now, &step, &error));
    carry_out(who, step);
}

// Hands everything that has happened to everyone, until nothing more does.
static inline void settle(portal_follower *follower, client *people, int how_many) {
    for (int rounds = 0; rounds < 100; rounds++) {
        portal_buf events;
        OK(portal_follower_next(follower, 100, 0, &events, &error));
        if (strcmp(events.data, "[]") == 0) {
            portal_buf_dispose(&events);
            return;
        }
        for (const char *at = strstr(events.data, "\"name\":\""); at != NULL; at = strstr(at, "\"name\":\"")) {
            const char *name = at + 8;
            size_t name_len = strcspn(name, "\"");
            const char *data = strstr(name, "\"data\":") + 7;
            const char *end = end_of_object(data);
            for (int i = 0; i < how_many; i++) {
                event(&people[i], name, name_len, data, (size_t)(end - data));
            }
            at = end;
        }
        portal_buf_dispose(&events);
    }
    CHECK(!"it does not come to rest");
}

// A session of a person, connected, with a keyring.
static inline client arrive(portal *handle, int64_t user) {
    client who;
    memset(&who, 0, sizeof who);
    char params[64];
    snprintf(params, sizeof params, "{\"user_id\":%" PRId64 "}", user);
    who.handle = handle;
    who.user = user;
    who.now = 1800000000000;
    who.session = call_number(handle, "session.create", params, "session_id");
    portal_actor session = actor(PORTAL_ACTOR_SESSION, who.session);
    int64_t connection;
    OK(portal_connect(handle, &session, &connection, &error));
    who.actor = actor(PORTAL_ACTOR_CONNECTION, connection);
    portal_keyring_options options = ring_options(user, who.session);
    OK(portal_keyring_new(&options, &who.keyring, &error));
    return who;
}

// Joins a room and tells the keyring.
static inline void join(client *who, int64_t chat) {
    portal_buf reply;
    OK(portal_room_join(who->handle, &who->actor, chat, &reply, &error));
    event(who, TEXT("room.join"), reply.data, reply.len);
    portal_buf_dispose(&reply);
}

#endif
