/* SPDX-License-Identifier: MIT
 * /v1/reports/{ref}/explain: why each organisation gets what it gets. */
#include "nodes/api/api_resources.h"

enum up_err api_explain(const struct http_request *request, struct http_reply *reply)
{
    Up__Explanation *explanation = NULL;
    enum up_err err = service_explain(request->service, request->call, request->arg,
                                      http_query(request, "member"), &explanation);

    if (!err)
        reply->message = &explanation->base;
    return err;
}
