/* SPDX-License-Identifier: MIT
 * /v1/inbox/{ref}/forward: what was received, to one more organisation. */
#include "nodes/api/api_resources.h"

enum up_err api_forward_preview(const struct http_request *request, struct http_reply *reply)
{
    const char *member = http_query(request, "member");
    Up__Preview *preview = NULL;
    enum up_err err = UP_OK;

    if (!member)
        return up_why_set(request->call->why, UP_INVALID, "member: say whom, after ?member=");
    err = service_forward_preview(request->service, request->call, request->arg, member, &preview);
    if (!err)
        reply->message = &preview->base;
    return err;
}

enum up_err api_forward_send(const struct http_request *request, struct http_reply *reply)
{
    ProtobufCMessage *forward = NULL;
    Up__SendResult *result = NULL;
    enum up_err err = http_json(request, &up__forward_request__descriptor, &forward);

    if (!err)
        err = service_forward(request->service, request->call, request->arg,
                              (Up__ForwardRequest *)forward, &result);
    if (!err)
        reply->message = &result->base;
    return err;
}
