/* SPDX-License-Identifier: MIT
 * Accounts: a draft for sharing, and a person's approval of a text, bound to the narrative by digest (disclosure.md 3,
 * 8). An account that is bound to another narrative is none: service_report_load leaves it out for every path. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "nodes/disclosure/account.h"
#include "nodes/service_private.h"
#include "upstander/limits.h"

void service_account_digest(const char *narrative, char ret_text[static 65])
{
    struct digest digest;

    keys_digest(up_view_of(narrative, strlen(narrative)), &digest);
    ids_hex(digest.bytes, ret_text);
    ids_hex(digest.bytes + 16, ret_text + 32);
}

static bool has_account(const Up__Report *report)
{
    return report->incident->account && report->incident->account->text[0] != '\0';
}

static bool is_approved(const Up__Report *report)
{
    char digest[65];

    service_account_digest(report->incident->narrative, digest);
    return has_account(report) && strcmp(report->account_digest, digest) == 0;
}

void service_account_settle(Up__Report *report)
{
    if (!is_approved(report))
        report->incident->account = NULL;
}

static enum up_err spans_make(const struct account_draft *draft, struct arena *arena,
                              Up__AccountDraft *reply)
{
    reply->spans = arena_alloc(arena, (draft->span_count + 1) * sizeof(Up__AccountSpan *));
    if (!reply->spans)
        return UP_NO_MEMORY;
    for (size_t i = 0; i < draft->span_count; i++) {
        Up__AccountSpan *span = arena_alloc(arena, sizeof *span);

        if (!span)
            return UP_NO_MEMORY;
        up__account_span__init(span);
        span->offset = (uint32_t)draft->spans[i].offset;
        span->len = (uint32_t)draft->spans[i].len;
        span->kind = service_text(arena, account_kind_text(draft->spans[i].kind));
        if (!span->kind)
            return UP_NO_MEMORY;
        reply->spans[reply->n_spans++] = span;
    }
    return UP_OK;
}

/* The report lives in the call's arena, and so does what the reply borrows of it. */
static enum up_err reply_make(Up__Report *report, const struct service_call *call,
                              Up__AccountDraft **ret_reply)
{
    Up__AccountDraft *reply = arena_alloc(call->arena, sizeof *reply);
    struct account_draft draft = {0};
    char digest[65];
    enum up_err err = reply ? account_draft(report->incident, call->arena, &draft) : UP_NO_MEMORY;

    if (err == UP_TOO_LARGE)
        return up_why_set(call->why, err,
                          "no draft can be made of this narrative: it is too long, or would take "
                          "too long to search; write the account by hand");
    if (err)
        return err;
    service_account_digest(report->incident->narrative, digest);
    up__account_draft__init(reply);
    reply->ref = report->ref;
    reply->narrative = report->incident->narrative;
    reply->narrative_digest = service_text(call->arena, digest);
    reply->text = service_text(call->arena, draft.text);
    if (has_account(report))
        reply->account = report->incident->account;
    reply->approved = is_approved(report);
    reply->approved_by = report->account_approved_by;
    reply->approved_at = report->account_approved_at;
    if (!reply->narrative_digest || !reply->text)
        return UP_NO_MEMORY;
    err = spans_make(&draft, call->arena, reply);
    if (!err)
        *ret_reply = reply;
    return err;
}

enum up_err service_account(struct service *service, const struct service_call *call,
                            const char *ref, Up__AccountDraft **ret_reply)
{
    struct stored_report stored;
    Up__AccountDraft *reply = NULL;
    enum up_err err = service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE);

    if (err)
        return err;
    err = service_report_stored(service, ref, call->arena, &stored, call->why);
    if (!err)
        err = reply_make(stored.report, call, &reply);
    if (!err)
        err = service_audit_add(service, call->operator->name, "account-drafted", "%s", ref);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = reply;
    return err;
}

static enum up_err approval_check(const Up__Report *report, const Up__AccountApproval *approval,
                                  struct up_why *why)
{
    char digest[65];

    service_account_digest(report->incident->narrative, digest);
    if (!approval->account || approval->account->text[0] == '\0')
        return up_why_set(why, UP_INVALID, "account.text: missing; there is nothing to approve");
    if (approval->narrative_digest[0] == '\0')
        return up_why_set(why, UP_INVALID,
                          "narrativeDigest: missing; it says which narrative the account was "
                          "written from");
    if (strcmp(approval->narrative_digest, digest) != 0)
        return up_why_set(why, UP_INVALID,
                          "the narrative was changed since this draft was made; nothing was "
                          "approved. Read the new draft, then approve");
    return UP_OK;
}

static unsigned groups_of(const Up__Account *account)
{
    unsigned groups = 0;

    for (size_t i = 0; i < account->n_approved_without; i++)
        groups |= 1u << ((unsigned)account->approved_without[i] - 1);
    return groups;
}

/* The report's arena is the call's. */
static enum up_err approval_put(struct service *service, const struct service_call *call,
                                const Up__Account *account, struct stored_report *stored)
{
    struct disclose_rules rules = {.areas = service->areas};
    Up__Report *report = stored->report;
    struct up_bytes bytes = {0};
    char at[CLOCK_TEXT_LEN];
    char digest[65];
    Up__Account approved = *account;
    enum up_err err = UP_OK;

    clock_london(clock_wall_s(), at);
    service_account_digest(report->incident->narrative, digest);
    report->account_digest = service_text(call->arena, digest);
    report->account_approved_by = service_text(call->arena, call->operator->name);
    report->account_approved_at = service_text(call->arena, at);
    if (!report->account_digest || !report->account_approved_by || !report->account_approved_at)
        return UP_NO_MEMORY;
    report->incident->account = &approved;
    err = disclose_check(report->incident, &rules, call->why);
    if (!err)
        err = message_pack(&report->base, SERVICE_REPORT_LEN_MAX, &bytes);
    if (err == UP_TOO_LARGE)
        (void)up_why_set(call->why, err, "the report is larger than %d KiB with this account",
                         SERVICE_REPORT_LEN_MAX / 1024);
    stored->row.body = up_bytes_view(&bytes);
    if (!err)
        err = nodestore_put(service->store, &stored->row);
    up_bytes_wipe(&bytes);
    report->incident->account = NULL; /* it was of this call */
    return err;
}

enum up_err service_account_approve(struct service *service, const struct service_call *call,
                                    const char *ref, const Up__AccountApproval *approval,
                                    Up__AccountDraft **ret_reply)
{
    struct stored_report stored;
    Up__AccountDraft *reply = NULL;
    enum up_err err = service_begin(service, call, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE);

    if (err)
        return err;
    err = service_report_stored(service, ref, call->arena, &stored, call->why);
    if (!err)
        err = approval_check(stored.report, approval, call->why);
    if (!err)
        err = approval_put(service, call, approval->account, &stored);
    if (!err)
        err = service_audit_add(service, call->operator->name, "account-approved",
                                "%s, fit where %u is withheld", ref, groups_of(approval->account));
    if (!err)
        err = service_report_stored(service, ref, call->arena, &stored, call->why);
    if (!err)
        err = reply_make(stored.report, call, &reply);
    err = service_end(service, call, err);
    if (!err)
        *ret_reply = reply;
    return err;
}
