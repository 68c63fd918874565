/* As much of JSON as neko's API needs: objects of texts, booleans, numbers and objects. */
#ifndef JSON_H
#define JSON_H

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Goes past white space. */
static const char *json_blank(const char *at) {
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') at++;
    return at;
}

/* Reads a text in quotes into `to`; what is after it, or NULL. Escapes of four digits are kept as they are. */
static const char *json_text(const char *at, char *to, size_t room) {
    if (*at++ != '"') return NULL;
    for (size_t used = 0; *at != '"'; at++) {
        if (!*at || (unsigned char)*at < ' ' || used + 8 > room) return NULL;
        char c = *at;
        if (c == '\\') {
            c = *++at;
            if (c == 'n') c = '\n';
            else if (c == 't') c = '\t';
            else if (c == 'r') c = '\r';
            else if (c == 'u') { to[used++] = '\\'; }
            else if (!strchr("\"\\/", c)) return NULL;
        }
        to[used++] = c;
        to[used] = 0;
    }
    return at + 1;
}

/* Past any value; NULL if there is none. */
static const char *json_past(const char *at) {
    static __thread char dump[65536];
    at = json_blank(at);
    if (*at == '"') return json_text(at, dump, sizeof dump);
    if (*at == '{' || *at == '[') {
        char open = *at, close = open == '{' ? '}' : ']';
        at = json_blank(at + 1);
        while (*at != close) {
            if (open == '{') {
                if (!(at = json_text(at, dump, sizeof dump))) return NULL;
                at = json_blank(at);
                if (*at++ != ':') return NULL;
            }
            if (!(at = json_past(at))) return NULL;
            at = json_blank(at);
            if (*at == ',') at = json_blank(at + 1);
            else if (*at != close) return NULL;
        }
        return at + 1;
    }
    const char *begin = at;
    while (isalnum((unsigned char)*at) || *at == '-' || *at == '+' || *at == '.') at++;
    return at == begin ? NULL : at;
}

/* The value of a name in an object; NULL if it is not there. */
static const char *json_get(const char *object, const char *name) {
    char key[256];
    const char *at = json_blank(object ? object : "");
    if (*at++ != '{') return NULL;
    for (at = json_blank(at); *at == '"'; at = json_blank(at + 1)) {
        key[0] = 0;
        if (!(at = json_text(at, key, sizeof key))) return NULL;
        at = json_blank(at);
        if (*at++ != ':') return NULL;
        at = json_blank(at);
        if (!strcmp(key, name)) return at;
        if (!(at = json_past(at))) return NULL;
        at = json_blank(at);
        if (*at != ',') return NULL;
    }
    return NULL;
}

/* Whether a whole document is one object. */
static int json_is_object(const char *text) {
    const char *at = json_blank(text);
    if (*at != '{') return 0;
    at = json_past(at);
    return at && !*json_blank(at);
}

/* Writes a text in quotes; answers what is after it. */
static char *json_quote(char *to, const char *text) {
    *to++ = '"';
    for (; *text; text++) {
        if (*text == '"' || (*text == '\\' && text[1] != 'u')) *to++ = '\\';
        if (*text == '\n') { *to++ = '\\'; *to++ = 'n'; continue; }
        *to++ = *text;
    }
    *to++ = '"';
    *to = 0;
    return to;
}

#endif
