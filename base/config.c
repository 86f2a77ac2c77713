/* SPDX-License-Identifier: MIT
 * ZPL: "name = value", four spaces of indentation per level, # comments, values may be quoted. */
#include "base/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "upstander/limits.h"

enum { PATH_LEN_MAX = 256, VALUE_LEN_MAX = 1024, ENTRIES_MAX = 512, DEPTH_MAX = 8 };

struct entry {
    char path[PATH_LEN_MAX];
    char value[VALUE_LEN_MAX];
};

struct config {
    struct entry *entries;
    size_t count;
};

/* Does a path fit a key's pattern, where "*" stands for one part? */
static bool path_matches(const char *path, const char *pattern)
{
    while (*path != '\0' && *pattern != '\0') {
        if (*pattern == '*') {
            size_t part = strcspn(path, "/");

            if (part == 0)
                return false;
            path += part;
            pattern++;
        } else if (*path++ != *pattern++) {
            return false;
        }
    }
    return *path == '\0' && *pattern == '\0';
}

static const struct config_key *key_find(const struct config_key *keys, size_t key_count,
                                         const char *path)
{
    for (size_t i = 0; i < key_count; i++) {
        if (path_matches(path, keys[i].path))
            return &keys[i];
    }
    return NULL;
}

static const struct entry *entry_find(const struct config *config, const char *path)
{
    for (size_t i = 0; i < config->count; i++) {
        if (strcmp(config->entries[i].path, path) == 0)
            return &config->entries[i];
    }
    return NULL;
}

struct parse {
    const char *file;
    unsigned line;
    struct up_why *why;
    const struct config_key *keys;
    size_t key_count;
    size_t ends[DEPTH_MAX + 1]; /* length of the path at each depth */
    char path[PATH_LEN_MAX];
    unsigned depth; /* of the last line */
    struct config *config;
};

static enum up_err bad_line(struct parse *parse, const char *what)
{
    return up_why_set(parse->why, UP_CONFIG, "%s, line %u: %s", parse->file, parse->line, what);
}

/* Cut a comment, unless quoted; trailing blanks; the quotes. */
static enum up_err value_read(struct parse *parse, char *text, char *ret_value)
{
    size_t len = 0;

    text += strspn(text, " ");
    if (*text == '"' || *text == '\'') {
        char *end = strchr(text + 1, *text);

        if (!end || (end[1 + strspn(end + 1, " ")] != '\0' && end[1 + strspn(end + 1, " ")] != '#'))
            return bad_line(parse, "the closing quote is missing, or something follows it");
        *end = '\0';
        text++;
        len = strlen(text);
    } else {
        len = strcspn(text, "#");
        while (len > 0 && text[len - 1] == ' ')
            len--;
    }
    if (len >= VALUE_LEN_MAX)
        return bad_line(parse, "the value is too long");
    memcpy(ret_value, text, len);
    ret_value[len] = '\0';
    return UP_OK;
}

static enum up_err bad_value(struct parse *parse, const char *what)
{
    char text[PATH_LEN_MAX + 64];

    (void)snprintf(text, sizeof text, "%s: %s", parse->path, what);
    return bad_line(parse, text);
}

static enum up_err value_check(struct parse *parse, const struct config_key *key, const char *value)
{
    char *end = NULL;

    if (key->kind == CONFIG_SECTION)
        return value[0] == '\0' ? UP_OK : bad_value(parse, "a section has no value");
    if (value[0] == '\0')
        return bad_value(parse, "the value is missing");
    if (key->kind == CONFIG_NUMBER) {
        errno = 0;
        (void)strtoll(value, &end, 10);
        if (errno || *end != '\0')
            return bad_value(parse, "not a whole number");
    }
    if (key->kind == CONFIG_BOOL && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return bad_value(parse, "neither true nor false");
    return UP_OK;
}

static enum up_err entry_add(struct parse *parse, char *text)
{
    const struct config_key *key = key_find(parse->keys, parse->key_count, parse->path);
    struct entry *entry = NULL;
    enum up_err err = UP_OK;

    if (!key)
        return up_why_set(parse->why, UP_CONFIG,
                          "%s, line %u: no setting is called \"%s\"; see the man page for those "
                          "that exist",
                          parse->file, parse->line, parse->path);
    if (entry_find(parse->config, parse->path))
        return up_why_set(parse->why, UP_CONFIG, "%s, line %u: \"%s\" stands there twice",
                          parse->file, parse->line, parse->path);
    if (parse->config->count == ENTRIES_MAX)
        return bad_line(parse, "too many settings");
    entry = &parse->config->entries[parse->config->count];
    memcpy(entry->path, parse->path, sizeof entry->path);
    err = value_read(parse, text, entry->value);
    if (!err)
        err = value_check(parse, key, entry->value);
    if (!err)
        parse->config->count++;
    return err;
}

static enum up_err line_parse(struct parse *parse, char *line)
{
    size_t indent = strspn(line, " ");
    char *name = line + indent;
    size_t name_len = strcspn(name, " =#");
    char *rest = name + name_len + strspn(name + name_len, " ");
    unsigned depth = (unsigned)(indent / 4);
    size_t at = 0;

    if (*name == '\0' || *name == '#')
        return UP_OK;
    if (strchr(line, '\t'))
        return bad_line(parse, "a tab; indent by four spaces");
    if (indent % 4 != 0 || depth > DEPTH_MAX - 1 || depth > parse->depth + 1 ||
        (parse->config->count == 0 && depth > 0))
        return bad_line(parse, "indented wrongly; four spaces per level");
    if (name_len == 0 || name_len > 64)
        return bad_line(parse, "not \"name = value\"");
    at = depth > 0 ? parse->ends[depth - 1] : 0;
    if (at + name_len + 2 > sizeof parse->path)
        return bad_line(parse, "nested too deep");
    (void)snprintf(parse->path + at, sizeof parse->path - at, "%s%.*s", at > 0 ? "/" : "",
                   (int)name_len, name);
    parse->ends[depth] = strlen(parse->path);
    parse->depth = depth;
    if (*rest == '=')
        return entry_add(parse, rest + 1);
    if (*rest != '\0' && *rest != '#')
        return bad_line(parse, "not \"name = value\"");
    *rest = '\0';
    return entry_add(parse, rest);
}

/* Paths are told from the folder of the config, so that it works wherever the program was started. */
static enum up_err paths_resolve(struct parse *parse)
{
    const char *slash = strrchr(parse->file, '/');

    for (size_t i = 0; slash && i < parse->config->count; i++) {
        struct entry *entry = &parse->config->entries[i];
        const struct config_key *key = key_find(parse->keys, parse->key_count, entry->path);
        char joined[VALUE_LEN_MAX];

        if (key->kind != CONFIG_PATH || entry->value[0] == '/')
            continue;
        if (snprintf(joined, sizeof joined, "%.*s/%s", (int)(slash - parse->file), parse->file,
                     entry->value) >= (int)sizeof joined)
            return up_why_set(parse->why, UP_CONFIG, "%s: the path of \"%s\" is too long",
                              parse->file, entry->path);
        memcpy(entry->value, joined, sizeof joined);
    }
    return UP_OK;
}

static enum up_err required_check(struct parse *parse)
{
    for (size_t i = 0; i < parse->key_count; i++) {
        if (parse->keys[i].required && !entry_find(parse->config, parse->keys[i].path))
            return up_why_set(parse->why, UP_CONFIG, "%s: the setting \"%s\" is missing (%s)",
                              parse->file, parse->keys[i].path, parse->keys[i].help);
    }
    return UP_OK;
}

enum up_err config_parse(const struct config_source *source, const struct config_key *keys,
                         size_t key_count, struct config **ret_config, struct up_why *why)
{
    struct up_view text = source->text;
    struct parse parse = {.file = source->file, .why = why, .keys = keys, .key_count = key_count};
    char *copy = malloc(text.len + 1);
    char *line = copy;
    enum up_err err = UP_OK;

    parse.config = calloc(1, sizeof *parse.config);
    if (parse.config)
        parse.config->entries = calloc(ENTRIES_MAX, sizeof *parse.config->entries);
    if (!copy || !parse.config || !parse.config->entries) {
        err = UP_NO_MEMORY;
        goto out;
    }
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (strlen(copy) != text.len) {
        err = bad_line(&parse, "holds a NUL");
        goto out;
    }
    while (!err && line) {
        char *end = strchr(line, '\n');

        parse.line++;
        if (end)
            *end = '\0';
        line[strcspn(line, "\r")] = '\0';
        err = line_parse(&parse, line);
        line = end ? end + 1 : NULL;
    }
    if (!err)
        err = required_check(&parse);
    if (!err)
        err = paths_resolve(&parse);
    if (err)
        goto out;
    *ret_config = parse.config;
    parse.config = NULL;
out:
    config_destroy(&parse.config);
    free(copy);
    return err;
}

enum up_err config_load(const char *file, const struct config_key *keys, size_t key_count,
                        struct config **ret_config, struct up_why *why)
{
    struct config_source source = {.file = file};
    struct up_bytes bytes = {0};
    enum up_err err = file_read(file, UP_CONFIG_LEN_MAX, &bytes, why);

    source.text = up_bytes_view(&bytes);
    if (!err)
        err = config_parse(&source, keys, key_count, ret_config, why);
    up_bytes_wipe(&bytes);
    return err;
}

void config_destroy(struct config **config_p)
{
    if (!*config_p)
        return;
    free((*config_p)->entries);
    free(*config_p);
    *config_p = NULL;
}

const char *config_text(const struct config *config, const char *path, const char *fallback)
{
    const struct entry *entry = entry_find(config, path);

    return entry ? entry->value : fallback;
}

int64_t config_number(const struct config *config, const char *path, int64_t fallback)
{
    const struct entry *entry = entry_find(config, path);

    return entry ? strtoll(entry->value, NULL, 10) : fallback;
}

bool config_bool(const struct config *config, const char *path, bool fallback)
{
    const struct entry *entry = entry_find(config, path);

    return entry ? strcmp(entry->value, "true") == 0 : fallback;
}

const char *config_child(const struct config *config, const char *path, size_t index)
{
    size_t len = strlen(path);

    for (size_t i = 0; i < config->count; i++) {
        const char *entry = config->entries[i].path;

        if (strncmp(entry, path, len) == 0 && entry[len] == '/' && !strchr(entry + len + 1, '/') &&
            index-- == 0)
            return entry + len + 1;
    }
    return NULL;
}
