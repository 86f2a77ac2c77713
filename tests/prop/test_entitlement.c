/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* Every combination of roles, choice, agreements, standing basis and withheld sets, against the rules written down a
 * second time; and what must read as WITHHELD. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "nodes/disclosure/entitlement.h"
#include "tests/lib/incident_gen.h"
#include "upstander/limits.h"

enum { ENTITLEMENTS = 5 * 16 };

static struct areas *areas;
static char county[] = "E23000021";
static char city[] = "E06000016";
static char start[] = "2026-01-01";
static char today[] = "2026-11-24";

/* One sender, one recipient, one agreement, one choice; a test bends what it needs. */
struct scene {
    Up__Entitlement own;
    Up__Place place;
    Up__Incident incident;
    Up__Entitlement chosen;
    Up__RoleChoice role_choice;
    Up__RoleChoice *role_choices[2];
    Up__SharingChoice choice;
    Up__Entitlement ceiling;
    Up__Agreement agreement;
    Up__Agreement *agreements[1];
    Up__Member sender;
    Up__Member recipient;
    Up__Roster roster;
    Up__Entitlement__Group groups[3][4];
    char *areas[1];
    char *signers[2];
    struct entitlement_inputs inputs;
};

static void write_entitlement(Up__Entitlement *to, Up__Entitlement__Group *groups,
                              struct entitlement e)
{
    up__entitlement__init(to);
    to->level = (Up__Entitlement__Level)((int)e.level + 1);
    to->withheld = groups;
    for (unsigned group = 0; group < 4; group++) {
        if (e.withheld & (1u << group))
            to->withheld[to->n_withheld++] = (Up__Entitlement__Group)(group + 1);
    }
}

static void scene_init(struct scene *s)
{
    static char id[] = "a-force";
    static char sender[] = "b-sender";

    memset(s, 0, sizeof *s);
    up__incident__init(&s->incident);
    up__place__init(&s->place);
    up__role_choice__init(&s->role_choice);
    up__sharing_choice__init(&s->choice);
    up__agreement__init(&s->agreement);
    up__member__init(&s->sender);
    up__member__init(&s->recipient);
    up__roster__init(&s->roster);
    write_entitlement(&s->own, s->groups[0], (struct entitlement){LEVEL_IDENTIFIED, 0});
    write_entitlement(&s->chosen, s->groups[1], (struct entitlement){LEVEL_IDENTIFIED, 0});
    write_entitlement(&s->ceiling, s->groups[2], (struct entitlement){LEVEL_IDENTIFIED, 0});
    s->incident.entitlement = &s->own;
    s->incident.place = &s->place;
    s->place.local_authority = city;
    s->role_choice.role = UP__ROLE__CODE__POLICE;
    s->role_choice.entitlement = &s->chosen;
    s->role_choices[0] = s->role_choices[1] = &s->role_choice;
    s->choice.roles = s->role_choices;
    s->choice.n_roles = 1;
    s->areas[0] = county;
    s->agreement.from_role = s->sender.role = UP__ROLE__CODE__CHARITY;
    s->agreement.to_role = s->recipient.role = UP__ROLE__CODE__POLICE;
    s->agreement.areas = s->sender.areas = s->recipient.areas = s->areas;
    s->agreement.n_areas = s->sender.n_areas = s->recipient.n_areas = 1;
    s->agreement.valid_from = start;
    s->agreement.ceiling = &s->ceiling;
    s->recipient.id = id;
    s->sender.id = sender;
    s->signers[0] = sender;
    s->signers[1] = id;
    s->agreement.signed_by = s->signers;
    s->agreement.n_signed_by = 2;
    s->recipient.status = s->sender.status = UP__MEMBER__STATUS__ACTIVE;
    s->agreements[0] = &s->agreement;
    s->roster.agreements = s->agreements;
    s->roster.n_agreements = 1;
    s->inputs = (struct entitlement_inputs){.incident = &s->incident,
                                            .choice = &s->choice,
                                            .roster = &s->roster,
                                            .sender = &s->sender,
                                            .recipient = &s->recipient,
                                            .areas = areas,
                                            .today = today};
}

static struct entitlement by_index(unsigned index)
{
    return (struct entitlement){(enum level)(index / 16), index % 16};
}

/* --- the table: every combination, against the rules written down a second time ------------------- */

enum terms { /* how agreements stand between the two */
             TERMS_NONE,
             TERMS_IN_FORCE,
             TERMS_UNSIGNED_BY_SENDER,
             TERMS_UNSIGNED_BY_RECIPIENT,
             TERMS_SUSPENDED_IN_TEXT,
             TERMS_SUSPENDED_BY_SENDER,
             TERMS_SUSPENDED_BY_RECIPIENT,
             TERMS_SUSPENDED_BY_ANOTHER, /* a third party: not between these two */
             TERMS_ENDED,
             TERMS_NOT_YET,
             TERMS_ELSEWHERE,
             TERMS_FOR_OTHERS, /* it names another recipient */
             TERMS_FOR_THESE,  /* it names both, and no role */
             TERMS_TWO,        /* a second one in force, COUNTED at most */
             TERMS_TWO_ONE_SUSPENDED,
             TERMS_TWO_ONE_UNSIGNED, /* the second does not bind */
             TERMS_ONLY_INCIDENTS,   /* it carries incidents alone */
             TERMS_ONLY_FIGURES,     /* it carries releases and counts */
             TERMS_COUNT
};
enum said { /* the person */
            SAID_NO_RECORD,
            SAID_NOBODY, /* a choice that lists no role */
            SAID_OTHER_ROLE,
            SAID_UNKNOWN_ROLE,
            SAID_EXPIRED,
            SAID_DATE_UNREADABLE,
            SAID_TWICE,
            SAID_LEVEL_UNREADABLE,
            SAID_CHOICE, /* what `chosen` says */
            SAID_COUNT
};
enum came { CAME_OWN, CAME_RECEIVED, CAME_RECEIVED_WITH_TERMS, CAME_COUNT };

struct combination {
    int from;
    int to;
    enum terms terms;
    struct entitlement ceiling;
    enum said said;
    struct entitlement chosen;
    int member_level; /* of a choice for this very member; -1: none */
    int standing;     /* 0 none; else basis + 1: 1 not stated, 2 statutory, 3 depersonalised */
    struct entitlement standing_most;
    int channel;
    enum came came;
};

/* A scene with all that a combination can hold. */
struct stage {
    struct scene scene;
    Up__Agreement second;
    Up__Agreement *agreements[2];
    Up__Entitlement second_ceiling;
    Up__Entitlement__Group second_groups[4];
    Up__Standing standing;
    Up__Entitlement standing_most;
    Up__Entitlement__Group standing_groups[4];
    Up__MemberChoice member;
    Up__MemberChoice *members[1];
    Up__Entitlement member_chosen;
    Up__Onward onward;
    Up__OnwardCeiling onward_ceiling;
    Up__OnwardCeiling *onward_ceilings[1];
    Up__Entitlement onward_most;
    char *permitted[1];
};

static char sender_id[] = "b-sender";
static char recipient_id[] = "a-force";
static char other_id[] = "c-other";
static char *both[2] = {sender_id, recipient_id};
static char *only_sender[1] = {sender_id};
static char *only_recipient[1] = {recipient_id};
static char *only_other[1] = {other_id};
static char kind_incident[] = "incident";
static char kind_release[] = "release";
static char kind_statistics[] = "statistics";
static char *incidents[1] = {kind_incident};
static char *figures[2] = {kind_release, kind_statistics};
static char yesterday[] = "2026-11-23";
static char tomorrow[] = "2026-11-25";
static char no_day[] = "next month";
static char far[] = "E23000022";
static char *far_areas[1] = {far};

static void stage_second(struct stage *stage)
{
    stage->second = stage->scene.agreement;
    write_entitlement(&stage->second_ceiling, stage->second_groups,
                      (struct entitlement){LEVEL_COUNTED, 0});
    stage->second.ceiling = &stage->second_ceiling;
    stage->second.standing = NULL;
    stage->scene.roster.n_agreements = 2;
}

/* For when, where, whom and what the agreement is. */
static void stage_reach(Up__Agreement *agreement, enum terms terms)
{
    switch ((int)terms) {
    case TERMS_ENDED:
        agreement->ends_on = yesterday;
        break;
    case TERMS_NOT_YET:
        agreement->valid_from = tomorrow;
        break;
    case TERMS_ELSEWHERE:
        agreement->areas = far_areas;
        break;
    case TERMS_FOR_OTHERS:
        agreement->to_members = only_other;
        agreement->n_to_members = 1;
        break;
    case TERMS_FOR_THESE:
        agreement->from_role = agreement->to_role = UP__ROLE__CODE__NOT_STATED;
        agreement->from_members = only_sender;
        agreement->to_members = only_recipient;
        agreement->n_from_members = agreement->n_to_members = 1;
        break;
    case TERMS_ONLY_INCIDENTS:
        agreement->kinds = incidents;
        agreement->n_kinds = 1;
        break;
    case TERMS_ONLY_FIGURES:
        agreement->kinds = figures;
        agreement->n_kinds = 2;
        break;
    default:
        break;
    }
}

static void stage_terms(struct stage *stage, enum terms terms)
{
    Up__Agreement *agreement = &stage->scene.agreement;

    stage->agreements[0] = agreement;
    stage->agreements[1] = &stage->second;
    stage->scene.roster.agreements = stage->agreements;
    stage->scene.roster.n_agreements = terms != TERMS_NONE;
    agreement->signed_by = both;
    agreement->n_signed_by = 2;
    switch (terms) {
    case TERMS_UNSIGNED_BY_SENDER:
        agreement->signed_by = only_recipient;
        agreement->n_signed_by = 1;
        break;
    case TERMS_UNSIGNED_BY_RECIPIENT:
        agreement->signed_by = only_sender;
        agreement->n_signed_by = 1;
        break;
    case TERMS_SUSPENDED_IN_TEXT:
        agreement->suspended = true;
        break;
    case TERMS_SUSPENDED_BY_SENDER:
        agreement->suspended_by = only_sender;
        agreement->n_suspended_by = 1;
        break;
    case TERMS_SUSPENDED_BY_RECIPIENT:
        agreement->suspended_by = only_recipient;
        agreement->n_suspended_by = 1;
        break;
    case TERMS_SUSPENDED_BY_ANOTHER:
        agreement->suspended_by = only_other;
        agreement->n_suspended_by = 1;
        break;
    case TERMS_ENDED:
    case TERMS_NOT_YET:
    case TERMS_ELSEWHERE:
    case TERMS_FOR_OTHERS:
    case TERMS_FOR_THESE:
    case TERMS_ONLY_INCIDENTS:
    case TERMS_ONLY_FIGURES:
        stage_reach(agreement, terms);
        break;
    case TERMS_TWO:
    case TERMS_TWO_ONE_SUSPENDED:
    case TERMS_TWO_ONE_UNSIGNED:
        stage_second(stage);
        stage->second.suspended = terms == TERMS_TWO_ONE_SUSPENDED;
        stage->second.n_signed_by = terms == TERMS_TWO_ONE_UNSIGNED ? 1 : 2;
        break;
    case TERMS_NONE:
    case TERMS_IN_FORCE:
    case TERMS_COUNT:
        break;
    }
}

static void stage_said(struct stage *stage, const struct combination *c)
{
    struct scene *s = &stage->scene;
    static const int others[] = {0,
                                 UP__ROLE__CODE__COUNCIL,
                                 UP__ROLE__CODE__POLICE,
                                 UP__ROLE__CODE__POLICE,
                                 UP__ROLE__CODE__POLICE,
                                 UP__ROLE__CODE__POLICE};

    s->role_choice.role = (Up__Role__Code)c->to;
    switch (c->said) {
    case SAID_NO_RECORD:
        s->inputs.choice = NULL;
        return;
    case SAID_NOBODY:
        s->choice.n_roles = 0;
        break;
    case SAID_OTHER_ROLE:
        s->role_choice.role = (Up__Role__Code)others[c->to];
        break;
    case SAID_UNKNOWN_ROLE:
        s->role_choice.role = (Up__Role__Code)77;
        break;
    case SAID_EXPIRED:
        s->role_choice.expires_on = yesterday;
        break;
    case SAID_DATE_UNREADABLE:
        s->role_choice.expires_on = no_day;
        break;
    case SAID_TWICE:
        s->choice.n_roles = 2;
        break;
    case SAID_LEVEL_UNREADABLE:
        s->chosen.level = (Up__Entitlement__Level)77;
        break;
    case SAID_CHOICE:
    case SAID_COUNT:
        break;
    }
    if (c->member_level < 0)
        return;
    up__member_choice__init(&stage->member);
    up__entitlement__init(&stage->member_chosen);
    stage->member.member = recipient_id;
    stage->member.entitlement = &stage->member_chosen;
    stage->member_chosen.level = (Up__Entitlement__Level)(c->member_level + 1);
    stage->members[0] = &stage->member;
    s->choice.members = stage->members;
    s->choice.n_members = 1;
}

static void stage_came(struct stage *stage, const struct combination *c)
{
    stage->scene.inputs.received = c->came != CAME_OWN;
    if (c->came != CAME_RECEIVED_WITH_TERMS)
        return;
    up__onward__init(&stage->onward);
    up__onward_ceiling__init(&stage->onward_ceiling);
    up__entitlement__init(&stage->onward_most);
    stage->onward_most.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    stage->onward_ceiling.role = (Up__Role__Code)c->to;
    stage->onward_ceiling.entitlement = &stage->onward_most;
    stage->onward_ceilings[0] = &stage->onward_ceiling;
    stage->onward.ceilings = stage->onward_ceilings;
    stage->onward.n_ceilings = 1;
    stage->permitted[0] = recipient_id;
    stage->onward.permitted_members = stage->permitted;
    stage->onward.n_permitted_members = 1;
    stage->scene.incident.onward = &stage->onward;
}

static struct verdict stage_decide(struct stage *stage, const struct combination *c)
{
    struct scene *s = &stage->scene;

    scene_init(s);
    s->sender.id = sender_id;
    s->recipient.id = recipient_id;
    s->agreement.from_role = s->sender.role = (Up__Role__Code)c->from;
    s->agreement.to_role = s->recipient.role = (Up__Role__Code)c->to;
    write_entitlement(&s->ceiling, s->groups[2], c->ceiling);
    write_entitlement(&s->chosen, s->groups[1], c->chosen);
    s->incident.channel = (Up__Channel__Code)c->channel;
    if (c->standing > 0) {
        up__standing__init(&stage->standing);
        stage->standing.basis = (Up__Standing__Basis)(c->standing - 1);
        write_entitlement(&stage->standing_most, stage->standing_groups, c->standing_most);
        stage->standing.entitlement = &stage->standing_most;
        s->agreement.standing = &stage->standing;
    }
    stage_terms(stage, c->terms);
    stage_said(stage, c);
    stage_came(stage, c);
    return entitlement_decide(&s->inputs);
}

/* The rules of disclosure.md 1 and 2, as plain conditions on the combination. */

static const struct entitlement nothing = {LEVEL_WITHHELD, GROUPS_ALL};

static struct entitlement want_terms(const struct combination *c)
{
    struct entitlement e = c->ceiling;

    switch (c->terms) {
    case TERMS_IN_FORCE:
    case TERMS_SUSPENDED_BY_ANOTHER:
    case TERMS_FOR_THESE:
    case TERMS_TWO_ONE_UNSIGNED:
    case TERMS_ONLY_INCIDENTS:
    case TERMS_ONLY_FIGURES:
        return e;
    case TERMS_TWO:
        e.level = e.level > LEVEL_COUNTED ? LEVEL_COUNTED : e.level;
        return e;
    case TERMS_NONE:
    case TERMS_UNSIGNED_BY_SENDER:
    case TERMS_UNSIGNED_BY_RECIPIENT:
    case TERMS_SUSPENDED_IN_TEXT:
    case TERMS_SUSPENDED_BY_SENDER:
    case TERMS_SUSPENDED_BY_RECIPIENT:
    case TERMS_ENDED:
    case TERMS_NOT_YET:
    case TERMS_ELSEWHERE:
    case TERMS_FOR_OTHERS:
    case TERMS_TWO_ONE_SUSPENDED:
    case TERMS_COUNT:
        break;
    }
    return nothing;
}

/* May the standing basis of the agreement stand in? */
static bool want_standing(const struct combination *c)
{
    bool police = c->from == UP__ROLE__CODE__POLICE;
    bool council = c->from == UP__ROLE__CODE__COUNCIL;
    bool call = c->channel == UP__CHANNEL__CODE__CALL_101 ||
                c->channel == UP__CHANNEL__CODE__CALL_999 ||
                c->channel == UP__CHANNEL__CODE__OWN_FORM;
    bool import = c->channel == UP__CHANNEL__CODE__IMPORT;
    bool unasked = c->said == SAID_NO_RECORD || c->said == SAID_OTHER_ROLE;

    return c->came == CAME_OWN && unasked && c->standing >= 2 &&
           (((police || council) && call) || (police && import));
}

static struct entitlement want_said(const struct combination *c)
{
    struct entitlement e = nothing;

    if (c->came == CAME_RECEIVED)
        return nothing;
    if (c->came == CAME_RECEIVED_WITH_TERMS)
        return (struct entitlement){LEVEL_IDENTIFIED, 0};
    if (c->said == SAID_CHOICE)
        e = c->chosen;
    else if (want_standing(c))
        e = c->standing_most;
    else
        return nothing;
    if (c->said != SAID_CHOICE && e.level > LEVEL_ANONYMISED)
        e.level = LEVEL_ANONYMISED;
    if (c->member_level >= 0 && c->said != SAID_NO_RECORD && (int)e.level > c->member_level)
        e.level = (enum level)c->member_level;
    if (c->to == UP__ROLE__CODE__CASEWORK && (c->member_level < 0 || c->said == SAID_NO_RECORD))
        return nothing; /* asked for by name, or not at all */
    return e;
}

static struct entitlement want(const struct combination *c)
{
    /* hard ceilings: role, level, withheld */
    static const struct entitlement hard[] = {
        [UP__ROLE__CODE__POLICE] = {LEVEL_IDENTIFIED, 0},
        [UP__ROLE__CODE__COUNCIL] = {LEVEL_PSEUDONYMISED, GROUP_SUSPECT},
        [UP__ROLE__CODE__CASEWORK] = {LEVEL_IDENTIFIED, GROUP_SUSPECT},
        [UP__ROLE__CODE__CHARITY] = {LEVEL_IDENTIFIED, 0},
        [UP__ROLE__CODE__GOVERNANCE] = {LEVEL_COUNTED, GROUP_SUSPECT},
    };
    struct entitlement parts[3] = {want_said(c), want_terms(c), hard[c->to]};
    struct entitlement e = parts[0];

    for (int i = 1; i < 3; i++) {
        e.level = parts[i].level < e.level ? parts[i].level : e.level;
        e.withheld |= parts[i].withheld;
    }
    if (c->terms == TERMS_ONLY_INCIDENTS && e.level < LEVEL_PSEUDONYMISED)
        e.level = LEVEL_WITHHELD;
    if (c->terms == TERMS_ONLY_FIGURES && e.level > LEVEL_ANONYMISED)
        e.level = LEVEL_ANONYMISED;
    if (c->to == UP__ROLE__CODE__CASEWORK && e.level < LEVEL_PSEUDONYMISED)
        e.level = LEVEL_WITHHELD; /* no counts, no releases */
    return e;
}

static void compare(const struct combination *c, unsigned long *count)
{
    static struct stage stage;
    struct verdict verdict = stage_decide(&stage, c);
    struct entitlement wanted = want(c);

    if (verdict.entitlement.level != wanted.level ||
        (wanted.level != LEVEL_WITHHELD && verdict.entitlement.withheld != wanted.withheld))
        fail_msg(
            "from %d to %d, terms %d, ceiling %d/%u, said %d, chosen %d/%u, by name %d, standing "
            "%d %d, channel %d, came %d: %d/%u, wanted %d/%u (rule %d)",
            c->from, c->to, c->terms, c->ceiling.level, c->ceiling.withheld, c->said,
            c->chosen.level, c->chosen.withheld, c->member_level, c->standing,
            c->standing_most.level, c->channel, c->came, verdict.entitlement.level,
            verdict.entitlement.withheld, wanted.level, wanted.withheld, verdict.decided_by);
    if (verdict.entitlement.level == LEVEL_WITHHELD && verdict.decided_by == BY_NO_AGREEMENT &&
        verdict.lack >= AGREEMENT_IN_FORCE)
        fail_msg("no agreement, and no reason why");
    (*count)++;
}

/* Every level and withheld set that may be chosen, under every one that may be agreed, however agreements stand, for
 * every pair of roles; casework teams named and not. */
static void every_entitlement(void **state)
{
    unsigned long count = 0;

    (void)state;
    for (int to = UP__ROLE__CODE__POLICE; to <= UP__ROLE__CODE__GOVERNANCE; to++) {
        for (int terms = 0; terms < TERMS_COUNT; terms++) {
            for (unsigned pair = 0; pair < ENTITLEMENTS * ENTITLEMENTS; pair++) {
                struct combination c = {.from = UP__ROLE__CODE__CHARITY,
                                        .to = to,
                                        .terms = (enum terms)terms,
                                        .ceiling = by_index(pair / ENTITLEMENTS),
                                        .said = SAID_CHOICE,
                                        .chosen = by_index(pair % ENTITLEMENTS),
                                        .member_level = -1};

                compare(&c, &count);
                c.member_level = LEVEL_IDENTIFIED;
                compare(&c, &count);
            }
        }
    }
    printf("every_entitlement: %lu decisions\n", count);
    assert_int_equal(count, 5ul * TERMS_COUNT * ENTITLEMENTS * ENTITLEMENTS * 2);
}

static const int channels[] = {UP__CHANNEL__CODE__NOT_STATED, UP__CHANNEL__CODE__CALL_101,
                               UP__CHANNEL__CODE__CALL_999,   UP__CHANNEL__CODE__OWN_FORM,
                               UP__CHANNEL__CODE__IMPORT,     UP__CHANNEL__CODE__WEB_FORM};
enum { CHANNELS = sizeof channels / sizeof channels[0], STANDINGS = 4, LEVELS = 5 };

/* All that a person may have said, by every way in, with every standing basis, for every pair of roles. */
static void every_circumstance(void **state)
{
    unsigned long count = 0;
    struct combination c;

    (void)state;
    for (unsigned long i = 0; i < 5ul * 5 * TERMS_COUNT * SAID_COUNT * (LEVELS + 1); i++) {
        unsigned long rest = i;

        memset(&c, 0, sizeof c);
        c.from = UP__ROLE__CODE__POLICE + (int)(rest % 5);
        rest /= 5;
        c.to = UP__ROLE__CODE__POLICE + (int)(rest % 5);
        rest /= 5;
        c.terms = (enum terms)(rest % TERMS_COUNT);
        rest /= TERMS_COUNT;
        c.said = (enum said)(rest % SAID_COUNT);
        rest /= SAID_COUNT;
        c.member_level = (int)rest - 1;
        c.chosen = (struct entitlement){LEVEL_IDENTIFIED, GROUP_PLACE};
        c.ceiling = (struct entitlement){LEVEL_IDENTIFIED, GROUP_CONTACT};
        for (unsigned j = 0; j < CHANNELS * CAME_COUNT * STANDINGS * LEVELS; j++) {
            c.channel = channels[j % CHANNELS];
            c.came = (enum came)(j / CHANNELS % CAME_COUNT);
            c.standing = (int)(j / (CHANNELS * CAME_COUNT) % STANDINGS);
            c.standing_most.level = (enum level)(j / (CHANNELS * CAME_COUNT * STANDINGS));
            compare(&c, &count);
        }
    }
    printf("every_circumstance: %lu decisions\n", count);
    assert_int_equal(count, 5ul * 5 * TERMS_COUNT * SAID_COUNT * (LEVELS + 1) * CHANNELS *
                                CAME_COUNT * STANDINGS * LEVELS);
}

/* The basis is named; what the person said always wins; an agreement that is missing too. */
static void a_standing_basis_is_named(void **state)
{
    struct stage stage;
    struct combination c = {.from = UP__ROLE__CODE__POLICE,
                            .to = UP__ROLE__CODE__GOVERNANCE,
                            .terms = TERMS_IN_FORCE,
                            .ceiling = {LEVEL_COUNTED, 0},
                            .said = SAID_NO_RECORD,
                            .member_level = -1,
                            .standing = 2,
                            .standing_most = {LEVEL_COUNTED, 0},
                            .channel = UP__CHANNEL__CODE__CALL_101};
    struct verdict verdict = stage_decide(&stage, &c);

    (void)state;
    assert_int_equal(verdict.entitlement.level, LEVEL_COUNTED);
    assert_int_equal(verdict.decided_by, BY_STATUTORY);
    c.standing = 3;
    assert_int_equal(stage_decide(&stage, &c).decided_by, BY_DEPERSONALISED);
    assert_non_null(strstr(entitlement_decided_text(BY_DEPERSONALISED), "nobody asked"));
    c.said = SAID_CHOICE;
    c.chosen = nothing;
    verdict = stage_decide(&stage, &c);
    assert_int_equal(verdict.entitlement.level, LEVEL_WITHHELD);
    assert_int_equal(verdict.decided_by, BY_ROLE_CHOICE);
    c.said = SAID_NO_RECORD;
    c.terms = TERMS_UNSIGNED_BY_RECIPIENT;
    verdict = stage_decide(&stage, &c);
    assert_int_equal(verdict.entitlement.level, LEVEL_WITHHELD);
}

/* What is amiss with the nearest agreement is said. */
static void a_missing_agreement_says_why(void **state)
{
    static const struct {
        enum terms terms;
        const char *words;
    } cases[] = {{TERMS_NONE, "none names both"},
                 {TERMS_UNSIGNED_BY_SENDER, "this organisation has not signed"},
                 {TERMS_UNSIGNED_BY_RECIPIENT, "the other organisation has not signed"},
                 {TERMS_SUSPENDED_IN_TEXT, "suspended"},
                 {TERMS_SUSPENDED_BY_SENDER, "suspended"},
                 {TERMS_SUSPENDED_BY_RECIPIENT, "suspended"},
                 {TERMS_TWO_ONE_SUSPENDED, "suspended"},
                 {TERMS_ENDED, "has ended"},
                 {TERMS_NOT_YET, "begins later"},
                 {TERMS_ELSEWHERE, "covers the place"},
                 {TERMS_FOR_OTHERS, "none names both"}};
    struct stage stage;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct combination c = {.from = UP__ROLE__CODE__CHARITY,
                                .to = UP__ROLE__CODE__POLICE,
                                .terms = cases[i].terms,
                                .ceiling = {LEVEL_IDENTIFIED, 0},
                                .said = SAID_CHOICE,
                                .chosen = {LEVEL_IDENTIFIED, 0},
                                .member_level = -1};
        struct verdict verdict = stage_decide(&stage, &c);

        assert_int_equal(verdict.decided_by, BY_NO_AGREEMENT);
        assert_non_null(strstr(entitlement_reason(&verdict), cases[i].words));
    }
}

/* The node's own limit for one member lowers for that member alone. */
static void a_limit_for_one_member(void **state)
{
    struct scene s;
    struct entitlement_limit limits[2] = {{"c-other", {LEVEL_WITHHELD, 0}},
                                          {"a-force", {LEVEL_ANONYMISED, 0}}};

    (void)state;
    scene_init(&s);
    s.inputs.ceilings_by_member = limits;
    s.inputs.ceiling_by_member_count = 1;
    assert_int_equal(entitlement_decide(&s.inputs).entitlement.level, LEVEL_IDENTIFIED);
    s.inputs.ceiling_by_member_count = 2;
    assert_int_equal(entitlement_decide(&s.inputs).entitlement.level, LEVEL_ANONYMISED);
    assert_int_equal(entitlement_decide(&s.inputs).decided_by, BY_NODE_CEILING);
}

static void must_be_withheld(struct scene *s, enum decided_by by)
{
    struct verdict verdict = entitlement_decide(&s->inputs);

    assert_int_equal(verdict.entitlement.level, LEVEL_WITHHELD);
    assert_int_equal(verdict.decided_by, by);
}

static void what_is_missing_or_unknown_is_withheld(void **state)
{
    struct scene s;
    static char before[] = "2026-11-23";
    static char later[] = "2027-01-01";
    static char no_days[][12] = {"31/12/2020", "next month", "2027", "2027-13-01", "9999"};
    static char elsewhere[] = "E06000062";
    static char none[] = "";

    (void)state;
    scene_init(&s);
    assert_int_equal(entitlement_decide(&s.inputs).entitlement.level, LEVEL_IDENTIFIED);
    s.inputs.choice = NULL;
    must_be_withheld(&s, BY_NO_CHOICE);
    scene_init(&s);
    s.choice.n_roles = 0;
    must_be_withheld(&s, BY_ROLE_NOT_ASKED);
    scene_init(&s);
    s.choice.n_roles = 2;
    must_be_withheld(&s, BY_MALFORMED);
    scene_init(&s);
    s.role_choice.expires_on = before;
    must_be_withheld(&s, BY_CHOICE_EXPIRED);
    s.role_choice.expires_on = today;
    assert_int_equal(entitlement_decide(&s.inputs).entitlement.level, LEVEL_IDENTIFIED);
    for (size_t i = 0; i < sizeof no_days / sizeof no_days[0]; i++) {
        scene_init(&s);
        s.role_choice.expires_on = no_days[i];
        must_be_withheld(&s, BY_MALFORMED);
    }
    scene_init(&s);
    s.chosen.level = (Up__Entitlement__Level)77;
    must_be_withheld(&s, BY_ROLE_CHOICE);
    scene_init(&s);
    s.roster.n_agreements = 0;
    must_be_withheld(&s, BY_NO_AGREEMENT);
    scene_init(&s);
    s.agreement.suspended = true;
    must_be_withheld(&s, BY_NO_AGREEMENT);
    scene_init(&s);
    s.agreement.ends_on = before;
    must_be_withheld(&s, BY_NO_AGREEMENT);
    scene_init(&s);
    s.agreement.valid_from = later;
    must_be_withheld(&s, BY_NO_AGREEMENT);
    scene_init(&s);
    s.agreement.n_areas = 0;
    must_be_withheld(&s, BY_NO_AGREEMENT);
    scene_init(&s);
    s.recipient.role = (Up__Role__Code)9;
    must_be_withheld(&s, BY_ROLE_UNKNOWN);
    scene_init(&s);
    s.recipient.status = UP__MEMBER__STATUS__REVOKED;
    must_be_withheld(&s, BY_NOT_ACTIVE);
    scene_init(&s);
    s.place.local_authority = elsewhere;
    must_be_withheld(&s, BY_NOT_IN_AREA);
    scene_init(&s);
    s.place.local_authority = none;
    must_be_withheld(&s, BY_NOT_IN_AREA);
    scene_init(&s);
    s.incident.entitlement = NULL;
    must_be_withheld(&s, BY_RECEIVED);
    scene_init(&s);
    s.inputs.received = true;
    must_be_withheld(&s, BY_ONWARD);
}

/* A choice for one member only ever lowers. */
static void a_members_choice_only_lowers(void **state)
{
    struct scene s;
    Up__MemberChoice member;
    Up__MemberChoice *members[1] = {&member};
    Up__Entitlement own;
    Up__Entitlement__Group groups[4];

    (void)state;
    for (unsigned c = 0; c < ENTITLEMENTS; c++) {
        for (unsigned m = 0; m < ENTITLEMENTS; m++) {
            struct entitlement with;

            scene_init(&s);
            up__member_choice__init(&member);
            write_entitlement(&s.chosen, s.groups[1], by_index(c));
            write_entitlement(&own, groups, by_index(m));
            member.member = s.recipient.id;
            member.entitlement = &own;
            s.choice.members = members;
            s.choice.n_members = 1;
            with = entitlement_decide(&s.inputs).entitlement;
            assert_true(entitlement_le(with, by_index(c)));
            assert_true(entitlement_le(with, by_index(m)));
        }
    }
}

static int set_up(void **state)
{
    (void)state;
    areas = gen_areas();
    return 0;
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
        cmocka_unit_test(every_entitlement),
        cmocka_unit_test(every_circumstance),
        cmocka_unit_test(a_standing_basis_is_named),
        cmocka_unit_test(a_missing_agreement_says_why),
        cmocka_unit_test(a_limit_for_one_member),
        cmocka_unit_test(what_is_missing_or_unknown_is_withheld),
        cmocka_unit_test(a_members_choice_only_lowers),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
