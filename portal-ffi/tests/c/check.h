// What the C tests share: checks that say where they failed, and short ways to call.

#ifndef CHECK_H
#define CHECK_H

#include <portal.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

// A call that works; its last argument is &error.
#define OK(call)                                                                                   \
    do {                                                                                           \
        portal_error *error = NULL;                                                                \
        if ((call) != 0) {                                                                         \
            fprintf(stderr, "%s:%d: %s: %s: %s %s\n", __FILE__, __LINE__, #call,                   \
                    portal_error_code(error), portal_error_message(error),                         \
                    portal_error_extras(error));                                                   \
            exit(1);                                                                               \
        }                                                                                          \
        CHECK(error == NULL);                                                                      \
    } while (0)

// A call that fails with this status and with an error that says the same.
#define FAILS(expected, call)                                                                      \
    do {                                                                                           \
        portal_error *error = NULL;                                                                \
        int32_t status_ = (call);                                                                  \
        if (status_ != (expected)) {                                                               \
            fprintf(stderr, "%s:%d: %s: %" PRId32 " %s %s\n", __FILE__, __LINE__, #call, status_,  \
                    portal_error_code(error), portal_error_extras(error));                         \
            exit(1);                                                                               \
        }                                                                                          \
        CHECK(portal_error_status(error) == status_);                                              \
        CHECK(strcmp(portal_error_code(error), portal_status_code(status_)) == 0);                 \
        CHECK(portal_error_message(error)[0] != 0 && portal_error_extras(error)[0] == '{');        \
        portal_error_free(error);                                                                  \
    } while (0)

// PORTAL_ERR_INVALID that names this parameter.
#define REFUSES(field, call)                                                                       \
    do {                                                                                           \
        portal_error *error = NULL;                                                                \
        CHECK((call) == PORTAL_ERR_INVALID);                                                       \
        if (strcmp(portal_error_extras(error), "{\"field\":\"" field "\"}") != 0) {                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, portal_error_extras(error));        \
            exit(1);                                                                               \
        }                                                                                          \
        portal_error_free(error);                                                                  \
    } while (0)

// A text as pointer and length.
#define TEXT(text) (text), strlen(text)

static inline portal_actor actor(int32_t kind, int64_t id) {
    portal_actor actor;
    memset(&actor, 0, sizeof actor);
    actor.size = sizeof actor;
    actor.kind = kind;
    actor.id = id;
    return actor;
}

static inline portal_options options(uint32_t flags) {
    portal_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.flags = flags;
    return options;
}

// A new file in the test's directory.
static inline const char *file(const char *directory, const char *name) {
    static char path[512];
    CHECK(snprintf(path, sizeof path, "%s/%s", directory, name) < (int)sizeof path);
    return path;
}

// Calls as the operator; the caller disposes of the reply.
static inline portal_buf call(portal *handle, const char *op, const char *params) {
    portal_actor operator_ = actor(PORTAL_ACTOR_OPERATOR, 0);
    portal_buf reply;
    OK(portal_call(handle, &operator_, TEXT(op), TEXT(params), &reply, &error));
    CHECK(reply.data != NULL && strlen(reply.data) == reply.len);
    return reply;
}

// The number behind a key of a document.
static inline int64_t number(const portal_buf *json, const char *key) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *found = strstr(json->data, quoted);
    CHECK(found != NULL);
    return strtoll(found + strlen(quoted), NULL, 10);
}

// As call, for the one number that matters of the reply.
static inline int64_t call_number(portal *handle, const char *op, const char *params, const char *key) {
    portal_buf reply = call(handle, op, params);
    int64_t answer = number(&reply, key);
    portal_buf_dispose(&reply);
    return answer;
}

// An OFFICIAL chat of a new admin.
static inline int64_t lobby(portal *handle, const char *admin) {
    char params[128];
    snprintf(params, sizeof params, "{\"username\":\"%s\",\"role\":\"admin\"}", admin);
    int64_t owner = call_number(handle, "user.create", params, "user_id");
    snprintf(params, sizeof params, "{\"chat_type\":\"OFFICIAL\",\"name\":\"Lobby\",\"owner_id\":%" PRId64 "}",
             owner);
    return call_number(handle, "chat.create", params, "id");
}

#endif
