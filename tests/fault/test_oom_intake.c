/* SPDX-License-Identifier: MIT */
/* rooms: intake base proto */
/* Configuration, mapping files and tables with memory running out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/config.h"
#include "nodes/intake/mapping.h"
#include "tests/lib/oom.h"
#include "upstander/limits.h"

static const char mapping_text[] = "mapping 1\n"
                                   "bad Id = \"\" : no number\n"
                                   "table places\n"
                                   "    Street = STREET\n"
                                   "    other = nothing\n"
                                   "set choice.manner = written\n"
                                   "copy narrative = Text unless - none\n"
                                   "time occurred_from = Date Time as DD/MM/YYYY\n"
                                   "look place_kind = Where in places\n"
                                   "strand RACE = Race unless \"\" No\n"
                                   "strand DISABILITY = Text contains wheelchair detail\n"
                                   "hash place.local_authority = Id over E06000016 E06000062\n"
                                   "choice POLICE COUNCIL = Id modulo 10\n"
                                   "    0-9 = IDENTIFIED without CONTACT SUSPECT\n"
                                   "choice CHARITY = Race\n"
                                   "    other = WITHHELD\n"
                                   "grant lawful_basis = consent\n";
static const char table[] =
    "Id,Date,Time,Where,Race,Text\n7,03/11/2026,14:25,Street,Yes,\"in a wheelchair\"\n";

static struct mapping *mapping; /* bound */
static struct csv *csv;
static struct csv_row row;

static int set_up(void **state)
{
    struct csv_row heading = {0};

    (void)state;
    if (mapping_parse(up_view_of(mapping_text, sizeof mapping_text - 1), &mapping, NULL) ||
        csv_new(up_view_of(table, sizeof table - 1), &csv) || csv_next(csv, &heading, NULL) ||
        mapping_bind(mapping, &heading, NULL))
        return -1;
    return csv_next(csv, &row, NULL) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    csv_destroy(&csv);
    mapping_destroy(&mapping);
    return 0;
}

static enum up_err attempt_csv(void)
{
    struct csv *reader = NULL;
    struct csv_row first = {0};
    enum up_err err = csv_new(up_view_of(table, sizeof table - 1), &reader);

    assert_true((err == UP_OK) == (reader != NULL));
    if (!err)
        err = csv_next(reader, &first, NULL);
    csv_destroy(&reader);
    return err;
}

static enum up_err attempt_mapping(void)
{
    struct mapping *made = NULL;
    enum up_err err = mapping_parse(up_view_of(mapping_text, sizeof mapping_text - 1), &made, NULL);

    assert_true((err == UP_OK) == (made != NULL));
    mapping_destroy(&made);
    return err;
}

static enum up_err apply_in(struct arena *arena)
{
    struct mapping_fault fault = {.column = NULL};
    Up__Report *report = NULL;
    enum up_err err = mapping_apply(mapping, &row, arena, &report, &fault);

    assert_true((err == UP_OK) == (report != NULL));
    assert_null(fault.column); /* the row is good, whatever memory there is */
    if (!err) {
        assert_int_equal(report->incident->n_strands, 2);
        assert_int_equal(report->choice->n_roles, 3);
        assert_string_equal(report->choice->roles[2]->lawful_basis, "consent");
        assert_string_equal(report->incident->occurred_from, "2026-11-03T14:25");
    }
    return err;
}

static enum up_err attempt_apply(void)
{
    struct arena *arena = NULL;
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    if (!err)
        err = apply_in(arena);
    arena_destroy(&arena);
    return err;
}

static enum up_err attempt_config(void)
{
    static const struct config_key keys[] = {{"node", CONFIG_SECTION, true, ""},
                                             {"node/keys", CONFIG_PATH, true, "key file"}};
    static const char text[] = "node\n    keys = x\n";
    struct config *config = NULL;
    const struct config_source source = {up_view_of(text, sizeof text - 1), "/etc/node.conf"};
    enum up_err err = config_parse(&source, keys, 2, &config, NULL);

    assert_true((err == UP_OK) == (config != NULL));
    if (!err)
        assert_string_equal(config_text(config, "node/keys", ""), "/etc/x");
    config_destroy(&config);
    return err;
}

static void tables_run_out(void **state)
{
    (void)state;
    oom_each(attempt_csv, 1);
}

static void mappings_run_out(void **state)
{
    (void)state;
    oom_each(attempt_mapping, 2);
    oom_each(attempt_apply, 2);
    oom_budgets(apply_in, 1000);
    oom_edges(apply_in, 30);
}

static void configuration_runs_out(void **state)
{
    (void)state;
    oom_each(attempt_config, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_run_out),
        cmocka_unit_test(mappings_run_out),
        cmocka_unit_test(configuration_runs_out),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
