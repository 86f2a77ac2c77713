/* SPDX-License-Identifier: MIT
 * A request is judged by its head (who, where, what, how long) before a byte of its body is kept.
 */
#include "nodes/api/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api.pb-c.h"
#include "base/clock.h"
#include "nodes/api/api_peer.h"
#include "nodes/api/routes.h"
#include "upstander/json.h"
#include "upstander/limits.h"

static const char type_file[] = "application/octet-stream";
static const char type_json[] = "application/json";
static const char type_problem[] = "application/problem+json";
static const char type_form[] = "multipart/form-data";

/* All bodies under way together: two imports of the largest size, and the small ones beside
 * them. */
#define BODIES_LEN_MAX (3 * (size_t)UP_HTTP_BODY_LEN_MAX)

struct exchange {
    const struct http_route *route;
    char arg[HTTP_ARG_LEN_MAX + 1];
    char allow[64];
    struct operator_identity operator;
    unsigned problem; /* an HTTP status that was decided already; 0: none */
    const char *kind; /* of the problem, for its type */
    char detail[HTTP_DETAIL_LEN_MAX];
    struct up_bytes body; /* len is the room; used is what came */
    size_t used;
    size_t discarded;
};

static const struct {
    unsigned status;
    const char *kind;
} problems[UP_ERR_COUNT] = {
    [UP_OK] = {200, ""},
    [UP_MALFORMED] = {400, "malformed"},
    [UP_TOO_LARGE] = {413, "too-large"},
    [UP_TOO_DEEP] = {400, "too-deep"},
    [UP_NO_MEMORY] = {503, "no-memory"},
    [UP_BAD_TEXT] = {400, "bad-text"},
    [UP_UNKNOWN_FIELD] = {400, "unknown-field"},
    [UP_BAD_SIGNATURE] = {422, "bad-signature"},
    [UP_WRONG_KEY] = {422, "wrong-key"},
    [UP_NOT_ENOUGH_SIGNATURES] = {422, "not-enough-signatures"},
    [UP_EXPIRED] = {409, "expired"},
    [UP_ROLLBACK] = {409, "rollback"},
    [UP_WRONG_FEDERATION] = {409, "wrong-federation"},
    [UP_UNKNOWN_MEMBER] = {422, "unknown-member"},
    [UP_NOT_PERMITTED] = {403, "not-permitted"},
    [UP_DUPLICATE] = {409, "duplicate"},
    [UP_NOT_FOUND] = {404, "not-found"},
    [UP_FULL] = {507, "full"},
    [UP_IO] = {500, "io"},
    [UP_BUSY] = {503, "busy"},
    [UP_TOO_NEW] = {409, "too-new"},
    [UP_UNSAFE_MODE] = {500, "unsafe-mode"},
    [UP_CONFIG] = {500, "config"},
    [UP_NO_PREKEY] = {409, "no-prekey"},
    [UP_UNREACHABLE] = {503, "unreachable"},
    [UP_INVALID] = {422, "invalid"},
};

unsigned http_status(enum up_err err)
{
    up_assert((int)err >= 0 && err < UP_ERR_COUNT);
    return problems[err].status;
}

const char *http_query(const struct http_request *request, const char *name)
{
    const char *value =
        MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);

    return value && value[0] != '\0' ? value : NULL;
}

enum up_err http_json(const struct http_request *request,
                      const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **ret_message)
{
    return json_parse(descriptor, request->body, request->call->arena, ret_message,
                      request->call->why);
}

/* The first finding stands. */
static void problem_set(struct exchange *exchange, unsigned status, const char *kind,
                        const char *detail)
{
    if (exchange->problem)
        return;
    exchange->problem = status;
    exchange->kind = kind;
    (void)snprintf(exchange->detail, sizeof exchange->detail, "%s", detail);
}

/* --- replies ---------------------------------------------------------------------------------- */

static void reply_free(void *cls)
{
    struct up_bytes *bytes = cls;

    up_bytes_wipe(bytes);
    free(bytes);
}

/* Takes text, on failure too. */
static struct MHD_Response *response_take(struct up_bytes *text, const char *type)
{
    struct up_bytes *held = malloc(sizeof *held);
    struct MHD_Response *response = NULL;

    if (!held) {
        up_bytes_wipe(text);
        return NULL;
    }
    *held = *text;
    *text = (struct up_bytes){0};
    response = MHD_create_response_from_buffer_with_free_callback_cls(held->len, held->data,
                                                                      reply_free, held);
    if (!response) {
        reply_free(held);
        return NULL;
    }
    (void)MHD_add_response_header(response, "Content-Type", type);
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    return response;
}

static enum MHD_Result problem_send(struct MHD_Connection *connection,
                                    const struct exchange *exchange)
{
    Up__Problem problem;
    char type[64];
    char title[64];
    char detail[HTTP_DETAIL_LEN_MAX];
    struct up_bytes text = {0};
    struct MHD_Response *response = NULL;
    enum MHD_Result sent = MHD_NO;

    up__problem__init(&problem);
    (void)snprintf(type, sizeof type, "urn:upstander:problem:%s", exchange->kind);
    (void)snprintf(title, sizeof title, "%s", exchange->kind);
    for (char *at = title; *at != '\0'; at++) {
        if (*at == '-')
            *at = ' ';
    }
    memcpy(detail, exchange->detail, sizeof detail);
    problem.type = type;
    problem.title = title;
    problem.status = exchange->problem;
    problem.detail = detail;
    if (json_format(&problem.base, false, &text))
        return MHD_NO;
    response = response_take(&text, type_problem);
    if (!response)
        return MHD_NO;
    if (exchange->problem == 405)
        (void)MHD_add_response_header(response, "Allow", exchange->allow);
    sent = MHD_queue_response(connection, exchange->problem, response);
    MHD_destroy_response(response);
    return sent;
}

static enum MHD_Result reply_send(struct MHD_Connection *connection, struct http_reply *reply)
{
    struct up_bytes text = reply->file;
    bool file = text.data != NULL;
    struct MHD_Response *response = NULL;
    enum MHD_Result sent = MHD_NO;
    enum up_err err = UP_OK;

    reply->file = (struct up_bytes){0};
    if (!file)
        err = reply->message ? json_format(reply->message, false, &text)
                             : up_bytes_copy(reply->text, &text);
    if (err)
        return MHD_NO;
    response = response_take(&text, file ? type_file : type_json);
    if (!response)
        return MHD_NO;
    if (reply->location[0] != '\0')
        (void)MHD_add_response_header(response, "Location", reply->location);
    sent = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return sent;
}

/* --- the head --------------------------------------------------------------------------------- */

/* ret_operator is set where the uid is one that may ask today. */
static void operator_find(const struct http_context *context, struct MHD_Connection *connection,
                          struct exchange *exchange)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    char now[CLOCK_TEXT_LEN];
    char detail[HTTP_DETAIL_LEN_MAX];
    unsigned uid = 0;

    if (!info || api_peer_uid(info->connect_fd, &uid)) {
        problem_set(exchange, 403, "unknown-operator", "the system does not say who is asking");
        return;
    }
    clock_london(clock_wall_s(), now);
    for (size_t i = 0; i < context->operator_count; i++) {
        const struct api_operator *person = &context->operators[i];

        if (person->uid != uid)
            continue;
        if (person->ends && person->ends[0] != '\0' && strncmp(now, person->ends, 10) > 0) {
            (void)snprintf(detail, sizeof detail,
                           "the entry of uid %u in %s ended on %s; if it should go on, put a later "
                           "\"ends\" under its name in \"operators\" and restart the node",
                           uid, context->config_file, person->ends);
            problem_set(exchange, 403, "operator-ended", detail);
            return;
        }
        (void)snprintf(exchange->operator.name, sizeof exchange->operator.name, "%s", person->name);
        exchange->operator.roles = person->roles;
        exchange->operator.uid = uid;
        return;
    }
    (void)snprintf(detail, sizeof detail,
                   "uid %u is nobody this node knows; add under \"operators\" in %s a name with "
                   "uid = %u, roles and ends, and restart the node",
                   uid, context->config_file, uid);
    problem_set(exchange, 403, "unknown-operator", detail);
}

static enum MHD_Result query_check(void *cls, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
    struct exchange *exchange = cls;

    (void)kind;
    (void)value;
    for (size_t i = 0; exchange->route->queries[i]; i++) {
        if (strcmp(exchange->route->queries[i], key) == 0)
            return MHD_YES;
    }
    problem_set(exchange, 400, "malformed", "this path does not know one of the names after \"?\"");
    return MHD_NO;
}

static bool type_is(const char *header, const char *type)
{
    size_t len = strlen(type);

    return header && strncasecmp(header, type, len) == 0 && strchr("; ", header[len]);
}

static void body_check(struct MHD_Connection *connection, struct exchange *exchange)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    const char *chunked =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Transfer-Encoding");
    const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
    unsigned long long announced = length ? strtoull(length, NULL, 10) : 0;
    bool form = type_is(type, type_form);

    if (announced > UP_HTTP_BODY_LEN_MAX)
        problem_set(exchange, 413, "too-large", "the body is longer than 64 MiB");
    if (exchange->problem)
        return;
    if (exchange->route->body == HTTP_BODY_NONE) {
        if (announced > 0 || chunked)
            problem_set(exchange, 400, "malformed", "this path takes no body");
        return;
    }
    if (exchange->route->body == HTTP_BODY_FILE) {
        if (!type_is(type, type_file))
            problem_set(exchange, 415, "unsupported-media-type",
                        "send Content-Type: application/octet-stream");
        return;
    }
    if (!type_is(type, type_json) && !(form && exchange->route->body == HTTP_BODY_JSON_OR_FORM)) {
        problem_set(exchange, 415, "unsupported-media-type",
                    exchange->route->body == HTTP_BODY_JSON
                        ? "send Content-Type: application/json"
                        : "send Content-Type: application/json or multipart/form-data");
        return;
    }
    if (!form && announced > UP_JSON_LEN_MAX)
        problem_set(exchange, 413, "too-large",
                    "a JSON body is at most 1 MiB; send a larger import as multipart/form-data");
}

static void head_check(struct http_context *context, struct MHD_Connection *connection,
                       const char *url, const char *method, struct exchange *exchange)
{
    operator_find(context, connection, exchange);
    switch (routes_find(method, url, &exchange->route, exchange->arg, exchange->allow)) {
    case ROUTES_NO_PATH:
        problem_set(exchange, 404, "not-found", "no such path; GET /v1/openapi.json lists them");
        break;
    case ROUTES_NO_METHOD:
        problem_set(exchange, 405, "method-not-allowed", "this path does not know the method");
        break;
    case ROUTES_FOUND:
        (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, query_check, exchange);
        body_check(connection, exchange);
        break;
    }
}

/* --- the body --------------------------------------------------------------------------------- */

static void body_drop(struct http_context *context, struct exchange *exchange)
{
    up_assert(context->bodies_len >= exchange->body.len);
    context->bodies_len -= exchange->body.len;
    up_bytes_wipe(&exchange->body);
    exchange->used = 0;
}

static void body_append(struct http_context *context, struct exchange *exchange,
                        struct up_view data)
{
    struct up_bytes grown = {0};
    size_t need = exchange->used + data.len;
    size_t old = exchange->body.len;
    size_t room = need * 2 < UP_HTTP_BODY_LEN_MAX ? need * 2 : UP_HTTP_BODY_LEN_MAX;

    if (need > UP_HTTP_BODY_LEN_MAX) {
        problem_set(exchange, 413, "too-large", "the body is longer than 64 MiB");
        return;
    }
    if (need > old) {
        if (context->bodies_len + room > BODIES_LEN_MAX || up_bytes_new(room, &grown)) {
            problem_set(exchange, 503, "busy",
                        "too many large bodies at once; try again in a moment");
            return;
        }
        if (exchange->used > 0)
            memcpy(grown.data, exchange->body.data, exchange->used);
        context->bodies_len += room - old;
        up_bytes_wipe(&exchange->body);
        exchange->body = grown;
    }
    memcpy(exchange->body.data + exchange->used, data.data, data.len);
    exchange->used = need;
}

/* What is refused is read to its end and thrown away, so that the client can read why; within
 * bounds. */
static enum MHD_Result body_take(struct http_context *context, struct exchange *exchange,
                                 struct up_view data)
{
    if (!exchange->problem)
        body_append(context, exchange, data);
    if (!exchange->problem)
        return MHD_YES;
    body_drop(context, exchange);
    exchange->discarded += data.len;
    return exchange->discarded <= UP_HTTP_BODY_LEN_MAX ? MHD_YES : MHD_NO;
}

/* --- the answer ------------------------------------------------------------------------------- */

static bool number_read(const char *text, size_t *ret_number)
{
    char *end = NULL;
    unsigned long value = 0;

    if (!text)
        return true;
    errno = 0;
    value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno || value > 1000000000ul)
        return false;
    *ret_number = value;
    return true;
}

/* offset and limit: for callers that can't take a list whole. */
static enum up_err page_read(const struct http_request *request, struct service_call *call)
{
    if (number_read(http_query(request, "offset"), &call->offset) &&
        number_read(http_query(request, "limit"), &call->limit))
        return UP_OK;
    return up_why_set(call->why, UP_INVALID, "offset and limit are whole numbers from 0");
}

/* Cuts the reply's one list. */
static void page_cut(const struct http_request *request, struct http_reply *reply)
{
    size_t offset = request->call->offset;
    size_t limit = http_query(request, "limit") ? request->call->limit : SIZE_MAX;
    /* the reply is the call's own, in its arena */
    ProtobufCMessage *message = up_lent(reply->message);

    for (unsigned i = 0; message && i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        size_t *count = (size_t *)(void *)((char *)message + field->quantifier_offset);
        void ***list = (void ***)(void *)((char *)message + field->offset);

        if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (offset > *count)
            offset = *count;
        *list += offset;
        *count -= offset;
        if (*count > limit)
            *count = limit;
        break;
    }
}

static enum MHD_Result answer(struct http_context *context, struct MHD_Connection *connection,
                              struct exchange *exchange)
{
    struct arena *arena = NULL;
    struct up_why why = {0};
    struct http_reply reply = {.status = 200};
    enum MHD_Result sent = MHD_NO;
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);
    struct service_call call = {.operator= & exchange->operator, .arena = arena, .why = &why};
    const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
    struct http_request request = {.service = context->service,
                                   .call = &call,
                                   .arg = exchange->arg,
                                   .body = up_view_of(exchange->body.data, exchange->used),
                                   .form_boundary = type_is(type, type_form) ? type : NULL,
                                   .connection = connection};

    if (!err)
        err = page_read(&request, &call);
    if (!err)
        err = exchange->route->run(&request, &reply);
    if (!err)
        page_cut(&request, &reply);
    if (err) {
        problem_set(exchange, http_status(err), problems[err].kind,
                    why.text[0] != '\0' ? why.text : up_err_text(err));
        sent = problem_send(connection, exchange);
    } else {
        sent = reply_send(connection, &reply);
    }
    arena_destroy(&arena);
    body_drop(context, exchange);
    return sent;
}

enum MHD_Result http_on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *data_len, void **state)
{
    struct http_context *context = cls;
    struct exchange *exchange = *state;

    (void)version;
    if (!exchange) {
        exchange = calloc(1, sizeof *exchange);
        if (!exchange)
            return MHD_NO;
        *state = exchange;
        head_check(context, connection, url, method, exchange);
        /* a body that is too long on its own word is not waited for */
        return exchange->problem == 413 ? problem_send(connection, exchange) : MHD_YES;
    }
    if (*data_len > 0) {
        size_t len = *data_len;

        *data_len = 0;
        return body_take(context, exchange, up_view_of(data, len));
    }
    return exchange->problem ? problem_send(connection, exchange)
                             : answer(context, connection, exchange);
}

void http_on_completed(void *cls, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *state;

    (void)connection;
    (void)code;
    if (!exchange)
        return;
    body_drop(cls, exchange);
    free(exchange);
    *state = NULL;
}
