// Just enough JSON to read what libportal writes, which is always well formed. A real program takes a JSON library.

#ifndef JSON_H
#define JSON_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A value within a document, as it stands there; of no length if it is absent. It lives as long as the document.
typedef struct {
    const char *at;
    size_t len;
} json;

// The end of the value that begins here.
static inline const char *json_end(const char *at) {
    int depth = 0;
    do {
        if (*at == '"') {
            for (at++; *at != '"'; at++) {
                at += *at == '\\';
            }
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if (*at == '}' || *at == ']') {
            depth--;
        }
        at++;
        // A number or a word ends before what follows it.
    } while (depth > 0 || (strchr("{}[]\",: ", at[-1]) == NULL && *at != 0 && strchr(",:}] ", *at) == NULL));
    return at;
}

// The value of a whole document.
static inline json json_of(const char *document) {
    json value = {document, strlen(document)};
    return value;
}

// The next element of an array, or the next name or value of an object; *place begins at NULL.
static inline json json_next(json within, const char **place) {
    json element = {NULL, 0};
    const char *at = *place == NULL ? within.at : *place;
    if (within.len == 0) {
        return element;
    }
    for (at += *place == NULL; strchr(",: ", *at) != NULL; at++) {
    }
    if (*at == '}' || *at == ']') {
        return element;
    }
    element.at = at;
    *place = json_end(at);
    element.len = (size_t)(*place - at);
    return element;
}

static inline int json_is(json value, const char *text) {
    return value.len == strlen(text) + 2 && memcmp(value.at + 1, text, value.len - 2) == 0;
}

// The value of a name in an object.
static inline json json_member(json object, const char *name) {
    const char *place = NULL;
    for (json key; (key = json_next(object, &place)).len > 0;) {
        json value = json_next(object, &place);
        if (json_is(key, name)) {
            return value;
        }
    }
    json absent = {NULL, 0};
    return absent;
}

// A number, or 0 for what is none.
static inline int64_t json_number(json value) {
    return value.len == 0 ? 0 : strtoll(value.at, NULL, 10);
}

// A text without its quotes and escapes, in memory that the caller frees; NULL for what is none. \u stands for control
// characters only, as libportal writes it.
static inline char *json_text(json value) {
    if (value.len < 2 || value.at[0] != '"') {
        return NULL;
    }
    char *text = malloc(value.len), *out = text;
    if (text == NULL) {
        abort();
    }
    for (const char *at = value.at + 1; at < value.at + value.len - 1; at++) {
        static const char *const ESCAPES = "bfnrt", *const MEAN = "\b\f\n\r\t";
        if (*at != '\\') {
            *out++ = *at;
        } else if (*++at == 'u') {
            char digits[5] = {at[1], at[2], at[3], at[4], 0};
            *out++ = (char)strtol(digits, NULL, 16);
            at += 4;
        } else {
            const char *escape = strchr(ESCAPES, *at);
            *out++ = escape == NULL ? *at : MEAN[escape - ESCAPES];
        }
    }
    *out = 0;
    return text;
}

#endif
