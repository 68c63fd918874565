// Matching through the one call: two people meet, the host follows what becomes of them, and each refusal
// has its number (SPEC 9, 13.1).

#include "check.h"

static int64_t user(portal *handle, const char *name) {
    char params[128];
    snprintf(params, sizeof params, "{\"username\":\"%s\"}", name);
    return call_number(handle, "user.create", params, "user_id");
}

static portal_actor from(int64_t user, const char *country) {
    portal_actor who = actor(PORTAL_ACTOR_USER, user);
    who.country = country;
    who.country_len = country == NULL ? 0 : strlen(country);
    return who;
}

// Calls as somebody; the caller disposes of the reply.
static portal_buf call_as(portal *handle, const portal_actor *who, const char *op, const char *params) {
    portal_buf reply;
    OK(portal_call(handle, who, TEXT(op), TEXT(params), &reply, &error));
    return reply;
}

static void does(portal *handle, const portal_actor *who, const char *op, const char *params) {
    portal_buf reply = call_as(handle, who, op, params);
    portal_buf_dispose(&reply);
}

static int says(portal *handle, const portal_actor *who, const char *op, const char *params, const char *part) {
    portal_buf reply = call_as(handle, who, op, params);
    int found = strstr(reply.data, part) != NULL;
    if (!found) {
        fprintf(stderr, "%s: %s\n", op, reply.data);
    }
    portal_buf_dispose(&reply);
    return found;
}

static int32_t status_of(portal *handle, const portal_actor *who, const char *op, const char *params,
                         portal_error **error) {
    portal_buf reply;
    return portal_call(handle, who, TEXT(op), TEXT(params), &reply, error);
}

// Reads the events that wait and checks that these are among them, in this order.
static void follows(portal_follower *follower, const char *const *parts, size_t count) {
    portal_buf events;
    OK(portal_follower_next(follower, 100, 0, &events, &error));
    const char *at = events.data;
    for (size_t i = 0; i < count; i++) {
        at = strstr(at, parts[i]);
        if (at == NULL) {
            fprintf(stderr, "not in %s: %s\n", events.data, parts[i]);
            exit(1);
        }
        at += strlen(parts[i]);
    }
    portal_buf_dispose(&events);
}

static void two_meet_and_part(const char *directory) {
    portal *handle;
    OK(portal_open(TEXT(file(directory, "match.db")), NULL, &handle, &error));
    portal_actor ada = from(user(handle, "ada"), "NL");
    portal_actor ben = from(user(handle, "ben"), NULL);
    portal_follower *follower;
    OK(portal_follower_open(handle, NULL, 0, 0, &follower, &error));

    CHECK(says(handle, &ada, "match.enqueue", "{\"interests\":[\"chess\",\"tea\"]}", "\"state\":\"searching\""));
    portal_buf found = call_as(handle, &ben, "match.enqueue", "{\"interests\":[\"tea\"]}");
    int64_t chat = number(&found, "chat_id");
    // ben sees where ada asked from; of ben nobody said.
    CHECK(strstr(found.data, "\"name\":\"ada\",\"country_code\":\"NL\"") != NULL);
    CHECK(strstr(found.data, "\"interests\":[\"tea\"]") != NULL);
    portal_buf_dispose(&found);
    CHECK(says(handle, &ada, "match.status", "{}", "\"name\":\"ben\",\"country_code\":null"));

    char told[2][96];
    snprintf(told[0], sizeof told[0], "\"user_id\":%" PRId64 ",\"peer_id\":%" PRId64, ada.id, ben.id);
    snprintf(told[1], sizeof told[1], "\"user_id\":%" PRId64 ",\"peer_id\":%" PRId64, ben.id, ada.id);
    const char *const meeting[] = {"match:queued", "match:found", told[0], "match:found", told[1]};
    follows(follower, meeting, sizeof meeting / sizeof *meeting);

    CHECK(call_number(handle, "match.stats", "{}", "active_chats") == 1);
    portal_buf left = call_as(handle, &ben, "match.leave", "{}");
    CHECK(number(&left, "chat_id") == chat);
    portal_buf_dispose(&left);
    const char *const parting[] = {"room:peer_left", "match:ended", "\"peer_left\"", "match:ended", "\"left\"",
                                   "room:destroyed"};
    follows(follower, parting, sizeof parting / sizeof *parting);
    CHECK(says(handle, &ada, "match.status", "{}", "\"state\":\"idle\""));
    portal_follower_free(follower);
    portal_free(handle);
}

static void every_refusal_has_its_number(const char *directory) {
    portal *handle;
    OK(portal_open(TEXT(file(directory, "refusals.db")), NULL, &handle, &error));
    portal_actor ada = from(user(handle, "ada"), NULL);
    portal_actor ben = from(user(handle, "ben"), NULL);
    portal_actor pia = from(user(handle, "pia"), NULL);
    char params[96];
    snprintf(params, sizeof params, "{\"user_id\":%" PRId64 ",\"tier\":\"premium\"}", pia.id);
    portal_buf done = call(handle, "user.set_tier", params);
    portal_buf_dispose(&done);
    const char *tea = "{\"interests\":[\"tea\"]}";

    portal_error *error;
    int32_t status = status_of(handle, &ada, "match.enqueue", "{\"interests\":[\"tea\",\"No\"]}", &error);
    CHECK(status == 601 && status == PORTAL_ERR_MATCH_BAD_INTEREST);
    CHECK(strcmp(portal_error_code(error), "ERR_MATCH_BAD_INTEREST") == 0);
    CHECK(strcmp(portal_error_extras(error), "{\"field\":\"interests[1]\"}") == 0);
    portal_error_free(error);

    CHECK(PORTAL_ERR_MATCH_ALREADY_SEARCHING == 602 && PORTAL_ERR_MATCH_SLOT_LIMIT == 603);
    CHECK(PORTAL_ERR_MATCH_AMBIGUOUS == 604 && PORTAL_ERR_MATCH_NO_ACTIVE_DIRECT == 605);
    FAILS(PORTAL_ERR_MATCH_NO_ACTIVE_DIRECT, status_of(handle, &ada, "match.leave", "{}", &error));
    does(handle, &ada, "match.enqueue", tea);
    FAILS(PORTAL_ERR_MATCH_ALREADY_SEARCHING, status_of(handle, &ada, "match.enqueue", tea, &error));
    does(handle, &pia, "match.enqueue", tea);
    FAILS(PORTAL_ERR_MATCH_SLOT_LIMIT, status_of(handle, &ada, "match.enqueue", tea, &error));
    does(handle, &ben, "match.enqueue", tea);
    does(handle, &pia, "match.enqueue", tea);
    FAILS(PORTAL_ERR_MATCH_AMBIGUOUS, status_of(handle, &pia, "match.leave", "{}", &error));

    int64_t stranger = call_number(handle, "stranger.create", "{}", "user_id");
    snprintf(params, sizeof params, "{\"user_id\":%" PRId64 "}", stranger);
    done = call(handle, "stranger.block", params);
    portal_buf_dispose(&done);
    portal_actor blocked = from(stranger, NULL);
    CHECK(PORTAL_ERR_STRANGER_BLOCKED == 322);
    FAILS(PORTAL_ERR_STRANGER_BLOCKED, status_of(handle, &blocked, "match.enqueue", tea, &error));
    portal_free(handle);
}

// What a program built with the header of before the country hands over.
static void an_actor_without_a_country_is_read_as_before(const char *directory) {
    portal *handle;
    OK(portal_open(TEXT(file(directory, "earlier.db")), NULL, &handle, &error));
    portal_actor ada = from(user(handle, "ada"), NULL);
    portal_actor ben = from(user(handle, "ben"), NULL);
    ada.size = offsetof(portal_actor, country);
    // On the heap, so that a read behind its end is found.
    portal_actor *earlier = malloc(ada.size);
    CHECK(earlier != NULL);
    memcpy(earlier, &ada, ada.size);
    does(handle, earlier, "match.enqueue", "{\"interests\":[\"tea\"]}");
    free(earlier);
    // What stands behind the size that was said is nobody's.
    ben.size = ada.size;
    ben.country = "far too long";
    ben.country_len = strlen(ben.country);
    CHECK(says(handle, &ben, "match.enqueue", "{\"interests\":[\"tea\"]}", "\"country_code\":null"));
    CHECK(says(handle, &ada, "match.status", "{}", "\"country_code\":null"));

    ben.size = ada.size + 1;
    REFUSES("actor.size", status_of(handle, &ben, "match.status", "{}", &error));
    ben.size = ada.size - 1;
    REFUSES("actor.size", status_of(handle, &ben, "match.status", "{}", &error));
    portal_free(handle);
}

static void a_country_is_two_capital_letters(const char *directory) {
    static const char *const WRONG[] = {"nl", "NLD", "N", "N1", " NL", "caf\xe9"};
    portal *handle;
    OK(portal_open(TEXT(file(directory, "country.db")), NULL, &handle, &error));
    portal_actor ada = from(user(handle, "ada"), "NL");
    does(handle, &ada, "match.status", "{}");
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        portal_actor wrong = from(ada.id, WRONG[i]);
        REFUSES("actor.country", status_of(handle, &wrong, "match.status", "{}", &error));
    }
    ada.country = NULL;
    REFUSES("actor.country", status_of(handle, &ada, "match.status", "{}", &error));
    portal_free(handle);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    two_meet_and_part(argv[1]);
    every_refusal_has_its_number(argv[1]);
    an_actor_without_a_country_is_read_as_before(argv[1]);
    a_country_is_two_capital_letters(argv[1]);
    return 0;
}
