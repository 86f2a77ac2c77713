/* SPDX-License-Identifier: MIT
 * /v1/inbox and /v1/export: what this node received. */
#include "nodes/api/api_resources.h"

enum up_err api_inbox_list(const struct http_request *request, struct http_reply *reply)
{
    Up__InboxList *list = NULL;
    enum up_err err = service_inbox(request->service, request->call, &list);

    if (!err)
        reply->message = &list->base;
    return err;
}

enum up_err api_inbox_show(const struct http_request *request, struct http_reply *reply)
{
    Up__InboxItem *item = NULL;
    enum up_err err = service_inbox_show(request->service, request->call, request->arg, &item);

    if (!err)
        reply->message = &item->base;
    return err;
}

enum up_err api_inbox_recorded(const struct http_request *request, struct http_reply *reply)
{
    ProtobufCMessage *recorded = NULL;
    Up__InboxLine *line = NULL;
    enum up_err err = http_json(request, &up__recorded_request__descriptor, &recorded);

    if (!err)
        err = service_recorded(request->service, request->call, request->arg,
                               (Up__RecordedRequest *)recorded, &line);
    if (!err)
        reply->message = &line->base;
    return err;
}

enum up_err api_inbox_export(const struct http_request *request, struct http_reply *reply)
{
    Up__ExportBatch *batch = NULL;
    enum up_err err = service_export(request->service, request->call, &batch);

    if (!err)
        reply->message = &batch->base;
    return err;
}

enum up_err api_inbox_export_done(const struct http_request *request, struct http_reply *reply)
{
    ProtobufCMessage *done = NULL;
    Up__ExportDone *marked = NULL;
    enum up_err err = http_json(request, &up__export_done__descriptor, &done);

    if (!err)
        err = service_export_done(request->service, request->call, (Up__ExportDone *)done, &marked);
    if (!err)
        reply->message = &marked->base;
    return err;
}
