/* SPDX-License-Identifier: MIT
 * Why did an organisation get this, and what would have to differ? Decided anew with the same function as before sending,
 * and told beside what really happened (disclosure.md 7). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "nodes/disclosure/generalise.h"
#include "nodes/disclosure/release.h"
#include "nodes/disclosure/why.h"
#include "nodes/disclosure/whyfields.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

enum { HAPPENED_MAX = 4, SENTENCE_LEN_MAX = 600 };

/* What is explained: a report that was taken here, or one that was received. */
struct subject {
    const char *ref;
    const Up__Report *report; /* of a received one: its incident alone */
    bool sent;
    const Up__Member *source; /* who it was received from; NULL: taken here */
    char source_name[UP_TEXT_LEN_MAX +
                     1]; /* the same for people, also when the directory has lost it */
    struct nodestore_row *told;
    size_t told_count;
    struct arena *work;  /* of one member; reset for the next */
    struct arena *reply; /* the caller's */
};

static enum up_err received_load(struct service *service, const struct service_call *call,
                                 struct subject *subject)
{
    struct nodestore_row row;
    ProtobufCMessage *item = NULL;
    Up__Report *report = arena_alloc(call->arena, sizeof *report);
    enum up_err err =
        nodestore_get(service->store, NODESTORE_RECEIVED, subject->ref, call->arena, &row);

    if (err == UP_NOT_FOUND)
        return up_why_set(call->why, err,
                          "no report was taken or received here under that reference; `upstander "
                          "sent` and `upstander inbox` list what there is");
    if (!err)
        err = message_unpack(&up__inbox_item__descriptor, row.body, call->arena, &item);
    if (!err && !((Up__InboxItem *)item)->incident)
        return up_why_set(call->why, UP_INVALID,
                          "that is no report: figures and counts are about nobody, so there is "
                          "nothing to pass on or to hold back");
    if (err || !report)
        return err ? err : UP_NO_MEMORY;
    up__report__init(report);
    report->incident = ((Up__InboxItem *)item)->incident;
    subject->report = report;
    subject->source = roster_find(service->roster, row.peer);
    (void)snprintf(subject->source_name, sizeof subject->source_name, "%s",
                   subject->source && subject->source->name[0] != '\0' ? subject->source->name
                                                                       : row.peer);
    return UP_OK;
}

static enum up_err subject_load(struct service *service, const struct service_call *call,
                                struct subject *subject)
{
    struct nodestore_query told = {.kind = NODESTORE_SENT, .owner = subject->ref};
    struct nodestore_row row;
    struct up_why why = {0};
    Up__Report *report = NULL;
    enum up_err err = service_report_load(service, subject->ref, call->arena, &report, &why);

    if (err == UP_NOT_FOUND)
        return received_load(service, call, subject);
    subject->report = report;
    if (!err)
        err = nodestore_get(service->store, NODESTORE_REPORT, subject->ref, service->scratch, &row);
    if (!err) {
        subject->sent = row.state == REPORT_SENT;
        err = nodestore_list(service->store, &told, service->scratch, &subject->told,
                             &subject->told_count);
    }
    return err;
}

/* --- what happened ---------------------------------------------------------------------------------------- */

static enum up_err happened_add(Up__Explained *to, struct arena *arena, const char *sentence)
{
    if (to->n_happened == HAPPENED_MAX)
        return UP_OK;
    to->happened[to->n_happened] = service_text(arena, sentence);
    return to->happened[to->n_happened++] ? UP_OK : UP_NO_MEMORY;
}

/* "2026-11-25T07:58" to "25 November 2026, 07:58" */
static void moment(int64_t at_s, char ret_text[static 48])
{
    char at[CLOCK_TEXT_LEN];
    char day[32];

    clock_london(at_s, at);
    at[10] = '\0';
    why_day(at, day);
    (void)snprintf(ret_text, 48, "%s, %s", day, at + 11);
}

/* "2026-11" to "November 2026"; a year as it is */
static void month_words(const char *period, char ret_text[static 32])
{
    char date[16];
    char day[32];

    (void)snprintf(ret_text, 32, "%.7s", period);
    if (strlen(period) != 7)
        return;
    (void)snprintf(date, sizeof date, "%.7s-01", period);
    why_day(date, day);
    if (strncmp(day, "1 ", 2) == 0)
        (void)snprintf(ret_text, 32, "%s", day + 2);
}

/* Why what is held is not even counted for figures yet. */
static enum up_err held_say(struct service *service, const struct subject *subject,
                            const struct nodestore_row *row, const Up__SentLine *line,
                            char ret_text[static SENTENCE_LEN_MAX])
{
    const Up__Member *member = roster_find(service->roster, row->peer);
    const char *what =
        line->wide_only ? "figures of the whole police area"
        : line->entitlement && line->entitlement->level == UP__ENTITLEMENT__LEVEL__COUNTED
            ? "counts"
            : "figures";
    const Up__Cell *cell =
        generalise_cell(subject->report->incident, service->areas, service->scratch);
    const Up__Member *publisher = NULL;
    const char *named = NULL;
    struct release_scope scope;
    char today[11];
    char through[RELEASE_PERIOD_MAX];
    char words[32];

    if (!cell)
        return UP_NO_MEMORY;
    service_today(today);
    if (release_scope(cell, service->areas, &scope) || release_month_before(today, through)) {
        (void)snprintf(
            ret_text, SENTENCE_LEN_MAX,
            "It is held here: the area or the month in which it happened is not known, so "
            "it has no place in the %s.",
            what);
        return UP_OK;
    }
    month_words(cell->period, words);
    if (!release_is_past(cell->period, through)) {
        (void)snprintf(ret_text, SENTENCE_LEN_MAX,
                       "It is held here until %s is over; then it is counted for the %s.", words,
                       what);
        return UP_OK;
    }
    if (member && !service_publisher(service, subject->report, member, &named)) {
        (void)snprintf(ret_text, SENTENCE_LEN_MAX,
                       "It is held here: the agreements name two organisations that make the %s of "
                       "that area. They have to be put right.",
                       what);
        return UP_OK;
    }
    publisher = named ? roster_find(service->roster, named) : NULL;
    if (publisher && strcmp(named, service->member) != 0 &&
        service_decide(service, subject->report, publisher).entitlement.level < LEVEL_COUNTED) {
        (void)snprintf(ret_text, SENTENCE_LEN_MAX,
                       "It is held here: %.100s makes the %s of that area, and may not count it.",
                       publisher->name, what);
        return UP_OK;
    }
    (void)snprintf(
        ret_text, SENTENCE_LEN_MAX,
        "It is held here and goes as a number into the %s on the first day of next month.", what);
    return UP_OK;
}

/* It was counted: who knows whether it is shown. */
static void pooled_say(const struct service *service, const Up__SentLine *line, const char *at,
                       unsigned k, char ret_text[static SENTENCE_LEN_MAX])
{
    const Up__Member *publisher = roster_find(service->roster, line->publisher);
    const char *what = line->wide_only ? "the figures of the whole police area" : "the figures";

    if (publisher && strcmp(publisher->id, service->member) != 0)
        (void)snprintf(
            ret_text, SENTENCE_LEN_MAX,
            "It was counted on %s, as a number without anything else, for %s that %.100s "
            "makes. It is shown there once it stands with at least %u people.",
            at, what, publisher->name, k);
    else
        (void)snprintf(
            ret_text, SENTENCE_LEN_MAX,
            "It was counted on %s for %s and is in none yet: no more than %u people reported "
            "the like, so it could point at somebody.",
            at, what, k);
}

static enum up_err row_say(struct service *service, const struct subject *subject,
                           const struct nodestore_row *row, char ret_text[static SENTENCE_LEN_MAX])
{
    ProtobufCMessage *message = NULL;
    const Up__SentLine *line = NULL;
    const char *detail = "";
    char at[48];
    char today[11];
    const Up__Member *member = roster_find(service->roster, row->peer);
    enum up_err err =
        message_unpack(&up__sent_line__descriptor, row->body, service->scratch, &message);

    if (err)
        return err;
    line = (const Up__SentLine *)message;
    detail = line->detail;
    moment(row->due_s > 0 ? row->due_s : row->at_s, at);
    switch (row->state) {
    case SENT_STORED:
        (void)snprintf(ret_text, SENTENCE_LEN_MAX,
                       "It is saved here since %s and not on its way yet.", at);
        break;
    case SENT_ACCEPTED:
        (void)snprintf(ret_text, SENTENCE_LEN_MAX, "It is on its way since %s.", at);
        break;
    case SENT_DELIVERED:
        (void)snprintf(ret_text, SENTENCE_LEN_MAX, "It arrived there on %s.", at);
        break;
    case SENT_SEEN:
        (void)snprintf(ret_text, SENTENCE_LEN_MAX, "It was read there by a person on %s.", at);
        break;
    case SENT_RECORDED:
        (void)snprintf(ret_text, SENTENCE_LEN_MAX, "It was recorded there on %s%s%.100s.", at,
                       detail[0] != '\0' ? ", with the police number " : "", detail);
        break;
    case SENT_REFUSED:
        (void)snprintf(ret_text, SENTENCE_LEN_MAX, "It was turned down there on %s%s%.200s.", at,
                       detail[0] != '\0' ? ": " : "", detail);
        break;
    case SENT_CANT:
        (void)snprintf(ret_text, SENTENCE_LEN_MAX, "It can't be sent%s%.200s.",
                       detail[0] != '\0' ? ": " : "", detail);
        break;
    case SENT_NOT_SHARED:
        (void)snprintf(ret_text, SENTENCE_LEN_MAX,
                       "Nothing was shared when the report was sent, on %s.", at);
        break;
    case SENT_HELD:
        return held_say(service, subject, row, line, ret_text);
    case SENT_RELEASED:
        (void)snprintf(ret_text, SENTENCE_LEN_MAX, "It stands in the figures that were sent on %s.",
                       at);
        break;
    case SENT_POOLED:
        service_today(today);
        pooled_say(service, line, at,
                   member ? entitlement_k(roster_content(service->roster), service_self(service),
                                          member, today)
                          : UP_K_DEFAULT,
                   ret_text);
        break;
    case SENT_COUNTED:
        (void)snprintf(ret_text, SENTENCE_LEN_MAX, "It stands in the count that was sent on %s.",
                       at);
        break;
    default:
        break;
    }
    return UP_OK;
}

/* What was decided then, where it was something else than now. */
static enum up_err then_say(struct service *service, const struct nodestore_row *row,
                            struct told now, Up__Explained *to, struct arena *arena)
{
    ProtobufCMessage *message = NULL;
    char text[SENTENCE_LEN_MAX];
    const char *sees = NULL;
    struct entitlement then;
    enum up_err err =
        message_unpack(&up__sent_line__descriptor, row->body, service->scratch, &message);

    if (err)
        return err;
    then = entitlement_read(((Up__SentLine *)message)->entitlement);
    if (then.level == now.verdict.entitlement.level &&
        (then.level < LEVEL_PSEUDONYMISED || then.withheld == now.verdict.entitlement.withheld))
        return UP_OK;
    sees = why_sees(then, service->scratch);
    if (!sees)
        return UP_NO_MEMORY;
    (void)snprintf(text, sizeof text, "When it was sent, it was decided otherwise: %s.", sees);
    return happened_add(to, arena, text);
}

static enum up_err happened_make(struct service *service, const struct subject *subject,
                                 const Up__Member *member, Up__Explained *to)
{
    struct arena *arena = subject->reply;
    const struct nodestore_row *row = NULL;
    char text[SENTENCE_LEN_MAX] = "";
    struct told now = {.member = member};
    enum up_err err = UP_OK;

    to->happened = arena_alloc(arena, HAPPENED_MAX * sizeof *to->happened);
    if (!to->happened)
        return UP_NO_MEMORY;
    if (subject->source_name[0] != '\0')
        return UP_OK;
    for (size_t i = 0; i < subject->told_count; i++) {
        if (strcmp(subject->told[i].peer, member->id) == 0)
            row = &subject->told[i];
    }
    if (!row)
        return happened_add(to, arena,
                            subject->sent
                                ? "The report was sent when this organisation took no part."
                                : "The report was not sent yet.");
    err = row_say(service, subject, row, text);
    if (!err && text[0] != '\0')
        err = happened_add(to, arena, text);
    if (!err && row->state == SENT_STORED && service->exchange &&
        exchange_is_online(service->exchange) &&
        !exchange_knows(service->exchange, row->peer, clock_wall_s()))
        err = happened_add(to, arena, "It waits for that organisation's first connection.");
    if (err)
        return err;
    if (subject->report)
        now = service_told(service, subject->report, member);
    else
        now.verdict.entitlement = entitlement_read(to->entitlement);
    return then_say(service, row, now, to, arena);
}

/* --- why ---------------------------------------------------------------------------------------------------- */

static Up__Entitlement *entitlement_copy(struct entitlement e, struct arena *arena)
{
    Up__Entitlement *out = arena_alloc(arena, sizeof *out);

    if (!out)
        return NULL;
    up__entitlement__init(out);
    out->level = (Up__Entitlement__Level)((int)e.level + 1);
    out->withheld = arena_alloc(arena, 4 * sizeof *out->withheld);
    for (unsigned group = 0; out->withheld && group < 4; group++) {
        if (e.level >= LEVEL_PSEUDONYMISED && e.withheld >> group & 1u)
            out->withheld[out->n_withheld++] = (Up__Entitlement__Group)(group + 1);
    }
    return out->withheld ? out : NULL;
}

static enum up_err texts_copy(const char *const *from, size_t count, struct arena *arena,
                              char ***ret_texts)
{
    char **texts = arena_alloc(arena, (count + 1) * sizeof *texts);

    for (size_t i = 0; texts && i < count; i++) {
        texts[i] = service_text(arena, from[i]);
        if (!texts[i])
            return UP_NO_MEMORY;
    }
    *ret_texts = texts;
    return texts ? UP_OK : UP_NO_MEMORY;
}

static enum up_err steps_copy(const struct why *why, struct arena *arena, Up__Explained *to)
{
    to->steps = arena_alloc(arena, (why->step_count + 1) * sizeof(Up__ExplainedStep *));
    if (!to->steps)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < why->step_count; i++) {
        Up__ExplainedStep *step = arena_alloc(arena, sizeof *step);

        if (!step)
            return UP_NO_MEMORY;
        up__explained_step__init(step);
        step->sees = entitlement_copy(why->steps[i].sees, arena);
        step->text = service_text(arena, why->steps[i].text);
        if (!step->sees || !step->text)
            return UP_NO_MEMORY;
        to->steps[to->n_steps++] = step;
    }
    return UP_OK;
}

static enum up_err inputs_copy(const struct verdict *verdict, struct arena *arena,
                               Up__Explained *to)
{
    to->inputs = arena_alloc(arena, (verdict->part_count + 1) * sizeof(Up__ExplainedInput *));
    if (!to->inputs)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < verdict->part_count; i++) {
        Up__ExplainedInput *input = arena_alloc(arena, sizeof *input);

        if (!input)
            return UP_NO_MEMORY;
        up__explained_input__init(input);
        input->decided_by = service_text(arena, entitlement_decided_text(verdict->parts[i].by));
        input->allows = entitlement_copy(verdict->parts[i].allows, arena);
        if (!input->decided_by || !input->allows)
            return UP_NO_MEMORY;
        to->inputs[to->n_inputs++] = input;
    }
    return UP_OK;
}

static enum up_err why_copy(const struct why *why, struct arena *arena, Up__Explained *to)
{
    enum up_err err = texts_copy(why->reasons, why->reason_count, arena, &to->reasons);

    to->n_reasons = why->reason_count;
    to->sees = service_text(arena, why->sees);
    to->never = service_text(arena, why->never ? why->never : "");
    if (!err && (!to->sees || !to->never))
        err = UP_NO_MEMORY;
    return err ? err : steps_copy(why, arena, to);
}

/* What its disclosure would hold. fault: what of the report can't be read; then nothing is shared. */
static enum up_err fields_make(const struct service *service, const struct subject *subject,
                               struct entitlement e, struct up_why *fault, Up__Explained *to)
{
    struct disclose_rules rules = {.areas = service->areas, .codes = service->codes, .why = fault};
    const char *const *sentences = NULL;
    Up__Incident *disclosure = NULL;
    size_t count = 0;
    enum up_err err = disclose(subject->report->incident, e, &rules, subject->work, &disclosure);

    if (!err)
        err = whyfields_make(subject->report->incident, disclosure, subject->work, &sentences,
                             &count);
    to->n_fields = count;
    return err ? err : texts_copy(sentences, count, subject->reply, &to->fields);
}

/* No decision holds back a report that can't be read, and none could let it through. */
static enum up_err unreadable_say(const struct up_why *fault, struct arena *arena,
                                  Up__Explained *to)
{
    char text[sizeof fault->text + 64];
    const char *const reasons[] = {text};

    (void)snprintf(text, sizeof text, "The report can't be read here, so nothing is shared: %s.",
                   fault->text);
    to->sees = service_text(arena, "nothing");
    to->entitlement = entitlement_copy((struct entitlement){LEVEL_WITHHELD, GROUPS_ALL}, arena);
    to->n_reasons = 1;
    return to->sees && to->entitlement ? texts_copy(reasons, 1, arena, &to->reasons) : UP_NO_MEMORY;
}

static enum up_err decision_say(struct service *service, const struct subject *subject,
                                const Up__Member *member, Up__Explained *to)
{
    bool received = subject->source_name[0] != '\0';
    char today[11];
    struct up_why fault = {0};
    struct entitlement_inputs inputs;
    struct verdict verdict;
    struct why *why = NULL;
    enum up_err err = UP_OK;

    service_inputs(service, subject->report, member, today, &inputs);
    inputs.received = received;
    verdict = entitlement_decide(&inputs);
    err = fields_make(service, subject, verdict.entitlement, &fault, to);
    if (!err && fault.err)
        return unreadable_say(&fault, subject->reply, to);
    if (!err)
        err = why_make(&inputs, &verdict, received ? subject->source_name : NULL, subject->work,
                       &why);
    if (!err)
        err = why_copy(why, subject->reply, to);
    if (!err)
        err = inputs_copy(&verdict, subject->reply, to);
    to->entitlement = entitlement_copy(verdict.entitlement, subject->reply);
    return err || to->entitlement ? err : UP_NO_MEMORY;
}

/* Elsewhere in its police area: a number at most, among others'. */
static enum up_err wide_say(const struct service *service, const struct subject *subject,
                            const Up__Member *member, Up__Explained *to)
{
    if (!subject->report || subject->source_name[0] != '\0' ||
        !service_told(service, subject->report, member).wide_only)
        return UP_OK;
    to->sees = service_text(subject->reply,
                            "at most a number among those of the whole police area, nothing else");
    return to->sees ? UP_OK : UP_NO_MEMORY;
}

static enum up_err member_explain(struct service *service, const struct subject *subject,
                                  const Up__Member *member, Up__Explained **ret_to)
{
    Up__Explained *to = arena_alloc(subject->reply, sizeof *to);
    enum up_err err = to ? UP_OK : UP_NO_MEMORY;

    if (err)
        return err;
    arena_reset(subject->work);
    up__explained__init(to);
    to->member = service_text(subject->reply, member->id);
    to->name = service_text(subject->reply, member->name);
    to->role = member->role;
    if (!to->member || !to->name)
        return UP_NO_MEMORY;
    err = decision_say(service, subject, member, to);
    if (!err)
        err = wide_say(service, subject, member, to);
    if (!err)
        err = happened_make(service, subject, member, to);
    if (!err)
        *ret_to = to;
    return err;
}

static enum up_err members_explain(struct service *service, const struct service_call *call,
                                   const struct subject *subject, const char *member,
                                   Up__Explanation *explanation)
{
    const Up__Roster *roster = roster_content(service->roster);
    enum up_err err = UP_OK;

    explanation->members =
        arena_alloc(call->arena, (roster->n_members + 1) * sizeof(Up__Explained *));
    if (!explanation->members)
        return UP_NO_MEMORY;
    for (size_t i = 0; !err && i < roster->n_members; i++) {
        const Up__Member *each = roster->members[i];

        if (strcmp(each->id, service->member) == 0 || each == subject->source ||
            (member && strcmp(each->id, member) != 0))
            continue;
        err = member_explain(service, subject, each, &explanation->members[explanation->n_members]);
        explanation->n_members += !err;
    }
    if (!err && member && explanation->n_members == 0)
        err = up_why_set(call->why, UP_NOT_FOUND,
                         "the directory names no other organisation of that id; `upstander roster "
                         "show` lists them");
    if (err == UP_NO_MEMORY)
        (void)up_why_set(
            call->why, err,
            "that is too much for one answer; name one organisation: upstander explain "
            "REF MEMBER");
    return err;
}

enum up_err service_explain(struct service *service, const struct service_call *call,
                            const char *ref, const char *member, Up__Explanation **ret_reply)
{
    Up__Explanation *explanation = arena_alloc(call->arena, sizeof *explanation);
    struct subject *subject = arena_alloc(call->arena, sizeof *subject);
    enum up_err err = UP_OK;

    if (!explanation || !subject)
        return UP_NO_MEMORY;
    err = service_begin(service, call,
                        OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE | OPERATOR_READ_ONLY |
                            OPERATOR_AUDIT);
    if (err)
        return err;
    up__explanation__init(explanation);
    subject->ref = ref;
    subject->reply = call->arena;
    err = arena_new(UP_ARENA_LEN_MAX, &subject->work);
    if (!err)
        err = subject_load(service, call, subject);
    if (!err) {
        explanation->ref = service_text(call->arena, ref);
        explanation->received_from = service_text(call->arena, subject->source_name);
        err = explanation->ref && explanation->received_from ? UP_OK : UP_NO_MEMORY;
    }
    if (!err)
        err = members_explain(service, call, subject, member, explanation);
    if (!err)
        err = service_audit_add(service, call->operator->name, "explained", "%s%s%s", ref,
                                member ? " for " : "", member ? member : "");
    arena_destroy(&subject->work);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = explanation;
    return err;
}
