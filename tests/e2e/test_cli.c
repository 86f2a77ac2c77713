/* SPDX-License-Identifier: MIT */
/* rooms: api base */
/* The command `upstander` against the real API on a real socket; behind it a service of this file's
 * own, in a child process. BIN names the folder of the programs. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/guard.h"
#include "nodes/api/api.h"
#include "nodes/service.h"
#include "upstander/json.h"
#include "upstander/limits.h"

enum { ITEMS = 8 };

struct service {
    struct up_bytes report; /* the last one, as JSON */
    unsigned reports;
    bool exported[ITEMS];
    unsigned sends;
    struct up_bytes approval; /* the last one, as JSON */
};

static char folder[64];
static char socket_path[96];
static pid_t child;
static char output[1024 * 1024];

/* --- the service ------------------------------------------------------------------------------ */

static void *make(const struct service_call *call, const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = arena_alloc(call->arena, descriptor->sizeof_message);

    if (!message)
        abort();
    descriptor->message_init(message);
    return message;
}

static char *text(const struct service_call *call, const char *from)
{
    return arena_text(call->arena, up_view_of(from, strlen(from)));
}

#define NEW(variable, type, descriptor)                                                            \
    Up__##type *variable = make(call, &up__##descriptor##__descriptor)

enum up_err service_report_add(struct service *self, const struct service_call *call,
                               const Up__Report *report, Up__ReportRef **ret_reply)
{
    NEW(reply, ReportRef, report_ref);
    if (report->urgent && !report->call_was_made)
        return up_why_set(call->why, UP_INVALID,
                          "ring 999 first, then A Force, at any hour: 01632 960999");
    up_bytes_wipe(&self->report);
    if (json_format(&report->base, false, &self->report))
        return UP_NO_MEMORY;
    self->reports++;
    reply->ref = text(call, "7F3K-9QTM");
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_report_list(struct service *self, const struct service_call *call,
                                Up__ReportList **ret_reply)
{
    (void)self;
    *ret_reply = make(call, &up__report_list__descriptor);
    return UP_OK;
}

enum up_err service_report_show(struct service *self, const struct service_call *call,
                                const char *ref, Up__Report **ret_reply)
{
    ProtobufCMessage *message = NULL;

    if (strcmp(ref, "7F3K-9QTM") != 0 || !self->report.data)
        return up_why_set(call->why, UP_NOT_FOUND, "no report %s here", ref);
    if (json_parse(&up__report__descriptor, up_bytes_view(&self->report), call->arena, &message,
                   NULL))
        return UP_NO_MEMORY;
    *ret_reply = (Up__Report *)message;
    return UP_OK;
}

enum up_err service_account(struct service *self, const struct service_call *call, const char *ref,
                            Up__AccountDraft **ret_reply)
{
    NEW(reply, AccountDraft, account_draft);
    NEW(span, AccountSpan, account_span);
    ProtobufCMessage *approval = NULL;

    reply->ref = text(call, ref);
    reply->narrative = text(call, "Khan hit me.\nThen he \x1b[31mran.");
    reply->narrative_digest = text(call, "d1");
    reply->text = text(call, "[name] hit me.\nThen he \x1b[31mran.");
    reply->spans = arena_alloc(call->arena, sizeof(void *));
    reply->spans[reply->n_spans++] = span;
    span->len = 4;
    span->kind = text(call, "name");
    if (self->approval.data &&
        json_parse(&up__account_approval__descriptor, up_bytes_view(&self->approval), call->arena,
                   &approval, NULL) == UP_OK) {
        reply->account = ((Up__AccountApproval *)approval)->account;
        reply->approved_by = text(call, "A. Worker");
        reply->approved = strcmp(((Up__AccountApproval *)approval)->narrative_digest, "d1") == 0;
    }
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_account_approve(struct service *self, const struct service_call *call,
                                    const char *ref, const Up__AccountApproval *approval,
                                    Up__AccountDraft **ret_reply)
{
    up_bytes_wipe(&self->approval);
    if (json_format(&approval->base, false, &self->approval))
        return UP_NO_MEMORY;
    return service_account(self, call, ref, ret_reply);
}

enum up_err service_preview(struct service *self, const struct service_call *call, const char *ref,
                            Up__Preview **ret_reply)
{
    NEW(reply, Preview, preview);
    NEW(to, RecipientPreview, recipient_preview);
    NEW(may, Entitlement, entitlement);
    NEW(note, FieldNote, field_note);

    (void)self;
    reply->ref = text(call, ref);
    reply->recipients = arena_alloc(call->arena, sizeof(void *));
    reply->recipients[0] = to;
    reply->n_recipients = 1;
    to->member = text(call, "a-force");
    to->name = text(call, "Northford \x1b[31mPolice");
    to->role = UP__ROLE__CODE__POLICE;
    to->entitlement = may;
    may->level = UP__ENTITLEMENT__LEVEL__PSEUDONYMISED;
    to->decided_by = text(call, "the person's choice for this role");
    to->delivery = text(call, "at once");
    to->telephone_24h = text(call, "01632 960999");
    to->fields = arena_alloc(call->arena, sizeof(void *));
    to->fields[0] = note;
    to->n_fields = 1;
    note->path = text(call, "place.address");
    note->class_name = text(call, "place");
    note->fate = text(call, "generalised");
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_send(struct service *self, const struct service_call *call, const char *ref,
                         Up__SendResult **ret_reply)
{
    NEW(reply, SendResult, send_result);
    reply->ref = text(call, ref);
    reply->queued = self->sends++ == 0; /* nothing the second time */
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_import(struct service *self, const struct service_call *call,
                           const Up__ImportRequest *request, Up__ImportResult **ret_reply)
{
    NEW(reply, ImportResult, import_result);
    NEW(bad, BadRow, bad_row);

    (void)self;
    reply->rows = 3;
    reply->bad = arena_alloc(call->arena, sizeof(void *));
    reply->bad[0] = bad;
    reply->n_bad = 1;
    bad->line = 3;
    bad->field = text(call, "occurred_from");
    bad->reason = text(call, "not a date");
    bad->row = (ProtobufCBinaryData){.len = 5, .data = (uint8_t *)text(call, "x,\"y\"")};
    if (request->skip_bad) {
        reply->import_id = text(call, "I7");
        reply->imported = request->csv.len > 1u << 20 ? 2 : 1; /* a large file came whole */
    }
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_import_preview(struct service *self, const struct service_call *call,
                                   const char *import_id, Up__ImportPreview **ret_reply)
{
    NEW(reply, ImportPreview, import_preview);
    (void)self;
    reply->import_id = text(call, import_id);
    reply->reports = 2;
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_import_send(struct service *self, const struct service_call *call,
                                const char *import_id, Up__SendResult **ret_reply)
{
    NEW(reply, SendResult, send_result);
    (void)self;
    reply->ref = text(call, import_id);
    reply->held = 2;
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_action_add(struct service *self, const struct service_call *call,
                               const Up__ActionItem *item, Up__Action **ret_reply)
{
    NEW(reply, Action, action);
    (void)self;
    (void)item;
    reply->ref = text(call, "7F3K-9QTM");
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_action_list(struct service *self, const struct service_call *call,
                                Up__ActionList **ret_reply)
{
    NEW(reply, ActionList, action_list);
    (void)self;
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_action_show(struct service *self, const struct service_call *call,
                                const char *arg, Up__Action **ret_reply)
{
    NEW(reply, Action, action);
    (void)self;
    (void)arg;
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_action_approve(struct service *self, const struct service_call *call,
                                   const char *arg, Up__Action **ret_reply)
{
    NEW(reply, Action, action);
    (void)self;
    (void)arg;
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_done(struct service *self, const struct service_call *call, const char *arg,
                         const Up__Done *done, Up__InboxLine **ret_reply)
{
    NEW(reply, InboxLine, inbox_line);
    (void)self;
    (void)arg;
    (void)done;
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_attach(struct service *self, const struct service_call *call, const char *ref,
                           struct up_view file, Up__Attachment **ret_reply)
{
    NEW(reply, Attachment, attachment);
    (void)self;
    (void)ref;
    reply->length = (uint32_t)file.len;
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_attachment(struct service *self, const struct service_call *call,
                               const struct service_attachment_of *of, struct up_bytes *ret_file)
{
    (void)self;
    (void)call;
    (void)of;
    return up_bytes_copy(up_view_of("\xff\xd8\x00photo", 8), ret_file);
}

enum up_err service_publish_now(struct service *self, const struct service_call *call,
                                Up__SendResult **ret_reply)
{
    NEW(reply, SendResult, send_result);
    (void)self;
    reply->released = 9;
    reply->pooled = 3;
    *ret_reply = reply;
    return UP_OK;
}

/* 1,201 lines of an import: three pages of the command's. */
enum up_err service_sent(struct service *self, const struct service_call *call, const char *ref,
                         const char *import_id, Up__SentList **ret_reply)
{
    NEW(reply, SentList, sent_list);
    size_t count = import_id ? 1201 : 1;

    (void)self;
    (void)ref;
    reply->lines = arena_alloc(call->arena, count * sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        NEW(line, SentLine, sent_line);
        line->ref = text(call, "7F3K-9QTM");
        line->member = text(call, "a-force");
        line->status = text(call, i == 1200 ? "recorded" : "accepted");
        reply->lines[reply->n_lines++] = line;
    }
    *ret_reply = reply;
    return UP_OK;
}

static Up__InboxLine *inbox_line(const struct service *self, const struct service_call *call,
                                 size_t i)
{
    NEW(line, InboxLine, inbox_line);
    char ref[16];

    (void)snprintf(ref, sizeof ref, "IN-%zu", i);
    line->ref = text(call, ref);
    line->from = text(call, "b-charity");
    line->kind = text(call, "incident");
    line->level = text(call, "IDENTIFIED");
    line->received_at = text(call, "2026-11-03T14:25");
    line->exported = self->exported[i];
    return line;
}

static Up__InboxItem *inbox_item(const struct service *self, const struct service_call *call,
                                 size_t i)
{
    NEW(item, InboxItem, inbox_item);
    NEW(incident, Incident, incident);
    NEW(may, Entitlement, entitlement);

    item->line = inbox_line(self, call, i);
    item->incident = incident;
    incident->entitlement = may;
    may->level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    incident->narrative = arena_alloc(call->arena, 200001); /* three of them make no megabyte */
    memset(incident->narrative, 'n', 200000);
    incident->contact_rule = UP__CONTACT_RULE__CODE__NONE;
    return item;
}

enum up_err service_inbox(struct service *self, const struct service_call *call,
                          Up__InboxList **ret_reply)
{
    NEW(reply, InboxList, inbox_list);
    reply->lines = arena_alloc(call->arena, ITEMS * sizeof(void *));
    for (size_t i = 0; i < ITEMS; i++)
        reply->lines[reply->n_lines++] = inbox_line(self, call, i);
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_inbox_show(struct service *self, const struct service_call *call,
                               const char *ref, Up__InboxItem **ret_reply)
{
    if (strcmp(ref, "IN-0") != 0)
        return up_why_set(call->why, UP_NOT_FOUND, "nothing was received under %s", ref);
    *ret_reply = inbox_item(self, call, 0);
    return UP_OK;
}

enum up_err service_recorded(struct service *self, const struct service_call *call, const char *ref,
                             const Up__RecordedRequest *request, Up__InboxLine **ret_reply)
{
    (void)self;
    (void)request;
    (void)ret_reply;
    return up_why_set(call->why, UP_NOT_PERMITTED, "only a police member sets numbers (%s)", ref);
}

enum up_err service_forward(struct service *self, const struct service_call *call, const char *ref,
                            const Up__ForwardRequest *request, Up__SendResult **ret_reply)
{
    NEW(reply, SendResult, send_result);
    reply->ref = text(call, ref);
    reply->queued = self->sends++ == 0 && strcmp(request->member, "c-council") == 0;
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_forward_preview(struct service *self, const struct service_call *call,
                                    const char *ref, const char *member, Up__Preview **ret_reply)
{
    (void)self;
    (void)ref;
    (void)ret_reply;
    return up_why_set(call->why, UP_INVALID, "%s may not have it from here", member);
}

/* A reply of another hand: nothing in it reaches the terminal as it is. */
static Up__Override *override_of(const struct service_call *call, const char *ref,
                                 const Up__OverrideRequest *asked)
{
    NEW(reply, Override, override);
    reply->id = text(call, "0V3R-R1DE");
    reply->ref = text(call, ref);
    reply->state = text(call, "alone");
    reply->review_overdue = true;
    if (asked) {
        reply->asked = make(call, &up__override_request__descriptor);
        reply->asked->member = text(call, asked->member);
        reply->asked->purpose = text(call, asked->purpose);
        reply->asked->justification = text(call, "a\033[31mb");
    }
    return reply;
}

enum up_err service_override(struct service *self, const struct service_call *call, const char *ref,
                             const Up__OverrideRequest *request, Up__Override **ret_reply)
{
    (void)self;
    if (!request->alone)
        return up_why_set(call->why, UP_INVALID, "the person said that %s must not be told",
                          request->member);
    *ret_reply = override_of(call, ref, request);
    return UP_OK;
}

enum up_err service_override_list(struct service *self, const struct service_call *call,
                                  Up__OverrideList **ret_reply)
{
    NEW(reply, OverrideList, override_list);
    (void)self;
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_override_approve(struct service *self, const struct service_call *call,
                                     const char *id, Up__Override **ret_reply)
{
    (void)self;
    *ret_reply = override_of(call, id, NULL);
    return UP_OK;
}

enum up_err service_override_review(struct service *self, const struct service_call *call,
                                    const char *id, const Up__OverrideReview *request,
                                    Up__Override **ret_reply)
{
    (void)self;
    (void)id;
    (void)ret_reply;
    return up_why_set(call->why, UP_NOT_PERMITTED, "somebody else must (%s)", request->note);
}

enum up_err service_export(struct service *self, const struct service_call *call,
                           Up__ExportBatch **ret_reply)
{
    NEW(reply, ExportBatch, export_batch);
    reply->items = arena_alloc(call->arena, ITEMS * sizeof(void *));
    for (size_t i = 0; i < ITEMS; i++) {
        if (!self->exported[i])
            reply->items[reply->n_items++] = inbox_item(self, call, i);
    }
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_export_done(struct service *self, const struct service_call *call,
                                const Up__ExportDone *done, Up__ExportDone **ret_reply)
{
    for (size_t i = 0; i < done->n_refs; i++) {
        char path[160];

        (void)snprintf(path, sizeof path, "%s/out/%s.txt", folder, done->refs[i]);
        if (access(path, R_OK)) /* the files must be there before it says so */
            return up_why_set(call->why, UP_INVALID, "said before it was written");
        self->exported[strtoul(done->refs[i] + 3, NULL, 10) % ITEMS] = true;
    }
    *ret_reply = make(call, &up__export_done__descriptor);
    return UP_OK;
}

static Up__NodeStatus *node_status(const struct service_call *call, unsigned reports)
{
    NEW(reply, NodeStatus, node_status);
    reply->member = text(call, "b-charity");
    reply->version = text(call, "1");
    reply->operator_name = text(call, call->operator->name);
    reply->exercise = true;
    reply->connected = true;
    reply->roster_version = 4;
    reply->reports = reports;
    return reply;
}

enum up_err service_status(struct service *self, const struct service_call *call,
                           Up__NodeStatus **ret_reply)
{
    *ret_reply = node_status(call, self->reports);
    return UP_OK;
}

enum up_err service_roster(struct service *self, const struct service_call *call,
                           const Up__RosterRequest *request, Up__NodeStatus **ret_reply)
{
    (void)self;
    (void)request;
    (void)ret_reply;
    return up_why_set(call->why, UP_ROLLBACK, "version 4 is in force; this is older");
}

enum up_err service_explain(struct service *self, const struct service_call *call, const char *ref,
                            const char *member, Up__Explanation **ret_reply)
{
    NEW(reply, Explanation, explanation);
    NEW(to, Explained, explained);

    (void)self;
    if (member && strcmp(member, "a-force") != 0)
        return up_why_set(call->why, UP_NOT_FOUND, "the directory names no other organisation");
    reply->ref = text(call, ref);
    reply->received_from = text(call, "Elsewhere \x1b[31m");
    reply->members = arena_alloc(call->arena, sizeof(void *));
    reply->members[0] = to;
    reply->n_members = 1;
    to->member = text(call, "a-force");
    to->name = text(call, "Northford \x1b[31mPolice");
    to->sees = text(call, "nothing");
    to->never = text(call, "No police force may ever see more than \x1b]0;a\x07.");
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_audit(struct service *self, const struct service_call *call,
                          Up__AuditList **ret_reply)
{
    NEW(reply, AuditList, audit_list);
    (void)self;
    reply->chain_holds = false;
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_agreements(struct service *self, const struct service_call *call,
                               Up__AgreementList **ret_reply)
{
    NEW(reply, AgreementList, agreement_list);
    (void)self;
    *ret_reply = reply;
    return UP_OK;
}

enum up_err service_agreement_suspend(struct service *self, const struct service_call *call,
                                      const char *id, bool suspended, Up__AgreementList **ret_reply)
{
    (void)suspended;
    if (strcmp(id, "one-1") != 0)
        return up_why_set(call->why, UP_NOT_FOUND, "the directory lists no such agreement");
    return service_agreements(self, call, ret_reply);
}

/* --- set-up ----------------------------------------------------------------------------------- */

static void serve(int ready)
{
    static struct service service;
    struct api_operator person = {
        .name = "A. Worker", .uid = getuid(), .roles = OPERATOR_TAKE_REPORTS};
    struct api_config config = {.socket_path = socket_path,
                                .operators = &person,
                                .operator_count = 1,
                                .service = &service,
                                .config_file = "node.conf"};
    struct api *api = NULL;
    struct up_why why = {0};
    int signals = guard_signals();

    if (api_new(&config, &api, &why) || write(ready, "x", 1) != 1)
        _exit(1);
    while (!guard_stop_asked()) {
        struct pollfd polled[2] = {{.fd = api_fd(api), .events = POLLIN},
                                   {.fd = signals, .events = POLLIN}};

        (void)poll(polled, 2, api_timeout_ms(api));
        if (api_run_ready(api))
            _exit(1);
        guard_drain();
    }
    api_destroy(&api);
    up_bytes_wipe(&service.report);
    up_bytes_wipe(&service.approval);
    _exit(0);
}

static int set_up(void **state)
{
    int pipe_ends[2];
    char byte = 0;

    (void)state;
    strcpy(folder, "/tmp/test_cli.XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(socket_path, sizeof socket_path, "%s/node.sock", folder);
    assert_int_equal(setenv("UPSTANDER_SOCKET", socket_path, 1), 0);
    assert_int_equal(setenv("DIR", folder, 1), 0);
    if (!getenv("BIN"))
        assert_int_equal(setenv("BIN", "build/asan/bin", 1), 0);
    assert_int_equal(pipe(pipe_ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        serve(pipe_ends[1]);
    (void)close(pipe_ends[1]);
    assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
    (void)close(pipe_ends[0]);
    return 0;
}

/* A line for the shell, this file's own; fills output; its exit status. */
static int shell(const char *command)
{
    int ends[2];
    int status = 0;
    size_t len = 0;
    ssize_t got = 0;
    pid_t runner = 0;

    assert_int_equal(pipe(ends), 0);
    runner = fork();
    assert_true(runner >= 0);
    if (runner == 0) {
        (void)dup2(ends[1], 1);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    while ((got = read(ends[0], output + len, sizeof output - 1 - len)) > 0)
        len += (size_t)got;
    (void)close(ends[0]);
    output[len] = '\0';
    assert_int_equal(waitpid(runner, &status, 0), runner);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int tear_down(void **state)
{
    char command[128];
    int status = 0;

    (void)state;
    assert_int_equal(kill(child, SIGTERM), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(shell(command), 0);
    return 0;
}

/* Runs `upstander WORDS`; what it prints on both streams; its exit status. */
static int run(const char *words)
{
    char command[1024];

    (void)snprintf(command, sizeof command, "\"$BIN\"/upstander %s 2>&1", words);
    return shell(command);
}

static bool said(const char *what)
{
    return strstr(output, what) != NULL;
}

static void write_file(const char *name, const char *content)
{
    char path[160];
    struct up_why why = {0};

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(file_write(path, up_view_of(content, strlen(content)), 0600, &why), UP_OK);
}

static void file_is(const char *name, const char *content)
{
    char path[160];
    struct up_bytes bytes = {0};
    struct up_why why = {0};

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(file_read_secret(path, 1 << 20, &bytes, &why), UP_OK);
    assert_int_equal(bytes.len, strlen(content));
    assert_memory_equal(bytes.data, content, bytes.len);
    up_bytes_wipe(&bytes);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void exit_codes_are_as_promised(void **state)
{
    (void)state;
    assert_int_equal(run("status"), 0);
    assert_true(said("EXERCISE - not real\n"));
    assert_true(said("A. Worker"));
    assert_int_equal(run("recorded IN-0 NR/1"), 1);
    assert_true(said("only a police member sets numbers (IN-0)"));
    assert_int_equal(run("recorded IN-0"), 2);
    assert_int_equal(run("colour"), 2);
    assert_int_equal(run(""), 2);
    assert_int_equal(run("status --socket $DIR/nothing.sock"), 3);
    assert_true(said("UPSTANDER_SOCKET"));
    assert_int_equal(run("show ../../etc"), 1);
    assert_int_equal(run("show IN-9"), 1);
    assert_true(said("no report IN-9 here"));
    assert_int_equal(run("audit"), 1); /* the chain does not hold */
    assert_true(said("AN ENTRY WAS CHANGED"));
    assert_int_equal(run("status --json"), 0);
    assert_true(said("\"exercise\":true"));
    assert_false(said("EXERCISE - not real"));
}

static void what_is_passed_on_and_overridden_needs_its_words(void **state)
{
    (void)state;
    assert_int_equal(run("forward IN-0"), 2);
    assert_int_equal(run("forward ../x c-council"), 1);
    assert_int_equal(run("forward IN-0 c-council --preview"), 1);
    assert_true(said("c-council may not have it from here"));
    assert_int_equal(run("forward IN-0 c-council --yes"),
                     1); /* nothing goes on that can't be shown */
    assert_int_equal(run("forward IN-0 c-council --yes --json"), 0);
    assert_true(said("\"queued\":1"));
    assert_int_equal(run("forward IN-0 c-council </dev/null"), 1);

    assert_int_equal(run("override"), 2);
    assert_int_equal(run("override IN-0"), 2);
    assert_int_equal(run("override approve"), 2);
    assert_int_equal(run("override approve X --alone"), 2);
    assert_int_equal(run("override review X --yes"), 2);
    assert_int_equal(run("override approve ../x --yes"), 1);
    assert_int_equal(run("override list"), 0);
    assert_true(said("There is no override."));
    write_file("o.json", "{\"purpose\":\"to help\"}");
    assert_int_equal(run("override IN-0 a-force $DIR/o.json"), 1);
    assert_true(said("a-force must not be told"));
    assert_int_equal(run("override IN-0 a-force $DIR/o.json --alone"), 0);
    assert_true(said("OVERDUE") && said("to help") && !said("\033"));
    write_file("o.json", "{\"porpose\":\"to help\"}");
    assert_int_equal(run("override IN-0 a-force $DIR/o.json"), 1);
    assert_true(said("porpose") || said("unknown"));
    assert_int_equal(run("override IN-0 a-force </dev/null"), 1);
    assert_int_equal(run("override approve X </dev/null"), 1);
    assert_int_equal(run("override approve X --yes"), 0);
    assert_int_equal(run("override review X </dev/null"), 1);
    assert_int_equal(shell("printf 'seen\\n.\\n' | \"$BIN\"/upstander override review X 2>&1"), 1);
    assert_true(said("somebody else must (seen)"));
}

static void every_command_explains_itself(void **state)
{
    static const char *const commands[] = {"init",
                                           "report",
                                           "preview",
                                           "send",
                                           "explain",
                                           "import",
                                           "sent",
                                           "inbox",
                                           "show",
                                           "export",
                                           "recorded",
                                           "status",
                                           "audit",
                                           "roster new",
                                           "roster add",
                                           "roster hub",
                                           "roster agreement",
                                           "roster revoke",
                                           "roster renew",
                                           "roster sign",
                                           "roster show",
                                           "roster verify",
                                           "roster stewards",
                                           "roster install",
                                           "agreement show",
                                           "agreement diff",
                                           "agreement sign",
                                           "agreement collect",
                                           "agreement suspend",
                                           "agreement resume",
                                           "forward",
                                           "override",
                                           "account"};

    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        char words[64];

        (void)snprintf(words, sizeof words, "%s --help", commands[i]);
        assert_int_equal(run(words), 0);
        (void)snprintf(words, sizeof words, "usage: upstander %s", commands[i]);
        assert_int_equal(strncmp(output, words, strlen(words)), 0);
        assert_true(said("Exit status:"));
    }
    assert_int_equal(run("--help"), 0);
    assert_int_equal(run("--version"), 0);
}

static void agreements_are_shown_and_suspended(void **state)
{
    (void)state;
    assert_int_equal(run("agreement"), 2);
    assert_int_equal(run("agreement show"), 0);
    assert_true(said("No sharing agreement"));
    assert_int_equal(run("agreement show one-1"), 1);
    assert_int_equal(run("agreement suspend one-1"), 0);
    assert_true(said("one-1 is SUSPENDED"));
    assert_int_equal(run("agreement resume one-1"), 0);
    assert_int_equal(run("agreement suspend two-2"), 1);
    assert_true(said("no such agreement"));
    assert_int_equal(run("agreement suspend ../x"), 1);
    assert_int_equal(run("agreement suspend"), 2);
}

static void a_report_is_saved_shown_and_shared(void **state)
{
    (void)state;
    write_file("r.json", "{\"incident\":{\"narrative\":\"n\"}}");
    assert_int_equal(run("report $DIR/r.json 2>/dev/null; exit $?"), 0);
    assert_string_equal(output, "7F3K-9QTM\n"); /* the reference alone */
    assert_int_equal(run("report - < $DIR/r.json"), 0);
    assert_true(said("EXERCISE - not real")); /* on standard error */
    assert_int_equal(run("preview 7F3K-9QTM"), 0);
    assert_true(said("Northford ?[31mPolice  police  what happened, without who"));
    assert_true(said("place.address  made coarser"));
    assert_true(said("01632 960999"));
    assert_int_equal(run("explain 7F3K-9QTM"), 0);
    assert_true(said("Report 7F3K-9QTM, received from Elsewhere ?[31m\n\nNorthford ?[31mPolice\n"
                     "  May be passed on to it: nothing.\n"));
    assert_true(said("see more than ?]0;a?."));
    assert_int_equal(run("explain 7F3K-9QTM b-force"), 1);
    assert_int_equal(run("explain ../7F3K"), 1);
    assert_int_equal(run("send 7F3K-9QTM"), 1); /* nobody to ask */
    assert_true(said("--yes"));
    assert_int_equal(run("send 7F3K-9QTM --yes"), 0);
    assert_true(said("7F3K-9QTM: 1 on their way"));
    assert_int_equal(run("send 7F3K-9QTM --yes"), 0);
    assert_true(said("7F3K-9QTM: 0 on their way"));
    write_file("bad.json", "{\"incident\":{\"colour\":1}}");
    assert_int_equal(run("report $DIR/bad.json"), 1);
    assert_true(said("no field of that name"));
    assert_int_equal(run("sent 7F3K-9QTM"), 0);
    assert_true(said("on its way"));
}

/* What a script sees is the draft alone; nothing is approved that nobody said yes to. */
static void an_account_is_drafted_and_approved(void **state)
{
    (void)state;
    assert_int_equal(run("account 7F3K-9QTM --draft"), 0);
    assert_string_equal(output,
                        "[name] hit me.\nThen he \x1b[31mran.\n"); /* as it is: into a file */
    assert_int_equal(run("account 7F3K-9QTM < /dev/null"), 0);
    assert_true(said("EXERCISE - not real"));
    assert_true(said("no account is approved yet"));
    assert_true(said("[-Khan-] {+[name]+} hit me.\nThen he ?[31mran."));
    assert_true(said("1 x name"));
    assert_true(said("are not found"));
    assert_true(said("Nothing was approved."));
    write_file("answers", "approve\nno\nleave\n");
    assert_int_equal(run("account 7F3K-9QTM < $DIR/answers"), 0);
    assert_true(said("Not approved."));
    write_file("final", "Somebody hit Khan.\n\n");
    assert_int_equal(run("account 7F3K-9QTM --approve $DIR/final < /dev/null"), 1);
    assert_true(said("nothing was approved"));
    assert_int_equal(run("account 7F3K-9QTM --approve - < $DIR/final"), 1);
    assert_true(said("needs --yes"));
    assert_int_equal(run("account 7F3K-9QTM --json"), 0);
    assert_false(said("\"account\""));
    assert_int_equal(run("account 7F3K-9QTM --approve $DIR/final --yes"), 0);
    assert_true(said("Take care: 1 of these pieces"));
    assert_true(said("Approved."));
    assert_int_equal(run("account 7F3K-9QTM --json"), 0);
    assert_true(
        said("\"account\":{\"text\":\"Somebody hit Khan.\",\"approvedWithout\":[\"CONTACT\","
             "\"CHARACTERISTIC\",\"SUSPECT\",\"PLACE\"]}"));
    assert_int_equal(
        run("account 7F3K-9QTM --approve - --yes --without suspect,contact < $DIR/final"), 0);
    assert_int_equal(run("account 7F3K-9QTM --json"), 0);
    assert_true(said("\"approvedWithout\":[\"CONTACT\",\"SUSPECT\"]}"));
    assert_int_equal(run("account 7F3K-9QTM --without colour"), 2);
    assert_int_equal(run("account 7F3K-9QTM --draft --approve -"), 2);
    assert_int_equal(run("account 7F3K-9QTM --approve $DIR/nothing --yes"), 1);
    assert_true(said("nothing"));
}

/* The editor gets a file that nobody else can read, and nothing is left of it. */
static void an_account_is_edited_in_private(void **state)
{
    char command[512];

    (void)state;
    write_file("editor",
               "#!/bin/sh\numask 077\nstat -c '%a' \"$1\" \"$(dirname \"$1\")\" >$DIR/modes\n"
               "echo \"$1\" >$DIR/where\nsed -i s/me\\\\./somebody./ \"$1\"\n"
               "cp \"$1\" \"$1~\"\n");
    write_file("answers", "edit\napprove\nyes\n");
    (void)snprintf(
        command, sizeof command,
        "VISUAL='sh $DIR/editor' XDG_RUNTIME_DIR= TMPDIR=$DIR \"$BIN\"/upstander account 7F3K-9QTM "
        "<$DIR/answers 2>&1");
    assert_int_equal(shell(command), 0);
    assert_true(said("hit [-me.-] {+somebody.+}"));
    assert_true(said("Approved."));
    file_is("modes", "600\n700\n");
    assert_int_equal(
        shell("test ! -e \"$(cat $DIR/where)\" && test ! -e \"$(dirname \"$(cat $DIR/where)\")\""),
        0);
    assert_int_equal(run("account 7F3K-9QTM --json"), 0);
    assert_true(said("\"text\":\"[name] hit somebody."));
    write_file("answers", "edit\nleave\n");
    (void)snprintf(command, sizeof command,
                   "EDITOR=false \"$BIN\"/upstander account 7F3K-9QTM <$DIR/answers 2>&1");
    assert_int_equal(shell(command), 0);
    assert_true(said("the editor failed"));
    assert_true(said("Nothing was approved."));
}

static void a_risk_to_life_needs_a_call_first(void **state)
{
    (void)state;
    write_file("r.json", "{\"incident\":{},\"urgent\":true}");
    assert_int_equal(run("report $DIR/r.json"), 1);
    assert_true(said("ring 999 first"));
    assert_true(said("01632 960999"));
    write_file("r.json", "{\"incident\":{},\"urgent\":true,\"callWasMade\":true}");
    assert_int_equal(run("report $DIR/r.json"), 0);
    assert_int_equal(run("report --ask --draft $DIR/d < /dev/null"), 1);
    write_file("answers", "y\nE06000016\nn\n");
    assert_int_equal(run("report --ask --draft $DIR/d < $DIR/answers"), 1);
    assert_true(said("RING 999 FIRST"));
    assert_true(said("01632 960999")); /* at once, before the question whether the call was made */
    assert_true(said("Ring 999 now."));
}

/* The worker leaves half-way; the same command goes on from there. */
static void questions_make_a_report_and_can_be_left(void **state)
{
    char answers[4096] = "n\n1\n";

    (void)state;
    write_file("answers", answers);
    assert_int_equal(run("report --ask --draft $DIR/d < $DIR/answers"), 1);
    assert_true(said("[3 of "));
    assert_true(said("The draft is kept in"));
    /* go on: reporter role, strands 2 and 3, type 1, times, area, home, address, no public spot,
     * narrative */
    strcpy(answers,
           "y\n1\n2 3\n1\n2026-11-03 14:25\n\nE06000016\n1\n\nn\nfirst line\nsecond line\n.\n");
    strcat(answers, "A. Person\nnot a date\n1990-11-03\n01632 960001\n\n\n\n1\nTuesdays\n\nn\n\n");
    strcat(answers, "\n\n\n\n\n\n\n\n\n2\n"); /* characteristics, risks; not reported before */
    strcat(answers, "somebody was shouted at\n.\ny\n"); /* the text that others may read */
    strcat(answers, "3\n2\n\n9\n\n1\n1\n1\nEnglish\n"); /* police, council, casework, (no such),
                                                           ..., who, how */
    write_file("answers", answers);
    assert_int_equal(run("report --ask --draft $DIR/d < $DIR/answers"), 0);
    assert_true(said("Saved here as 7F3K-9QTM"));
    assert_true(said("Please type it as 1990-11-03"));
    assert_true(said("a number from 1 to 6"));
    assert_true(said("Nothing is shared yet."));
    assert_int_equal(run("status > /dev/null; test -e $DIR/d"), 1); /* the draft is gone */
    assert_int_equal(run("show 7F3K-9QTM --json"), 0);
    assert_true(said("\"channel\":\"TELEPHONE\""));
    assert_true(said("\"strands\":[{\"code\":\"RACE\"},{\"code\":\"RELIGION\"}]"));
    assert_true(said("\"localAuthority\":\"E06000016\""));
    assert_true(said("\"narrative\":\"first line\\nsecond line\""));
    assert_true(said("\"approvedWithout\":[\"CONTACT\",\"CHARACTERISTIC\",\"SUSPECT\",\"PLACE\"]"));
    assert_true(said("\"reportedBefore\":\"NO\""));
    assert_true(said("\"occurredFrom\":\"2026-11-03T14:25\""));
    assert_true(said("{\"role\":\"POLICE\",\"entitlement\":{\"level\":\"PSEUDONYMISED\"},"
                     "\"preset\":\"no-name\"}"));
    assert_true(said("{\"role\":\"COUNCIL\",\"entitlement\":{\"level\":\"ANONYMISED\",\"withheld\":"
                     "[\"SUSPECT\"]}"));
    assert_true(said("\"wordingVersion\":\"1/plain\""));
    assert_false(said("\"role\":\"CASEWORK\"")); /* left open: not asked */
}

/* The same questions in easy words; a casework team is named; one step deeper for the police. */
static void choices_can_be_finer(void **state)
{
    char answers[4096] = "n\n1\n1\n2 3\n1\n2026-11-03 14:25\n\nE06000016\n1\n\nn\nfirst line\n.\n";

    (void)state;
    strcat(answers, "A. Person\n1990-11-03\n01632 960001\n\n\n\n1\nTuesdays\n\nn\n\n");
    strcat(answers, "\n\n\n\n\n\n\n\n\n2\nsomebody was shouted at\n.\ny\n");
    /* police: finer, everything but the suspect; council: open; casework: all, a wrong id, a team */
    strcat(answers, "6\n2\n3\n\n1\nThe Team\nnorthford-housing\n\n1\n1\n1\nEnglish\n");
    write_file("answers", answers);
    assert_int_equal(run("report --ask --wording loud --draft $DIR/d < $DIR/answers"), 2);
    assert_int_equal(run("report --ask --presets $DIR/none --draft $DIR/d < $DIR/answers"), 1);
    assert_int_equal(run("report --ask --wording easy-read --draft $DIR/d < $DIR/answers"), 0);
    assert_true(said("What can the police know?"));
    assert_true(said("Please type its id"));
    assert_int_equal(run("show 7F3K-9QTM --json"), 0);
    assert_true(said("{\"role\":\"POLICE\",\"entitlement\":{\"level\":\"IDENTIFIED\",\"withheld\":"
                     "[\"SUSPECT\"]},\"preset\":\"finer\"}"));
    assert_true(said("{\"member\":\"northford-housing\",\"entitlement\":{\"level\":\"IDENTIFIED\","
                     "\"withheld\":[\"SUSPECT\"]}}"));
    assert_true(said("\"wordingVersion\":\"1/easy-read\""));
    assert_true(said("\"preset\":\"all\",\"expiresOn\":\"20"));
}

static void an_import_keeps_bad_rows_for_mending(void **state)
{
    size_t large_len = 2u << 20;
    char *large = malloc(large_len);

    (void)state;
    write_file("map", "mapping");
    write_file("small.csv", "a,\"b\nc\"\nx,\"y\"\n");
    assert_int_equal(run("import $DIR/small.csv --mapping $DIR/map"), 1);
    assert_true(said("line 3, occurred_from: not a date"));
    assert_true(said("nothing was saved"));
    assert_int_equal(run("import $DIR/small.csv --mapping $DIR/map --skip-bad $DIR/bad.csv"), 0);
    assert_true(said("import I7: 1 of 3 rows saved"));
    /* the heading of two lines, and the bad row, each with one column more */
    file_is("bad.csv",
            "why_not_imported,a,\"b\nc\"\n\"line 3, occurred_from: not a date\",x,\"y\"\n");
    assert_non_null(large);
    memset(large, 'a', large_len - 1);
    large[large_len - 1] = '\0';
    write_file("large.csv", large);
    free(large);
    assert_int_equal(run("import $DIR/large.csv --mapping $DIR/map --skip-bad $DIR/bad.csv"), 0);
    assert_true(said("import I7: 2 of 3 rows saved"));
    assert_int_equal(run("send --import I7 --yes"), 0);
    assert_true(said("2 held because too few"));
    assert_int_equal(run("sent --import I7"), 0); /* three pages, added up */
    assert_true(said("on its way           1200"));
    assert_true(said("has a police number  1\n"));
}

static void an_export_gives_each_item_once(void **state)
{
    (void)state;
    assert_int_equal(run("inbox"), 0);
    assert_true(said("IN-7"));
    assert_int_equal(run("export $DIR/out"), 0);
    assert_true(said("8 items exported"));
    assert_int_equal(run("status >/dev/null; head -n 1 $DIR/out/IN-3.txt; ls $DIR/out | wc -l; "
                         "stat -c %a $DIR/out/IN-3.json $DIR/out"),
                     0);
    assert_true(said("EXERCISE - not real\n16\n600\n700\n"));
    assert_int_equal(run("export $DIR/out"), 0);
    assert_true(said("0 items exported"));
    assert_int_equal(run("show IN-0"), 0);
    assert_true(said("SAFETY FIRST"));
}

static void a_refused_directory_says_why(void **state)
{
    (void)state;
    assert_int_equal(run("init $DIR/s --steward --member steward-1"), 0);
    assert_int_equal(
        run("roster new --name X --exercise --threshold 1 --steward $DIR/s/steward.json "
            "--days 9 -o $DIR/roster"),
        0);
    assert_int_equal(run("roster install $DIR/roster"), 1);
    assert_true(said("version 4 is in force; this is older"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(exit_codes_are_as_promised),
        TEST(agreements_are_shown_and_suspended),
        TEST(what_is_passed_on_and_overridden_needs_its_words),
        TEST(every_command_explains_itself),
        TEST(a_report_is_saved_shown_and_shared),
        TEST(an_account_is_drafted_and_approved),
        TEST(an_account_is_edited_in_private),
        TEST(a_risk_to_life_needs_a_call_first),
        TEST(questions_make_a_report_and_can_be_left),
        TEST(choices_can_be_finer),
        TEST(an_import_keeps_bad_rows_for_mending),
        TEST(an_export_gives_each_item_once),
        TEST(a_refused_directory_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
