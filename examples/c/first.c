// A first program: open a file, make a user and a chat, and read what happened.
//
//     cc first.c -lportal -o first && ./first NEW-FILE

#include <portal.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// Says what went wrong, frees the error, and answers the status.
static int32_t failed(const char *what, int32_t status, portal_error *error) {
    fprintf(stderr, "%s: %s: %s\n", what, portal_status_code(status), portal_error_message(error));
    portal_error_free(error);
    return status;
}

// Calls an operation as the operator: whoever holds the file. The caller disposes of the reply.
static int32_t call(portal *handle, const char *op, const char *params, portal_buf *reply) {
    portal_actor actor = {0};
    actor.size = sizeof actor;
    actor.kind = PORTAL_ACTOR_OPERATOR;

    portal_error *error;
    int32_t status = portal_call(handle, &actor, op, strlen(op), params, strlen(params), reply, &error);
    if (status != 0) {
        return failed(op, status, error);
    }
    printf("%s: %s\n", op, reply->data);
    return 0;
}

// Makes an admin and an OFFICIAL chat, and prints the events of both.
static int32_t talk(portal *handle, portal_follower *follower) {
    portal_buf reply;
    int32_t status = call(handle, "user.create", "{\"username\": \"ada\", \"role\": \"admin\"}", &reply);
    if (status != 0) {
        return status;
    }
    int64_t owner = 0; // A real program reads the reply with a JSON library.
    sscanf(reply.data, "{\"user_id\":%" SCNd64, &owner);
    portal_buf_dispose(&reply);

    char params[128];
    snprintf(params, sizeof params,
             "{\"chat_type\": \"OFFICIAL\", \"name\": \"Lobby\", \"owner_id\": %" PRId64 "}", owner);
    status = call(handle, "chat.create", params, &reply);
    if (status != 0) {
        return status;
    }
    portal_buf_dispose(&reply);

    // As many as 100 events; waits at most 10 ms if there are none.
    portal_buf events;
    portal_error *error;
    status = portal_follower_next(follower, 100, 10, &events, &error);
    if (status != 0) {
        return failed("portal_follower_next", status, error);
    }
    printf("events: %s\n", events.data);
    portal_buf_dispose(&events);
    return 0;
}

int main(int argc, char **argv) {
    const char *path = argc > 1 ? argv[1] : "chat.db";
    portal *handle;
    portal_error *error;
    // NULL options: create the file if need be, be durable, use the system's clock.
    int32_t status = portal_open(path, strlen(path), NULL, &handle, &error);
    if (status != 0) {
        failed("portal_open", status, error);
        return 1;
    }
    portal_follower *follower;
    status = portal_follower_open(handle, NULL, 0, 0, &follower, &error);
    if (status != 0) {
        failed("portal_follower_open", status, error);
    } else {
        status = talk(handle, follower);
    }
    portal_follower_free(follower);
    portal_free(handle); // Closes the file first.
    return status == 0 ? 0 : 1;
}
