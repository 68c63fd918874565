// A host in C runs the browsers: who is let in and told so, control, the clipboard and pictures, what becomes of
// a fault, and the end of one that nobody looks at (SPEC 11, 12.2).

#include "fake.h"

enum { MINUTE = 60 * 1000 };

static portal_actor operator_(void) {
    return actor(PORTAL_ACTOR_OPERATOR, 0);
}

static void starts(struct fake *host, int64_t chat) {
    portal_actor who = operator_();
    does(host->handle, &who, "browser.start", chat);
    tend(host, "[]");
    CHECK(browser_is(host->handle, chat, "\"state\":\"running\""));
}

static void grants(portal *handle, int64_t chat, int64_t user) {
    char params[96];
    snprintf(params, sizeof params, "{\"chat_id\":%" PRId64 ",\"user_id\":%" PRId64 "}", chat, user);
    portal_buf reply = call(handle, "browser.grant_control", params);
    portal_buf_dispose(&reply);
}

// What waits to be written to connections; the caller disposes of it.
static portal_buf deliveries(portal_follower *follower) {
    portal_buf found;
    OK(portal_follower_deliver(follower, 1000, 0, &found, &error));
    return found;
}

// What this connection alone is told of this name, or NULL.
static const char *told(const portal_buf *deliveries, int64_t connection, const char *name) {
    char head[96];
    snprintf(head, sizeof head, "{\"to\":[%" PRId64 "],\"name\":\"%s\",\"data\":{", connection, name);
    return strstr(deliveries->data, head);
}

// Whether a delivery has this before the next one begins.
static int has(const char *delivery, const char *part) {
    const char *found = delivery == NULL ? NULL : strstr(delivery, part);
    const char *next = delivery == NULL ? NULL : strstr(delivery + 1, "{\"to\":[");
    return found != NULL && (next == NULL || found < next);
}

static void each_is_told_their_own_way_in(const char *directory) {
    struct fake host = fake_host();
    portal *handle = open_house(&host, file(directory, "ways.db"));
    int64_t chat = lobby(handle, "ada"), next_ms = tend(&host, "[]");
    CHECK(next_ms > host.now && called(&host, "list "));
    portal_follower *follower;
    OK(portal_follower_open(handle, NULL, 0, 0, &follower, &error));
    int64_t ben = new_user(handle, "ben");
    portal_actor there = seat(handle, ben, chat);
    int64_t elsewhere = connect_user(handle, new_user(handle, "cleo"));
    int64_t looking;
    portal_actor guest = actor(PORTAL_ACTOR_GUEST, 0);
    OK(portal_connect(handle, &guest, &looking, &error));
    guest = actor(PORTAL_ACTOR_CONNECTION, looking);
    does(handle, &guest, "room.join", chat);
    portal_buf found = deliveries(follower);
    portal_buf_dispose(&found);

    // What is wanted is written down at once; it runs once somebody has tended.
    int32_t news;
    tend(&host, "[]");
    OK(portal_keeper_wait(host.keeper, 0, &news, &error));
    CHECK(news == 0);
    portal_actor who = operator_();
    does(handle, &who, "browser.start", chat);
    CHECK(browser_is(handle, chat, "\"state\":\"starting\"") && called(&host, ""));
    OK(portal_keeper_wait(host.keeper, 600000, &news, &error));
    CHECK(news == 1);
    tend(&host, "[]");
    CHECK(called(&host, "start admit "));
    CHECK(browser_is(handle, chat, "\"state\":\"running\""));

    found = deliveries(follower);
    const char *to_ben = told(&found, there.id, "room:started");
    CHECK(has(to_ben, "\"access\":{\"password\":\"secret-ben-1\",") && has(to_ben, "\"username\":\"ben\""));
    CHECK(has(told(&found, looking, "room:started"), "\"access\":null"));
    CHECK(told(&found, elsewhere, "room:started") == NULL);
    const char *first = strstr(found.data, "secret-");
    CHECK(first != NULL && strstr(first + 1, "secret-") == NULL);
    portal_buf_dispose(&found);

    // Whoever joins later is told too, and whoever goes is let out.
    portal_actor dora = seat(handle, new_user(handle, "dora"), chat);
    OK(portal_disconnect(handle, there.id, &error));
    tend(&host, "[]");
    CHECK(called(&host, "dismiss admit "));
    found = deliveries(follower);
    CHECK(has(told(&found, dora.id, "room:started"), "secret-dora-2") && strstr(found.data, "secret-ben") == NULL);
    portal_buf_dispose(&found);

    // The log itself holds no way in.
    portal_buf events = call(handle, "event.list", "{}");
    CHECK(strstr(events.data, "room:started") != NULL && strstr(events.data, "secret-") == NULL);
    portal_buf_dispose(&events);
    portal_follower_free(follower);
    portal_keeper_free(host.keeper);
    portal_free(handle);
    CHECK(host.released == 1);
}

static void deliveries_wait_and_say_who_is_to_be_closed(const char *directory) {
    struct fake host = fake_host();
    portal *handle = open_house(&host, file(directory, "deliver.db"));
    int64_t chat = lobby(handle, "ada"), ben = new_user(handle, "ben");
    portal_follower *follower;
    OK(portal_follower_open(handle, NULL, 0, 0, &follower, &error));
    portal_actor there = seat(handle, ben, chat);
    portal_buf found = deliveries(follower);
    portal_buf_dispose(&found);
    // Who is in the room comes once the log is read to its end.
    found = deliveries(follower);
    CHECK(told(&found, there.id, "room:members") != NULL);
    portal_buf_dispose(&found);
    portal_follower_wake(follower);
    OK(portal_follower_deliver(follower, 1, 600000, &found, &error));
    CHECK(strcmp(found.data, "[]") == 0);
    portal_buf_dispose(&found);

    char params[64], close[64];
    snprintf(params, sizeof params, "{\"user_id\":%" PRId64 ",\"duration_seconds\":60}", ben);
    found = call(handle, "mod.timeout", params);
    portal_buf_dispose(&found);
    snprintf(close, sizeof close, "{\"close\":%" PRId64 ",\"reason\":\"", there.id);
    // One event at a time, some of which nobody hears of.
    for (int closed = 0; !closed;) {
        OK(portal_follower_deliver(follower, 1, 600000, &found, &error));
        closed = strstr(found.data, close) != NULL;
        portal_buf_dispose(&found);
    }
    portal_keeper_free(host.keeper);
    portal_follower_free(follower);
    portal_free(handle);
}

static void control_follows_what_was_decided(const char *directory) {
    struct fake host = fake_host();
    portal *handle = open_house(&host, file(directory, "control.db"));
    int64_t ben = new_user(handle, "ben"), chat = lobby(handle, "ada");
    portal_actor in_chair = seat(handle, ben, chat);
    starts(&host, chat);
    host.calls[0] = 0;
    grants(handle, chat, ben);
    tend(&host, "[]");
    CHECK(called(&host, "give_control ") && host.browsers[0].controller == ben);
    does(handle, &in_chair, "browser.release_control", chat);
    tend(&host, "[]");
    CHECK(called(&host, "give_control ") && host.browsers[0].controller == 0);
    portal_keeper_free(host.keeper);
    portal_free(handle);
}

static void the_clipboard_and_pictures_go_through(const char *directory) {
    struct fake host = fake_host();
    portal *handle = open_house(&host, file(directory, "screen.db"));
    int64_t chat = lobby(handle, "ada");
    portal_actor who = operator_();
    starts(&host, chat);
    char params[96];
    snprintf(params, sizeof params, "{\"chat_id\":%" PRId64 ",\"text\":\"caf\xc3\xa9 \\\"5\\\"\"}", chat);
    portal_buf reply = call(handle, "browser.set_clipboard", params);
    portal_buf_dispose(&reply);
    CHECK(strcmp(host.browsers[0].clipboard, "caf\xc3\xa9 \"5\"") == 0);
    reply = about(handle, &who, "browser.clipboard", chat);
    CHECK(strcmp(reply.data, "{\"text\":\"caf\xc3\xa9 \\\"5\\\"\"}") == 0);
    portal_buf_dispose(&reply);
    reply = about(handle, &who, "browser.screen", chat);
    CHECK(strcmp(reply.data, "{\"media_type\":\"image/png\",\"image\":\"AAH/\"}") == 0);
    portal_buf_dispose(&reply);
    portal_keeper_free(host.keeper);
    portal_free(handle);
}

static void a_fault_ends_the_run_and_leaves_the_chat_alone(const char *directory) {
    static const struct {
        int32_t status;
        const char *fault, *reason;
    } FAULTS[] = {
        {PORTAL_BROWSER_FAULT_UNREACHABLE, "\"kind\":\"unreachable\"", "\"reason\":\"unreachable\""},
        {PORTAL_BROWSER_FAULT_FULL, "\"kind\":\"full\"", "\"reason\":\"full\""},
        {PORTAL_BROWSER_FAULT_MISCONFIGURED, "\"kind\":\"misconfigured\"", "\"reason\":\"misconfigured\""},
        {PORTAL_BROWSER_FAULT_FAILED, "\"kind\":\"failed\"", "\"reason\":\"failed\""},
    };
    struct fake host = fake_host();
    portal *handle = open_house(&host, file(directory, "faults.db"));
    int64_t chat = lobby(handle, "ada"), ben = new_user(handle, "ben");
    portal_actor there = seat(handle, ben, chat), who = operator_();
    tend(&host, "[]");
    portal_buf before = about(handle, &who, "message.history", chat);
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
        host.told = "start";
        host.status = FAULTS[i].status;
        host.text = "no \"room\"";
        host.text_len = strlen(host.text);
        host.calls[0] = 0;
        does(handle, &who, "browser.start", chat);
        tend(&host, FAULTS[i].fault);
        CHECK(called(&host, "start stop "));
        CHECK(browser_is(handle, chat, "\"state\":\"failed\"") && browser_is(handle, chat, FAULTS[i].reason));
    }
    // The detail is told as it was given, behind what was asked of which run.
    does(handle, &who, "browser.start", chat);
    tend(&host, ": `start`: no \\\"room\\\"\",\"kind\"");
    host.told = NULL;

    // One that has run and is not there any more.
    starts(&host, chat);
    host.told = "give_control";
    host.status = PORTAL_BROWSER_FAULT_GONE;
    host.text = NULL;
    grants(handle, chat, ben);
    tend(&host, "\"kind\":\"gone\"");
    CHECK(browser_is(handle, chat, "\"reason\":\"died\""));

    // Nobody was put out by any of it, and nothing was written into the chat.
    portal_buf after = about(handle, &who, "message.history", chat);
    const char *as_of = strstr(before.data, ",\"as_of\"");
    CHECK(as_of != NULL && strncmp(before.data, after.data, (size_t)(as_of - before.data)) == 0);
    does(handle, &there, "room.typing", chat);
    portal_buf_dispose(&before);
    portal_buf_dispose(&after);
    portal_keeper_free(host.keeper);
    portal_free(handle);
}

static void nobody_looks_for_ten_minutes_by_the_hosts_clock(const char *directory) {
    struct fake host = fake_host();
    portal *handle = open_house(&host, file(directory, "idle.db"));
    int64_t chat = lobby(handle, "ada"), ben = new_user(handle, "ben"), next;
    portal_actor there = seat(handle, ben, chat);
    starts(&host, chat);
    host.now += 20 * MINUTE;
    OK(portal_tick(handle, &next, &error));
    CHECK(browser_is(handle, chat, "\"state\":\"running\""));
    OK(portal_disconnect(handle, there.id, &error));
    OK(portal_tick(handle, &next, &error));
    host.now += 10 * MINUTE - 1;
    OK(portal_tick(handle, &next, &error));
    CHECK(browser_is(handle, chat, "\"state\":\"running\""));
    host.now += 1;
    OK(portal_tick(handle, &next, &error));
    CHECK(browser_is(handle, chat, "\"state\":\"stopping\"") && browser_is(handle, chat, "\"reason\":\"idle\""));
    tend(&host, "[]");
    CHECK(browser_is(handle, chat, "\"browser\":null") && host.browsers[0].run[0] == 0);
    portal_keeper_free(host.keeper);
    portal_free(handle);
}

static void what_an_earlier_process_left_is_taken_over(const char *directory) {
    struct fake host = fake_host();
    char path[512];
    snprintf(path, sizeof path, "%s", file(directory, "again.db"));
    portal *handle = open_house(&host, path);
    int64_t chat = lobby(handle, "ada"), ben = new_user(handle, "ben");
    seat(handle, ben, chat);
    starts(&host, chat);
    portal_keeper_free(host.keeper);
    portal_free(handle);
    CHECK(host.released == 1);

    host.released = 0;
    host.calls[0] = 0;
    handle = open_house(&host, path);
    seat(handle, ben, chat);
    tend(&host, "[]");
    // It runs on; who was let in by another process has a password that nobody knows, and gets another.
    CHECK(called(&host, "list dismiss admit "));
    CHECK(browser_is(handle, chat, "\"state\":\"running\""));
    portal_keeper_free(host.keeper);
    portal_free(handle);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    each_is_told_their_own_way_in(argv[1]);
    deliveries_wait_and_say_who_is_to_be_closed(argv[1]);
    control_follows_what_was_decided(argv[1]);
    the_clipboard_and_pictures_go_through(argv[1]);
    a_fault_ends_the_run_and_leaves_the_chat_alone(argv[1]);
    nobody_looks_for_ten_minutes_by_the_hosts_clock(argv[1]);
    what_an_earlier_process_left_is_taken_over(argv[1]);
    return 0;
}
