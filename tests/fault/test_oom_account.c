/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* The drafter of accounts with memory running out, that of the pattern matcher included: no half draft. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/disclosure/account.h"
#include "tests/lib/oom.h"
#include "upstander/json.h"
#include "upstander/limits.h"

static const char report[] =
    "{\"identity\":{\"name\":\"Zo\xc3\xab van der Berg\",\"dateOfBirth\":\"1990-03-04\"},"
    "\"contact\":{\"telephones\":[\"01632 960123\"],\"address\":\"12 Acacia Avenue, Corby\"},"
    "\"narrative\":\"Mr Khan rang ZOE VAN DER BERG on 960123, 07700 900123 and a@example.org about "
    "12 acacia ave\"}";
static const char expected[] =
    "[name] rang [name] on [telephone], [telephone] and [e-mail] about [address]";

static struct arena *fixed;
static const Up__Incident *incident;

static int set_up(void **state)
{
    ProtobufCMessage *message = NULL;

    (void)state;
    if (arena_new(UP_ARENA_LEN_MAX, &fixed) ||
        json_parse(&up__incident__descriptor, up_view_of(report, sizeof report - 1), fixed,
                   &message, NULL))
        return -1;
    incident = (const Up__Incident *)message;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(&fixed);
    return 0;
}

static enum up_err draft_in(struct arena *arena)
{
    struct account_draft draft = {.span_count = 99};
    enum up_err err = account_draft(incident, arena, &draft);

    if (!err)
        assert_string_equal(draft.text, expected);
    else
        assert_int_equal(draft.span_count, 99);
    return err;
}

static enum up_err attempt(void)
{
    struct arena *arena = NULL;
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    if (!err)
        err = draft_in(arena);
    arena_destroy(&arena);
    return err;
}

static void drafting_runs_out(void **state)
{
    (void)state;
    oom_each(attempt, 3);
    oom_budgets(draft_in, 1000);
    oom_edges(draft_in, 30);
}

/* As much as account.h says is enough for the longest narrative. */
static void what_is_said_to_be_enough_is(void **state)
{
    static char text[UP_NARRATIVE_LEN_MAX + 1];
    static const char *const pieces[] = {"a ", "Zoe ", "01632 960123 ", "a@b.c ", "(1 "};

    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        Up__Incident one = *incident;
        struct account_draft draft = {0};
        struct arena *arena = NULL;
        size_t len = strlen(pieces[i]);

        memset(text, 0, sizeof text);
        for (size_t at = 0; at + len <= UP_NARRATIVE_LEN_MAX; at += len)
            memcpy(text + at, pieces[i], len);
        one.narrative = text;
        assert_int_equal(arena_new((1 << 20) + 80 * UP_NARRATIVE_LEN_MAX, &arena), UP_OK);
        assert_int_equal(account_draft(&one, arena, &draft), UP_OK);
        arena_destroy(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drafting_runs_out),
        cmocka_unit_test(what_is_said_to_be_enough_is),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
