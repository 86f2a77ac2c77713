/* SPDX-License-Identifier: MIT
 * Requests to the node over its socket. What goes wrong is said on standard error here, once. Used
 * inside nodes/cli only. */
#ifndef NODES_CLI_CLIENT_H
#define NODES_CLI_CLIENT_H

#include <stdio.h>

#include "api.pb-c.h"
#include "nodes/cli/cli.h"
#include "upstander/view.h"

struct client_form { /* an import */
    const char *name;
    struct up_view mapping;
    struct up_view csv;
    bool skip_bad;
};

struct client_request {
    const char *method;
    const char *path;
    const ProtobufCMessage *body;   /* as JSON; or */
    struct up_view text;            /* JSON as it is; or */
    struct up_view file;            /* bytes as they are; or */
    const struct client_form *form; /* or none of them */
    bool quiet;                     /* say nothing about a 404 */
};

void client_destroy(struct client **client_p);
/* client_call: the reply's text. Returns CLI_OK, CLI_FAILED or CLI_UNREACHABLE. The caller owns
 * ret_text. */
int client_call(struct cli *cli, const struct client_request *request, struct up_bytes *ret_text);
/* client_ask: the reply as a message in the cli's arena; with ret_text (may be NULL) its text
 * too. */
int client_ask(struct cli *cli, const struct client_request *request,
               const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **ret_reply,
               struct up_bytes *ret_text);
/* client_get_page: GET of a list, CLIENT_PAGE lines from offset; the path may hold a query
 * already. */
enum { CLIENT_PAGE = 500 };
int client_get_page(struct cli *cli, const char *path, size_t offset,
                    const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **ret_reply);
/* client_print: GET and print the reply as it is. */
int client_print(struct cli *cli, const char *path);
/* client_banner: ask the node whether this is an exercise, and print the banner if so. */
int client_banner(struct cli *cli, FILE *out, bool *ret_exercise);

#endif
