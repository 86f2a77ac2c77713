/* SPDX-License-Identifier: MIT
 * The route table: every path and method of the API in one place. Used inside nodes/api only. */
#ifndef NODES_API_ROUTES_H
#define NODES_API_ROUTES_H

#include <stddef.h>

#include "nodes/api/http.h"

extern const struct http_route routes_table[];
extern const size_t routes_count;

enum routes_found { ROUTES_FOUND, ROUTES_NO_PATH, ROUTES_NO_METHOD };
/* routes_find: ret_arg receives what stands for {..}; ret_allow the methods of the path ("GET,
 * POST"). */
enum routes_found routes_find(const char *method, const char *path,
                              const struct http_route **ret_route,
                              char ret_arg[static HTTP_ARG_LEN_MAX + 1], char ret_allow[static 64]);

#endif
