/* SPDX-License-Identifier: MIT
 * /v1/reports/{ref}/account: a text for sharing, drafted and approved. */
#include "nodes/api/api_resources.h"

enum up_err api_account_show(const struct http_request *request, struct http_reply *reply)
{
    Up__AccountDraft *draft = NULL;
    enum up_err err = service_account(request->service, request->call, request->arg, &draft);

    if (!err)
        reply->message = &draft->base;
    return err;
}

enum up_err api_account_approve(const struct http_request *request, struct http_reply *reply)
{
    ProtobufCMessage *approval = NULL;
    Up__AccountDraft *draft = NULL;
    enum up_err err = http_json(request, &up__account_approval__descriptor, &approval);

    if (!err)
        err = service_account_approve(request->service, request->call, request->arg,
                                      (Up__AccountApproval *)approval, &draft);
    if (!err)
        reply->message = &draft->base;
    return err;
}
