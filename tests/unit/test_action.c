/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* Action items: what is well formed, and to whom one may go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/disclosure/action.h"
#include "tests/lib/incident_gen.h"
#include "upstander/limits.h"

static struct areas *areas;
static char text[UP_ACTION_TEXT_LEN_MAX + 2];
static char what[] = "a slogan";
static char place[] = "the underpass";
static char area[] = "E06000016";
static char county[] = "E23000021";
static char elsewhere[] = "E06000061";
static char day[] = "2026-11-03";
static char none[] = "";
static char charity[] = "b-charity";
static char council[] = "c-council";
static char since[] = "2026-01-01";

static Up__ActionItem item_make(void)
{
    Up__ActionItem item = UP__ACTION_ITEM__INIT;

    item.object = UP__ACTION_ITEM__OBJECT__GRAFFITI;
    item.what = what;
    item.place = place;
    item.local_authority = area;
    item.seen_on = day;
    return item;
}

static enum up_err check(const Up__ActionItem *item)
{
    struct up_why why = {0};
    enum up_err err = action_check(item, areas, "2026-11-04", &why);

    assert_true((err == UP_OK) == (why.text[0] == '\0'));
    return err;
}

static void what_is_well_formed(void **state)
{
    static char ahead[] = "2026-11-05";
    static char no_day[] = "2026-02-30";
    Up__ActionItem item = item_make();

    (void)state;
    assert_int_equal(check(&item), UP_OK);
    item.object = UP__ACTION_ITEM__OBJECT__NOT_STATED;
    assert_int_equal(check(&item), UP_INVALID);
    item.object = (Up__ActionItem__Object)99;
    assert_int_equal(check(&item), UP_INVALID);
    item = item_make();
    item.what = none;
    assert_int_equal(check(&item), UP_INVALID);
    item = item_make();
    memset(text, 'x', sizeof text - 1);
    item.place = text;
    assert_int_equal(check(&item), UP_INVALID);
    item = item_make();
    item.local_authority = county;
    assert_int_equal(check(&item), UP_INVALID);
    item = item_make();
    item.seen_on = ahead;
    assert_int_equal(check(&item), UP_INVALID);
    assert_int_equal(action_check(&item, areas, NULL, NULL), UP_OK); /* of another's clock */
    item.seen_on = no_day;
    assert_int_equal(action_check(&item, areas, NULL, NULL), UP_INVALID);
}

static void what_an_answer_says(void **state)
{
    Up__Done done = UP__DONE__INIT;

    (void)state;
    assert_int_equal(action_done_check(&done, NULL), UP_INVALID);
    done.what = UP__DONE__WHAT__REMOVED;
    assert_int_equal(action_done_check(&done, NULL), UP_INVALID);
    done.when = day;
    assert_int_equal(action_done_check(&done, NULL), UP_OK);
    done.what = (Up__Done__What)99;
    assert_int_equal(action_done_check(&done, NULL), UP_INVALID);
}

/* A charity and a council, and one or two agreements between them. */
struct world {
    Up__Member sender;
    Up__Member to;
    Up__Agreement agreements[2];
    Up__Entitlement ceilings[2];
    Up__Agreement *list[2];
    Up__Roster roster;
    char *covers[1];
    char *agreed[1];
    char *signed_by[2];
    char *kinds[1];
    struct entitlement_inputs inputs;
};

static void world_make(struct world *w)
{
    memset(w, 0, sizeof *w);
    up__member__init(&w->sender);
    up__member__init(&w->to);
    up__roster__init(&w->roster);
    w->sender.id = charity;
    w->sender.role = UP__ROLE__CODE__CHARITY;
    w->to.id = council;
    w->to.role = UP__ROLE__CODE__COUNCIL;
    w->to.status = UP__MEMBER__STATUS__ACTIVE;
    w->covers[0] = area;
    w->to.areas = w->covers;
    w->to.n_areas = 1;
    w->agreed[0] = county;
    w->signed_by[0] = charity;
    w->signed_by[1] = council;
    for (int i = 0; i < 2; i++) {
        up__agreement__init(&w->agreements[i]);
        w->agreements[i].from_role = UP__ROLE__CODE__CHARITY;
        w->agreements[i].to_role = UP__ROLE__CODE__COUNCIL;
        w->agreements[i].areas = w->agreed;
        w->agreements[i].n_areas = 1;
        w->agreements[i].valid_from = since;
        w->agreements[i].signed_by = w->signed_by;
        w->agreements[i].n_signed_by = 2;
        up__entitlement__init(&w->ceilings[i]);
        w->ceilings[i].level = UP__ENTITLEMENT__LEVEL__ANONYMISED;
        w->agreements[i].ceiling = &w->ceilings[i];
        w->list[i] = &w->agreements[i];
    }
    w->roster.agreements = w->list;
    w->roster.n_agreements = 1;
    w->inputs = (struct entitlement_inputs){.roster = &w->roster,
                                            .sender = &w->sender,
                                            .recipient = &w->to,
                                            .areas = areas,
                                            .today = "2026-11-04"};
}

static void to_whom_it_may_go(void **state)
{
    static char action[] = "action";
    static char release[] = "release";
    Up__ActionItem item = item_make();
    struct world w;

    (void)state;
    world_make(&w);
    assert_true(action_may_go(&item, &w.inputs));
    w.kinds[0] = release;
    w.agreements[0].kinds = w.kinds;
    w.agreements[0].n_kinds = 1;
    assert_false(action_may_go(&item, &w.inputs));
    w.kinds[0] = action;
    assert_true(action_may_go(&item, &w.inputs));
    w.to.role = UP__ROLE__CODE__POLICE;
    w.agreements[0].to_role = UP__ROLE__CODE__POLICE;
    assert_false(action_may_go(&item, &w.inputs)); /* it is for councils */
    world_make(&w);
    w.covers[0] = elsewhere;
    assert_false(action_may_go(&item, &w.inputs));
    world_make(&w);
    w.agreed[0] = elsewhere;
    assert_false(action_may_go(&item, &w.inputs));
    world_make(&w);
    w.to.status = UP__MEMBER__STATUS__LEAVING;
    assert_false(action_may_go(&item, &w.inputs));
    world_make(&w);
    w.agreements[0].n_signed_by = 1;
    assert_false(action_may_go(&item, &w.inputs));
    world_make(&w);
    w.roster.n_agreements = 2;
    w.agreements[1].suspended = true;
    assert_false(action_may_go(&item, &w.inputs)); /* the other one does not stand in for it */
    w.roster.n_agreements = 0;
    assert_false(action_may_go(&item, &w.inputs));
}

/* Two agreements are met, and the node's own limits hold: nothing gives more than each of them. */
static void nothing_gives_more(void **state)
{
    static char release[] = "release";
    struct entitlement by_role[ROLE_GOVERNANCE + 1] = {0};
    struct entitlement_limit by_member = {.member = council};
    Up__ActionItem item = item_make();
    struct world w;

    (void)state;
    world_make(&w);
    w.roster.n_agreements = 2;
    assert_true(action_may_go(&item, &w.inputs));
    w.ceilings[1].level = UP__ENTITLEMENT__LEVEL__WITHHELD;
    assert_false(action_may_go(&item, &w.inputs));
    w.agreements[1].ceiling = NULL;
    assert_false(action_may_go(&item, &w.inputs));
    world_make(&w);
    w.roster.n_agreements = 2;
    w.kinds[0] = release;
    w.agreements[1].kinds = w.kinds;
    w.agreements[1].n_kinds = 1;
    assert_false(action_may_go(&item, &w.inputs));

    world_make(&w);
    w.inputs.ceilings_by_role = by_role;
    assert_false(action_may_go(&item, &w.inputs));
    by_role[ROLE_COUNCIL].level = LEVEL_COUNTED;
    assert_true(action_may_go(&item, &w.inputs));
    w.inputs.ceilings_by_member = &by_member;
    w.inputs.ceiling_by_member_count = 1;
    assert_false(action_may_go(&item, &w.inputs));
    by_member.member = charity;
    assert_true(action_may_go(&item, &w.inputs));
}

static int set_up(void **state)
{
    (void)state;
    areas = gen_areas();
    return areas ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    areas_destroy(&areas);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_well_formed),
        cmocka_unit_test(what_an_answer_says),
        cmocka_unit_test(to_whom_it_may_go),
        cmocka_unit_test(nothing_gives_more),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
