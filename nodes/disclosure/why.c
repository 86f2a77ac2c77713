/* SPDX-License-Identifier: MIT
 * Sentences for people beside the inputs of a decision. Counterfactuals follow from the meet: for a level, all inputs
 * below it must change, and no other. */
#include "nodes/disclosure/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "upstander/limits.h"

enum { TEXT_LEN_MAX = 2048 /* a sentence with the names of two members, which are bounded */ };

struct text {
    char data[TEXT_LEN_MAX];
    size_t len;
};

struct job {
    const struct entitlement_inputs *inputs;
    const struct verdict *verdict;
    const char *source;
    struct arena *arena;
    struct why *why;
    enum role role;
    const char *area; /* where it happened; NULL: not known */
    bool no_memory;
};

static const char *const kinds[][2] = {
    [ROLE_UNKNOWN] = {"organisation of that kind", "organisations of that kind"},
    [ROLE_POLICE] = {"police force", "police forces"},
    [ROLE_COUNCIL] = {"council", "councils"},
    [ROLE_CASEWORK] = {"casework team", "casework teams"},
    [ROLE_CHARITY] = {"charity", "charities"},
    [ROLE_GOVERNANCE] = {"governance body", "governance bodies"},
};
static const char *const levels[] = {
    [LEVEL_WITHHELD] = "nothing",
    [LEVEL_COUNTED] = "a count only",
    [LEVEL_ANONYMISED] = "figures in which nobody can be picked out",
    [LEVEL_PSEUDONYMISED] = "what happened, without who",
    [LEVEL_IDENTIFIED] = "everything",
};
/* The same inside of a longer sentence. */
static const char *const levels_short[] = {
    [LEVEL_WITHHELD] = "nothing",        [LEVEL_COUNTED] = "a count only",
    [LEVEL_ANONYMISED] = "figures only", [LEVEL_PSEUDONYMISED] = "what happened without who",
    [LEVEL_IDENTIFIED] = "everything",
};
static const char *const groups[] = {"how to reach the person", "the person's characteristics",
                                     "who did it", "the exact place"};
enum { GROUPS = 4 };

/* --- text --------------------------------------------------------------------------------------------- */

/* What does not fit is cut between two characters. */
static void say(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct text *text, const char *format, ...)
{
    size_t room = sizeof text->data - text->len;
    va_list args;
    int put = 0;

    va_start(args, format);
    put = vsnprintf(text->data + text->len, room, format, args);
    va_end(args);
    if (put < 0)
        return;
    if ((size_t)put < room) {
        text->len += (size_t)put;
        return;
    }
    text->len = sizeof text->data - 1;
    while (text->len > 0 && ((unsigned char)text->data[text->len - 1] & 0xc0u) == 0x80u)
        text->len--;
    if (text->len > 0 && ((unsigned char)text->data[text->len - 1] & 0x80u) != 0)
        text->len--;
    text->data[text->len] = '\0';
}

static const char *keep(struct job *job, const struct text *text)
{
    const char *copy = arena_text(job->arena, up_view_of(text->data, text->len));

    job->no_memory |= !copy;
    return copy;
}

/* Two digits; 99 where one is none. */
static unsigned two_digits(const char *at)
{
    for (int i = 0; i < 2; i++) {
        if (at[i] < '0' || at[i] > '9')
            return 99;
    }
    return (unsigned)(at[0] - '0') * 10 + (unsigned)(at[1] - '0');
}

void why_day(const char *date, char ret_text[static 32])
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    size_t len = strlen(date);
    unsigned month = len == 7 || len == 10 ? two_digits(date + 5) : 0;
    unsigned day = len == 10 ? two_digits(date + 8) : 0;

    if (month < 1 || month > 12 || day > 31)
        (void)snprintf(ret_text, 32, "%.31s", date);
    else if (len == 7)
        (void)snprintf(ret_text, 32, "%s %.4s", months[month - 1], date);
    else
        (void)snprintf(ret_text, 32, "%u %s %.4s", day, months[month - 1], date);
}

const char *why_kind(enum role role)
{
    return kinds[(unsigned)role <= ROLE_GOVERNANCE ? role : ROLE_UNKNOWN][1];
}

static const char *kind_of_one(enum role role)
{
    return kinds[(unsigned)role <= ROLE_GOVERNANCE ? role : ROLE_UNKNOWN][0];
}

/* "who did it", "how to reach the person and the exact place" */
static void say_groups(struct text *text, unsigned withheld)
{
    bool any = false;

    for (unsigned i = 0; i < GROUPS; i++) {
        if (!(withheld >> i & 1u))
            continue;
        say(text, "%s%s", !any ? "" : withheld >> (i + 1) ? ", " : " and ", groups[i]);
        any = true;
    }
}

static void say_sees(struct text *text, struct entitlement e)
{
    unsigned level = (unsigned)e.level <= LEVEL_IDENTIFIED ? e.level : LEVEL_WITHHELD;

    say(text, "%s", levels[level]);
    if (level < LEVEL_PSEUDONYMISED || e.withheld == 0)
        return;
    say(text, level == LEVEL_PSEUDONYMISED ? " and without " : " but ");
    say_groups(text, e.withheld);
}

const char *why_sees(struct entitlement e, struct arena *arena)
{
    struct text text = {.len = 0};

    say_sees(&text, e);
    return arena_text(arena, up_view_of(text.data, text.len));
}

static const char *name_of(const Up__Member *member)
{
    return member->name[0] != '\0' ? member->name : member->id;
}

static const char *recipient(const struct job *job)
{
    return name_of(job->inputs->recipient);
}

static const char *sender(const struct job *job)
{
    return name_of(job->inputs->sender);
}

static const char *area_name(const struct job *job, const char *code)
{
    const char *name = areas_name(job->inputs->areas, code);

    return name ? name : code;
}

/* --- what holds it there -------------------------------------------------------------------------------- */

static unsigned lever_of(const struct job *job, enum decided_by by)
{
    switch ((int)by) { /* what is not listed can't be changed as far as is known here */
    case BY_NO_CHOICE:
    case BY_ROLE_NOT_ASKED:
    case BY_ROLE_CHOICE:
    case BY_MALFORMED:
        return WHY_CHOICE;
    case BY_CHOICE_EXPIRED:
        return job->inputs->received ? WHY_ONWARD : WHY_CHOICE;
    case BY_STATUTORY:
    case BY_DEPERSONALISED:
        return WHY_CHOICE;
    case BY_MEMBER_CHOICE:
    case BY_NOT_NAMED:
        return WHY_MEMBER_CHOICE;
    case BY_NO_AGREEMENT:
    case BY_AGREEMENT:
        return WHY_AGREEMENT;
    case BY_NODE_CEILING:
        return WHY_NODE_CEILING;
    case BY_RECEIVED:
        return job->inputs->received ? WHY_RECEIVED : 0;
    case BY_ONWARD:
        return WHY_ONWARD;
    case BY_NOT_IN_AREA:
        return WHY_AREA;
    case BY_NOT_ACTIVE:
        return WHY_STATUS;
    default:
        return 0;
    }
}

static const Up__RoleChoice *role_choice(const struct job *job)
{
    const Up__SharingChoice *choice = job->inputs->choice;

    for (size_t i = 0; choice && i < choice->n_roles; i++) {
        if (choice->roles[i]->role == job->inputs->recipient->role)
            return choice->roles[i];
    }
    return NULL;
}

static bool is_permitted(const struct job *job)
{
    const Up__Onward *onward = job->inputs->incident->onward;

    for (size_t i = 0; onward && i < onward->n_permitted_members; i++) {
        if (strcmp(onward->permitted_members[i], job->inputs->recipient->id) == 0)
            return true;
    }
    return false;
}

static void say_expired(const struct job *job, struct text *text)
{
    const Up__RoleChoice *asked = role_choice(job);
    const Up__Onward *onward = job->inputs->incident->onward;
    char day[32];

    if (job->inputs->received) {
        why_day(onward ? onward->expires : "", day);
        say(text, "The leave to pass it on ran out at the end of %s.", day);
        return;
    }
    why_day(asked ? asked->expires_on : "", day);
    say(text, "The person's choice for %s ran out after %s.", why_kind(job->role), day);
}

static void say_outside(const struct job *job, struct text *text)
{
    const Up__Member *to = job->inputs->recipient;

    if (!job->area) {
        say(text, "Where it happened is not known, so nobody can tell whose area it was in.");
        return;
    }
    say(text, "It happened in %s", area_name(job, job->area));
    if (to->n_areas == 0) {
        say(text, ", and the directory gives %s no area.", recipient(job));
        return;
    }
    say(text, ", and %s covers ", recipient(job));
    for (size_t i = 0; i < to->n_areas && i < 3; i++)
        say(text, "%s%s",
            i == 0                 ? ""
            : i + 1 == to->n_areas ? " and "
                                   : ", ",
            area_name(job, to->areas[i]));
    say(text, to->n_areas > 3 ? " and others." : " only.");
}

/* What came with a report, in a sentence of its own. */
static void say_terms(const struct job *job, const struct entitlement_part *part, struct text *text)
{
    const char *most = levels_short[part->allows.level];

    if (part->by == BY_ONWARD && !is_permitted(job))
        say(text, "It came without leave to pass it on to %s.", recipient(job));
    else if (part->by == BY_ONWARD)
        say(text, "The terms that it came with let %s see %s.", why_kind(job->role), most);
    else if (job->inputs->received)
        say(text, "%s itself may see %s.", sender(job), most);
    else
        say(text, "What the report says of itself can't be read.");
}

/* What an agreement allows or its want forbids, in a sentence of its own. */
static void say_agreement(const struct job *job, const struct entitlement_part *part,
                          struct text *text)
{
    if (part->by == BY_NO_AGREEMENT)
        say(text, "No sharing agreement between %s and %s is in force%s%s.", sender(job),
            recipient(job), job->area ? " for " : "", job->area ? area_name(job, job->area) : "");
    else if (part->by == BY_AGREEMENT)
        say(text, "The sharing agreement between %s and %s allows %s.", sender(job), recipient(job),
            levels_short[part->allows.level]);
    else
        say(text,
            "Nobody asked the person about %s; the sharing agreement lets reports that %s took "
            "itself add to figures, as %s.",
            why_kind(job->role), sender(job),
            part->by == BY_STATUTORY ? "a statutory function" : "depersonalised data");
}

/* The level that an input allows, in a sentence of its own. */
static void say_level_reason(const struct job *job, const struct entitlement_part *part,
                             struct text *text)
{
    const char *most = levels_short[part->allows.level];
    const char *many = why_kind(job->role);
    bool nothing = part->allows.level == LEVEL_WITHHELD;

    switch ((int)part->by) {
    case BY_NO_CHOICE:
        say(text, "There is no choice of the person on record.");
        break;
    case BY_ROLE_NOT_ASKED:
        say(text, "The person was not asked about %s.", many);
        break;
    case BY_ROLE_CHOICE:
        say(text, "The person chose that %s may see %s.", many, most);
        break;
    case BY_MALFORMED:
        say(text, "The person's choice for %s can't be read.", many);
        break;
    case BY_CHOICE_EXPIRED:
        say_expired(job, text);
        break;
    case BY_MEMBER_CHOICE:
        say(text, "The person chose that %s may see %s.", recipient(job), most);
        break;
    case BY_NOT_NAMED:
        say(text, "The person did not ask for %s by name.", recipient(job));
        break;
    case BY_NO_FEEDS:
        say(text, "Casework teams get single reports, never figures.");
        break;
    case BY_STATUTORY:
    case BY_DEPERSONALISED:
    case BY_NO_AGREEMENT:
    case BY_AGREEMENT:
        say_agreement(job, part, text);
        break;
    case BY_HARD_CEILING:
        say(text, "No %s may ever see more than %s.", kind_of_one(job->role), most);
        break;
    case BY_NODE_CEILING:
        say(text,
            nothing ? "By its own limit, %s lets %s see nothing."
                    : "By its own limit, %s lets %s see no more than %s.",
            sender(job), many, most);
        break;
    case BY_RECEIVED:
    case BY_ONWARD:
        say_terms(job, part, text);
        break;
    case BY_ROLE_UNKNOWN:
        say(text, "The directory gives %s a kind of organisation that is not known here.",
            recipient(job));
        break;
    case BY_NOT_IN_AREA:
        say_outside(job, text);
        break;
    case BY_NOT_ACTIVE:
        say(text, "The directory says that %s takes no part any more.", recipient(job));
        break;
    default: {
        const char *clause = entitlement_decided_text(part->by);

        say(text, "%c%s.", clause[0] >= 'a' && clause[0] <= 'z' ? clause[0] - 'a' + 'A' : clause[0],
            clause + 1);
    }
    }
}

/* What an input leaves out, in a sentence of its own. */
static void say_group_reason(const struct job *job, const struct entitlement_part *part,
                             struct text *text)
{
    const char *many = why_kind(job->role);

    switch ((int)part->by) {
    case BY_ROLE_CHOICE:
        say(text, "The person chose that %s do not learn ", many);
        break;
    case BY_MEMBER_CHOICE:
        say(text, "The person chose that %s does not learn ", recipient(job));
        break;
    case BY_AGREEMENT:
        say(text, "The sharing agreement between %s and %s leaves out ", sender(job),
            recipient(job));
        break;
    case BY_HARD_CEILING:
        say(text, "No %s may ever learn ", kind_of_one(job->role));
        break;
    case BY_NODE_CEILING:
        say(text, "By its own limit, %s does not tell %s ", sender(job), many);
        break;
    case BY_RECEIVED:
        say(text, "%s itself was not told ", sender(job));
        break;
    case BY_ONWARD:
        say(text, "The terms that it came with leave out ");
        break;
    default:
        say(text, "Also left out: ");
    }
    say_groups(text, part->allows.withheld);
    say(text, ".");
}

static void reason_add(struct job *job, const struct text *text)
{
    struct why *why = job->why;

    for (size_t i = 0; i < why->reason_count; i++) {
        if (strcmp(why->reasons[i], text->data) == 0)
            return;
    }
    if (why->reason_count == WHY_REASONS_MAX)
        return;
    why->reasons[why->reason_count] = keep(job, text);
    why->reason_count += !job->no_memory;
}

/* Where one input is only the shadow of another, only that other is told. */
static bool is_shadow(const struct job *job, enum decided_by by)
{
    return (by == BY_NO_AGREEMENT && !job->area) ||
           (by == BY_HARD_CEILING && job->role == ROLE_UNKNOWN);
}

static void reasons_make(struct job *job)
{
    const struct verdict *verdict = job->verdict;
    struct entitlement met = {LEVEL_IDENTIFIED, 0};

    for (size_t i = 0; i < verdict->part_count; i++)
        met = entitlement_meet(met, verdict->parts[i].allows);
    for (size_t i = 0; i < verdict->part_count && !job->no_memory; i++) {
        const struct entitlement_part *part = &verdict->parts[i];
        struct text text = {.len = 0};

        if (part->allows.level != met.level || met.level == LEVEL_IDENTIFIED ||
            is_shadow(job, part->by))
            continue;
        say_level_reason(job, part, &text);
        reason_add(job, &text);
    }
    for (size_t i = 0; i < verdict->part_count && !job->no_memory; i++) {
        const struct entitlement_part *part = &verdict->parts[i];
        struct text text = {.len = 0};

        if (met.level < LEVEL_PSEUDONYMISED || part->allows.withheld == 0)
            continue;
        say_group_reason(job, part, &text);
        reason_add(job, &text);
    }
    if (met.level == LEVEL_IDENTIFIED && !job->no_memory) {
        struct text text = {.len = 0};

        say(&text, job->inputs->received ? "The terms that it came with allow it."
                                         : "The person agreed to it, and nothing limits it.");
        if (met.withheld == 0)
            reason_add(job, &text);
    }
}

/* --- what would have to differ ---------------------------------------------------------------------------- */

static const struct entitlement_part *part_of(const struct job *job, const struct verdict *verdict,
                                              unsigned lever)
{
    const struct entitlement_part *found = NULL;

    for (size_t i = 0; i < verdict->part_count; i++) {
        const struct entitlement_part *part = &verdict->parts[i];

        if (lever_of(job, part->by) == lever &&
            (!found || part->allows.level < found->allows.level))
            found = part;
    }
    return found;
}

static void say_choice_change(const struct job *job, enum decided_by by, struct text *text)
{
    const char *many = why_kind(job->role);

    if (by == BY_NO_CHOICE || by == BY_ROLE_NOT_ASKED || by == BY_STATUTORY ||
        by == BY_DEPERSONALISED)
        say(text, "if the person were asked about %s and agreed", many);
    else if (by == BY_CHOICE_EXPIRED || by == BY_MALFORMED)
        say(text, "if the person were asked again about %s and agreed", many);
    else
        say(text, "if the person agreed that %s may see that", many);
}

static void say_change(const struct job *job, const struct entitlement_part *part, unsigned lever,
                       struct text *text)
{
    const char *now = part ? levels_short[part->allows.level] : "";

    switch ((int)lever) {
    case WHY_CHOICE:
        say_choice_change(job, part ? part->by : BY_ROLE_CHOICE, text);
        break;
    case WHY_MEMBER_CHOICE:
        say(text, "if the person agreed that %s in particular may see that", recipient(job));
        break;
    case WHY_AGREEMENT:
        if (!part || part->by == BY_NO_AGREEMENT)
            say(text, "if a sharing agreement between %s and %s allowed it", sender(job),
                recipient(job));
        else
            say(text, "if the sharing agreement between %s and %s, which allows %s, allowed it",
                sender(job), recipient(job), now);
        break;
    case WHY_NODE_CEILING:
        say(text, "if %s's own limit for %s, which is %s, were raised", sender(job),
            why_kind(job->role), now);
        break;
    case WHY_RECEIVED:
        say(text, "if %s had shared that with %s", job->source ? job->source : "its source",
            sender(job));
        break;
    case WHY_ONWARD:
        say(text, "if the terms that it came with allowed it");
        break;
    case WHY_AREA:
        say(text, "if it had happened in %s", area_name(job, job->why->moved_to));
        break;
    case WHY_STATUS:
        say(text, "if the directory said that %s takes part", recipient(job));
        break;
    default:
        break;
    }
}

static void say_changes(const struct job *job, const struct verdict *verdict, unsigned levers,
                        struct text *text)
{
    /* what can be done first, what can't be helped last */
    static const unsigned order[] = {WHY_CHOICE,       WHY_MEMBER_CHOICE, WHY_AGREEMENT,
                                     WHY_NODE_CEILING, WHY_RECEIVED,      WHY_ONWARD,
                                     WHY_STATUS,       WHY_AREA};
    const char *before = ", ";

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (!(levers & order[i]))
            continue;
        levers &= ~order[i];
        say(text, "%s", before);
        say_change(job, part_of(job, verdict, order[i]), order[i], text);
        before = (levers & (levers - 1)) == 0 ? ", and " : ", ";
    }
    say(text, ".");
}

/* All that must change for a level; false where something can't. */
static bool levers_for(const struct job *job, const struct verdict *verdict, enum level level,
                       unsigned *ret_levers)
{
    unsigned levers = 0;

    for (size_t i = 0; i < verdict->part_count; i++) {
        unsigned lever = lever_of(job, verdict->parts[i].by);

        if (verdict->parts[i].allows.level >= level || verdict->parts[i].by == BY_NO_FEEDS)
            continue;
        if (lever == 0)
            return false;
        levers |= lever;
    }
    *ret_levers = levers;
    return true;
}

/* What is left out at a level, once these changed: an input that allowed nothing left out nothing of its own. */
static unsigned withheld_at(const struct job *job, const struct verdict *verdict, unsigned levers)
{
    unsigned withheld = 0;

    for (size_t i = 0; i < verdict->part_count; i++) {
        const struct entitlement_part *part = &verdict->parts[i];

        if (part->allows.level > LEVEL_WITHHELD || !(lever_of(job, part->by) & levers))
            withheld |= part->allows.withheld;
    }
    return withheld;
}

static struct why_step *step_add(struct job *job, unsigned levers)
{
    struct why *why = job->why;

    if (why->step_count > 0 && why->steps[why->step_count - 1].levers == levers)
        return &why->steps[why->step_count - 1]; /* the same changes allow still more */
    up_assert(why->step_count < WHY_STEPS_MAX);
    return &why->steps[why->step_count++];
}

static void level_steps_make(struct job *job, const struct verdict *verdict, unsigned always)
{
    for (int level = (int)job->verdict->entitlement.level + 1; level <= LEVEL_IDENTIFIED; level++) {
        struct text text = {.len = 0};
        struct why_step *step = NULL;
        unsigned levers = 0;

        if (job->role == ROLE_CASEWORK && level <= LEVEL_ANONYMISED)
            continue; /* single reports or nothing */
        if (!levers_for(job, verdict, (enum level)level, &levers))
            return;
        levers |= always;
        /* elsewhere: what it would take there to see anything, and no more */
        if (always != 0 && job->why->step_count > 0 && job->why->steps[0].levers != levers)
            return;
        step = step_add(job, levers);
        step->levers = levers;
        step->sees = (struct entitlement){(enum level)level, withheld_at(job, verdict, levers)};
        say(&text, "It would see ");
        say_sees(&text, step->sees);
        say_changes(job, verdict, levers, &text);
        step->text = keep(job, &text);
    }
}

/* Groups that the same inputs leave out are one step. */
static void group_steps_make(struct job *job)
{
    const struct verdict *verdict = job->verdict;
    unsigned levers[GROUPS] = {0};

    for (unsigned i = 0; i < GROUPS; i++) {
        bool never = false;

        for (size_t j = 0; j < verdict->part_count; j++) {
            unsigned lever = lever_of(job, verdict->parts[j].by);

            if (!(verdict->parts[j].allows.withheld >> i & 1u))
                continue;
            never |= lever == 0;
            levers[i] |= lever;
        }
        levers[i] = never ? 0 : levers[i];
    }
    for (unsigned i = 0; i < GROUPS && !job->no_memory; i++) {
        struct why_step *step = NULL;
        struct text text = {.len = 0};
        unsigned gains = 0;

        for (unsigned j = i; levers[i] != 0 && j < GROUPS; j++)
            gains |= levers[j] == levers[i] ? 1u << j : 0;
        if (gains == 0)
            continue;
        step = &job->why->steps[job->why->step_count++];
        step->levers = levers[i];
        step->sees = verdict->entitlement;
        step->sees.withheld &= ~gains;
        say(&text, "It would also learn ");
        say_groups(&text, gains);
        say_changes(job, verdict, step->levers, &text);
        step->text = keep(job, &text);
        for (unsigned j = i + 1; j < GROUPS; j++)
            levers[j] = levers[j] == step->levers ? 0 : levers[j];
    }
}

/* Where it happened hides whether an agreement covers it: the same report in the recipient's own area. */
static bool decide_there(struct job *job, struct verdict *ret_there)
{
    const Up__Member *to = job->inputs->recipient;
    struct entitlement_inputs inputs = *job->inputs;
    Up__Incident incident = *inputs.incident;
    Up__Place place = UP__PLACE__INIT;

    for (size_t i = 0; i < to->n_areas; i++) {
        enum area_kind kind = areas_kind(inputs.areas, to->areas[i]);

        if (kind != AREA_LOCAL_AUTHORITY && kind != AREA_POLICE)
            continue;
        if (kind == AREA_POLICE)
            place.police_area = to->areas[i];
        else
            place.local_authority = to->areas[i];
        incident.cell = NULL;
        incident.place = &place;
        inputs.incident = &incident;
        *ret_there = entitlement_decide(&inputs);
        (void)snprintf(job->why->moved_to, sizeof job->why->moved_to, "%s", to->areas[i]);
        return true;
    }
    return false;
}

static void steps_make(struct job *job)
{
    const struct verdict *verdict = job->verdict;
    struct entitlement hard = entitlement_hard_ceiling(job->role);
    struct text text = {.len = 0};
    bool outside = false;

    for (size_t i = 0; i < verdict->part_count; i++)
        outside |= verdict->parts[i].by == BY_NOT_IN_AREA;
    if (outside) {
        struct verdict there;

        if (decide_there(job, &there))
            level_steps_make(job, &there, WHY_AREA);
    } else {
        level_steps_make(job, verdict, 0);
    }
    if (verdict->entitlement.level >= LEVEL_PSEUDONYMISED)
        group_steps_make(job);
    if (job->role == ROLE_UNKNOWN || hard.level == LEVEL_IDENTIFIED || outside ||
        hard.level <= verdict->entitlement.level)
        return;
    say(&text, "No %s may ever see more than %s.", kind_of_one(job->role),
        levels_short[hard.level]);
    job->why->never = keep(job, &text);
}

enum up_err why_make(const struct entitlement_inputs *inputs, const struct verdict *verdict,
                     const char *source, struct arena *arena, struct why **ret_why)
{
    struct job job = {.inputs = inputs,
                      .verdict = verdict,
                      .source = source,
                      .arena = arena,
                      .role = entitlement_role(inputs->recipient->role),
                      .area = entitlement_area(inputs->incident, inputs->areas)};

    job.why = arena_alloc(arena, sizeof *job.why);
    if (!job.why)
        return UP_NO_MEMORY;
    job.why->sees = why_sees(verdict->entitlement, arena);
    reasons_make(&job);
    steps_make(&job);
    if (job.no_memory || !job.why->sees)
        return UP_NO_MEMORY;
    *ret_why = job.why;
    return UP_OK;
}
