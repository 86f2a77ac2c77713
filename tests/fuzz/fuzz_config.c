/* SPDX-License-Identifier: MIT */
/* rooms: base proto */
/* A configuration file, with keys of every kind. */
#include <string.h>

#include "base/config.h"
#include "tests/lib/fuzz.h"

static const struct config_key keys[] = {
    {"node", CONFIG_SECTION, true, "a section"},
    {"node/member", CONFIG_TEXT, true, "this organisation's id"},
    {"node/keys", CONFIG_PATH, false, "key file"},
    {"node/k", CONFIG_NUMBER, false, "smallest group"},
    {"node/quiet", CONFIG_BOOL, false, ""},
    {"operators", CONFIG_SECTION, false, ""},
    {"operators/*", CONFIG_SECTION, false, ""},
    {"operators/*/uid", CONFIG_NUMBER, false, ""},
    {"operators/*/home", CONFIG_PATH, false, ""},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct config *config = NULL;
    struct up_why why = {0};
    const struct config_source source = {.text = up_view_of(data, len),
                                         .file = "/etc/upstander/node.conf"};
    enum up_err err = config_parse(&source, keys, sizeof keys / sizeof keys[0], &config, &why);

    fuzz_require((err == UP_OK) == (config != NULL));
    fuzz_require(why.err == err);
    if (err) {
        fuzz_require(err == UP_CONFIG && why.text[0] != '\0');
        return 0;
    }
    fuzz_require(config_text(config, "node/member", "")[0] != '\0');
    fuzz_require(config_text(config, "node/keys", "/")[0] == '/');
    (void)config_number(config, "node/k", 5);
    (void)config_bool(config, "node/quiet", false);
    for (size_t i = 0; i < 1000 && config_child(config, "operators", i); i++) {
        char path[300] = "operators/";

        strcat(path, config_child(config, "operators", i));
        strcat(path, "/uid");
        (void)config_number(config, path, 0);
    }
    config_destroy(&config);
    return 0;
}
