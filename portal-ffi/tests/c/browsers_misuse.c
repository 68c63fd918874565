// What a host that runs browsers can do wrong: each mistake has a name, a wrong answer is a fault, the host is
// released once, and a callback that calls back does not wait for itself (SPEC 11.3, 17.2, 17.4).

#include "fake.h"

#include <stddef.h>
#include <unistd.h>

// Opening --------------------------------------------------------------------------------------------

static void count(void *host) {
    ++*(int *)host;
}

// Opens with these browsers; what it counts is in the two.
static int32_t opens(const char *path, portal_browser_backend *browsers, uint32_t flags, int *released,
                     portal **handle, portal_error **error) {
    portal_options with = options(flags);
    with.host = &released[0];
    with.release = count;
    browsers->host = &released[1];
    browsers->release = count;
    with.browsers = browsers;
    return portal_open(TEXT(path), &with, handle, error);
}

#define WITHOUT(callback)                                                                          \
    do {                                                                                           \
        struct fake host = fake_host();                                                            \
        portal_browser_backend browsers = backend(&host);                                          \
        browsers.callback = NULL;                                                                  \
        int released[2] = {0, 0};                                                                  \
        REFUSES("options.browsers." #callback,                                                     \
                opens(path, &browsers, PORTAL_OPEN_PRESENCE, released, &handle, &error));          \
        CHECK(handle == NULL && released[0] == 1 && released[1] == 1);                             \
    } while (0)

static void opening_refuses_what_is_not_whole(const char *directory) {
    const char *path = file(directory, "refused.db");
    portal *handle;
    WITHOUT(start);
    WITHOUT(stop);
    WITHOUT(list);
    WITHOUT(admit);
    WITHOUT(dismiss);
    WITHOUT(give_control);
    WITHOUT(clipboard);
    WITHOUT(set_clipboard);
    WITHOUT(screenshot);

    struct fake host = fake_host();
    portal_browser_backend browsers = backend(&host);
    int released[2] = {0, 0};
    REFUSES("options.browsers", opens(path, &browsers, 0, released, &handle, &error));
    CHECK(released[0] == 1 && released[1] == 1);
    FAILS(PORTAL_ERR_STORAGE_NOT_FOUND,
          opens(path, &browsers, PORTAL_OPEN_PRESENCE | PORTAL_OPEN_EXISTING, released, &handle, &error));
    CHECK(released[0] == 2 && released[1] == 2);
    // A struct of a wrong size is not read.
    browsers.size = 0;
    REFUSES("options.browsers.size", opens(path, &browsers, PORTAL_OPEN_PRESENCE, released, &handle, &error));
    browsers.size = sizeof browsers - 1;
    REFUSES("options.browsers.size", opens(path, &browsers, PORTAL_OPEN_PRESENCE, released, &handle, &error));
    CHECK(released[0] == 4 && released[1] == 2);
    browsers.size = sizeof browsers;
    OK(opens(path, &browsers, PORTAL_OPEN_PRESENCE, released, &handle, &error));
    CHECK(released[0] == 4 && released[1] == 2);
    OK(portal_close(handle, &error));
    CHECK(released[0] == 5 && released[1] == 3);
    portal_free(handle);
    CHECK(released[0] == 5 && released[1] == 3);
}

// What a program built with the header of before the browsers hands over.
static void options_without_browsers_are_read_as_before(const char *directory) {
    portal_options with = options(PORTAL_OPEN_PRESENCE);
    int released = 0;
    with.host = &released;
    with.release = count;
    with.size = offsetof(portal_options, browsers);
    // On the heap, so that a read behind its end is found.
    portal_options *earlier = malloc(with.size);
    CHECK(earlier != NULL);
    memcpy(earlier, &with, with.size);
    portal *handle;
    OK(portal_open(TEXT(file(directory, "earlier.db")), earlier, &handle, &error));
    free(earlier);
    portal_keeper *keeper = (void *)&released;
    FAILS(PORTAL_ERR_BROWSER_UNAVAILABLE, portal_keeper_open(handle, &keeper, &error));
    CHECK(keeper == NULL);
    portal_free(handle);
    CHECK(released == 1);
}

// Wrong answers --------------------------------------------------------------------------------------

static void every_null_has_a_name(const char *directory) {
    struct fake host = fake_host();
    portal *handle = open_house(&host, file(directory, "null.db"));
    portal_keeper *keeper;
    portal_follower *follower;
    portal_buf buf;
    int64_t next;
    int32_t news;
    REFUSES("handle", portal_keeper_open(NULL, &keeper, &error));
    REFUSES("keeper", portal_keeper_open(handle, NULL, &error));
    REFUSES("keeper", portal_keeper_tend(NULL, &next, &buf, &error));
    REFUSES("next_ms", portal_keeper_tend(host.keeper, NULL, &buf, &error));
    REFUSES("faults", portal_keeper_tend(host.keeper, &next, NULL, &error));
    REFUSES("keeper", portal_keeper_wait(NULL, 0, &news, &error));
    REFUSES("news", portal_keeper_wait(host.keeper, 0, NULL, &error));
    portal_keeper_free(NULL);
    portal_keeper_wake(NULL);
    REFUSES("reply", portal_browser_reply_text(NULL, TEXT("text"), &error));
    REFUSES("reply", portal_browser_reply_picture(NULL, TEXT("image/png"), (const uint8_t *)"x", 1, &error));
    REFUSES("follower", portal_follower_deliver(NULL, 1, 0, &buf, &error));
    OK(portal_follower_open(handle, NULL, 0, 0, &follower, &error));
    REFUSES("deliveries", portal_follower_deliver(follower, 1, 0, NULL, &error));
    REFUSES("limit", portal_follower_deliver(follower, 0, 0, &buf, &error));
    portal_follower_free(follower);
    CHECK(called(&host, ""));
    portal_keeper_free(host.keeper);
    portal_free(handle);

    // Without presence there is nobody to deliver to.
    OK(portal_open(TEXT(file(directory, "absent.db")), NULL, &handle, &error));
    OK(portal_follower_open(handle, NULL, 0, 0, &follower, &error));
    FAILS(PORTAL_ERR_NOT_CONNECTED, portal_follower_deliver(follower, 1, 0, &buf, &error));
    portal_free(handle);
    FAILS(PORTAL_ERR_CLOSED, portal_follower_deliver(follower, 1, 0, &buf, &error));
    portal_follower_free(follower);
}

struct wrong {
    const char *of;
    int32_t status;
    const char *text, *fault;
};

#define RUN "00000000000000000000000000000000"

static void a_wrong_answer_is_a_fault(const char *directory) {
    static const struct wrong WRONG[] = {
        {"list", 0, NULL, "\"chat_id\":null,\"detail\":\"`list` answered nothing where a text is wanted\",\"kind\":\"failed\""},
        {"list", 0, "", "`list` answered no array of {chat_id, run, viewers, controller}: see line 1, column 0"},
        {"list", 0, "[", "`list` answered no array"},
        {"list", 0, "{}", "`list` answered no array"},
        {"list", 0, "[] []", "`list` answered no array"},
        {"list", 0, "caf\xe9", "`list` gave a wrong answer: `text` is not UTF-8 from byte 3 on."},
        {"list", 0, "[{\"chat_id\":0,\"run\":\"" RUN "\",\"viewers\":[],\"controller\":null}]", "`list` answered no"},
        {"list", 0, "[{\"chat_id\":1,\"run\":\"0\",\"viewers\":[],\"controller\":null}]", "`list` answered no"},
        {"list", 0, "[{\"chat_id\":1,\"run\":\"" RUN "\",\"viewers\":[-1],\"controller\":null}]", "`list` answered no"},
        {"list", 0, "[{\"chat_id\":1,\"run\":\"" RUN "\",\"viewers\":[],\"host\":1}]", "`list` answered no"},
        {"list", 6, "what", "`list` returned 6, which is none of PORTAL_BROWSER_FAULT_...: what\",\"kind\":\"failed\""},
        {"list", -1, NULL, "`list` returned -1, which is none of PORTAL_BROWSER_FAULT_...: it gave no detail"},
        {"list", PORTAL_BROWSER_FAULT_UNREACHABLE, "caf\xe9", "its detail is wrong: `text` is not UTF-8 from byte 3 on.\",\"kind\":\"unreachable\""},
        {"list", PORTAL_BROWSER_FAULT_GONE, NULL, "\"detail\":\"`list`: it gave no detail\",\"kind\":\"gone\""},
        {"admit", 0, NULL, "`admit` answered nothing where a text is wanted"},
        {"admit", 0, "\"secret\"", "`admit` answered no {url, username, password}: see line 1, column 8"},
        {"admit", 0, "{\"url\":\"u\",\"username\":\"n\",\"password\":5}", "`admit` answered no"},
        {"admit", 0, "{\"url\":\"u\",\"username\":\"n\"}", "`admit` answered no"},
        {"admit", 0, "{\"url\":\"u\",\"username\":\"n\",\"password\":\"p\",\"secret\":1}", "`admit` answered no"},
        {"start", 99, NULL, "`start` returned 99, which is none"},
        {"start", 0, "\xff", "`start` gave a wrong answer: `text` is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        struct fake host = fake_host();
        char name[32];
        snprintf(name, sizeof name, "wrong-%d.db", (int)i);
        portal *handle = open_house(&host, file(directory, name));
        int64_t chat = lobby(handle, "ada");
        seat(handle, new_user(handle, "ben"), chat);
        portal_actor who = actor(PORTAL_ACTOR_OPERATOR, 0);
        does(handle, &who, "browser.start", chat);
        host.told = WRONG[i].of;
        host.status = WRONG[i].status;
        host.text = WRONG[i].text;
        host.text_len = host.text == NULL ? 0 : strlen(host.text);
        tend(&host, WRONG[i].fault);
        // Once it answers well again, all is well again.
        host.told = NULL;
        host.now += 10 * 1000;
        does(handle, &who, "browser.start", chat);
        tend(&host, "[]");
        CHECK(browser_is(handle, chat, "\"state\":\"running\""));
        portal_keeper_free(host.keeper);
        portal_free(handle);
        CHECK(host.released == 1);
    }
}

// A callback that has answered and fails after all: its answer is no detail for the log.
static void no_way_in_is_told_as_a_fault(const char *directory) {
    static const struct wrong TELLING[] = {
        {"admit", PORTAL_BROWSER_FAULT_FAILED, "{\"url\":\"u\",\"username\":\"n\",\"password\":\"hidden\"}",
         "`admit`: its detail begins as an answer does, and is not told\",\"kind\":\"failed\""},
        {"admit", PORTAL_BROWSER_FAULT_FULL, " \n{\"url\":\"u\",\"password\":\"hidden", "and is not told\",\"kind\":\"full\""},
        {"admit", 77, "{\"password\":\"hidden\"}", "returned 77, which is none of PORTAL_BROWSER_FAULT_...: its detail begins"},
        {"admit", PORTAL_BROWSER_FAULT_FAILED, "no {room}", "`admit`: no {room}\",\"kind\":\"failed\""},
    };
    struct fake host = fake_host();
    portal *handle = open_house(&host, file(directory, "telling.db"));
    int64_t chat = lobby(handle, "ada");
    seat(handle, new_user(handle, "ben"), chat);
    portal_actor who = actor(PORTAL_ACTOR_OPERATOR, 0);
    does(handle, &who, "browser.start", chat);
    for (size_t i = 0; i < sizeof TELLING / sizeof *TELLING; i++) {
        host.told = TELLING[i].of;
        host.status = TELLING[i].status;
        host.text = TELLING[i].text;
        host.text_len = strlen(host.text);
        int64_t next;
        portal_buf faults;
        OK(portal_keeper_tend(host.keeper, &next, &faults, &error));
        CHECK(strstr(faults.data, TELLING[i].fault) != NULL && strstr(faults.data, "hidden") == NULL);
        portal_buf_dispose(&faults);
        host.now += 10 * 1000; // It is tried again.
    }
    portal_keeper_free(host.keeper);
    portal_free(handle);
}

static int32_t text_for_a_picture(void *host, const char *run, size_t run_len, portal_browser_reply *reply) {
    (void)host, (void)run, (void)run_len;
    says_text(reply, "a picture");
    return 0;
}

static int32_t picture_for_a_text(void *host, const char *run, size_t run_len, portal_browser_reply *reply) {
    (void)host, (void)run, (void)run_len;
    OK(portal_browser_reply_picture(reply, TEXT("image/png"), (const uint8_t *)"x", 1, &error));
    return 0;
}

static int32_t no_picture(void *host, const char *run, size_t run_len, portal_browser_reply *reply) {
    (void)host, (void)run, (void)run_len;
    const uint8_t *bytes = (const uint8_t *)"x";
    REFUSES("media_type", portal_browser_reply_picture(reply, NULL, 9, bytes, 1, &error));
    REFUSES("media_type", portal_browser_reply_picture(reply, TEXT("text/html"), bytes, 1, &error));
    REFUSES("media_type", portal_browser_reply_picture(reply, TEXT("image/"), bytes, 1, &error));
    REFUSES("media_type", portal_browser_reply_picture(reply, TEXT("image/png\r\n"), bytes, 1, &error));
    REFUSES("media_type", portal_browser_reply_picture(reply, TEXT("image/caf\xe9"), bytes, 1, &error));
    REFUSES("text", portal_browser_reply_text(reply, NULL, 1, &error));
    REFUSES("text", portal_browser_reply_text(reply, "x", SIZE_MAX, &error));
    REFUSES("bytes", portal_browser_reply_picture(reply, TEXT("image/png"), NULL, 1, &error));
    REFUSES("bytes", portal_browser_reply_picture(reply, TEXT("image/png"), bytes, 0, &error));
    return 0;
}

static void fails(portal *handle, const char *op, int64_t chat) {
    portal_actor who = actor(PORTAL_ACTOR_OPERATOR, 0);
    char params[64];
    portal_buf reply;
    snprintf(params, sizeof params, "{\"chat_id\":%" PRId64 "}", chat);
    FAILS(PORTAL_ERR_BROWSER_UNAVAILABLE, portal_call(handle, &who, TEXT(op), TEXT(params), &reply, &error));
}

static void a_wrong_picture_is_none(const char *directory) {
    int32_t (*const shots[])(void *, const char *, size_t, portal_browser_reply *) = {text_for_a_picture, no_picture};
    for (size_t i = 0; i < sizeof shots / sizeof *shots; i++) {
        struct fake host = fake_host();
        portal_browser_backend browsers = backend(&host);
        browsers.screenshot = shots[i];
        browsers.clipboard = picture_for_a_text;
        portal_options with = options(PORTAL_OPEN_PRESENCE);
        with.browsers = &browsers;
        char name[32];
        snprintf(name, sizeof name, "picture-%d.db", (int)i);
        OK(portal_open(TEXT(file(directory, name)), &with, &host.handle, &error));
        OK(portal_keeper_open(host.handle, &host.keeper, &error));
        int64_t chat = lobby(host.handle, "ada");
        portal_actor who = actor(PORTAL_ACTOR_OPERATOR, 0);
        does(host.handle, &who, "browser.start", chat);
        tend(&host, "[]");
        fails(host.handle, "browser.screen", chat);
        fails(host.handle, "browser.clipboard", chat);
        portal_free(host.handle);
        portal_keeper_free(host.keeper);
        CHECK(host.released == 1);
    }
}

// Within a callback ------------------------------------------------------------------------------------

// Everything but ending the handle, and the keeper that is under way.
static void calls_back(struct fake *self) {
    portal_actor connection = actor(PORTAL_ACTOR_CONNECTION, self->connection);
    does(self->handle, &connection, "room.join", self->chat);
    int64_t next;
    OK(portal_tick(self->handle, &next, &error));
    portal_buf faults;
    int32_t news;
    REFUSES("keeper", portal_keeper_tend(self->keeper, &next, &faults, &error));
    REFUSES("keeper", portal_keeper_wait(self->keeper, 0, &news, &error));
    portal_keeper *other;
    OK(portal_keeper_open(self->handle, &other, &error));
    OK(portal_keeper_tend(other, &next, &faults, &error));
    portal_buf_dispose(&faults);
    portal_keeper_free(other);
    REFUSES("handle", portal_close(self->handle, &error));
    portal_free(self->handle);
}

static void a_callback_may_call_the_library(const char *directory) {
    struct fake host = fake_host();
    portal *handle = open_house(&host, file(directory, "within.db"));
    host.chat = lobby(handle, "ada");
    int64_t ben = new_user(handle, "ben");
    host.connection = connect_user(handle, ben);
    portal_actor who = actor(PORTAL_ACTOR_OPERATOR, 0);
    does(handle, &who, "browser.start", host.chat);
    host.amid = "start";
    host.during = calls_back;
    tend(&host, "[]");
    // Who joined meanwhile was let in.
    CHECK(called(&host, "list start admit ") && viewer(&host.browsers[0], ben) != NULL);
    OK(portal_close(handle, &error));
    CHECK(host.released == 1);
    portal_free(handle);
    portal_keeper_free(host.keeper);
}

static void frees_the_keeper(struct fake *self) {
    portal_keeper_free(self->keeper);
}

static void a_callback_may_free_its_keeper(const char *directory) {
    struct fake host = fake_host();
    portal *handle = open_house(&host, file(directory, "free.db"));
    int64_t chat = lobby(handle, "ada");
    portal_actor who = actor(PORTAL_ACTOR_OPERATOR, 0);
    does(handle, &who, "browser.start", chat);
    host.amid = "list";
    host.during = frees_the_keeper;
    // What is under way goes on to its end.
    tend(&host, "[]");
    CHECK(called(&host, "list start ") && browser_is(handle, chat, "\"state\":\"running\""));
    OK(portal_close(handle, &error));
    CHECK(host.released == 1);
    portal_free(handle);
}

// Being released -------------------------------------------------------------------------------------

struct leaving {
    struct fake fake;
    portal_follower *follower;
};

// Gives back what the host has of the library, and tries what is refused.
static void gives_everything_back(void *host) {
    struct leaving *self = host;
    portal_keeper_free(self->fake.keeper);
    portal_follower_free(self->follower);
    int64_t next;
    portal_keeper *late;
    FAILS(PORTAL_ERR_CLOSED, portal_tick(self->fake.handle, &next, &error));
    FAILS(PORTAL_ERR_CLOSED, portal_keeper_open(self->fake.handle, &late, &error));
    REFUSES("handle", portal_close(self->fake.handle, &error));
    portal_free(self->fake.handle);
    self->fake.released++;
}

static void the_release_may_give_back_what_the_host_has(const char *directory) {
    for (int of_options = 0; of_options < 2; of_options++) {
        struct leaving host;
        memset(&host, 0, sizeof host);
        host.fake = fake_host();
        portal_browser_backend browsers = backend(&host.fake);
        portal_options with = options(PORTAL_OPEN_PRESENCE);
        with.browsers = &browsers;
        browsers.release = NULL;
        if (of_options) {
            with.host = &host;
            with.release = gives_everything_back;
        } else {
            browsers.release = gives_everything_back;
        }
        OK(portal_open(TEXT(file(directory, "leave.db")), &with, &host.fake.handle, &error));
        OK(portal_keeper_open(host.fake.handle, &host.fake.keeper, &error));
        OK(portal_follower_open(host.fake.handle, NULL, 0, 0, &host.follower, &error));
        alarm(300); // Instead of for ever.
        if (of_options) {
            OK(portal_close(host.fake.handle, &error));
            CHECK(host.fake.released == 1);
            OK(portal_close(host.fake.handle, &error));
        }
        portal_free(host.fake.handle);
        alarm(0);
        CHECK(host.fake.released == 1);
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    opening_refuses_what_is_not_whole(argv[1]);
    options_without_browsers_are_read_as_before(argv[1]);
    every_null_has_a_name(argv[1]);
    a_wrong_answer_is_a_fault(argv[1]);
    no_way_in_is_told_as_a_fault(argv[1]);
    a_wrong_picture_is_none(argv[1]);
    a_callback_may_call_the_library(argv[1]);
    a_callback_may_free_its_keeper(argv[1]);
    the_release_may_give_back_what_the_host_has(argv[1]);
    return 0;
}
