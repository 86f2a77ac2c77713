/* SPDX-License-Identifier: MIT
 * Where in a JSON text a path stands: jansson keeps no places. Used by json.c only. Pure. */
#ifndef PROTO_JSON_WHERE_H
#define PROTO_JSON_WHERE_H

#include "upstander/view.h"

/* json_where_line: the line, from 1, of what a path such as "incident.strands[1].code" names in a text that is valid
 * JSON. Keys may be written either way (SPEC 7). Where the path leaves the text, the line up to which it could be
 * followed. */
unsigned json_where_line(struct up_view text, const char *path);

#endif
