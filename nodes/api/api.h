/* SPDX-License-Identifier: MIT
 * The node's local HTTP API on a Unix stream socket (deploy/openapi.json). Runs in the node's one
 * loop thread: poll api_fd() for reading with api_timeout_ms() as the longest wait, then call
 * api_run_ready(). */
#ifndef NODES_API_API_H
#define NODES_API_API_H

#include <stddef.h>

#include "base/config.h"
#include "upstander/err.h"

struct api;
struct service;

/* One person who may use the API, from the config's "operators" section. */
struct api_operator {
    const char *name; /* as it stands in the audit log; at most 63 bytes */
    unsigned uid;     /* of the process that asks, by SO_PEERCRED */
    unsigned roles;   /* union of enum operator_role; see api_roles_parse */
    const char *ends; /* "YYYY-MM-DD", the last day; NULL or empty: no end */
};

struct api_config {
    const char *socket_path;              /* its folder is made with mode 0700 when missing */
    const struct api_operator *operators; /* copied */
    size_t operator_count;
    struct service *service; /* borrowed; outlives the api */
    const char *config_file; /* named where a refusal says what to add */
};

/* api_new: binds the socket (mode 0660) and listens; nothing is served before api_run_ready.
 *   A socket file that nobody answers on is replaced; UP_BUSY when somebody does. UP_CONFIG for a
 * bad operator (two people on one uid, a date that is none) or a folder that others can write.
 * UP_IO, UP_NO_MEMORY. */
UP_CHECKED enum up_err api_new(const struct api_config *config, struct api **ret_api,
                               struct up_why *why);
void api_destroy(struct api **api_p); /* closes connections, removes the socket */

int api_fd(const struct api *api); /* readable when there is something to do */
/* api_timeout_ms: run again after so long even if the descriptor stays quiet; -1: no limit. */
int api_timeout_ms(const struct api *api);
/* api_run_ready: serve what is ready, without waiting. UP_IO when the server can't go on. */
UP_CHECKED enum up_err api_run_ready(struct api *api);

/* api_roles_parse: "take-reports, approve, override, keys, read-only, audit" (any of them, commas
 * or blanks between) to bits of enum operator_role. UP_CONFIG for an unknown word or none. */
UP_CHECKED enum up_err api_roles_parse(const char *text, unsigned *ret_roles);

/* The config's "operators" section: put API_OPERATOR_KEYS into the table of keys, then
 * api_operators_load: at most count_max people; their texts are borrowed from the config.
 * UP_CONFIG: a person without uid or with unknown roles, too many, or none. */
#define API_OPERATOR_KEYS                                                                          \
    {"operators", CONFIG_SECTION, true, "who may use this node"},                                  \
        {"operators/*", CONFIG_SECTION, false, "one person, by name"},                             \
        {"operators/*/uid", CONFIG_NUMBER, false, "of the person's account"},                      \
        {"operators/*/roles", CONFIG_TEXT, false,                                                  \
         "take-reports, approve, override, keys, read-only, audit"},                               \
    {                                                                                              \
        "operators/*/ends", CONFIG_TEXT, false, "YYYY-MM-DD: the last day"                         \
    }
UP_CHECKED enum up_err api_operators_load(const struct config *config, size_t count_max,
                                          struct api_operator *ret_operators, size_t *ret_count,
                                          struct up_why *why);

/* The route table, so that a test can hold it against deploy/openapi.json. */
struct api_route_name {
    const char *method; /* "GET" */
    const char *path;   /* "/v1/reports/{ref}" */
};
/* api_route: the index-th; method is NULL past the end. */
struct api_route_name api_route(size_t index);

#endif
