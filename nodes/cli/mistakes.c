/* SPDX-License-Identifier: MIT */
#include "nodes/cli/mistakes.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/disclosure/diff.h"

enum { MISTAKES_MAX = 64 };

enum up_err mistakes_before(const char *path, char ret_before[static MISTAKES_PATH_MAX])
{
    int len = snprintf(ret_before, MISTAKES_PATH_MAX, "%s.before", path);

    return len > 0 && len < MISTAKES_PATH_MAX ? UP_OK : UP_TOO_LARGE;
}

static const char *level_text(struct entitlement e)
{
    return names_level((Up__Entitlement__Level)((int)e.level + 1));
}

static void print(const struct diff_mistake *mistake)
{
    const char *first = level_text(mistake->ceilings[0]);
    const char *second = level_text(mistake->ceilings[1]);

    switch (mistake->kind) {
    case DIFF_LOCKED_OUT:
        (void)print_fault("LOCKED OUT: too few of the earlier signatories are left; no node and no "
                          "broker would take this directory");
        break;
    case DIFF_SIGNATORY_GONE:
        (void)print_fault("SIGNATORY GONE: %s can sign no longer", mistake->subject);
        break;
    case DIFF_AREA_CUT_OFF:
        (void)print_fault("AREA CUT OFF: %s had a %s organisation that could receive reports, and "
                          "has none now",
                          mistake->subject, mistake->role == ROLE_POLICE ? "police" : "council");
        break;
    case DIFF_CEILING_RAISED:
        if (mistake->ceilings[0].level == mistake->ceilings[1].level)
            (void)print_fault("RAISED: %s to %s in %s: %s, and less is left out than before",
                              mistake->subject, mistake->other, mistake->area, first);
        else
            (void)print_fault("RAISED: %s to %s in %s: from \"%s\" to \"%s\"", mistake->subject,
                              mistake->other, mistake->area, first, second);
        break;
    case DIFF_K_LOWERED:
        (void)print_fault("LOWERED: figures from %s to %s may stand for %u people instead of %u",
                          mistake->subject, mistake->other, mistake->k[1], mistake->k[0]);
        break;
    }
}

int mistakes_check(struct cli *cli, const struct rosterfile *draft, const char *before_path,
                   bool really)
{
    static struct diff_mistake list[MISTAKES_MAX];
    char beside[MISTAKES_PATH_MAX];
    char today[CLOCK_TEXT_LEN];
    struct rosterfile before = {0};
    struct diff_inputs inputs = {.after = draft->roster, .today = today};
    size_t count = 0;
    enum up_err err = mistakes_before(draft->path, beside);

    if (err)
        return print_why(err, NULL);
    clock_london(clock_wall_s(), today);
    today[10] = '\0';
    err = rosterfile_read(&before, cli->arena, before_path ? before_path : beside);
    if (err == UP_NOT_FOUND && !before_path)
        return CLI_OK; /* the first one */
    if (err)
        return print_why(err, &before.why);
    inputs.before = before.roster;
    if (before.roster->federation.len != 16 || draft->roster->federation.len != 16 ||
        memcmp(before.roster->federation.data, draft->roster->federation.data, 16) != 0) {
        rosterfile_clear(&before);
        return print_fault("%s is of another federation", before.path);
    }
    count = diff_mistakes(&inputs, list, MISTAKES_MAX);
    for (size_t i = 0; i < count && i < MISTAKES_MAX; i++)
        print(&list[i]);
    if (count > MISTAKES_MAX)
        (void)print_fault("... and %zu more", count - MISTAKES_MAX);
    if (count > 0 && !really)
        (void)print_fault("not signed: say --really if all of this is meant (compared with %s, "
                          "version %llu)",
                          before.path, (unsigned long long)before.roster->version);
    rosterfile_clear(&before);
    return count == 0 || really ? CLI_OK : CLI_FAILED;
}
