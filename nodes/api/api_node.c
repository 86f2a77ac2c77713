/* SPDX-License-Identifier: MIT
 * /v1/status, /v1/roster, /v1/audit and the description of the API itself. */
#include "nodes/api/api_resources.h"

/* The document is part of the program: it can't be missing or be that of another version. */
__asm__(".pushsection .rodata\n"
        ".global api_node_openapi_begin\n"
        "api_node_openapi_begin:\n"
        ".incbin \"deploy/openapi.json\"\n"
        ".global api_node_openapi_end\n"
        "api_node_openapi_end:\n"
        ".byte 0\n"
        ".popsection\n");
extern const uint8_t api_node_openapi_begin[];
extern const uint8_t api_node_openapi_end[];

enum up_err api_node_status(const struct http_request *request, struct http_reply *reply)
{
    Up__NodeStatus *status = NULL;
    enum up_err err = service_status(request->service, request->call, &status);

    if (!err)
        reply->message = &status->base;
    return err;
}

enum up_err api_node_roster(const struct http_request *request, struct http_reply *reply)
{
    ProtobufCMessage *roster = NULL;
    Up__NodeStatus *status = NULL;
    enum up_err err = http_json(request, &up__roster_request__descriptor, &roster);

    if (!err)
        err = service_roster(request->service, request->call, (Up__RosterRequest *)roster, &status);
    if (!err)
        reply->message = &status->base;
    return err;
}

enum up_err api_node_publish(const struct http_request *request, struct http_reply *reply)
{
    Up__SendResult *result = NULL;
    enum up_err err = service_publish_now(request->service, request->call, &result);

    if (!err)
        reply->message = &result->base;
    return err;
}

enum up_err api_node_audit(const struct http_request *request, struct http_reply *reply)
{
    Up__AuditList *list = NULL;
    enum up_err err = service_audit(request->service, request->call, &list);

    if (!err)
        reply->message = &list->base;
    return err;
}

enum up_err api_node_openapi(const struct http_request *request, struct http_reply *reply)
{
    (void)request;
    reply->text =
        up_view_of(api_node_openapi_begin, (size_t)(api_node_openapi_end - api_node_openapi_begin));
    return UP_OK;
}
