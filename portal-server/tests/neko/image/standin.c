/*
 * A stand-in for neko: no desktop and no browser, but its HTTP API (version 3) with its rules. Who may ask what, and what
 * becomes of members, sessions and the host, is as in neko, so that whoever asks wrongly is refused as there.
 * It is told by neko's own variables. One static program, which is `timeout` too where it is called so.
 *
 * STANDIN makes it a bad one: `dies` at its start, `mute` never answers, `old` has no API, in `rising` members can make
 * themselves admins, as in neko before 3.0.11. SIGUSR1 makes a good
 * one mute, and back.
 *
 * In place of the WebSocket at /api/ws stands a stream of lines after the same upgrade: "control/move" does what the
 * event does. It is open as long as the session is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "json.h"

#define MOST 64
#define SIZE 65536

static const char *BOOLS[] = {"is_admin", "can_login", "can_connect", "can_watch", "can_host", "can_share_media",
    "can_access_clipboard", "sends_inactive_cursor", "can_see_inactive_cursors"};
enum { ADMIN, LOGIN, CONNECT, WATCH, HOST, MEDIA, CLIPBOARD, SENDS, SEES, COUNT };

struct profile { char name[256]; int may[COUNT]; };
struct member { char id[128], password[128]; struct profile profile; int there; };
struct session { char id[128], token[64]; struct profile profile; int there, connected; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct member members[MOST];
static struct session sessions[MOST];
static struct session api = {.id = "API", .there = 1, .profile = {"API Session", {1, 1, 0, 1, 1, 0, 1, 0, 0}}};
static char host[128], clipboard[SIZE], clipboard_now[SIZE];
static volatile sig_atomic_t is_mute;
static int is_implicit, is_locked, shows_cursors, has_cookies;
static unsigned tokens;

static const char *variable(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static int truth(const char *name, const char *otherwise) { return !strcmp(variable(name, otherwise), "true"); }

/* An answer under way. */
struct answer { int status; const char *type; char body[2 * SIZE]; size_t length; };

static void say(struct answer *a, int status, const char *form, ...) {
    va_list list;
    va_start(list, form);
    a->status = status;
    a->type = "application/json";
    a->length = vsnprintf(a->body, sizeof a->body, form, list);
    va_end(list);
}

static void refuse(struct answer *a, int status, const char *why) {
    say(a, status, "{\"code\":%d,\"message\":\"%s\"}", status, why);
}

static struct member *member_of(const char *id) {
    for (int i = 0; i < MOST; i++) if (members[i].there && !strcmp(members[i].id, id)) return &members[i];
    return NULL;
}

static struct session *session_of(const char *id) {
    for (int i = 0; i < MOST; i++) if (sessions[i].there && !strcmp(sessions[i].id, id)) return &sessions[i];
    return NULL;
}

static struct session *session_by(const char *token) {
    if (!*token) return NULL;
    for (int i = 0; i < MOST; i++) if (sessions[i].there && !strcmp(sessions[i].token, token)) return &sessions[i];
    return *api.token && !strcmp(api.token, token) ? &api : NULL;
}

/* The host, if it is somebody in the room: never the API's session. */
static struct session *the_host(void) { return *host ? session_of(host) : NULL; }
static int hosts(struct session *s) { return !strcmp(host, s->id); }

static char *profile_json(char *to, const struct profile *p) {
    to = json_quote(to + sprintf(to, "{\"name\":"), p->name);
    for (int i = 0; i < COUNT; i++) to += sprintf(to, ",\"%s\":%s", BOOLS[i], p->may[i] ? "true" : "false");
    return to + sprintf(to, ",\"plugins\":null}");
}

/* Takes in what is said of a profile; the rest stays. */
static int read_profile(const char *json, struct profile *p) {
    const char *name = json_get(json, "name");
    if (name && !json_text(name, p->name, sizeof p->name)) return 0;
    for (int i = 0; i < COUNT; i++) {
        const char *value = json_get(json, BOOLS[i]);
        if (!value) continue;
        if (!strncmp(value, "true", 4)) p->may[i] = 1;
        else if (!strncmp(value, "false", 5)) p->may[i] = 0;
        else return 0;
    }
    return 1;
}

/* What neko does when somebody wants to host, by moving the mouse or by asking. */
static int wants_to_host(struct session *s) {
    if (!s->profile.may[HOST]) return 0;
    if (hosts(s)) return 1;
    if (is_locked && !s->profile.may[ADMIN]) return 0;
    if (!is_implicit && the_host()) return 0;
    strcpy(host, s->id);
    return 1;
}

static void login(struct answer *a, const char *body) {
    char id[128] = "", password[128] = "";
    const char *at = json_get(body, "username"), *pw = json_get(body, "password");
    if (!at || !pw || !json_text(at, id, sizeof id) || !json_text(pw, password, sizeof password))
        return refuse(a, 400, "unable to parse provided data");
    struct member *m = member_of(id);
    if (!m || strcmp(m->password, password)) return refuse(a, 401, "Unauthorized");
    struct session *s = session_of(id);
    if (s && s->connected) return refuse(a, 422, "session already connected");
    for (int i = 0; !s && i < MOST; i++) if (!sessions[i].there) s = &sessions[i];
    if (!s) return refuse(a, 500, "Internal Server Error");
    memset(s, 0, sizeof *s);
    strcpy(s->id, id);
    sprintf(s->token, "token-%d-%u", getpid(), ++tokens);
    s->profile = m->profile;
    s->there = 1;
    char *to = a->body;
    to = json_quote(to + sprintf(to, "{\"id\":"), id);
    if (!has_cookies) to = json_quote(to + sprintf(to, ",\"token\":"), s->token);
    to = profile_json(to + sprintf(to, ",\"profile\":"), &s->profile);
    to += sprintf(to, ",\"state\":{\"is_connected\":false,\"is_watching\":false}}");
    a->status = 200, a->type = "application/json", a->length = to - a->body;
}

static void list_members(struct answer *a) {
    char *to = a->body;
    int first = 1;
    *to++ = '[';
    for (int i = 0; i < MOST; i++) {
        if (!members[i].there) continue;
        to = json_quote(to + sprintf(to, first ? "{\"id\":" : ",{\"id\":"), members[i].id);
        to = profile_json(to + sprintf(to, ",\"profile\":"), &members[i].profile);
        *to++ = '}', first = 0;
    }
    *to++ = ']';
    a->status = 200, a->type = "application/json", a->length = to - a->body;
}

static void list_sessions(struct answer *a) {
    char *to = a->body;
    int first = 1;
    *to++ = '[';
    for (int i = 0; i < MOST; i++) {
        struct session *s = &sessions[i];
        if (!s->there) continue;
        to = json_quote(to + sprintf(to, first ? "{\"id\":" : ",{\"id\":"), s->id);
        to = profile_json(to + sprintf(to, ",\"profile\":"), &s->profile);
        to += sprintf(to, ",\"state\":{\"is_connected\":%s,\"is_watching\":false}}", s->connected ? "true" : "false");
        first = 0;
    }
    *to++ = ']';
    a->status = 200, a->type = "application/json", a->length = to - a->body;
}

static void create_member(struct answer *a, const char *body) {
    struct member m = {.there = 1, .profile = {"", {0, 1, 1, 1, 1, 1, 1, 1, 1}}};
    const char *id = json_get(body, "username"), *pw = json_get(body, "password"), *p = json_get(body, "profile");
    if ((id && !json_text(id, m.id, sizeof m.id)) || (pw && !json_text(pw, m.password, sizeof m.password)) ||
        (p && !read_profile(p, &m.profile)))
        return refuse(a, 400, "unable to parse provided data");
    if (!*m.id) return refuse(a, 400, "username cannot be empty");
    if (!*m.password) return refuse(a, 400, "password cannot be empty");
    if (member_of(m.id)) return refuse(a, 422, "member already exists");
    for (int i = 0; i < MOST; i++) if (!members[i].there) {
        members[i] = m;
        char *to = json_quote(a->body + sprintf(a->body, "{\"id\":"), m.id);
        to = profile_json(to + sprintf(to, ",\"profile\":"), &m.profile);
        *to++ = '}';
        a->status = 200, a->type = "application/json", a->length = to - a->body;
        return;
    }
    refuse(a, 500, "Internal Server Error");
}

static void one_member(struct answer *a, const char *method, const char *id, const char *body) {
    struct member *m = member_of(id);
    if (!m) return refuse(a, 404, "member not found");
    struct session *s = session_of(id);
    if (!strcmp(method, "GET")) {
        a->length = profile_json(a->body, s ? &s->profile : &m->profile) - a->body;
        a->status = 200, a->type = "application/json";
    } else if (!strcmp(method, "POST")) {
        struct profile p = s ? s->profile : m->profile;
        if (!json_is_object(body) || !read_profile(body, &p)) return refuse(a, 400, "unable to parse provided data");
        m->profile = p;
        if (s) {
            s->profile = p;
            if (!p.may[HOST] && hosts(s)) *host = 0;
        }
        say(a, 204, "");
    } else if (!strcmp(method, "DELETE")) {
        /* As in neko, the host's name stays although the session is gone. */
        m->there = 0;
        if (s) s->there = 0;
        say(a, 204, "");
    } else refuse(a, 405, "Method Not Allowed");
}

static void control(struct answer *a, struct session *s, const char *method, const char *what) {
    int is_get = !strcmp(method, "GET"), is_admin = s->profile.may[ADMIN];
    if (!s->profile.may[HOST]) return refuse(a, 403, "session cannot host");
    if (!*what && is_get) {
        struct session *h = the_host();
        if (h) say(a, 200, "{\"has_host\":true,\"host_id\":\"%s\"}", h->id);
        else say(a, 200, "{\"has_host\":false}");
    } else if (is_get) refuse(a, 405, "Method Not Allowed");
    else if (!strcmp(what, "/request")) {
        if (the_host()) return refuse(a, 202, "control request sent");
        if (is_locked && !is_admin) return refuse(a, 403, "controls are locked");
        strcpy(host, s->id), say(a, 204, "");
    } else if (!strcmp(what, "/release")) *host = 0, say(a, 204, "");
    else if (!is_admin && !(hosts(s) && !strncmp(what, "/give/", 6))) refuse(a, 403, "session is not admin");
    else if (!strcmp(what, "/take")) strcpy(host, s->id), say(a, 204, "");
    else if (!strcmp(what, "/reset")) {
        /* Of the API's session it does not know that it hosts. */
        if (the_host()) *host = 0;
        say(a, 204, "");
    } else if (!strncmp(what, "/give/", 6)) {
        struct session *target = session_of(what + 6);
        if (!target) return refuse(a, 404, "target session was not found");
        if (!target->profile.may[HOST]) return refuse(a, 400, "target session is not allowed to host");
        strcpy(host, target->id), say(a, 204, "");
    } else refuse(a, 404, "Not Found");
}

static void the_clipboard(struct answer *a, struct session *s, const char *method, const char *body) {
    if (!s->profile.may[CLIPBOARD]) return refuse(a, 403, "session cannot access clipboard");
    if (!hosts(s)) return refuse(a, 403, "session is not host");
    if (!strcmp(method, "GET")) {
        char *to = json_quote(a->body + sprintf(a->body, "{\"text\":"), clipboard);
        *to++ = '}';
        a->status = 200, a->type = "application/json", a->length = to - a->body;
        return;
    }
    const char *text = json_get(body, "text");
    clipboard_now[0] = 0;
    if (!json_is_object(body) || (text && !json_text(text, clipboard_now, sizeof clipboard_now)))
        return refuse(a, 400, "unable to parse provided data");
    strcpy(clipboard, clipboard_now);
    say(a, 204, "");
}

/* Of their own profile whoever is no admin can change the name alone; in the old ones all of it. */
static void the_profile(struct answer *a, struct session *s, const char *body) {
    struct profile p = s->profile;
    if (!json_is_object(body) || !read_profile(body, &p)) return refuse(a, 400, "unable to parse provided data");
    if (s->profile.may[ADMIN] || !strcmp(variable("STANDIN", ""), "rising")) s->profile = p;
    else strcpy(s->profile.name, p.name);
    say(a, 200, "true");
}

/* What is answered to whoever is signed in. */
static void answer_to(struct answer *a, struct session *s, const char *method, const char *path, const char *body) {
    int is_get = !strcmp(method, "GET"), is_admin = s->profile.may[ADMIN];
    if (!s->profile.may[LOGIN]) return refuse(a, 403, "login is disabled for this session");
    if (!strcmp(path, "/api/whoami") && is_get) {
        char *to = json_quote(a->body + sprintf(a->body, "{\"id\":"), s->id);
        to = profile_json(to + sprintf(to, ",\"profile\":"), &s->profile);
        to += sprintf(to, ",\"state\":{\"is_connected\":%s,\"is_watching\":false}}", s->connected ? "true" : "false");
        a->status = 200, a->type = "application/json", a->length = to - a->body;
    } else if (!strcmp(path, "/api/profile") && !is_get) the_profile(a, s, body);
    else if (!strcmp(path, "/api/logout") && !is_get) s->there = s == &api, say(a, 200, "true");
    else if (!strcmp(path, "/api/sessions") && is_get) list_sessions(a);
    else if (!strncmp(path, "/api/members", 12) && !is_admin) refuse(a, 403, "session is not admin");
    else if (!strcmp(path, "/api/members")) is_get ? list_members(a) : create_member(a, body);
    else if (!strncmp(path, "/api/members/", 13)) one_member(a, method, path + 13, body);
    else if (!strncmp(path, "/api/room/control", 17)) control(a, s, method, path + 17);
    else if (!strcmp(path, "/api/room/clipboard")) the_clipboard(a, s, method, body);
    else if (!strcmp(path, "/api/room/settings") && is_get && is_admin)
        say(a, 200, "{\"locked_controls\":%s,\"implicit_hosting\":%s,\"inactive_cursors\":%s}",
            is_locked ? "true" : "false", is_implicit ? "true" : "false", shows_cursors ? "true" : "false");
    else if (!strcmp(path, "/api/room/screen/shot.jpg") && is_get) {
        if (!s->profile.may[WATCH]) return refuse(a, 403, "session cannot watch");
        if (!is_admin) return refuse(a, 403, "session is not admin");
        static const char picture[] = "\xff\xd8\xff\xe0\0\x10JFIF\0 a picture \xff\xd9";
        memcpy(a->body, picture, sizeof picture - 1);
        a->status = 200, a->type = "image/jpeg", a->length = sizeof picture - 1;
    } else refuse(a, 404, "Not Found");
}

/* A session's stream of events, open until either ends. */
static void stream(int fd, struct session *s) {
    char line[256], token[64];
    pthread_mutex_lock(&lock);
    int is_good = s && s->profile.may[CONNECT] && !s->connected;
    if (is_good) s->connected = 1, strcpy(token, s->token);
    pthread_mutex_unlock(&lock);
    if (!is_good) { dprintf(fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"); return; }
    dprintf(fd, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    for (int is_open = 1; is_open;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t got = 0;
        if (poll(&wait, 1, 50) > 0 && (got = read(fd, line, sizeof line - 1)) <= 0) is_open = 0;
        pthread_mutex_lock(&lock);
        if (!s->there || strcmp(s->token, token)) is_open = 0;
        else if (!is_open) s->connected = 0, s->there = 0;
        else if (got > 0) {
            line[got] = 0;
            dprintf(fd, !strncmp(line, "control/move", 12) && wants_to_host(s) ? "moved\n" : "refused\n");
        }
        pthread_mutex_unlock(&lock);
    }
}

/* The value of a header or of `token` in the query, into `to`. */
static void copy_until(char *to, size_t room, const char *from, const char *ends) {
    size_t length = strcspn(from, ends);
    if (length >= room) length = room - 1;
    memcpy(to, from, length);
    to[length] = 0;
}

/* The built-in page of 3.0 and 3.1 signs in with the query of its stream. */
static struct session *legacy_login(struct answer *a, const char *query) {
    char id[64] = "", password[64] = "", body[256];
    const char *at = query ? strstr(query, "username=") : NULL, *pw = query ? strstr(query, "password=") : NULL;
    if (!at || !pw) return NULL;
    copy_until(id, sizeof id, at + 9, "&");
    copy_until(password, sizeof password, pw + 9, "&");
    if (strpbrk(id, "\"\\%") || strpbrk(password, "\"\\%")) return NULL;
    sprintf(body, "{\"username\":\"%s\",\"password\":\"%s\"}", id, password);
    login(a, body);
    return a->status == 200 ? session_of(id) : NULL;
}

static void *serve(void *given) {
    int fd = (int)(long)given;
    static __thread char request[2 * SIZE], method[16], target[1024], token[256];
    static __thread struct answer a;
    size_t used = 0, wanted = 0;
    char *body = NULL;
    while (!body || used < wanted) {
        ssize_t got = read(fd, request + used, sizeof request - 1 - used);
        if (got <= 0) goto done;
        request[used += got] = 0;
        if (!body && (body = strstr(request, "\r\n\r\n"))) {
            body += 4;
            char *length = strcasestr(request, "\r\ncontent-length:");
            wanted = body - request + (length && length < body ? strtoul(length + 17, NULL, 10) : 0);
            if (wanted >= sizeof request) goto done;
        }
    }
    while (is_mute) usleep(20000);
    if (sscanf(request, "%15s %1023s", method, target) != 2) goto done;
    char *bearer = strcasestr(request, "\r\nauthorization: bearer ");
    if (bearer && bearer < body) copy_until(token, sizeof token, bearer + 24, "\r\n");
    char *query = strchr(target, '?');
    if (query) {
        *query++ = 0;
        if (!strncmp(query, "token=", 6)) copy_until(token, sizeof token, query + 6, "&");
    }
    const char *prefix = variable("NEKO_SERVER_PATH_PREFIX", ""), *path = target;
    memset(&a, 0, sizeof a.status + sizeof a.type);
    a.length = 0;
    if (strncmp(path, prefix, strlen(prefix))) refuse(&a, 404, "Not Found");
    else {
        path += strlen(prefix);
        pthread_mutex_lock(&lock);
        struct session *s = session_by(token);
        if (!strcmp(path, "/api/ws") && !strcmp(method, "GET")) {
            pthread_mutex_unlock(&lock);
            stream(fd, s == &api ? NULL : s);
            goto done;
        }
        if (!strcmp(path, "/ws") && !strcmp(method, "GET") && truth("NEKO_LEGACY", "false")) {
            s = legacy_login(&a, query);
            pthread_mutex_unlock(&lock);
            stream(fd, s);
            goto done;
        }
        if (!strcmp(path, "/health")) say(&a, 200, "true");
        else if (!strcmp(path, "/") && !strcmp(method, "GET")) say(&a, 200, "a page"), a.type = "text/html";
        else if (!strcmp(variable("STANDIN", ""), "old")) refuse(&a, 404, "Not Found");
        else if (!strcmp(path, "/api/login") && !strcmp(method, "POST")) login(&a, body);
        else if (!strncmp(path, "/api/", 5) && !s) refuse(&a, 401, "Unauthorized");
        else if (s) answer_to(&a, s, method, path, body);
        else refuse(&a, 404, "Not Found");
        pthread_mutex_unlock(&lock);
    }
    dprintf(fd, "HTTP/1.1 %d It\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", a.status,
        a.type, a.length);
    for (size_t sent = 0; sent < a.length;) {
        ssize_t got = write(fd, a.body + sent, a.length - sent);
        if (got <= 0) break;
        sent += got;
    }
done:
    close(fd);
    return NULL;
}

static void on_term(int number) { _exit(number == SIGTERM ? 0 : 1); }
static void on_usr1(int number) { (void)number; is_mute = !is_mute; }

/* timeout SECONDS COMMAND ARGUMENT... */
static int as_timeout(int count, char **words) {
    if (count < 3) return 125;
    pid_t child = fork();
    if (!child) { execvp(words[2], words + 2); _exit(127); }
    int status = 0;
    for (int waited = 0; waited < atoi(words[1]) * 100; waited++) {
        if (waitpid(child, &status, WNOHANG) == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        usleep(10000);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return 124;
}

int main(int count, char **words) {
    const char *name = strrchr(words[0], '/');
    if (!strcmp(name ? name + 1 : words[0], "timeout")) return as_timeout(count, words);
    signal(SIGTERM, on_term);
    signal(SIGUSR1, on_usr1);
    signal(SIGPIPE, SIG_IGN);
    if (!strcmp(variable("STANDIN", ""), "dies")) return 3;
    is_mute = !strcmp(variable("STANDIN", ""), "mute");
    snprintf(api.token, sizeof api.token, "%s", variable("NEKO_SESSION_API_TOKEN", ""));
    is_implicit = truth("NEKO_SESSION_IMPLICIT_HOSTING", "true");
    is_locked = truth("NEKO_SESSION_LOCKED_CONTROLS", "false");
    shows_cursors = truth("NEKO_SESSION_INACTIVE_CURSORS", "false");
    has_cookies = truth("NEKO_SESSION_COOKIE_ENABLED", "true");
    /* Only this one makes accounts as they are asked for. */
    if (strcmp(variable("NEKO_MEMBER_PROVIDER", "multiuser"), "object")) return 4;
    const char *bind_to = strrchr(variable("NEKO_SERVER_BIND", "127.0.0.1:8080"), ':');
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(bind_to ? atoi(bind_to + 1) : 8080)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 64)) return 5;
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        pthread_t thread;
        if (fd < 0) continue;
        if (pthread_create(&thread, NULL, serve, (void *)(long)fd)) close(fd);
        else pthread_detach(thread);
    }
}
