/* SPDX-License-Identifier: MIT
 * Configuration in ZPL (zconfig's format) through one checker: an unknown or repeated path is an error that
 * names it; a line that does not parse is an error with its number. Secrets never stand in a config. */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "upstander/view.h"

enum config_kind { CONFIG_TEXT, CONFIG_PATH, CONFIG_NUMBER, CONFIG_BOOL, CONFIG_SECTION };
/* One known key. path: "broker/endpoint"; a '*' part stands for any name ("operators/(name)/uid" is
 * "operators/" "*" "/uid"). */
struct config_key {
    const char *path;
    enum config_kind kind;
    bool required;
    const char *help;
};

struct config;
/* config_load: read and check a file. why names file, line or path, and what to do. UP_CONFIG, UP_IO, UP_TOO_LARGE. */
UP_CHECKED enum up_err config_load(const char *file, const struct config_key *keys,
                                   size_t key_count, struct config **ret_config,
                                   struct up_why *why);
/* config_parse: the same on text. */
struct config_source {
    struct up_view text;
    const char *file; /* for messages and for relative paths */
};
UP_CHECKED enum up_err config_parse(const struct config_source *source,
                                    const struct config_key *keys, size_t key_count,
                                    struct config **ret_config, struct up_why *why);
void config_destroy(struct config **config_p);
/* config_text: the value, or fallback when the path is absent. Relative CONFIG_PATH values are resolved
 * against the config file's folder. Borrowed from the config. */
const char *config_text(const struct config *config, const char *path, const char *fallback);
int64_t config_number(const struct config *config, const char *path, int64_t fallback);
bool config_bool(const struct config *config, const char *path, bool fallback);
/* config_child: name of the index-th child under a path ("operators", 0); NULL past the end. */
const char *config_child(const struct config *config, const char *path, size_t index);

#endif
