/* SPDX-License-Identifier: MIT
 * Reports taken at this node: stored, previewed, sent. Preview and send ask the same decision and disclosure. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "nodes/disclosure/check.h"
#include "nodes/disclosure/generalise.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

enum { STRANDS_TEXT_MAX = 200 };

/* --- taking --------------------------------------------------------------------------------------- */

static bool is_risk_to_life(const Up__Report *report)
{
    return report->urgent ||
           (report->incident->risk && report->incident->risk->now == UP__RISK__NOW__RISK_TO_LIFE);
}

/* The police member to be rung: whose area it is, or the only one there is. */
static const Up__Member *police_for(const struct service *service, const Up__Incident *incident)
{
    const Up__Roster *roster = roster_content(service->roster);
    const char *area = entitlement_area(incident, service->areas);
    const Up__Member *only = NULL;
    size_t count = 0;

    for (size_t i = 0; i < roster->n_members; i++) {
        const Up__Member *member = roster->members[i];

        if (member->role != UP__ROLE__CODE__POLICE || member->status != UP__MEMBER__STATUS__ACTIVE)
            continue;
        if (area && entitlement_covers(member->areas, member->n_areas, area, service->areas))
            return member;
        only = member;
        count++;
    }
    return count == 1 ? only : NULL;
}

/* An area that no table knows would go to nobody, without a word: here there is somebody to ask. */
static enum up_err place_check(const struct service *service, const Up__Place *place,
                               struct up_why *why)
{
    const struct {
        const char *path;
        const char *code;
    } codes[] = {{"incident.place.lsoa", place->lsoa},
                 {"incident.place.ward", place->ward},
                 {"incident.place.localAuthority", place->local_authority},
                 {"incident.place.policeArea", place->police_area}};

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].code[0] != '\0' && areas_kind(service->areas, codes[i].code) == AREA_UNKNOWN)
            return up_why_set(why, UP_INVALID, "%s: no area of that code is known here",
                              codes[i].path);
    }
    return UP_OK;
}

/* "place.local_authority: ..." as the person wrote it: "incident.place.localAuthority: ..." */
static void path_spell(struct up_why *why)
{
    char text[sizeof why->text] = "incident.";
    size_t len = strlen(text);
    bool in_path = true;

    for (const char *from = why->text; *from != '\0' && len + 1 < sizeof text; from++) {
        bool raise = in_path && from > why->text && from[-1] == '_' && *from >= 'a' && *from <= 'z';

        in_path &= *from != ':';
        if (raise)
            text[len++] = (char)(*from - ('a' - 'A'));
        else if (!in_path || *from != '_')
            text[len++] = *from;
    }
    text[len] = '\0';
    memcpy(why->text, text, sizeof text);
}

/* A code of a list, or nothing: what nobody knows could be relied on by nobody. The text itself is not repeated. */
static enum up_err code_check(const struct service *service, enum codes_list list, const char *text,
                              const char *path, struct up_why *why)
{
    const struct code *code = codes_find(service->codes, list, text);
    const char *near[CODES_NEAR_MAX] = {NULL};
    char today[11];
    size_t count = 0;

    service_today(today);
    if (text[0] == '\0' || (code && codes_is_valid(code, today)))
        return UP_OK;
    if (code && code->successor[0] != '\0')
        return up_why_set(why, UP_INVALID, "%s: not in force any more; in its place stands %s",
                          path, code->successor);
    count = codes_near(service->codes, list, text, today, near);
    return up_why_set(why, UP_INVALID, "%s: not in the list of codes%s%s%s%s%s%s", path,
                      count > 0 ? "; like it are " : "", count > 0 ? near[0] : "",
                      count > 1 ? ", " : "", count > 1 ? near[1] : "", count > 2 ? ", " : "",
                      count > 2 ? near[2] : "");
}

static enum up_err basis_check(const struct service *service, const Up__RoleChoice *choice,
                               size_t index, struct up_why *why)
{
    char path[64];
    enum up_err err = UP_OK;

    (void)snprintf(path, sizeof path, "choice.roles[%zu].lawfulBasis", index);
    err = code_check(service, CODES_LAWFUL_BASES, choice->lawful_basis, path, why);
    if (err)
        return err;
    (void)snprintf(path, sizeof path, "choice.roles[%zu].specialCondition", index);
    return code_check(service, CODES_SPECIAL_CONDITIONS, choice->special_condition, path, why);
}

/* What can't be read in a choice reads as "nothing" later on, and an exclusion of nobody excludes nobody: here there is
 * somebody to ask. */
static enum up_err choice_check(const struct service *service, const Up__SharingChoice *choice,
                                struct up_why *why)
{
    for (size_t i = 0; i < choice->n_roles; i++) {
        for (size_t j = 0; j < i; j++) {
            if (choice->roles[j]->role == choice->roles[i]->role)
                return up_why_set(why, UP_INVALID, "choice.roles[%zu].role: stands there twice", i);
        }
        if (!generalise_date_is_valid(choice->roles[i]->expires_on))
            return up_why_set(why, UP_INVALID,
                              "choice.roles[%zu].expiresOn: not a date such as 2027-01-31", i);
        if (basis_check(service, choice->roles[i], i, why))
            return UP_INVALID;
    }
    for (size_t i = 0; i < choice->n_members; i++) {
        if (!roster_find(service->roster, choice->members[i]->member))
            return up_why_set(why, UP_INVALID,
                              "choice.members[%zu].member: no such member stands in the directory",
                              i);
    }
    return UP_OK;
}

static enum up_err report_check(const struct service *service, const Up__Report *report,
                                struct up_why *why)
{
    struct disclose_rules rules = {.areas = service->areas, .codes = service->codes};
    const Up__Member *police = NULL;
    enum up_err err = UP_OK;

    if (report->incident->entitlement->level != UP__ENTITLEMENT__LEVEL__IDENTIFIED ||
        report->incident->entitlement->n_withheld > 0)
        return up_why_set(
            why, UP_INVALID,
            "incident.entitlement: leave it out; what is shared stands in the choice");
    if (report->incident->n_attachments > 0)
        return up_why_set(why, UP_INVALID,
                          "incident.attachments: leave it out; attach files once it is saved, with "
                          "`upstander attach`");
    if (report->incident->cell || report->incident->onward)
        return up_why_set(
            why, UP_INVALID,
            "incident.cell, incident.onward: not part of a report that is taken here");
    if (is_risk_to_life(report) && !report->call_was_made) {
        police = police_for(service, report->incident);
        return up_why_set(why, UP_INVALID,
                          "risk to life: ring 999 first%s%s%s%s. Once the call was made, say so "
                          "(callWasMade) and save the report",
                          police ? ", then " : "", police ? police->name : "",
                          police ? ", at any hour: " : "", police ? police->telephone_24h : "");
    }
    if (report->choice)
        err = choice_check(service, report->choice, why);
    if (!err && report->incident->place)
        err = place_check(service, report->incident->place, why);
    if (err)
        return err;
    err = disclose_check(report->incident, &rules, why);
    if (err == UP_INVALID && why)
        path_spell(why);
    return err;
}

enum up_err service_report_put(struct service *service, const struct service_call *call,
                               const Up__Report *report, const char *import_id,
                               char ret_ref[static 10])
{
    struct nodestore_row row = {
        .kind = NODESTORE_REPORT, .state = REPORT_SAVED, .at_s = clock_wall_s()};
    Up__Report taken = *report;
    Up__Incident incident;
    Up__Entitlement whole = UP__ENTITLEMENT__INIT;
    char at[CLOCK_TEXT_LEN];
    char by[64];
    char import_copy[NODESTORE_NAME_MAX];
    char digest[65];
    static char none[1]; /* whoever sends the report can't say who approved */
    struct up_bytes bytes = {0};
    enum up_err err = UP_OK;

    if (!report->incident)
        return up_why_set(call->why, UP_INVALID, "incident: missing; nothing was reported");
    /* a report that is taken here is held whole; who gets what of it stands in the choice */
    incident = *report->incident;
    whole.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    if (!incident.entitlement)
        incident.entitlement = &whole;
    incident.codes_version = codes_version(service->codes);
    taken.incident = &incident;
    err = report_check(service, &taken, call->why);
    if (!err && taken.choice && service->bases)
        err = service_bases_stamp(service, taken.choice, service->scratch, &taken.choice);
    if (err)
        return err;
    service_new_ref(ret_ref);
    clock_london(row.at_s, at);
    (void)snprintf(by, sizeof by, "%s", call->operator->name);
    (void)snprintf(import_copy, sizeof import_copy, "%s", import_id);
    service_account_digest(report->incident->narrative, digest);
    taken.ref = ret_ref;
    taken.taken_at = at;
    taken.taken_by = by;
    taken.import_id = import_copy;
    taken.account_approved_by = none;
    taken.account_approved_at = none;
    taken.account_digest =
        report->incident->account && report->incident->account->text[0] != '\0' ? digest : none;
    err = message_pack(&taken.base, SERVICE_REPORT_LEN_MAX, &bytes);
    if (err == UP_TOO_LARGE)
        (void)up_why_set(call->why, err, "the report is larger than %d KiB; shorten its texts",
                         SERVICE_REPORT_LEN_MAX / 1024);
    (void)snprintf(row.name, sizeof row.name, "%s", ret_ref);
    (void)snprintf(row.owner, sizeof row.owner, "%s", import_id);
    row.body = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_put(service->store, &row);
    up_bytes_wipe(&bytes);
    return err;
}

enum up_err service_report_add(struct service *service, const struct service_call *call,
                               const Up__Report *report, Up__ReportRef **ret_reply)
{
    Up__ReportRef *reply = arena_alloc(call->arena, sizeof *reply);
    char ref[10];
    enum up_err err = UP_OK;

    if (!reply)
        return UP_NO_MEMORY;
    err = service_begin(service, call, OPERATOR_TAKE_REPORTS);
    if (err)
        return err;
    err = service_report_put(service, call, report, "", ref);
    if (!err)
        err = service_audit_add(service, call->operator->name, "report-taken", "%s", ref);
    up__report_ref__init(reply);
    if (!err) {
        reply->ref = service_text(call->arena, ref);
        err = reply->ref ? UP_OK : UP_NO_MEMORY;
    }
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = reply;
    return err;
}

/* --- showing -------------------------------------------------------------------------------------- */

enum up_err service_report_stored(struct service *service, const char *ref, struct arena *arena,
                                  struct stored_report *ret_stored, struct up_why *why)
{
    struct nodestore_row row;
    ProtobufCMessage *message = NULL;
    enum up_err err = nodestore_get(service->store, NODESTORE_REPORT, ref, arena, &row);

    if (err == UP_NOT_FOUND)
        (void)up_why_set(why, err,
                         "no report was taken here under that reference; `upstander sent` and "
                         "`upstander inbox` list what there is");
    if (!err)
        err = message_unpack(&up__report__descriptor, row.body, arena, &message);
    if (!err && !((Up__Report *)message)->incident)
        err = UP_MALFORMED;
    if (err)
        return err;
    *ret_stored = (struct stored_report){.row = row, .report = (Up__Report *)message};
    return UP_OK;
}

enum up_err service_report_load(struct service *service, const char *ref, struct arena *arena,
                                Up__Report **ret_report, struct up_why *why)
{
    struct stored_report stored;
    enum up_err err = service_report_stored(service, ref, arena, &stored, why);

    if (err)
        return err;
    service_account_settle(stored.report);
    *ret_report = stored.report;
    return UP_OK;
}

static void strands_text(const Up__Incident *incident, char ret_text[static STRANDS_TEXT_MAX])
{
    size_t at = 0;

    ret_text[0] = '\0';
    for (size_t i = 0; i < incident->n_strands && at < STRANDS_TEXT_MAX - 32; i++) {
        const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
            &up__strand__code__descriptor, (int)incident->strands[i]->code);

        at += (size_t)snprintf(ret_text + at, STRANDS_TEXT_MAX - at, "%s%s", i > 0 ? ", " : "",
                               value ? value->name : "?");
    }
}

static enum up_err summary_make(const struct service *service, const struct nodestore_row *row,
                                const Up__Report *report, struct arena *arena,
                                Up__ReportSummary **ret_summary)
{
    Up__ReportSummary *summary = arena_alloc(arena, sizeof *summary);
    const ProtobufCEnumValue *channel = protobuf_c_enum_descriptor_get_value(
        &up__channel__code__descriptor, (int)report->incident->channel);
    const char *area = entitlement_area(report->incident, service->areas);
    const char *area_name = area ? areas_name(service->areas, area) : NULL;
    char strands[STRANDS_TEXT_MAX];

    if (!summary)
        return UP_NO_MEMORY;
    strands_text(report->incident, strands);
    up__report_summary__init(summary);
    summary->ref = service_text(arena, row->name);
    summary->taken_at = service_text(arena, report->taken_at);
    summary->channel = service_text(arena, channel ? channel->name : "");
    summary->strands = service_text(arena, strands);
    summary->area = service_text(arena, area_name ? area_name : "");
    summary->state = service_text(arena, row->state == REPORT_SENT ? "sent" : "saved here");
    summary->import_id = service_text(arena, row->owner);
    *ret_summary = summary;
    return summary->ref && summary->taken_at && summary->channel && summary->strands &&
                   summary->area && summary->state && summary->import_id
               ? UP_OK
               : UP_NO_MEMORY;
}

enum up_err service_report_list(struct service *service, const struct service_call *call,
                                Up__ReportList **ret_reply)
{
    Up__ReportList *list = arena_alloc(call->arena, sizeof *list);
    size_t total = (size_t)nodestore_count(service->store, NODESTORE_REPORT, 0);
    size_t end = service_page_end(call);
    size_t skip = call->offset < total ? call->offset : total;
    struct nodestore_query query = {.kind = NODESTORE_REPORT, .skip = skip, .limit = 1};
    enum up_err err = service_may(call, ~0u);

    if (err)
        return err;
    if (!list)
        return UP_NO_MEMORY;
    up__report_list__init(list);
    list->reports = arena_alloc(call->arena, (total + 1) * sizeof(Up__ReportSummary *));
    if (!list->reports)
        return UP_NO_MEMORY;
    memset(list->reports, 0, skip * sizeof(Up__ReportSummary *));
    list->n_reports = skip;
    while (!err && list->n_reports < total && list->n_reports < end) {
        struct nodestore_row *row = NULL;
        ProtobufCMessage *report = NULL;
        size_t count = 0;

        arena_reset(service->scratch);
        err = nodestore_list(service->store, &query, service->scratch, &row, &count);
        if (err || count == 0)
            break;
        query.after = row->number;
        query.skip = 0;
        err = message_unpack(&up__report__descriptor, row->body, service->scratch, &report);
        if (!err && ((Up__Report *)report)->incident)
            err = summary_make(service, row, (Up__Report *)report, call->arena,
                               &list->reports[list->n_reports++]);
    }
    if (!err)
        *ret_reply = list;
    return service_list_end(call, err);
}

enum up_err service_report_show(struct service *service, const struct service_call *call,
                                const char *ref, Up__Report **ret_reply)
{
    Up__Report *report = NULL;
    enum up_err err =
        service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE | OPERATOR_READ_ONLY);

    if (err)
        return err;
    err = service_report_load(service, ref, call->arena, &report, call->why);
    if (!err)
        err = service_audit_add(service, call->operator->name, "report-viewed", "%s", ref);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = report;
    return err;
}

/* --- deciding ------------------------------------------------------------------------------------- */

void service_inputs(const struct service *service, const Up__Report *report,
                    const Up__Member *member, char today[static 11],
                    struct entitlement_inputs *ret_inputs)
{
    service_today(today);
    *ret_inputs =
        (struct entitlement_inputs){.incident = report->incident,
                                    .choice = report->choice,
                                    .roster = roster_content(service->roster),
                                    .sender = service_self(service),
                                    .recipient = member,
                                    .ceilings_by_role = service->ceilings,
                                    .ceilings_by_member = service->member_ceilings,
                                    .ceiling_by_member_count = service->member_ceiling_count,
                                    .areas = service->areas,
                                    .today = today};
}

struct verdict service_decide_chosen(const struct service *service, const Up__Report *report,
                                     const Up__Member *member)
{
    char today[11];
    struct entitlement_inputs inputs;

    service_inputs(service, report, member, today, &inputs);
    return entitlement_decide(&inputs);
}

struct verdict service_decide(const struct service *service, const Up__Report *report,
                              const Up__Member *member)
{
    struct told told = {.member = member,
                        .verdict = service_decide_chosen(service, report, member)};
    Up__Override *override = NULL;

    return service_override_raise(service, report, &told, &override);
}

struct verdict service_decide_wide(const struct service *service, const Up__Report *report,
                                   const Up__Member *member)
{
    char today[11];
    struct entitlement_inputs inputs;

    service_inputs(service, report, member, today, &inputs);
    inputs.wide = true;
    return entitlement_decide(&inputs);
}

struct told service_told(const struct service *service, const Up__Report *report,
                         const Up__Member *member)
{
    struct told told = {.member = member, .verdict = service_decide(service, report, member)};
    struct told wide = {.member = member, .wide_only = true};

    if (told.verdict.decided_by != BY_NOT_IN_AREA)
        return told;
    wide.verdict = service_decide_wide(service, report, member);
    return wide.verdict.entitlement.level >= LEVEL_COUNTED ? wide : told;
}

bool service_publisher(const struct service *service, const Up__Report *report,
                       const Up__Member *audience, const char **ret_member)
{
    char today[11];
    struct entitlement_inputs inputs;

    service_inputs(service, report, audience, today, &inputs);
    return entitlement_publisher(&inputs, ret_member);
}

static const char *delivery_text(const struct told *told, unsigned k, struct arena *arena)
{
    char text[96];

    if (told->wide_only) {
        (void)snprintf(text, sizeof text, "in figures of the whole police area when at least %u",
                       k);
        return service_text(arena, text);
    }
    switch (told->verdict.entitlement.level) {
    case LEVEL_IDENTIFIED:
    case LEVEL_PSEUDONYMISED:
        return "at once";
    case LEVEL_ANONYMISED:
        (void)snprintf(text, sizeof text, "in a release when at least %u", k);
        return service_text(arena, text);
    case LEVEL_COUNTED:
        return "as a count";
    case LEVEL_WITHHELD:
        break;
    }
    return "nothing";
}

static enum up_err warning_add(Up__RecipientPreview *to, struct arena *arena, const char *text)
{
    to->warnings[to->n_warnings] = service_text(arena, text);
    return to->warnings[to->n_warnings++] ? UP_OK : UP_NO_MEMORY;
}

static enum up_err warnings_make(const Up__Report *report, const Up__Incident *disclosure,
                                 enum level level, struct arena *arena, Up__RecipientPreview *to)
{
    enum up_err err = UP_OK;

    to->warnings = arena_alloc(arena, 4 * sizeof *to->warnings);
    if (!to->warnings)
        return UP_NO_MEMORY;
    if (level == LEVEL_PSEUDONYMISED)
        err = warning_add(to, arena, "could be recognised by someone who knows them");
    if (!err && level == LEVEL_PSEUDONYMISED && disclosure->n_suspects > 0 &&
        !report->incident->identity)
        err = warning_add(to, arena,
                          "it names or describes who did it: \"my neighbour at 12\" points back at "
                          "the person who reports");
    if (!err && level >= LEVEL_PSEUDONYMISED && report->incident->narrative[0] != '\0' &&
        disclosure->narrative[0] == '\0' && (!disclosure->account || !disclosure->account->text[0]))
        err = warning_add(
            to, arena,
            !report->incident->account && report->account_digest[0] != '\0'
                ? "no text goes with it: the narrative was changed after its account was approved; "
                  "it needs a new approval"
                : "no text goes with it: no account was approved for what is withheld here");
    return err;
}

static enum up_err fields_make(const Up__Report *report, const Up__Incident *disclosure,
                               struct arena *arena, Up__RecipientPreview *to)
{
    static const char *const fates[] = {
        [FATE_KEPT] = "kept", [FATE_GENERALISED] = "generalised", [FATE_DROPPED] = "dropped"};
    const struct field_note *notes = NULL;
    size_t count = 0;
    enum up_err err = disclose_explain(report->incident, disclosure, arena, &notes, &count);

    if (err)
        return err;
    to->fields = arena_alloc(arena, (count + 1) * sizeof(Up__FieldNote *));
    if (!to->fields)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        Up__FieldNote *note = arena_alloc(arena, sizeof *note);

        if (!note)
            return UP_NO_MEMORY;
        up__field_note__init(note);
        note->path = service_text(arena, notes[i].path);
        note->class_name = service_text(arena, notes[i].class_name);
        note->fate = service_text(arena, fates[notes[i].fate]);
        if (!note->path || !note->class_name || !note->fate)
            return UP_NO_MEMORY;
        to->fields[to->n_fields++] = note;
    }
    return UP_OK;
}

enum up_err service_recipient_preview(const struct service *service, const Up__Report *report,
                                      const struct told *told, struct arena *arena,
                                      Up__RecipientPreview **ret_to)
{
    const struct verdict verdict = told->verdict;
    const Up__Member *member = told->member;
    char today[11];
    Up__RecipientPreview *to = arena_alloc(arena, sizeof *to);
    Up__Incident *disclosure = NULL;
    const char *delivery = NULL;
    enum up_err err = to ? UP_OK : UP_NO_MEMORY;

    if (!err)
        err = service_disclose(service, report, told, arena, &disclosure);
    if (err)
        return err;
    service_today(today);
    up__recipient_preview__init(to);
    delivery = delivery_text(
        told, entitlement_k(roster_content(service->roster), service_self(service), member, today),
        arena);
    to->member = service_text(arena, member->id);
    to->name = service_text(arena, member->name);
    to->role = member->role;
    to->entitlement = disclosure->entitlement;
    to->decided_by = service_text(arena, entitlement_reason(&verdict));
    to->delivery = delivery ? service_text(arena, delivery) : NULL;
    if (verdict.entitlement.level >= LEVEL_ANONYMISED && !told->wide_only)
        to->disclosure = disclosure;
    to->telephone_24h = service_text(arena, is_risk_to_life(report) ? member->telephone_24h : "");
    if (!to->member || !to->name || !to->decided_by || !to->delivery || !to->telephone_24h)
        return UP_NO_MEMORY;
    err = fields_make(report, disclosure, arena, to);
    if (!err)
        err = warnings_make(report, disclosure, verdict.entitlement.level, arena, to);
    *ret_to = to;
    return err;
}

enum up_err service_preview(struct service *service, const struct service_call *call,
                            const char *ref, Up__Preview **ret_reply)
{
    const Up__Roster *roster = roster_content(service->roster);
    Up__Preview *preview = arena_alloc(call->arena, sizeof *preview);
    Up__Report *report = NULL;
    enum up_err err =
        service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE | OPERATOR_READ_ONLY);

    if (err)
        return err;
    err =
        preview ? service_report_load(service, ref, call->arena, &report, call->why) : UP_NO_MEMORY;
    if (!err) {
        up__preview__init(preview);
        preview->ref = service_text(call->arena, ref);
        preview->recipients =
            arena_alloc(call->arena, (roster->n_members + 1) * sizeof(Up__RecipientPreview *));
        err = preview->ref && preview->recipients ? UP_OK : UP_NO_MEMORY;
    }
    for (size_t i = 0; !err && i < roster->n_members; i++) {
        struct told told = service_told(service, report, roster->members[i]);

        if (strcmp(told.member->id, service->member) == 0 ||
            told.member->status != UP__MEMBER__STATUS__ACTIVE)
            continue;
        err = service_recipient_preview(service, report, &told, call->arena,
                                        &preview->recipients[preview->n_recipients++]);
    }
    if (!err)
        err = service_audit_add(service, call->operator->name, "preview", "%s", ref);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = preview;
    return err;
}

/* --- sending -------------------------------------------------------------------------------------- */

/* What a member was told, or why nothing. */
enum up_err service_sent_put(struct service *service, const char *ref, const char *reference,
                             const struct told *told, enum sent_state state)
{
    struct nodestore_row row = {.kind = NODESTORE_SENT, .state = state, .at_s = clock_wall_s()};
    Up__SentLine line;
    Up__Entitlement entitlement;
    Up__Entitlement__Group groups[4];
    char by[128];
    struct up_bytes bytes = {0};
    enum up_err err = UP_OK;

    up__sent_line__init(&line);
    up__entitlement__init(&entitlement);
    entitlement.level = (Up__Entitlement__Level)((int)told->verdict.entitlement.level + 1);
    for (int group = 0; group < 4; group++) {
        if (told->verdict.entitlement.withheld >> group & 1 &&
            told->verdict.entitlement.level >= LEVEL_PSEUDONYMISED)
            groups[entitlement.n_withheld++] = (Up__Entitlement__Group)(group + 1);
    }
    entitlement.withheld = groups;
    (void)snprintf(by, sizeof by, "%s", entitlement_reason(&told->verdict));
    line.entitlement = &entitlement;
    line.decided_by = by;
    line.wide_only = told->wide_only;
    if (state == SENT_NO_AGREEMENT)
        line.detail = by;
    err = message_pack(&line.base, UP_TEXT_LEN_MAX, &bytes);
    (void)snprintf(row.name, sizeof row.name, "%s", reference);
    (void)snprintf(row.owner, sizeof row.owner, "%s", ref);
    (void)snprintf(row.peer, sizeof row.peer, "%s", told->member->id);
    row.body = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_put(service->store, &row);
    up_bytes_wipe(&bytes);
    return err;
}

/* The recipient sees that what it gets rests on an override, and until when. */
static enum up_err notice_make(struct service *service, const Up__Report *report,
                               const struct told *told, Up__OverrideNotice **ret_notice)
{
    Up__OverrideNotice *notice = arena_alloc(service->scratch, sizeof *notice);
    Up__Override *override = NULL;
    struct told chosen = *told;

    chosen.verdict = service_decide_chosen(service, report, told->member);
    (void)service_override_raise(service, report, &chosen, &override);
    if (!notice)
        return UP_NO_MEMORY;
    if (!override) /* decided by one a moment ago */
        return UP_NOT_PERMITTED;
    up__override_notice__init(notice);
    notice->purpose = override->asked->purpose;
    notice->reason = override->asked->reason;
    notice->codes_version = override->codes_version;
    notice->ends_on = override->asked->ends_on;
    notice->n_withheld = override->asked->n_withheld;
    notice->withheld = override->asked->withheld;
    *ret_notice = notice;
    return UP_OK;
}

static enum up_err disclosure_queue(struct service *service, const Up__Report *report,
                                    const struct told *told, const struct reference *reference)
{
    Up__Message message = UP__MESSAGE__INIT;
    Up__IncidentDisclosure body = UP__INCIDENT_DISCLOSURE__INIT;
    struct reference copy = *reference;
    char owner[IDS_HEX_LEN + 1];
    enum up_err err = service_disclose(service, report, told, service->scratch, &body.incident);

    if (err)
        return err;
    if (told->verdict.decided_by == BY_OVERRIDE)
        err = notice_make(service, report, told, &body.override);
    if (err)
        return err;
    ids_hex(copy.bytes, owner);
    body.urgent = is_risk_to_life(report);
    message.reference = (ProtobufCBinaryData){.len = sizeof copy.bytes, .data = copy.bytes};
    message.version = 1;
    message.body_case = UP__MESSAGE__BODY_INCIDENT_DISCLOSURE;
    message.incident_disclosure = &body;
    err = service_queue(service, told->member->id, owner, &message, body.urgent);
    return err ? err
               : service_attachments_queue(service, body.incident, told->member->id, reference, "");
}

/* One member: at once, held for a release or a count, or nothing. */
enum up_err service_tell(struct service *service, const char *person, const Up__Report *report,
                         const struct told *told, Up__SendResult *result)
{
    struct reference reference;
    char hex[IDS_HEX_LEN + 1];
    enum sent_state state = SENT_NOT_SHARED;
    enum up_err err = UP_OK;

    keys_random(reference.bytes, sizeof reference.bytes);
    if (told->unsent && ids_unhex(up_view_of(told->unsent, strlen(told->unsent)), reference.bytes))
        return UP_MALFORMED;
    ids_hex(reference.bytes, hex);
    switch (told->verdict.entitlement.level) {
    case LEVEL_IDENTIFIED:
    case LEVEL_PSEUDONYMISED:
        state = SENT_STORED;
        result->queued++;
        err = disclosure_queue(service, report, told, &reference);
        break;
    case LEVEL_ANONYMISED:
    case LEVEL_COUNTED:
        state = SENT_HELD;
        result->held++;
        break;
    case LEVEL_WITHHELD: /* what the person agreed to and nobody signed for is no quiet nothing */
        if (told->verdict.decided_by == BY_NO_AGREEMENT) {
            state = SENT_NO_AGREEMENT;
            result->cant_be_shared++;
        } else {
            result->withheld++;
        }
        break;
    }
    if (!err)
        err = service_sent_put(service, report->ref, hex, told, state);
    if (!err)
        err = service_audit_add(service, person, "disclosed", "%s to %s: %s, withheld %u, rule %d",
                                report->ref, told->member->id,
                                entitlement_level_text(told->verdict.entitlement.level),
                                told->verdict.entitlement.withheld, (int)told->verdict.decided_by);
    return err;
}

enum up_err service_report_send(struct service *service, const char *person, const char *ref,
                                Up__SendResult *result, struct up_why *why)
{
    const Up__Roster *roster = roster_content(service->roster);
    Up__Report *report = NULL;
    struct nodestore_row *told_before = NULL;
    size_t before_count = 0;
    struct nodestore_query before = {.kind = NODESTORE_SENT, .owner = ref};
    enum up_err err = service_report_load(service, ref, service->scratch, &report, why);

    if (!err)
        err =
            nodestore_list(service->store, &before, service->scratch, &told_before, &before_count);
    for (size_t i = 0; !err && i < roster->n_members; i++) {
        struct told told = service_told(service, report, roster->members[i]);
        bool known = strcmp(told.member->id, service->member) == 0 ||
                     told.member->status != UP__MEMBER__STATUS__ACTIVE;

        for (size_t j = 0; j < before_count; j++) {
            if (strcmp(told_before[j].peer, told.member->id) != 0)
                continue;
            if (told_before[j].state == SENT_NO_AGREEMENT)
                told.unsent = told_before[j].name;
            else
                known = true;
        }
        if (known)
            continue;
        err = service_tell(service, person, report, &told, result);
    }
    if (!err)
        err = nodestore_mark(service->store, NODESTORE_REPORT, ref, REPORT_SENT, 0);
    return err;
}

enum up_err service_send(struct service *service, const struct service_call *call, const char *ref,
                         Up__SendResult **ret_reply)
{
    Up__SendResult *result = arena_alloc(call->arena, sizeof *result);
    enum up_err err = UP_OK;

    if (!result)
        return UP_NO_MEMORY;
    if (!roster_is_usable(service->roster, clock_wall_s()))
        return up_why_set(call->why, UP_EXPIRED,
                          "the directory ran out more than 30 days ago; the report stays saved "
                          "here. Get a new directory from a signatory");
    err = service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE);
    if (err)
        return err;
    up__send_result__init(result);
    result->ref = service_text(call->arena, ref);
    err = result->ref ? service_report_send(service, call->operator->name, ref, result, call->why)
                      : UP_NO_MEMORY;
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = result;
    return err;
}
