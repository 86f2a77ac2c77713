/* SPDX-License-Identifier: MIT
 * /v1/reports/{ref}/override and /v1/overrides: what two named people put above what a person chose. */
#include "nodes/api/api_resources.h"

enum up_err api_override_add(const struct http_request *request, struct http_reply *reply)
{
    ProtobufCMessage *asked = NULL;
    Up__Override *override = NULL;
    enum up_err err = http_json(request, &up__override_request__descriptor, &asked);

    if (!err)
        err = service_override(request->service, request->call, request->arg,
                               (Up__OverrideRequest *)asked, &override);
    if (!err) {
        reply->message = &override->base;
        reply->status = 201;
    }
    return err;
}

enum up_err api_override_list(const struct http_request *request, struct http_reply *reply)
{
    Up__OverrideList *list = NULL;
    enum up_err err = service_override_list(request->service, request->call, &list);

    if (!err)
        reply->message = &list->base;
    return err;
}

enum up_err api_override_approve(const struct http_request *request, struct http_reply *reply)
{
    Up__Override *override = NULL;
    enum up_err err =
        service_override_approve(request->service, request->call, request->arg, &override);

    if (!err)
        reply->message = &override->base;
    return err;
}

enum up_err api_override_review(const struct http_request *request, struct http_reply *reply)
{
    ProtobufCMessage *review = NULL;
    Up__Override *override = NULL;
    enum up_err err = http_json(request, &up__override_review__descriptor, &review);

    if (!err)
        err = service_override_review(request->service, request->call, request->arg,
                                      (Up__OverrideReview *)review, &override);
    if (!err)
        reply->message = &override->base;
    return err;
}
