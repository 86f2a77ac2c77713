/* SPDX-License-Identifier: MIT
 * /v1/actions: what a council can act on, and its answer. */
#include <stdio.h>

#include "nodes/api/api_resources.h"

enum up_err api_actions_add(const struct http_request *request, struct http_reply *reply)
{
    ProtobufCMessage *item = NULL;
    Up__Action *action = NULL;
    enum up_err err = http_json(request, &up__action_item__descriptor, &item);

    if (!err)
        err = service_action_add(request->service, request->call, (Up__ActionItem *)item, &action);
    if (err)
        return err;
    reply->message = &action->base;
    reply->status = 201;
    (void)snprintf(reply->location, sizeof reply->location, "/v1/actions/%s", action->ref);
    return UP_OK;
}

enum up_err api_actions_list(const struct http_request *request, struct http_reply *reply)
{
    Up__ActionList *list = NULL;
    enum up_err err = service_action_list(request->service, request->call, &list);

    if (!err)
        reply->message = &list->base;
    return err;
}

enum up_err api_actions_show(const struct http_request *request, struct http_reply *reply)
{
    Up__Action *action = NULL;
    enum up_err err = service_action_show(request->service, request->call, request->arg, &action);

    if (!err)
        reply->message = &action->base;
    return err;
}

enum up_err api_actions_approve(const struct http_request *request, struct http_reply *reply)
{
    Up__Action *action = NULL;
    enum up_err err =
        service_action_approve(request->service, request->call, request->arg, &action);

    if (!err)
        reply->message = &action->base;
    return err;
}

enum up_err api_actions_done(const struct http_request *request, struct http_reply *reply)
{
    ProtobufCMessage *done = NULL;
    Up__InboxLine *line = NULL;
    enum up_err err = http_json(request, &up__done__descriptor, &done);

    if (!err)
        err = service_done(request->service, request->call, request->arg, (Up__Done *)done, &line);
    if (!err)
        reply->message = &line->base;
    return err;
}
