/* SPDX-License-Identifier: MIT
 * One HTTP request from its first line to its reply: who asks, which route, a bounded body, one
 * table from error to status. Used inside nodes/api only. */
#ifndef NODES_API_HTTP_H
#define NODES_API_HTTP_H

#include <microhttpd.h>

#include "nodes/api/api.h"
#include "nodes/service.h"
#include "upstander/message.h"
#include "upstander/view.h"

enum { HTTP_ARG_LEN_MAX = 64, HTTP_DETAIL_LEN_MAX = 320 };

/* What one API instance knows; shared by its requests. */
struct http_context {
    struct service *service;
    const struct api_operator *operators;
    size_t operator_count;
    const char *config_file;
    size_t bodies_len; /* of all requests under way: bounded together */
};

/* What a resource sees. */
struct http_request {
    struct service *service;
    const struct service_call *call;
    const char *arg; /* what stands for {ref} or {id} in the path */
    struct up_view body;
    const char *form_boundary; /* content type when the body is a form, else NULL */
    struct MHD_Connection *connection;
};

struct http_reply {
    const ProtobufCMessage *message; /* in the call's arena */
    struct up_view text;             /* or ready-made JSON */
    struct up_bytes file;            /* or bytes as they are; taken */
    unsigned status;                 /* 200 unless set */
    char location[HTTP_ARG_LEN_MAX + 32];
};

typedef enum up_err (*http_handler)(const struct http_request *request, struct http_reply *reply);

enum http_body { HTTP_BODY_NONE, HTTP_BODY_JSON, HTTP_BODY_JSON_OR_FORM, HTTP_BODY_FILE };

struct http_route {
    const char *method;
    const char *path;
    http_handler run;
    enum http_body body;
    const char *queries[5]; /* names allowed after "?", NULL-terminated */
};

/* http_query: value of a query parameter; NULL when absent or empty. Borrowed from the
 * connection. */
const char *http_query(const struct http_request *request, const char *name);
/* http_json: the body as a message in the call's arena; why is filled. */
UP_CHECKED enum up_err http_json(const struct http_request *request,
                                 const ProtobufCMessageDescriptor *descriptor,
                                 ProtobufCMessage **ret_message);

/* http_status: the HTTP status of an error. */
unsigned http_status(enum up_err err);

/* Callbacks for MHD_start_daemon; cls is a struct http_context. */
enum MHD_Result http_on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *data_len, void **state);
void http_on_completed(void *cls, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode code);

#endif
