/* SPDX-License-Identifier: MIT */
/* rooms: base proto */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/file.h"

static const struct config_key keys[] = {
    {"node", CONFIG_SECTION, false, ""},
    {"node/member", CONFIG_TEXT, true, "this organisation's id"},
    {"node/keys", CONFIG_PATH, false, "key file"},
    {"node/k", CONFIG_NUMBER, false, "smallest group"},
    {"node/quiet", CONFIG_BOOL, false, ""},
    {"operators", CONFIG_SECTION, false, ""},
    {"operators/*", CONFIG_SECTION, false, ""},
    {"operators/*/uid", CONFIG_NUMBER, false, ""},
};

static enum up_err parse(const char *text, struct config **ret_config, struct up_why *why)
{
    const struct config_source source = {.text = up_view_of(text, strlen(text)),
                                         .file = "/etc/up/node.conf"};

    return config_parse(&source, keys, sizeof keys / sizeof keys[0], ret_config, why);
}

static void a_good_config_is_read(void **state)
{
    struct config *config = NULL;
    struct up_why why = {0};

    (void)state;
    assert_int_equal(parse("# sample\nnode\n    member = stop-hate-uk # who\n    keys = keys\n"
                           "    k = 7\n    quiet = true\noperators\n    alex\n        uid = 1000\n"
                           "    sam\n        uid = 1001\n",
                           &config, &why),
                     UP_OK);
    assert_string_equal(config_text(config, "node/member", ""), "stop-hate-uk");
    assert_string_equal(config_text(config, "node/keys", ""), "/etc/up/keys");
    assert_int_equal(config_number(config, "node/k", 5), 7);
    assert_true(config_bool(config, "node/quiet", false));
    assert_string_equal(config_child(config, "operators", 1), "sam");
    assert_null(config_child(config, "operators", 2));
    assert_int_equal(config_number(config, "operators/sam/uid", 0), 1001);
    config_destroy(&config);
}

static void a_bad_config_names_line_or_path(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"node\n    member = a\n    membr = b\n", "line 3: no setting is called \"node/membr\""},
        {"node\n    member = a\n    member = b\n", "line 3: \"node/member\" stands there twice"},
        {"node\n    k = 5\n", "\"node/member\" is missing"},
        {"node\n\tmember = a\n", "line 2: a tab"},
        {"node\n   member = a\n", "line 2: indented wrongly"},
        {"node\n    member = a\n    k = five\n", "line 3: node/k: not a whole number"},
        {"node\n    member = \"a\n", "line 2: the closing quote"},
        {"node\n    member = a\n    quiet = yes\n", "line 3: node/quiet: neither true nor false"},
        {"node\n    member =\n", "line 2: node/member: the value is missing"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct config *config = NULL;
        struct up_why why = {0};

        assert_int_equal(parse(cases[i].text, &config, &why), UP_CONFIG);
        if (!strstr(why.text, cases[i].says))
            fail_msg("case %zu says: %s", i, why.text);
    }
}

static void files_are_whole_and_private(void **state)
{
    char folder[] = "/tmp/upstander-test-XXXXXX";
    char path[64];
    struct up_bytes bytes = {0};
    struct up_why why = {0};

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/keys", folder);
    assert_int_equal(file_read(path, 100, &bytes, &why), UP_NOT_FOUND);
    assert_int_equal(file_write_new(path, up_view_of("secret", 6), 0600, &why), UP_OK);
    assert_int_equal(file_write_new(path, up_view_of("other", 5), 0600, &why), UP_DUPLICATE);
    assert_int_equal(file_read_secret(path, 100, &bytes, &why), UP_OK);
    assert_int_equal(bytes.len, 6);
    assert_memory_equal(bytes.data, "secret", 6);
    up_bytes_wipe(&bytes);
    assert_int_equal(file_read(path, 5, &bytes, &why), UP_TOO_LARGE);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(file_read_secret(path, 100, &bytes, &why), UP_UNSAFE_MODE);
    assert_non_null(strstr(why.text, "chmod 600"));
    assert_int_equal(file_write(path, up_view_of("new", 3), 0600, &why), UP_OK);
    assert_int_equal(file_read_secret(path, 100, &bytes, &why), UP_OK);
    up_bytes_wipe(&bytes);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* no temporary file was left */
}

static void london_knows_summer(void **state)
{
    static const struct {
        int64_t wall_s;
        const char *text;
    } cases[] = {
        {1774745999, "2026-03-29T00:59"}, /* a second before the clocks go forward */
        {1774746000, "2026-03-29T02:00"}, {1792889999, "2026-10-25T01:59"},
        {1792890000, "2026-10-25T01:00"}, {1767225600, "2026-01-01T00:00"},
        {1782864000, "2026-07-01T01:00"}, {1709164800, "2024-02-29T00:00"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[CLOCK_TEXT_LEN];

        clock_london(cases[i].wall_s, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_config_is_read),
        cmocka_unit_test(a_bad_config_names_line_or_path),
        cmocka_unit_test(files_are_whole_and_private),
        cmocka_unit_test(london_knows_summer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
