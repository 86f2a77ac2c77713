/* SPDX-License-Identifier: MIT */
/* rooms: api base */
/* The local API over a real socket, before a service of this file's own. One thread: the client's
 * bytes and the server's turns take their turns in talk(). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "nodes/api/api.h"
#include "nodes/service.h"
#include "upstander/limits.h"

/* --- the service ------------------------------------------------------------------------------ */

struct service {
    unsigned calls;
    char operator[64];
    unsigned roles;
    char arg[80];
    size_t csv_len;
    char mapping[32];
    enum up_err fail;
};
static struct service service;

static void *make(const struct service_call *call, const ProtobufCMessageDescriptor *descriptor)
{
    ProtobufCMessage *message = arena_alloc(call->arena, descriptor->sizeof_message);

    assert_non_null(message);
    descriptor->message_init(message);
    return message;
}

static char *text(const struct service_call *call, const char *from)
{
    return arena_text(call->arena, up_view_of(from, strlen(from)));
}

static enum up_err note(struct service *self, const struct service_call *call, const char *arg)
{
    self->calls++;
    (void)snprintf(self->operator, sizeof self->operator, "%s", call->operator->name);
    self->roles = call->operator->roles;
    (void)snprintf(self->arg, sizeof self->arg, "%s", arg ? arg : "-");
    if (self->fail)
        return up_why_set(call->why, self->fail, "made to fail");
    return UP_OK;
}

#define GIVE(type, descriptor_name)                                                                \
    enum up_err err = note(self, call, arg);                                                       \
    type *reply = err ? NULL : make(call, &descriptor_name);                                       \
                                                                                                   \
    if (err)                                                                                       \
        return err;                                                                                \
    *ret_reply = reply

enum up_err service_report_add(struct service *self, const struct service_call *call,
                               const Up__Report *report, Up__ReportRef **ret_reply)
{
    const char *arg = report->incident ? report->incident->narrative : "no incident";
    GIVE(Up__ReportRef, up__report_ref__descriptor);
    reply->ref = text(call, "7F3K-9QTM");
    return UP_OK;
}

enum up_err service_report_list(struct service *self, const struct service_call *call,
                                Up__ReportList **ret_reply)
{
    const char *arg = NULL;
    GIVE(Up__ReportList, up__report_list__descriptor);
    reply->n_reports = 5;
    reply->reports = arena_alloc(call->arena, 5 * sizeof(void *));
    for (size_t i = 0; i < 5; i++) {
        char ref[8];

        (void)snprintf(ref, sizeof ref, "R%zu", i);
        reply->reports[i] = make(call, &up__report_summary__descriptor);
        reply->reports[i]->ref = text(call, ref);
    }
    return UP_OK;
}

enum up_err service_report_show(struct service *self, const struct service_call *call,
                                const char *arg, Up__Report **ret_reply)
{
    GIVE(Up__Report, up__report__descriptor);
    reply->ref = text(call, arg);
    return UP_OK;
}

enum up_err service_account(struct service *self, const struct service_call *call, const char *arg,
                            Up__AccountDraft **ret_reply)
{
    GIVE(Up__AccountDraft, up__account_draft__descriptor);
    return UP_OK;
}

enum up_err service_account_approve(struct service *self, const struct service_call *call,
                                    const char *ref, const Up__AccountApproval *approval,
                                    Up__AccountDraft **ret_reply)
{
    char both[80];
    const char *arg = both;

    (void)snprintf(both, sizeof both, "%s/%s", ref, approval->narrative_digest);
    GIVE(Up__AccountDraft, up__account_draft__descriptor);
    return UP_OK;
}

enum up_err service_preview(struct service *self, const struct service_call *call, const char *arg,
                            Up__Preview **ret_reply)
{
    GIVE(Up__Preview, up__preview__descriptor);
    return UP_OK;
}

enum up_err service_explain(struct service *self, const struct service_call *call, const char *ref,
                            const char *member, Up__Explanation **ret_reply)
{
    char both[64];
    const char *arg = both;

    (void)snprintf(both, sizeof both, "%s/%s", ref, member ? member : "all");
    GIVE(Up__Explanation, up__explanation__descriptor);
    return UP_OK;
}

enum up_err service_send(struct service *self, const struct service_call *call, const char *arg,
                         Up__SendResult **ret_reply)
{
    GIVE(Up__SendResult, up__send_result__descriptor);
    reply->queued = 2;
    return UP_OK;
}

enum up_err service_import(struct service *self, const struct service_call *call,
                           const Up__ImportRequest *request, Up__ImportResult **ret_reply)
{
    const char *arg = request->name;
    GIVE(Up__ImportResult, up__import_result__descriptor);
    self->csv_len = request->csv.len;
    (void)snprintf(self->mapping, sizeof self->mapping, "%s%s", request->mapping,
                   request->skip_bad ? "+skip" : "");
    if (request->csv.len > 0)
        reply->import_id = text(call, "I1");
    return UP_OK;
}

enum up_err service_import_preview(struct service *self, const struct service_call *call,
                                   const char *arg, Up__ImportPreview **ret_reply)
{
    GIVE(Up__ImportPreview, up__import_preview__descriptor);
    return UP_OK;
}

enum up_err service_import_send(struct service *self, const struct service_call *call,
                                const char *arg, Up__SendResult **ret_reply)
{
    GIVE(Up__SendResult, up__send_result__descriptor);
    return UP_OK;
}

enum up_err service_action_add(struct service *self, const struct service_call *call,
                               const Up__ActionItem *item, Up__Action **ret_reply)
{
    const char *arg = item->what;

    GIVE(Up__Action, up__action__descriptor);
    return UP_OK;
}

enum up_err service_action_list(struct service *self, const struct service_call *call,
                                Up__ActionList **ret_reply)
{
    const char *arg = "-";

    GIVE(Up__ActionList, up__action_list__descriptor);
    return UP_OK;
}

enum up_err service_action_show(struct service *self, const struct service_call *call,
                                const char *arg, Up__Action **ret_reply)
{
    GIVE(Up__Action, up__action__descriptor);
    return UP_OK;
}

enum up_err service_action_approve(struct service *self, const struct service_call *call,
                                   const char *arg, Up__Action **ret_reply)
{
    GIVE(Up__Action, up__action__descriptor);
    return UP_OK;
}

enum up_err service_done(struct service *self, const struct service_call *call, const char *arg,
                         const Up__Done *done, Up__InboxLine **ret_reply)
{
    GIVE(Up__InboxLine, up__inbox_line__descriptor);
    (void)done;
    return UP_OK;
}

enum up_err service_attach(struct service *self, const struct service_call *call, const char *arg,
                           struct up_view file, Up__Attachment **ret_reply)
{
    GIVE(Up__Attachment, up__attachment__descriptor);
    reply->length = (uint32_t)file.len;
    return UP_OK;
}

enum up_err service_attachment(struct service *self, const struct service_call *call,
                               const struct service_attachment_of *of, struct up_bytes *ret_file)
{
    enum up_err err = note(self, call, of->ref);

    return err ? err : up_bytes_copy(up_view_of("\xff\xd8\x00photo", 8), ret_file);
}

enum up_err service_publish_now(struct service *self, const struct service_call *call,
                                Up__SendResult **ret_reply)
{
    const char *arg = "";

    GIVE(Up__SendResult, up__send_result__descriptor);
    return UP_OK;
}

enum up_err service_sent(struct service *self, const struct service_call *call, const char *ref,
                         const char *import_id, Up__SentList **ret_reply)
{
    char both[80];
    const char *arg = both;

    (void)snprintf(both, sizeof both, "%s/%s", ref ? ref : "", import_id ? import_id : "");
    GIVE(Up__SentList, up__sent_list__descriptor);
    return UP_OK;
}

enum up_err service_inbox(struct service *self, const struct service_call *call,
                          Up__InboxList **ret_reply)
{
    const char *arg = NULL;
    GIVE(Up__InboxList, up__inbox_list__descriptor);
    return UP_OK;
}

enum up_err service_inbox_show(struct service *self, const struct service_call *call,
                               const char *arg, Up__InboxItem **ret_reply)
{
    GIVE(Up__InboxItem, up__inbox_item__descriptor);
    return UP_OK;
}

enum up_err service_recorded(struct service *self, const struct service_call *call, const char *ref,
                             const Up__RecordedRequest *request, Up__InboxLine **ret_reply)
{
    char both[80];
    const char *arg = both;

    (void)snprintf(both, sizeof both, "%s/%s", ref, request->police_reference);
    GIVE(Up__InboxLine, up__inbox_line__descriptor);
    return UP_OK;
}

enum up_err service_forward(struct service *self, const struct service_call *call, const char *ref,
                            const Up__ForwardRequest *request, Up__SendResult **ret_reply)
{
    char both[80];
    const char *arg = both;

    (void)snprintf(both, sizeof both, "%s to %s", ref, request->member);
    GIVE(Up__SendResult, up__send_result__descriptor);
    return UP_OK;
}

enum up_err service_forward_preview(struct service *self, const struct service_call *call,
                                    const char *ref, const char *member, Up__Preview **ret_reply)
{
    char both[80];
    const char *arg = both;

    (void)snprintf(both, sizeof both, "%s for %s", ref, member);
    GIVE(Up__Preview, up__preview__descriptor);
    return UP_OK;
}

enum up_err service_override(struct service *self, const struct service_call *call, const char *ref,
                             const Up__OverrideRequest *request, Up__Override **ret_reply)
{
    char both[80];
    const char *arg = both;

    (void)snprintf(both, sizeof both, "%s to %s", ref, request->member);
    GIVE(Up__Override, up__override__descriptor);
    return UP_OK;
}

enum up_err service_override_list(struct service *self, const struct service_call *call,
                                  Up__OverrideList **ret_reply)
{
    const char *arg = NULL;
    GIVE(Up__OverrideList, up__override_list__descriptor);
    return UP_OK;
}

enum up_err service_override_approve(struct service *self, const struct service_call *call,
                                     const char *arg, Up__Override **ret_reply)
{
    GIVE(Up__Override, up__override__descriptor);
    return UP_OK;
}

enum up_err service_override_review(struct service *self, const struct service_call *call,
                                    const char *id, const Up__OverrideReview *request,
                                    Up__Override **ret_reply)
{
    char both[80];
    const char *arg = both;

    (void)snprintf(both, sizeof both, "%s/%d/%s", id, request->end, request->note);
    GIVE(Up__Override, up__override__descriptor);
    return UP_OK;
}

enum up_err service_export(struct service *self, const struct service_call *call,
                           Up__ExportBatch **ret_reply)
{
    const char *arg = NULL;
    GIVE(Up__ExportBatch, up__export_batch__descriptor);
    return UP_OK;
}

enum up_err service_export_done(struct service *self, const struct service_call *call,
                                const Up__ExportDone *done, Up__ExportDone **ret_reply)
{
    const char *arg = done->n_refs > 0 ? done->refs[0] : NULL;
    GIVE(Up__ExportDone, up__export_done__descriptor);
    return UP_OK;
}

enum up_err service_status(struct service *self, const struct service_call *call,
                           Up__NodeStatus **ret_reply)
{
    const char *arg = NULL;
    GIVE(Up__NodeStatus, up__node_status__descriptor);
    reply->member = text(call, "b-charity");
    return UP_OK;
}

enum up_err service_roster(struct service *self, const struct service_call *call,
                           const Up__RosterRequest *request, Up__NodeStatus **ret_reply)
{
    const char *arg = request->signed_roster.len == 3 ? "three" : "other";
    GIVE(Up__NodeStatus, up__node_status__descriptor);
    return UP_OK;
}

enum up_err service_audit(struct service *self, const struct service_call *call,
                          Up__AuditList **ret_reply)
{
    const char *arg = NULL;
    GIVE(Up__AuditList, up__audit_list__descriptor);
    return UP_OK;
}

enum up_err service_agreements(struct service *self, const struct service_call *call,
                               Up__AgreementList **ret_reply)
{
    const char *arg = NULL;
    GIVE(Up__AgreementList, up__agreement_list__descriptor);
    return UP_OK;
}

enum up_err service_agreement_suspend(struct service *self, const struct service_call *call,
                                      const char *id, bool suspended, Up__AgreementList **ret_reply)
{
    const char *arg = suspended ? id : "resumed";
    GIVE(Up__AgreementList, up__agreement_list__descriptor);
    return UP_OK;
}

/* --- the client ------------------------------------------------------------------------------- */

static char folder[64];
static char path[96];
static struct api *api;
static char answer[256 * 1024];

static int dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    strcpy(address.sun_path, path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* Sends, serves and reads until the server closes; the status. */
static int talk(const char *bytes, size_t len)
{
    int fd = dial();
    size_t sent = 0;
    size_t got = 0;

    for (;;) {
        struct pollfd polled[2] = {
            {.fd = api_fd(api), .events = POLLIN},
            {.fd = fd, .events = (short)(POLLIN | (sent < len ? POLLOUT : 0))}};
        int timeout_ms = api_timeout_ms(api);
        ssize_t moved = 0;

        assert_true(poll(polled, 2, timeout_ms < 0 || timeout_ms > 5000 ? 5000 : timeout_ms) >= 0);
        assert_int_equal(api_run_ready(api), UP_OK);
        if (sent < len) {
            moved = send(fd, bytes + sent, len - sent, MSG_NOSIGNAL);
            if (moved < 0 && errno != EAGAIN)
                len = sent; /* it answered without waiting for the rest */
            sent += moved > 0 ? (size_t)moved : 0;
        }
        moved = recv(fd, answer + got, sizeof answer - 1 - got, 0);
        got += moved > 0 ? (size_t)moved : 0;
        if (moved == 0 || (moved < 0 && errno != EAGAIN))
            break;
    }
    answer[got] = '\0';
    (void)close(fd);
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

static int ask_typed(const char *method, const char *target, const char *type, const char *body)
{
    char *request = malloc(strlen(body) + 1024);
    int len = 0;
    int status = 0;

    assert_non_null(request);
    len = sprintf(request, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s%s%s",
                  method, target, type[0] ? "Content-Type: " : "", type, type[0] ? "\r\n" : "");
    if (body[0] != '\0')
        len += sprintf(request + len, "Content-Length: %zu\r\n", strlen(body));
    len += sprintf(request + len, "\r\n%s", body);
    status = talk(request, (size_t)len);
    free(request);
    return status;
}

static int ask(const char *method, const char *target, const char *body)
{
    return ask_typed(method, target, body[0] ? "application/json" : "", body);
}

static bool answered(const char *what)
{
    return strstr(answer, what) != NULL;
}

/* --- set-up ----------------------------------------------------------------------------------- */

static struct api_operator me(void)
{
    return (struct api_operator){.name = "A. Worker",
                                 .uid = getuid(),
                                 .roles = OPERATOR_TAKE_REPORTS | OPERATOR_AUDIT,
                                 .ends = "2199-12-31"};
}

static enum up_err open_with(const struct api_operator *people, size_t count, struct up_why *why)
{
    struct api_config config = {.socket_path = path,
                                .operators = people,
                                .operator_count = count,
                                .service = &service,
                                .config_file = "node.conf"};

    return api_new(&config, &api, why);
}

static int set_up(void **state)
{
    struct api_operator person = me();
    struct up_why why = {0};

    (void)state;
    memset(&service, 0, sizeof service);
    strcpy(folder, "/tmp/test_api.XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/api/api.sock", folder);
    assert_int_equal(open_with(&person, 1, &why), UP_OK);
    return 0;
}

static int tear_down(void **state)
{
    char inner[80];

    (void)state;
    api_destroy(&api);
    assert_int_equal(access(path, F_OK), -1); /* it removes its socket */
    (void)snprintf(inner, sizeof inner, "%s/api", folder);
    (void)rmdir(inner);
    (void)rmdir(folder);
    return 0;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void every_route_reaches_its_service(void **state)
{
    static const struct {
        const char *method;
        const char *target;
        const char *body;
        int status;
        const char *arg;
    } cases[] = {
        {"POST", "/v1/reports", "{\"incident\":{\"narrative\":\"n\"}}", 201, "n"},
        {"GET", "/v1/reports", "", 200, "-"},
        {"GET", "/v1/reports/7F3K-9QTM", "", 200, "7F3K-9QTM"},
        {"GET", "/v1/reports/7F3K-9QTM/preview", "", 200, "7F3K-9QTM"},
        {"GET", "/v1/reports/7F3K-9QTM/explain", "", 200, "7F3K-9QTM/all"},
        {"GET", "/v1/reports/7F3K-9QTM/explain?member=a-force", "", 200, "7F3K-9QTM/a-force"},
        {"POST", "/v1/reports/7F3K-9QTM/send", "", 200, "7F3K-9QTM"},
        {"POST", "/v1/imports", "{\"name\":\"f\",\"csv\":\"YQ==\",\"mapping\":\"m\"}", 201, "f"},
        {"GET", "/v1/imports/I1/preview", "", 200, "I1"},
        {"POST", "/v1/imports/I1/send", "", 200, "I1"},
        {"POST", "/v1/publish", "", 200, ""},
        {"POST", "/v1/actions", "{\"what\":\"w\"}", 201, "w"},
        {"GET", "/v1/actions", "", 200, "-"},
        {"GET", "/v1/actions/R1", "", 200, "R1"},
        {"POST", "/v1/actions/R1/approve", "", 200, "R1"},
        {"POST", "/v1/inbox/R1/done", "{\"what\":\"REMOVED\"}", 200, "R1"},
        {"GET", "/v1/sent", "", 200, "/"},
        {"GET", "/v1/sent?ref=R1", "", 200, "R1/"},
        {"GET", "/v1/sent?import=I1", "", 200, "/I1"},
        {"GET", "/v1/inbox", "", 200, "-"},
        {"GET", "/v1/inbox/R1", "", 200, "R1"},
        {"GET", "/v1/reports/7F3K-9QTM/account", "", 200, "7F3K-9QTM"},
        {"PUT", "/v1/reports/R1/account",
         "{\"account\":{\"text\":\"t\"},\"narrativeDigest\":\"ab\"}", 200, "R1/ab"},
        {"POST", "/v1/inbox/R1/recorded", "{\"policeReference\":\"NR/1\"}", 200, "R1/NR/1"},
        {"GET", "/v1/inbox/R1/forward?member=m-1", "", 200, "R1 for m-1"},
        {"POST", "/v1/inbox/R1/forward", "{\"member\":\"m-1\"}", 200, "R1 to m-1"},
        {"POST", "/v1/reports/R1/override", "{\"member\":\"m-1\"}", 201, "R1 to m-1"},
        {"GET", "/v1/overrides", "", 200, "-"},
        {"POST", "/v1/overrides/O1/approve", "", 200, "O1"},
        {"POST", "/v1/overrides/O1/review", "{\"end\":true,\"note\":\"n\"}", 200, "O1/1/n"},
        {"GET", "/v1/export", "", 200, "-"},
        {"POST", "/v1/export/done", "{\"refs\":[\"R1\"]}", 200, "R1"},
        {"GET", "/v1/status", "", 200, "-"},
        {"PUT", "/v1/roster", "{\"signedRoster\":\"YWJj\"}", 200, "three"},
        {"GET", "/v1/audit", "", 200, "-"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned calls = service.calls;

        assert_int_equal(ask(cases[i].method, cases[i].target, cases[i].body), cases[i].status);
        assert_int_equal(service.calls, calls + 1);
        assert_string_equal(service.arg, cases[i].arg);
        assert_true(answered("Content-Type: application/json\r\n"));
    }
    assert_string_equal(service.operator, "A. Worker");
    assert_int_equal(service.roles, OPERATOR_TAKE_REPORTS | OPERATOR_AUDIT);
    assert_int_equal(ask("POST", "/v1/reports", "{\"incident\":{}}"), 201);
    assert_true(answered("Location: /v1/reports/7F3K-9QTM\r\n"));
    assert_true(answered("{\"ref\":\"7F3K-9QTM\"}"));
    assert_true(answered("Cache-Control: no-store\r\n"));
}

static void files_come_and_go_as_bytes(void **state)
{
    (void)state;
    assert_int_equal(
        ask_typed("POST", "/v1/reports/R1/attachments", "application/octet-stream", "photo"), 201);
    assert_true(answered("{\"length\":5}"));
    assert_string_equal(service.arg, "R1");
    assert_int_equal(ask("POST", "/v1/reports/R1/attachments", "{}"), 415);
    assert_int_equal(ask("GET", "/v1/attachments/R1?number=1", ""), 200);
    assert_true(answered("Content-Type: application/octet-stream\r\n"));
    assert_true(answered("Content-Length: 8\r\n"));
}

static void lists_can_be_cut_into_pages(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/v1/reports?offset=1&limit=2", ""), 200);
    assert_true(answered("\r\n\r\n{\"reports\":[{\"ref\":\"R1\"},{\"ref\":\"R2\"}]}"));
    assert_int_equal(ask("GET", "/v1/reports?offset=9", ""), 200);
    assert_true(answered("\r\n\r\n{}"));
    assert_int_equal(ask("GET", "/v1/reports?limit=-1", ""), 422);
    assert_int_equal(ask("GET", "/v1/reports?limit=99999999999999999999", ""), 422);
}

static void wrong_requests_are_answered_in_their_kind(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/v1/nothing", ""), 404);
    assert_true(answered("Content-Type: application/problem+json\r\n"));
    assert_true(answered("\"type\":\"urn:upstander:problem:not-found\""));
    assert_true(answered("\"status\":404"));
    assert_int_equal(ask("GET", "/v1/reports/..%2Fx", ""), 404);
    assert_int_equal(ask("GET", "/v1/reports/", ""), 404);
    assert_int_equal(ask("GET", "/v1/reports/a_b", ""), 404);
    assert_int_equal(ask("GET", "/v1/reports/%2e%2e", ""), 404);
    assert_int_equal(ask("DELETE", "/v1/reports", ""), 405);
    assert_true(answered("Allow: POST, GET\r\n"));
    assert_int_equal(ask("GET", "/v1/roster", ""), 405);
    assert_true(answered("Allow: PUT\r\n"));
    assert_int_equal(ask_typed("POST", "/v1/reports", "text/plain", "{}"), 415);
    assert_int_equal(ask_typed("POST", "/v1/reports", "application/jsonx", "{}"), 415);
    assert_int_equal(ask_typed("POST", "/v1/reports", "multipart/form-data; boundary=x", "{}"),
                     415);
    assert_int_equal(ask("POST", "/v1/reports/R1/send", "{}"), 400);
    assert_int_equal(ask("GET", "/v1/reports?colour=red", ""), 400);
    assert_int_equal(ask("GET", "/v1/sent?ref=R1&import=I1", ""), 422);
    assert_int_equal(ask("GET", "/v1/inbox/R1/forward", ""), 422);
    assert_int_equal(ask("POST", "/v1/reports", "{\"incident\":"), 400);
    assert_int_equal(ask("POST", "/v1/reports", "{\"indecent\":{}}"), 422);
    assert_int_equal(service.calls, 0);
}

static void errors_map_to_statuses(void **state)
{
    static const struct {
        enum up_err err;
        int status;
    } cases[] = {{UP_NOT_PERMITTED, 403},
                 {UP_NOT_FOUND, 404},
                 {UP_INVALID, 422},
                 {UP_DUPLICATE, 409},
                 {UP_IO, 500},
                 {UP_FULL, 507},
                 {UP_NO_MEMORY, 503},
                 {UP_TOO_LARGE, 413},
                 {UP_ROLLBACK, 409},
                 {UP_NOT_ENOUGH_SIGNATURES, 422}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        service.fail = cases[i].err;
        assert_int_equal(ask("GET", "/v1/status", ""), cases[i].status);
        assert_true(answered("\"detail\":\"made to fail\""));
    }
}

static void long_bodies_are_refused_before_they_are_kept(void **state)
{
    static const char announced[] =
        "POST /v1/imports HTTP/1.1\r\nHost: x\r\nContent-Type: "
        "multipart/form-data; boundary=b\r\nContent-Length: 67108865\r\n\r\n";
    static const char json[] = "POST /v1/reports HTTP/1.1\r\nHost: x\r\nContent-Type: "
                               "application/json\r\nContent-Length: 1048577\r\n\r\n";
    size_t len = 2u << 20;
    char *chunked = malloc(len + 512);
    int head = 0;

    (void)state;
    assert_int_equal(talk(announced, sizeof announced - 1), 413);
    assert_int_equal(talk(json, sizeof json - 1), 413);
    /* one that does not say how long it is */
    assert_non_null(chunked);
    head = sprintf(chunked,
                   "POST /v1/reports HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: "
                   "application/json\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n",
                   len);
    memset(chunked + head, ' ', len);
    strcpy(chunked + head + len, "\r\n0\r\n\r\n");
    assert_int_equal(talk(chunked, (size_t)head + len + 7), 413);
    assert_int_equal(service.calls, 0);
    free(chunked);
}

static void an_import_may_come_as_a_form(void **state)
{
    enum { CSV_LEN = 3 * 1024 * 1024 };
    static const char head[] =
        "--bb\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nfile.csv\r\n"
        "--bb\r\nContent-Disposition: form-data; name=\"mapping\"\r\n\r\nmap\r\n"
        "--bb\r\nContent-Disposition: form-data; name=\"skip_bad\"\r\n\r\ntrue\r\n"
        "--bb\r\nContent-Disposition: form-data; name=\"csv\"; "
        "filename=\"file.csv\"\r\nContent-Type: text/csv\r\n\r\n";
    static const char type[] = "multipart/form-data; boundary=bb";
    char *body = malloc(sizeof head + CSV_LEN + 16);

    (void)state;
    assert_non_null(body);
    strcpy(body, head);
    memset(body + sizeof head - 1, 'a', CSV_LEN);
    strcpy(body + sizeof head - 1 + CSV_LEN, "\r\n--bb--\r\n");
    assert_int_equal(ask_typed("POST", "/v1/imports", type, body), 201);
    assert_int_equal(service.csv_len, CSV_LEN);
    assert_string_equal(service.arg, "file.csv");
    assert_string_equal(service.mapping, "map+skip");
    free(body);
    assert_int_equal(
        ask_typed("POST", "/v1/imports", type,
                  "--bb\r\nContent-Disposition: form-data; name=\"colour\"\r\n\r\nx\r\n"
                  "--bb--\r\n"),
        422);
    assert_int_equal(ask_typed("POST", "/v1/imports", type,
                               "--bb\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nx\r\n"
                               "--bb\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\ny\r\n"
                               "--bb--\r\n"),
                     422);
    assert_int_equal(ask_typed("POST", "/v1/imports", "multipart/form-data", "x"), 400);
    assert_int_equal(ask_typed("POST", "/v1/imports", type, "--bb\r\nContent-Dispos"), 400);
    assert_int_equal(service.calls, 1);
}

static void only_named_people_may_ask(void **state)
{
    struct api_operator person = me();
    struct up_why why = {0};

    (void)state;
    api_destroy(&api);
    person.uid = getuid() + 1;
    assert_int_equal(open_with(&person, 1, &why), UP_OK);
    assert_int_equal(ask("GET", "/v1/status", ""), 403);
    assert_true(answered("under \\\"operators\\\" in node.conf a name with uid = "));
    assert_int_equal(ask("GET", "/v1/nothing", ""), 403);
    api_destroy(&api);
    person = me();
    person.ends = "2020-01-31";
    assert_int_equal(open_with(&person, 1, &why), UP_OK);
    assert_int_equal(ask("GET", "/v1/status", ""), 403);
    assert_true(answered("ended on 2020-01-31"));
    assert_int_equal(service.calls, 0);
}

static void operators_are_checked(void **state)
{
    struct api_operator people[2] = {me(), me()};
    struct up_why why = {0};
    unsigned roles = 0;

    (void)state;
    api_destroy(&api);
    people[1].name = "B. Worker";
    assert_int_equal(open_with(people, 2, &why), UP_CONFIG);
    assert_non_null(strstr(why.text, "one uid"));
    people[1].uid++;
    people[1].name = people[0].name;
    assert_int_equal(open_with(people, 2, &why), UP_CONFIG);
    people[0].ends = "31.12.2030";
    assert_int_equal(open_with(people, 1, &why), UP_CONFIG);
    people[0] = me();
    people[0].roles = 0;
    assert_int_equal(open_with(people, 1, &why), UP_CONFIG);
    assert_int_equal(api_roles_parse("take-reports, audit keys", &roles), UP_OK);
    assert_int_equal(roles, OPERATOR_TAKE_REPORTS | OPERATOR_AUDIT | OPERATOR_KEYS);
    assert_int_equal(api_roles_parse("take-report", &roles), UP_CONFIG);
    assert_int_equal(api_roles_parse("", &roles), UP_CONFIG);
}

static void operators_come_from_the_config(void **state)
{
    static const struct config_key keys[] = {API_OPERATOR_KEYS};
    static const struct {
        const char *text;
        enum up_err err;
    } cases[] = {
        {"operators\n    A-Worker\n        uid = 1000\n        roles = \"take-reports, approve\"\n"
         "        ends = 2027-12-31\n    B-Worker\n        uid = 1001\n        roles = audit\n",
         UP_OK},
        {"operators\n", UP_CONFIG},
        {"operators\n    A-Worker\n        roles = audit\n", UP_CONFIG},
        {"operators\n    A-Worker\n        uid = 1000\n        roles = boss\n", UP_CONFIG},
        {"operators\n    A\n        uid = 1\n        roles = audit\n    B\n        uid = 2\n"
         "        roles = audit\n    C\n        uid = 3\n        roles = audit\n",
         UP_CONFIG}, /* there is room for two */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct config_source source = {
            .text = up_view_of(cases[i].text, strlen(cases[i].text)), .file = "node.conf"};
        struct config *config = NULL;
        struct api_operator people[2];
        struct up_why why = {0};
        size_t count = 0;

        assert_int_equal(config_parse(&source, keys, sizeof keys / sizeof keys[0], &config, &why),
                         UP_OK);
        assert_int_equal(api_operators_load(config, 2, people, &count, &why), cases[i].err);
        if (i == 0) {
            assert_int_equal(count, 2);
            assert_string_equal(people[0].name, "A-Worker");
            assert_int_equal(people[0].uid, 1000);
            assert_int_equal(people[0].roles, OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE);
            assert_string_equal(people[0].ends, "2027-12-31");
            assert_null(people[1].ends);
        }
        config_destroy(&config);
    }
}

static void a_socket_is_taken_over_only_when_nobody_answers(void **state)
{
    struct api *second = NULL;
    struct api_operator person = me();
    struct api_config config = {.socket_path = path,
                                .operators = &person,
                                .operator_count = 1,
                                .service = &service,
                                .config_file = "node.conf"};
    struct up_why why = {0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat info;
    char inner[80];
    int fd = -1;

    (void)state;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0660);
    (void)snprintf(inner, sizeof inner, "%s/api", folder);
    assert_int_equal(stat(inner, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(api_new(&config, &second, &why), UP_BUSY);
    assert_int_equal(ask("GET", "/v1/status", ""), 200); /* the first one still serves */
    api_destroy(&api);
    fd = socket(AF_UNIX, SOCK_STREAM, 0); /* what a killed process leaves */
    strcpy(address.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    (void)close(fd);
    assert_int_equal(api_new(&config, &api, &why), UP_OK);
    assert_int_equal(ask("GET", "/v1/status", ""), 200);
    api_destroy(&api);
    assert_int_equal(file_write(path, up_view_of("mine", 4), 0600, &why), UP_OK);
    assert_int_equal(api_new(&config, &api, &why), UP_CONFIG);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(chmod(inner, 0770), 0);
    assert_int_equal(api_new(&config, &api, &why), UP_CONFIG);
    assert_non_null(strstr(why.text, "chmod 700"));
}

static void the_document_names_every_route(void **state)
{
    struct up_bytes document = {0};
    struct up_why why = {0};
    const char *body = NULL;
    char *at = NULL;
    size_t routes = 0;
    size_t operations = 0;

    (void)state;
    assert_int_equal(file_read("deploy/openapi.json", 1 << 20, &document, &why), UP_OK);
    assert_int_equal(ask("GET", "/v1/openapi.json", ""), 200);
    body = strstr(answer, "\r\n\r\n") + 4;
    assert_int_equal(strlen(body), document.len); /* what is served is what is in the tree */
    assert_memory_equal(body, document.data, document.len);
    for (; api_route(routes).method; routes++) {
        char entry[96];
        char method[16];
        char *begin = NULL;
        char *end = NULL;

        (void)snprintf(entry, sizeof entry, "\n    \"%s\": {\n", api_route(routes).path);
        (void)snprintf(method, sizeof method, "\n      \"%c%c%c", api_route(routes).method[0] | 32,
                       api_route(routes).method[1] | 32, api_route(routes).method[2] | 32);
        begin = strstr(answer, entry);
        if (!begin)
            fail_msg("%s is not in deploy/openapi.json", api_route(routes).path);
        end = strstr(begin, "\n    }");
        at = strstr(begin, method);
        if (!at || at > end)
            fail_msg("%s %s is not in deploy/openapi.json", api_route(routes).method,
                     api_route(routes).path);
    }
    for (at = answer; (at = strstr(at, "\"operationId\"")); at++)
        operations++;
    assert_int_equal(operations, routes); /* nor does it promise more */
    up_bytes_wipe(&document);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_route_reaches_its_service),
        TEST(files_come_and_go_as_bytes),
        TEST(lists_can_be_cut_into_pages),
        TEST(wrong_requests_are_answered_in_their_kind),
        TEST(errors_map_to_statuses),
        TEST(long_bodies_are_refused_before_they_are_kept),
        TEST(an_import_may_come_as_a_form),
        TEST(only_named_people_may_ask),
        TEST(operators_are_checked),
        TEST(operators_come_from_the_config),
        TEST(a_socket_is_taken_over_only_when_nobody_answers),
        TEST(the_document_names_every_route),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
