/* SPDX-License-Identifier: MIT
 * /v1/reports/{ref}/attachments and /v1/attachments/{ref}: photos and documents, as bytes. */
#include "nodes/api/api_resources.h"

enum up_err api_attachments_add(const struct http_request *request, struct http_reply *reply)
{
    Up__Attachment *attachment = NULL;
    enum up_err err =
        service_attach(request->service, request->call, request->arg, request->body, &attachment);

    if (err)
        return err;
    reply->message = &attachment->base;
    reply->status = 201;
    return UP_OK;
}

enum up_err api_attachments_show(const struct http_request *request, struct http_reply *reply)
{
    const char *number = http_query(request, "number");
    struct service_attachment_of of = {.ref = request->arg, .number = 1};

    if (number)
        of.number = number[0] >= '1' && number[0] <= '9' && number[1] == '\0'
                        ? (unsigned)(number[0] - '0')
                        : 0;
    return service_attachment(request->service, request->call, &of, &reply->file);
}
