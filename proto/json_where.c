/* SPDX-License-Identifier: MIT
 * The text was read by jansson before: what is not as it should be here only ends the walk. */
#include "proto/json_where.h"

#include <stdbool.h>
#include <string.h>

struct walk {
    const char *at;
    const char *end;
};

static bool is_blank(char sign)
{
    return sign == ' ' || sign == '\t' || sign == '\r' || sign == '\n';
}

static bool is_end(char sign) /* of a value that is neither text, list nor object */
{
    return sign == ',' || sign == ']' || sign == '}' || is_blank(sign);
}

static void skip_blank(struct walk *walk)
{
    while (walk->at < walk->end && is_blank(*walk->at))
        walk->at++;
}

static void skip_string(struct walk *walk)
{
    for (walk->at++; walk->at < walk->end && *walk->at != '"'; walk->at++) {
        if (*walk->at == '\\')
            walk->at++;
    }
    walk->at = walk->at < walk->end ? walk->at + 1 : walk->end;
}

/* One value, whatever is in it. */
static void skip_value(struct walk *walk)
{
    unsigned depth = 0;

    do {
        if (walk->at >= walk->end)
            return;
        if (*walk->at == '"') {
            skip_string(walk);
            continue;
        }
        if (*walk->at == '{' || *walk->at == '[')
            depth++;
        else if ((*walk->at == '}' || *walk->at == ']') && depth > 0)
            depth--;
        else if (depth == 0 && is_end(*walk->at))
            return;
        walk->at++;
        if (depth == 0 && (walk->at[-1] == '}' || walk->at[-1] == ']'))
            return;
    } while (depth > 0 || (walk->at < walk->end && !is_end(*walk->at)));
}

/* The next letter of a name, in camel case whichever way it is written. */
static char letter(const char *name, size_t len, size_t *at)
{
    bool raised = false;

    while (*at < len && name[*at] == '_') {
        (*at)++;
        raised = true;
    }
    if (*at >= len)
        return '\0';
    if (raised && name[*at] >= 'a' && name[*at] <= 'z')
        return (char)(name[(*at)++] - ('a' - 'A'));
    return name[(*at)++];
}

/* reportedBefore and reported_before are one name. */
static bool names_equal(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t a_at = 0;
    size_t b_at = 0;

    while (a_at < a_len && b_at < b_len) {
        if (letter(a, a_len, &a_at) != letter(b, b_len, &b_at))
            return false;
    }
    return a_at == a_len && b_at == b_len;
}

/* To the value of a key; false when the object does not have it. */
static bool enter_key(struct walk *walk, const char *name, size_t len)
{
    skip_blank(walk);
    if (walk->at >= walk->end || *walk->at != '{')
        return false;
    walk->at++;
    for (;;) {
        const char *key = NULL;
        size_t key_len = 0;

        skip_blank(walk);
        if (walk->at >= walk->end || *walk->at != '"')
            return false;
        key = walk->at + 1;
        skip_string(walk);
        key_len = (size_t)(walk->at - key) - 1;
        skip_blank(walk);
        walk->at += walk->at < walk->end; /* the colon */
        skip_blank(walk);
        if (names_equal(key, key_len, name, len))
            return true;
        skip_value(walk);
        skip_blank(walk);
        if (walk->at >= walk->end || *walk->at != ',')
            return false;
        walk->at++;
    }
}

static bool enter_index(struct walk *walk, unsigned long index)
{
    skip_blank(walk);
    if (walk->at >= walk->end || *walk->at != '[')
        return false;
    walk->at++;
    for (; index > 0; index--) {
        skip_blank(walk);
        skip_value(walk);
        skip_blank(walk);
        if (walk->at >= walk->end || *walk->at != ',')
            return false;
        walk->at++;
    }
    skip_blank(walk);
    return true;
}

unsigned json_where_line(struct up_view text, const char *path)
{
    struct walk walk = {.at = (const char *)text.data, .end = (const char *)text.data + text.len};
    const char *reached = walk.at;
    unsigned line = 1;
    bool found = true;

    while (found && *path != '\0') {
        if (*path == '[') {
            unsigned long index = 0;

            for (path++; *path >= '0' && *path <= '9'; path++)
                index = index * 10 + (unsigned long)(*path - '0');
            path += *path == ']';
            found = enter_index(&walk, index);
        } else {
            size_t len = 0;

            path += *path == '.';
            len = strcspn(path, ".[");
            found = enter_key(&walk, path, len);
            path += len;
        }
        if (found)
            reached = walk.at;
    }
    for (const char *at = (const char *)text.data; at < reached; at++)
        line += *at == '\n';
    return line;
}
