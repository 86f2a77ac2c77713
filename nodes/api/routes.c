/* SPDX-License-Identifier: MIT */
#include "nodes/api/routes.h"

#include <stdio.h>
#include <string.h>

#include "nodes/api/api_resources.h"

/* A line here needs its twin in deploy/openapi.json; tests/unit/test_api.c compares. */
const struct http_route routes_table[] = {
    {"POST", "/v1/reports", api_reports_add, HTTP_BODY_JSON, {NULL}},
    {"GET", "/v1/reports", api_reports_list, HTTP_BODY_NONE, {"offset", "limit", NULL}},
    {"GET", "/v1/reports/{ref}", api_reports_show, HTTP_BODY_NONE, {NULL}},
    {"GET", "/v1/reports/{ref}/preview", api_reports_preview, HTTP_BODY_NONE, {NULL}},
    {"GET", "/v1/reports/{ref}/explain", api_explain, HTTP_BODY_NONE, {"member", NULL}},
    {"POST", "/v1/reports/{ref}/send", api_reports_send, HTTP_BODY_NONE, {NULL}},
    {"POST", "/v1/reports/{ref}/override", api_override_add, HTTP_BODY_JSON, {NULL}},
    {"GET", "/v1/overrides", api_override_list, HTTP_BODY_NONE, {NULL}},
    {"POST", "/v1/overrides/{id}/approve", api_override_approve, HTTP_BODY_NONE, {NULL}},
    {"POST", "/v1/overrides/{id}/review", api_override_review, HTTP_BODY_JSON, {NULL}},
    {"GET", "/v1/reports/{ref}/account", api_account_show, HTTP_BODY_NONE, {NULL}},
    {"PUT", "/v1/reports/{ref}/account", api_account_approve, HTTP_BODY_JSON, {NULL}},
    {"POST", "/v1/reports/{ref}/attachments", api_attachments_add, HTTP_BODY_FILE, {NULL}},
    {"GET", "/v1/attachments/{ref}", api_attachments_show, HTTP_BODY_NONE, {"number", NULL}},
    {"POST", "/v1/imports", api_imports_add, HTTP_BODY_JSON_OR_FORM, {NULL}},
    {"GET", "/v1/imports/{id}/preview", api_imports_preview, HTTP_BODY_NONE, {NULL}},
    {"POST", "/v1/imports/{id}/send", api_imports_send, HTTP_BODY_NONE, {NULL}},
    {"GET",
     "/v1/sent",
     api_reports_sent,
     HTTP_BODY_NONE,
     {"ref", "import", "offset", "limit", NULL}},
    {"GET", "/v1/inbox", api_inbox_list, HTTP_BODY_NONE, {"offset", "limit", NULL}},
    {"GET", "/v1/inbox/{ref}", api_inbox_show, HTTP_BODY_NONE, {NULL}},
    {"POST", "/v1/inbox/{ref}/recorded", api_inbox_recorded, HTTP_BODY_JSON, {NULL}},
    {"GET", "/v1/inbox/{ref}/forward", api_forward_preview, HTTP_BODY_NONE, {"member", NULL}},
    {"POST", "/v1/inbox/{ref}/forward", api_forward_send, HTTP_BODY_JSON, {NULL}},
    {"GET", "/v1/export", api_inbox_export, HTTP_BODY_NONE, {"offset", "limit", NULL}},
    {"POST", "/v1/export/done", api_inbox_export_done, HTTP_BODY_JSON, {NULL}},
    {"POST", "/v1/actions", api_actions_add, HTTP_BODY_JSON, {NULL}},
    {"GET", "/v1/actions", api_actions_list, HTTP_BODY_NONE, {NULL}},
    {"GET", "/v1/actions/{ref}", api_actions_show, HTTP_BODY_NONE, {NULL}},
    {"POST", "/v1/actions/{ref}/approve", api_actions_approve, HTTP_BODY_NONE, {NULL}},
    {"POST", "/v1/inbox/{ref}/done", api_actions_done, HTTP_BODY_JSON, {NULL}},
    {"POST", "/v1/publish", api_node_publish, HTTP_BODY_NONE, {NULL}},
    {"GET", "/v1/agreements", api_agreements_list, HTTP_BODY_NONE, {NULL}},
    {"POST", "/v1/agreements/{id}/suspend", api_agreements_suspend, HTTP_BODY_NONE, {NULL}},
    {"POST", "/v1/agreements/{id}/resume", api_agreements_resume, HTTP_BODY_NONE, {NULL}},
    {"GET", "/v1/status", api_node_status, HTTP_BODY_NONE, {NULL}},
    {"PUT", "/v1/roster", api_node_roster, HTTP_BODY_JSON, {NULL}},
    {"GET", "/v1/audit", api_node_audit, HTTP_BODY_NONE, {"offset", "limit", NULL}},
    {"GET", "/v1/openapi.json", api_node_openapi, HTTP_BODY_NONE, {NULL}},
};
const size_t routes_count = sizeof routes_table / sizeof routes_table[0];

/* References and import ids are letters, digits and hyphens; anything else names nothing. */
static bool is_arg(const char *text, size_t len)
{
    if (len == 0 || len > HTTP_ARG_LEN_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool letter = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z');

        if (!letter && (text[i] < '0' || text[i] > '9') && text[i] != '-')
            return false;
    }
    return true;
}

static bool path_fits(const char *path, const char *pattern, char *ret_arg)
{
    const char *open = strchr(pattern, '{');
    const char *after = open ? strchr(open, '}') + 1 : NULL;
    size_t head = open ? (size_t)(open - pattern) : 0;
    size_t len = 0;

    if (!open)
        return strcmp(path, pattern) == 0;
    if (strncmp(path, pattern, head) != 0)
        return false;
    len = strcspn(path + head, "/");
    if (strcmp(path + head + len, after) != 0 || !is_arg(path + head, len))
        return false;
    memcpy(ret_arg, path + head, len);
    ret_arg[len] = '\0';
    return true;
}

enum routes_found routes_find(const char *method, const char *path,
                              const struct http_route **ret_route,
                              char ret_arg[static HTTP_ARG_LEN_MAX + 1], char ret_allow[static 64])
{
    size_t allowed = 0;

    ret_arg[0] = '\0';
    ret_allow[0] = '\0';
    for (size_t i = 0; i < routes_count; i++) {
        int put = 0;

        if (!path_fits(path, routes_table[i].path, ret_arg))
            continue;
        if (strcmp(method, routes_table[i].method) == 0) {
            *ret_route = &routes_table[i];
            return ROUTES_FOUND;
        }
        put = snprintf(ret_allow + allowed, 64 - allowed, "%s%s", allowed > 0 ? ", " : "",
                       routes_table[i].method);
        up_assert(put > 0 && (size_t)put < 64 - allowed);
        allowed += (size_t)put;
    }
    return allowed > 0 ? ROUTES_NO_METHOD : ROUTES_NO_PATH;
}
