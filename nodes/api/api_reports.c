/* SPDX-License-Identifier: MIT
 * /v1/reports and /v1/sent: what this node took, and what became of it. */
#include <stdio.h>

#include "nodes/api/api_resources.h"

enum up_err api_reports_add(const struct http_request *request, struct http_reply *reply)
{
    ProtobufCMessage *report = NULL;
    Up__ReportRef *ref = NULL;
    enum up_err err = http_json(request, &up__report__descriptor, &report);

    if (!err)
        err = service_report_add(request->service, request->call, (Up__Report *)report, &ref);
    if (err)
        return err;
    reply->message = &ref->base;
    reply->status = 201;
    (void)snprintf(reply->location, sizeof reply->location, "/v1/reports/%s", ref->ref);
    return UP_OK;
}

enum up_err api_reports_list(const struct http_request *request, struct http_reply *reply)
{
    Up__ReportList *list = NULL;
    enum up_err err = service_report_list(request->service, request->call, &list);

    if (!err)
        reply->message = &list->base;
    return err;
}

enum up_err api_reports_show(const struct http_request *request, struct http_reply *reply)
{
    Up__Report *report = NULL;
    enum up_err err = service_report_show(request->service, request->call, request->arg, &report);

    if (!err)
        reply->message = &report->base;
    return err;
}

enum up_err api_reports_preview(const struct http_request *request, struct http_reply *reply)
{
    Up__Preview *preview = NULL;
    enum up_err err = service_preview(request->service, request->call, request->arg, &preview);

    if (!err)
        reply->message = &preview->base;
    return err;
}

enum up_err api_reports_send(const struct http_request *request, struct http_reply *reply)
{
    Up__SendResult *result = NULL;
    enum up_err err = service_send(request->service, request->call, request->arg, &result);

    if (!err)
        reply->message = &result->base;
    return err;
}

enum up_err api_reports_sent(const struct http_request *request, struct http_reply *reply)
{
    const char *ref = http_query(request, "ref");
    const char *import_id = http_query(request, "import");
    Up__SentList *list = NULL;
    enum up_err err = UP_OK;

    if (ref && import_id)
        return up_why_set(request->call->why, UP_INVALID, "give ref or import, not both");
    err = service_sent(request->service, request->call, ref, import_id, &list);
    if (!err)
        reply->message = &list->base;
    return err;
}
