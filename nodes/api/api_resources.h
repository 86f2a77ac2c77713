/* SPDX-License-Identifier: MIT
 * The handlers that the route table names; each of shape http_handler. Used inside nodes/api only.
 */
#ifndef NODES_API_API_RESOURCES_H
#define NODES_API_API_RESOURCES_H

#include "nodes/api/http.h"

enum up_err api_reports_add(const struct http_request *request, struct http_reply *reply);
enum up_err api_reports_list(const struct http_request *request, struct http_reply *reply);
enum up_err api_reports_show(const struct http_request *request, struct http_reply *reply);
enum up_err api_reports_preview(const struct http_request *request, struct http_reply *reply);
enum up_err api_reports_send(const struct http_request *request, struct http_reply *reply);
enum up_err api_reports_sent(const struct http_request *request, struct http_reply *reply);

enum up_err api_account_show(const struct http_request *request, struct http_reply *reply);
enum up_err api_account_approve(const struct http_request *request, struct http_reply *reply);

enum up_err api_actions_add(const struct http_request *request, struct http_reply *reply);
enum up_err api_actions_list(const struct http_request *request, struct http_reply *reply);
enum up_err api_actions_show(const struct http_request *request, struct http_reply *reply);
enum up_err api_actions_approve(const struct http_request *request, struct http_reply *reply);
enum up_err api_actions_done(const struct http_request *request, struct http_reply *reply);

enum up_err api_attachments_add(const struct http_request *request, struct http_reply *reply);
enum up_err api_attachments_show(const struct http_request *request, struct http_reply *reply);

enum up_err api_imports_add(const struct http_request *request, struct http_reply *reply);
enum up_err api_imports_preview(const struct http_request *request, struct http_reply *reply);
enum up_err api_imports_send(const struct http_request *request, struct http_reply *reply);

enum up_err api_inbox_list(const struct http_request *request, struct http_reply *reply);
enum up_err api_inbox_show(const struct http_request *request, struct http_reply *reply);
enum up_err api_inbox_recorded(const struct http_request *request, struct http_reply *reply);
enum up_err api_inbox_export(const struct http_request *request, struct http_reply *reply);
enum up_err api_inbox_export_done(const struct http_request *request, struct http_reply *reply);

enum up_err api_agreements_list(const struct http_request *request, struct http_reply *reply);
enum up_err api_agreements_suspend(const struct http_request *request, struct http_reply *reply);
enum up_err api_agreements_resume(const struct http_request *request, struct http_reply *reply);

enum up_err api_forward_preview(const struct http_request *request, struct http_reply *reply);
enum up_err api_forward_send(const struct http_request *request, struct http_reply *reply);

enum up_err api_override_add(const struct http_request *request, struct http_reply *reply);
enum up_err api_override_list(const struct http_request *request, struct http_reply *reply);
enum up_err api_override_approve(const struct http_request *request, struct http_reply *reply);
enum up_err api_override_review(const struct http_request *request, struct http_reply *reply);

enum up_err api_node_status(const struct http_request *request, struct http_reply *reply);
enum up_err api_node_roster(const struct http_request *request, struct http_reply *reply);
enum up_err api_node_publish(const struct http_request *request, struct http_reply *reply);
enum up_err api_node_audit(const struct http_request *request, struct http_reply *reply);
enum up_err api_node_openapi(const struct http_request *request, struct http_reply *reply);

enum up_err api_explain(const struct http_request *request, struct http_reply *reply);

#endif
