/* SPDX-License-Identifier: MIT
 * Safeguarding overrides: proposed, put in force by a second person or by one alone, reviewed, ended (disclosure.md 1).
 * The only place that makes or reads them; nodes/disclosure/override.c says what one can raise. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "nodes/disclosure/generalise.h"
#include "nodes/disclosure/override.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

/* States of a NODESTORE_OVERRIDE row. Never renumbered. */
enum override_state {
    OVERRIDE_PROPOSED = 1,
    OVERRIDE_APPROVED = 2,
    OVERRIDE_ALONE = 3, /* in force by one person, until somebody else has reviewed it */
    OVERRIDE_REVIEWED = 4,
    OVERRIDE_ENDED = 5,
};
#define IN_FORCE (1u << OVERRIDE_APPROVED | 1u << OVERRIDE_ALONE | 1u << OVERRIDE_REVIEWED)

enum {
    PURPOSE_LEN_MAX = 300,
    JUSTIFICATION_LEN_MAX = 3000,
    WORDS_LEN_MAX = 1000,
    OVERRIDE_LEN_MAX = 2 * UP_TEXT_LEN_MAX, /* all three, and who did what when */
    REVIEW_WITHIN_S = 24 * 3600,
    DAY_S = 24 * 3600
};

/* The list is part of the program: a code can't mean one thing here and another there. */
__asm__(".pushsection .rodata\n"
        ".global service_override_reasons_begin\n"
        "service_override_reasons_begin:\n"
        ".incbin \"deploy/codes/override_reasons.csv\"\n"
        ".global service_override_reasons_end\n"
        "service_override_reasons_end:\n"
        ".byte 0\n"
        ".popsection\n");
extern const uint8_t service_override_reasons_begin[];
extern const uint8_t service_override_reasons_end[];

static struct up_view reasons(void)
{
    return up_view_of(service_override_reasons_begin,
                      (size_t)(service_override_reasons_end - service_override_reasons_begin));
}

/* --- the store ------------------------------------------------------------------------------------ */

static enum up_err override_read(const struct nodestore_row *row, struct arena *arena,
                                 Up__Override **ret_override)
{
    ProtobufCMessage *message = NULL;
    enum up_err err = message_unpack(&up__override__descriptor, row->body, arena, &message);

    if (err)
        return err;
    if (!((Up__Override *)message)->asked)
        return UP_MALFORMED;
    *ret_override = (Up__Override *)message;
    return UP_OK;
}

static enum up_err override_put(struct service *service, struct nodestore_row *row,
                                const Up__Override *override)
{
    struct up_bytes bytes = {0};
    enum up_err err = message_pack(&override->base, OVERRIDE_LEN_MAX, &bytes);

    row->body = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_put(service->store, row);
    up_bytes_wipe(&bytes);
    row->body = up_view_of(NULL, 0);
    return err;
}

static bool is_past(const Up__Override *override)
{
    char today[11];

    service_today(today);
    return strcmp(override->asked->ends_on, today) < 0;
}

/* As people are shown it: states in words, its end by today. */
static void override_show(const struct nodestore_row *row, Up__Override *override)
{
    static char words[][12] = {"", "proposed", "approved", "alone", "reviewed", "ended"};
    unsigned state = row->state <= OVERRIDE_ENDED ? row->state : OVERRIDE_ENDED;

    override->review_overdue = state == OVERRIDE_ALONE && clock_wall_s() > row->due_s;
    if (is_past(override) && state != OVERRIDE_ALONE) /* that one is still to be reviewed */
        state = OVERRIDE_ENDED;
    override->state = words[state];
}

/* --- what the decision asks ------------------------------------------------------------------------- */

static unsigned withheld_of(const Up__OverrideRequest *asked)
{
    unsigned withheld = 0;

    for (size_t i = 0; i < asked->n_withheld; i++) {
        int group = (int)asked->withheld[i];

        if (group < UP__ENTITLEMENT__GROUP__CONTACT || group > UP__ENTITLEMENT__GROUP__PLACE)
            return GROUPS_ALL;
        withheld |= 1u << (group - 1);
    }
    return withheld;
}

static struct verdict raise_by(const Up__Report *report, const struct told *told,
                               const Up__OverrideRequest *asked)
{
    char today[11];
    struct override override = {.member = asked->member,
                                .withheld = withheld_of(asked),
                                .ends_on = asked->ends_on,
                                .exclusion_overridden = asked->exclusion[0] != '\0'};
    struct entitlement_inputs inputs = {
        .choice = report->choice, .recipient = told->member, .today = today};

    service_today(today);
    return override_apply(told->verdict, &override, &inputs);
}

struct verdict service_override_raise(const struct service *service, const Up__Report *report,
                                      const struct told *told, Up__Override **ret_override)
{
    struct nodestore_query query = {.kind = NODESTORE_OVERRIDE,
                                    .owner = report->ref,
                                    .peer = told->member->id,
                                    .states = IN_FORCE};
    struct nodestore_row *rows = NULL;
    size_t count = 0;

    *ret_override = NULL;
    if (told->member->role != UP__ROLE__CODE__POLICE ||
        nodestore_list(service->store, &query, service->scratch, &rows, &count))
        return told->verdict;
    for (size_t i = 0; i < count; i++) {
        Up__Override *override = NULL;
        struct verdict raised;

        if (override_read(&rows[i], service->scratch, &override))
            continue;
        raised = raise_by(report, told, override->asked);
        if (raised.decided_by == BY_OVERRIDE) {
            *ret_override = override;
            return raised;
        }
    }
    return told->verdict;
}

/* --- proposing ------------------------------------------------------------------------------------ */

static enum up_err text_check(const char *text, size_t len_max, const char *what,
                              struct up_why *why)
{
    return text[0] != '\0' && strlen(text) <= len_max
               ? UP_OK
               : up_why_set(why, UP_INVALID, "%s: 1 to %zu bytes of text", what, len_max);
}

static enum up_err ends_check(const char *ends_on, struct up_why *why)
{
    char today[11];
    char last[CLOCK_TEXT_LEN];

    service_today(today);
    clock_london(clock_wall_s() + (int64_t)UP_OVERRIDE_DAYS_MAX * DAY_S, last);
    last[10] = '\0';
    if (ends_on[0] != '\0' && generalise_date_is_valid(ends_on) && strcmp(ends_on, today) >= 0 &&
        strcmp(ends_on, last) <= 0)
        return UP_OK;
    return up_why_set(
        why, UP_INVALID,
        "endsOn: a date from today to %s; a risk that goes on needs another look then", last);
}

static enum up_err request_check(const Up__OverrideRequest *asked, struct up_why *why)
{
    struct override_reason reason;
    enum up_err err = override_reason_find(reasons(), asked->reason, &reason);

    if (err)
        return up_why_set(why, UP_INVALID,
                          "reason: no such code; `upstander override list` shows them");
    if (asked->alone && !reason.alone)
        return up_why_set(why, UP_INVALID,
                          "alone: only where a life or a child is at immediate risk; for any other "
                          "reason a second person must approve it");
    if (asked->person_told != UP__ANSWER__CODE__YES && asked->person_told != UP__ANSWER__CODE__NO)
        return up_why_set(why, UP_INVALID, "personTold: YES or NO: was the person told?");
    err = text_check(asked->purpose, PURPOSE_LEN_MAX, "purpose", why);
    if (!err)
        err = text_check(asked->justification, JUSTIFICATION_LEN_MAX, "justification", why);
    if (!err && strlen(asked->exclusion) > WORDS_LEN_MAX)
        err = up_why_set(why, UP_INVALID, "exclusion: at most %d bytes", WORDS_LEN_MAX);
    return err ? err : ends_check(asked->ends_on, why);
}

/* Another force that could be told instead: one whose area it is, or else any. */
static const Up__Member *other_force(const struct service *service, const Up__Report *report,
                                     const char *excluded)
{
    const Up__Roster *roster = roster_content(service->roster);
    const char *area = entitlement_area(report->incident, service->areas);
    const Up__Member *other = NULL;

    for (size_t i = 0; i < roster->n_members; i++) {
        const Up__Member *member = roster->members[i];

        if (member->role != UP__ROLE__CODE__POLICE ||
            member->status != UP__MEMBER__STATUS__ACTIVE || strcmp(member->id, excluded) == 0 ||
            strcmp(member->id, service->member) == 0 ||
            override_excludes(report->choice, member->id))
            continue;
        if (area && entitlement_covers(member->areas, member->n_areas, area, service->areas))
            return member;
        if (!other)
            other = member;
    }
    return other;
}

/* Words can't come before the warning that they answer, and it must have been this very person who was warned. ret_warn:
 * warn now, and stop. */
static enum up_err exclusion_check(struct service *service, const struct service_call *call,
                                   const Up__Report *report, const Up__OverrideRequest *asked,
                                   bool *ret_warn)
{
    bool excluded = override_excludes(report->choice, asked->member);
    char name[160];
    enum up_err err = UP_OK;

    *ret_warn = false;
    if (!excluded)
        return asked->exclusion[0] == '\0'
                   ? UP_OK
                   : up_why_set(call->why, UP_INVALID,
                                "exclusion: the person did not exclude %s by name; leave it out",
                                asked->member);
    (void)snprintf(name, sizeof name, "override-warned/%s/%s/%u", report->ref, asked->member,
                   call->operator->uid);
    if (asked->exclusion[0] != '\0' && nodestore_number(service->store, name, 0) > 0)
        return UP_OK;
    err = nodestore_number_put(service->store, name, clock_wall_s());
    if (!err)
        err = service_audit_add(service, call->operator->name, "override-warned", "%s to %s",
                                report->ref, asked->member);
    *ret_warn = !err;
    return err;
}

static enum up_err warn(const struct service *service, const struct service_call *call,
                        const Up__Report *report, const char *member)
{
    const Up__Member *other = other_force(service, report, member);

    return up_why_set(call->why, UP_INVALID,
                      "the person said that %s must not be told. %s%s%s Only if nobody else can do "
                      "it, ask again and say in words why (exclusion)",
                      member, other ? "Tell another force instead: " : "No other force is there.",
                      other ? other->id : "", other ? "." : "");
}

static enum up_err open_check(struct service *service, const struct service_call *call,
                              const char *ref, const char *member)
{
    struct nodestore_query query = {.kind = NODESTORE_OVERRIDE,
                                    .owner = ref,
                                    .peer = member,
                                    .states = IN_FORCE | 1u << OVERRIDE_PROPOSED};
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    enum up_err err = nodestore_list(service->store, &query, service->scratch, &rows, &count);

    for (size_t i = 0; !err && i < count; i++) {
        Up__Override *override = NULL;

        err = override_read(&rows[i], service->scratch, &override);
        if (!err && !is_past(override))
            err = up_why_set(call->why, UP_DUPLICATE, "there is one already: %s", rows[i].name);
    }
    return err;
}

static enum up_err raise_check(const struct service *service, const struct service_call *call,
                               const Up__Report *report, const Up__OverrideRequest *asked)
{
    struct told told = {.member = roster_find_active(service->roster, asked->member)};

    if (!told.member || told.member->role != UP__ROLE__CODE__POLICE ||
        told.member->status != UP__MEMBER__STATUS__ACTIVE ||
        strcmp(asked->member, service->member) == 0)
        return up_why_set(call->why, UP_INVALID,
                          "member: an override is for one force that stands in the directory");
    told.verdict = service_decide_chosen(service, report, told.member);
    if (raise_by(report, &told, asked).decided_by == BY_OVERRIDE)
        return UP_OK;
    return up_why_set(call->why, UP_INVALID,
                      "it would change nothing: %s may have that already by what the person chose; "
                      "leave out only what it does not get anyway",
                      asked->member);
}

/* --- in force ------------------------------------------------------------------------------------- */

/* A line that says that the force was told nothing is not true any more. */
static enum up_err not_shared_drop(struct service *service, const char *ref, const char *member)
{
    struct nodestore_query query = {
        .kind = NODESTORE_SENT, .owner = ref, .peer = member, .states = 1u << SENT_NOT_SHARED};
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    enum up_err err = nodestore_list(service->store, &query, service->scratch, &rows, &count);

    for (size_t i = 0; !err && i < count; i++)
        err = nodestore_drop(service->store, NODESTORE_SENT, rows[i].name);
    return err;
}

/* The row is in the store already, and so are the audit entries of who put it in force. */
static enum up_err override_send(struct service *service, const struct service_call *call,
                                 const struct nodestore_row *row)
{
    struct told told = {.member = roster_find_active(service->roster, row->peer)};
    Up__SendResult result = UP__SEND_RESULT__INIT;
    Up__Report *report = NULL;
    enum up_err err = UP_OK;

    if (!told.member || !roster_is_usable(service->roster, clock_wall_s()))
        return up_why_set(call->why, UP_EXPIRED,
                          "%s stands in no directory that is in force; ask a signatory", row->peer);
    err = service_report_load(service, row->owner, service->scratch, &report, call->why);
    if (err)
        return err;
    told.verdict = service_decide(service, report, told.member);
    if (told.verdict.decided_by != BY_OVERRIDE)
        return up_why_set(call->why, UP_INVALID,
                          "it changes nothing any more: what %s may have was changed meanwhile",
                          row->peer);
    err = service_audit_add(service, call->operator->name, "override-sent", "%s: %s to %s",
                            row->name, row->owner, row->peer);
    if (!err)
        err = not_shared_drop(service, row->owner, row->peer);
    return err ? err : service_tell(service, call->operator->name, report, &told, &result);
}

static enum up_err override_make(const struct service_call *call, const char *ref,
                                 const Up__OverrideRequest *asked, struct nodestore_row *row,
                                 Up__Override **ret_override)
{
    Up__Override *override = arena_alloc(call->arena, sizeof *override);
    Up__OverrideRequest *copy = arena_alloc(call->arena, sizeof *copy);
    char id[10];
    char at[CLOCK_TEXT_LEN];
    char due[CLOCK_TEXT_LEN] = "";

    if (!override || !copy)
        return UP_NO_MEMORY;
    service_new_ref(id);
    clock_london(row->at_s, at);
    if (asked->alone) {
        row->state = OVERRIDE_ALONE;
        row->due_s = row->at_s + REVIEW_WITHIN_S;
        clock_london(row->due_s, due);
    }
    (void)snprintf(row->name, sizeof row->name, "%s", id);
    (void)snprintf(row->owner, sizeof row->owner, "%s", ref);
    (void)snprintf(row->peer, sizeof row->peer, "%s", asked->member);
    *copy = *asked; /* lives as long as the call */
    up__override__init(override);
    override->asked = copy;
    override->id = service_text(call->arena, id);
    override->ref = service_text(call->arena, ref);
    override->proposed_by = service_text(call->arena, call->operator->name);
    override->proposed_uid = call->operator->uid;
    override->proposed_at = service_text(call->arena, at);
    override->review_due = service_text(call->arena, due);
    *ret_override = override;
    return override->id && override->ref && override->proposed_by && override->proposed_at &&
                   override->review_due
               ? UP_OK
               : UP_NO_MEMORY;
}

static enum up_err override_add(struct service *service, const struct service_call *call,
                                const char *ref, const Up__OverrideRequest *asked,
                                Up__Override **ret_override)
{
    struct nodestore_row row = {
        .kind = NODESTORE_OVERRIDE, .state = OVERRIDE_PROPOSED, .at_s = clock_wall_s()};
    struct override_reason reason = {.version = 0};
    enum up_err err = override_make(call, ref, asked, &row, ret_override);

    if (!err)
        err = override_reason_find(reasons(), asked->reason, &reason);
    if (err)
        return err;
    (*ret_override)->codes_version = reason.version;
    err = override_put(service, &row, *ret_override);
    if (!err)
        err = service_audit_add(
            service, call->operator->name, asked->alone ? "override-alone" : "override-proposed",
            "%s: %s to %s, reason %s, withheld %u, until %s, person told: %s%s", row.name, ref,
            asked->member, asked->reason, withheld_of(asked), asked->ends_on,
            asked->person_told == UP__ANSWER__CODE__YES ? "yes" : "no",
            asked->exclusion[0] != '\0' ? ", exclusion overridden" : "");
    if (!err && asked->alone)
        err = override_send(service, call, &row);
    override_show(&row, *ret_override);
    return err;
}

enum up_err service_override(struct service *service, const struct service_call *call,
                             const char *ref, const Up__OverrideRequest *request,
                             Up__Override **ret_reply)
{
    Up__Report *report = NULL;
    Up__Override *override = NULL;
    bool must_warn = false;
    enum up_err err = service_begin(service, call, OPERATOR_OVERRIDE);

    if (err)
        return err;
    err = service_report_load(service, ref, call->arena, &report, call->why);
    if (!err)
        err = request_check(request, call->why);
    if (!err)
        err = exclusion_check(service, call, report, request, &must_warn);
    if (!err && must_warn) { /* kept, though nothing else is done */
        err = service_end(service, call, UP_OK);
        return err ? err : warn(service, call, report, request->member);
    }
    if (!err)
        err = open_check(service, call, ref, request->member);
    if (!err)
        err = raise_check(service, call, report, request);
    if (!err)
        err = override_add(service, call, ref, request, &override);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = override;
    return err;
}

/* --- the second person ---------------------------------------------------------------------------- */

static enum up_err override_load(struct service *service, const struct service_call *call,
                                 const char *id, struct nodestore_row *ret_row,
                                 Up__Override **ret_override)
{
    enum up_err err = nodestore_get(service->store, NODESTORE_OVERRIDE, id, call->arena, ret_row);

    if (err == UP_NOT_FOUND)
        (void)up_why_set(call->why, err,
                         "no override of that number; `upstander override list` shows them");
    return err ? err : override_read(ret_row, call->arena, ret_override);
}

/* A rule that needs two people refuses the same person, and two names on one uid (architecture.md 6). */
static bool is_same_person(const struct operator_identity *who, const Up__Override *override)
{
    return strcmp(who->name, override->proposed_by) == 0 || who->uid == override->proposed_uid;
}

static enum up_err signed_now(const struct service_call *call, char **ret_by, char **ret_at)
{
    char at[CLOCK_TEXT_LEN];

    clock_london(clock_wall_s(), at);
    *ret_by = service_text(call->arena, call->operator->name);
    *ret_at = service_text(call->arena, at);
    return *ret_by && *ret_at ? UP_OK : UP_NO_MEMORY;
}

enum up_err service_override_approve(struct service *service, const struct service_call *call,
                                     const char *id, Up__Override **ret_reply)
{
    struct nodestore_row row;
    Up__Override *override = NULL;
    enum up_err err = service_begin(service, call, OPERATOR_OVERRIDE);

    if (err)
        return err;
    err = override_load(service, call, id, &row, &override);
    if (!err && row.state != OVERRIDE_PROPOSED)
        err = up_why_set(call->why, UP_INVALID, "%s does not wait for approval", id);
    if (!err && is_same_person(call->operator, override))
        err =
            up_why_set(call->why, UP_NOT_PERMITTED,
                       "%s proposed it; somebody else, with an account of their own, must approve",
                       override->proposed_by);
    if (!err && is_past(override))
        err = up_why_set(call->why, UP_EXPIRED, "%s ended on %s; propose another", id,
                         override->asked->ends_on);
    if (!err)
        err = signed_now(call, &override->approved_by, &override->approved_at);
    if (!err) {
        override->approved_uid = call->operator->uid;
        row.state = OVERRIDE_APPROVED;
        err = service_audit_add(service, call->operator->name, "override-approved", "%s: %s to %s",
                                id, row.owner, row.peer);
    }
    if (!err)
        err = override_put(service, &row, override);
    if (!err)
        err = override_send(service, call, &row);
    if (!err)
        override_show(&row, override);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = override;
    return err;
}

/* May this person say that of it? */
static enum up_err review_check(const struct service_call *call, const struct nodestore_row *row,
                                const Up__Override *override, const Up__OverrideReview *request)
{
    if (row->state == OVERRIDE_ENDED)
        return up_why_set(call->why, UP_INVALID, "%s has ended", row->name);
    if (row->state == OVERRIDE_ALONE && is_same_person(call->operator, override))
        return up_why_set(
            call->why, UP_NOT_PERMITTED,
            "%s acted alone; somebody else, with an account of their own, must review "
            "it",
            override->proposed_by);
    if (row->state != OVERRIDE_ALONE && !request->end)
        return up_why_set(call->why, UP_INVALID, "%s does not wait for a review", row->name);
    return text_check(request->note, WORDS_LEN_MAX, "note", call->why);
}

enum up_err service_override_review(struct service *service, const struct service_call *call,
                                    const char *id, const Up__OverrideReview *request,
                                    Up__Override **ret_reply)
{
    static char nothing[] = "";
    struct nodestore_row row;
    Up__Override *override = NULL;
    enum up_err err = service_begin(service, call, OPERATOR_OVERRIDE);

    if (err)
        return err;
    err = override_load(service, call, id, &row, &override);
    if (!err)
        err = review_check(call, &row, override, request);
    if (!err)
        err = signed_now(call, &override->reviewed_by, &override->reviewed_at);
    if (!err) {
        override->review_note = request->note;
        override->review_due = nothing;
        row.state = request->end ? OVERRIDE_ENDED : OVERRIDE_REVIEWED;
        row.due_s = 0;
        err = override_put(service, &row, override);
    }
    if (!err)
        err = service_audit_add(service, call->operator->name,
                                request->end ? "override-ended" : "override-reviewed",
                                "%s: %s to %s", id, row.owner, row.peer);
    if (!err)
        override_show(&row, override);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = override;
    return err;
}

/* --- showing -------------------------------------------------------------------------------------- */

static enum up_err reasons_list(struct arena *arena, Up__OverrideList *list)
{
    struct override_reason reason;
    size_t offset = 0;
    size_t count = 0;

    while (override_reason_next(reasons(), &offset, &reason))
        count++;
    list->reasons = arena_alloc(arena, (count + 1) * sizeof(Up__OverrideReason *));
    if (!list->reasons)
        return UP_NO_MEMORY;
    for (offset = 0; override_reason_next(reasons(), &offset, &reason);) {
        Up__OverrideReason *entry = arena_alloc(arena, sizeof *entry);

        if (!entry)
            return UP_NO_MEMORY;
        up__override_reason__init(entry);
        entry->code = arena_text(arena, reason.code);
        entry->text = arena_text(arena, reason.name);
        entry->alone = reason.alone;
        if (!entry->code || !entry->text)
            return UP_NO_MEMORY;
        list->reasons[list->n_reasons++] = entry;
    }
    return UP_OK;
}

enum up_err service_override_list(struct service *service, const struct service_call *call,
                                  Up__OverrideList **ret_reply)
{
    struct nodestore_query query = {.kind = NODESTORE_OVERRIDE};
    struct nodestore_row *rows = NULL;
    Up__OverrideList *list = arena_alloc(call->arena, sizeof *list);
    size_t count = 0;
    enum up_err err = service_begin(service, call, OPERATOR_OVERRIDE | OPERATOR_AUDIT);

    if (err)
        return err;
    err = list ? nodestore_list(service->store, &query, call->arena, &rows, &count) : UP_NO_MEMORY;
    if (!err) {
        up__override_list__init(list);
        list->overrides = arena_alloc(call->arena, (count + 1) * sizeof(Up__Override *));
        err = list->overrides ? reasons_list(call->arena, list) : UP_NO_MEMORY;
    }
    for (size_t i = 0; !err && i < count; i++) {
        err = override_read(&rows[i], call->arena, &list->overrides[list->n_overrides]);
        if (!err)
            override_show(&rows[i], list->overrides[list->n_overrides++]);
    }
    if (!err)
        err = service_audit_add(service, call->operator->name, "overrides-viewed", "%zu", count);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = list;
    return err;
}

enum up_err service_override_status(struct service *service, struct arena *arena,
                                    Up__NodeStatus *status)
{
    struct nodestore_query query = {.kind = NODESTORE_OVERRIDE, .states = 1u << OVERRIDE_ALONE};
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    char due[CLOCK_TEXT_LEN];
    enum up_err err = nodestore_list(service->store, &query, arena, &rows, &count);

    if (err || count == 0)
        return err;
    clock_london(rows[0].due_s, due); /* all have the same time: the oldest is the first */
    status->overrides_to_review = (uint32_t)count;
    status->override_review_due = service_text(arena, due);
    return status->override_review_due ? UP_OK : UP_NO_MEMORY;
}

enum up_err service_override_line(struct service *service, const struct nodestore_row *row,
                                  struct arena *arena, Up__SentLine *line)
{
    struct nodestore_query query = {.kind = NODESTORE_OVERRIDE,
                                    .owner = row->owner,
                                    .peer = row->peer,
                                    .states = IN_FORCE | 1u << OVERRIDE_ENDED};
    struct nodestore_row *rows = NULL;
    Up__Override *override = NULL;
    size_t count = 0;
    char text[400];
    enum up_err err = UP_OK;

    if (strcmp(line->decided_by, entitlement_decided_text(BY_OVERRIDE)) != 0)
        return UP_OK;
    err = nodestore_list(service->store, &query, arena, &rows, &count);
    if (!err && count > 0)
        err = override_read(&rows[count - 1], arena, &override);
    if (err || !override)
        return err;
    if (rows[count - 1].state == OVERRIDE_ALONE)
        (void)snprintf(text, sizeof text, "OVERRIDE TO REVIEW by %s: %s, by %s alone, until %s",
                       override->review_due, override->id, override->proposed_by,
                       override->asked->ends_on);
    else
        (void)snprintf(text, sizeof text, "override %s by %s and %s, until %s", override->id,
                       override->proposed_by,
                       override->approved_by[0] != '\0' ? override->approved_by
                                                        : override->reviewed_by,
                       override->asked->ends_on);
    if (line->detail[0] != '\0') {
        size_t len = strlen(text);

        (void)snprintf(text + len, sizeof text - len, "; %s", line->detail);
    }
    line->detail = service_text(arena, text);
    return line->detail ? UP_OK : UP_NO_MEMORY;
}
