/* SPDX-License-Identifier: MIT
 * /v1/agreements: what may be shared with whom, and stopping it. */
#include "nodes/api/api_resources.h"

enum up_err api_agreements_list(const struct http_request *request, struct http_reply *reply)
{
    Up__AgreementList *list = NULL;
    enum up_err err = service_agreements(request->service, request->call, &list);

    if (!err)
        reply->message = &list->base;
    return err;
}

static enum up_err suspend(const struct http_request *request, bool suspended,
                           struct http_reply *reply)
{
    Up__AgreementList *list = NULL;
    enum up_err err =
        service_agreement_suspend(request->service, request->call, request->arg, suspended, &list);

    if (!err)
        reply->message = &list->base;
    return err;
}

enum up_err api_agreements_suspend(const struct http_request *request, struct http_reply *reply)
{
    return suspend(request, true, reply);
}

enum up_err api_agreements_resume(const struct http_request *request, struct http_reply *reply)
{
    return suspend(request, false, reply);
}
