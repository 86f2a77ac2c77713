/* SPDX-License-Identifier: MIT
 * What a node can be asked by its operators: one function per resource of the local API. Each writes the audit
 * log before it answers. Runs in the node's one loop thread; nothing here blocks on the network.
 * Replies live in the caller's arena. Times are Europe/London text. */
#ifndef NODES_SERVICE_H
#define NODES_SERVICE_H

#include <stdbool.h>

#include "api.pb-c.h"
#include "upstander/err.h"
#include "upstander/message.h"

struct service;

/* Roles of an operator (architecture.md 6 "Everybody has a name"). */
enum operator_role {
    OPERATOR_TAKE_REPORTS = 1,
    OPERATOR_APPROVE = 2,
    OPERATOR_OVERRIDE = 4,
    OPERATOR_KEYS = 8,
    OPERATOR_READ_ONLY = 16,
    OPERATOR_AUDIT = 32,
};
struct operator_identity {
    char name[64];
    unsigned roles; /* union of enum operator_role */
    unsigned uid;   /* of the process that asks */
};

/* Who asks, and where the reply goes. */
struct service_call {
    const struct operator_identity *operator;
    struct arena *arena;
    struct up_why *why; /* filled on error: what is wrong and what to do */
    /* Of a list only the entries from offset on are asked for, limit of them (0: all). Those before may be NULL in the
     * reply, those behind may be left out: its caller cuts it. */
    size_t offset;
    size_t limit;
};

/* Durable when they return UP_OK. UP_NOT_PERMITTED when the operator lacks the role, UP_NOT_FOUND, UP_INVALID,
 * UP_IO, UP_NO_MEMORY as usual. */
UP_CHECKED enum up_err service_report_add(struct service *service, const struct service_call *call,
                                          const Up__Report *report, Up__ReportRef **ret_reply);
UP_CHECKED enum up_err service_report_list(struct service *service, const struct service_call *call,
                                           Up__ReportList **ret_reply);
UP_CHECKED enum up_err service_report_show(struct service *service, const struct service_call *call,
                                           const char *ref, Up__Report **ret_reply);
/* A draft for sharing, and what was approved so far (disclosure.md 8). */
UP_CHECKED enum up_err service_account(struct service *service, const struct service_call *call,
                                       const char *ref, Up__AccountDraft **ret_reply);
/* Binds a text to the narrative that the person saw: UP_INVALID when it is another by now. */
UP_CHECKED enum up_err service_account_approve(struct service *service,
                                               const struct service_call *call, const char *ref,
                                               const Up__AccountApproval *approval,
                                               Up__AccountDraft **ret_reply);
/* Preview and send call the same decision and disclosure functions. */
UP_CHECKED enum up_err service_preview(struct service *service, const struct service_call *call,
                                       const char *ref, Up__Preview **ret_reply);
/* Sending twice queues nothing the second time. */
UP_CHECKED enum up_err service_send(struct service *service, const struct service_call *call,
                                    const char *ref, Up__SendResult **ret_reply);
UP_CHECKED enum up_err service_import(struct service *service, const struct service_call *call,
                                      const Up__ImportRequest *request, Up__ImportResult **ret_reply);
UP_CHECKED enum up_err service_import_preview(struct service *service, const struct service_call *call,
                                              const char *import_id, Up__ImportPreview **ret_reply);
/* Sends each report of the import, then closes all past windows: releases and statistics. */
UP_CHECKED enum up_err service_import_send(struct service *service, const struct service_call *call,
                                           const char *import_id, Up__SendResult **ret_reply);
/* ref NULL: all that is not of an import. import_id may select one import instead. */
UP_CHECKED enum up_err service_sent(struct service *service, const struct service_call *call,
                                    const char *ref, const char *import_id, Up__SentList **ret_reply);
/* What is held is counted for all months that are past, and what this node publishes is closed and sent. */
UP_CHECKED enum up_err service_publish_now(struct service *service, const struct service_call *call,
                                           Up__SendResult **ret_reply);
/* Action items: written, shown with whom they go to and what in them looks like somebody's data, approved and sent at
 * once; and a council's answer. */
UP_CHECKED enum up_err service_action_add(struct service *service, const struct service_call *call,
                                          const Up__ActionItem *item, Up__Action **ret_reply);
UP_CHECKED enum up_err service_action_list(struct service *service, const struct service_call *call,
                                           Up__ActionList **ret_reply);
UP_CHECKED enum up_err service_action_show(struct service *service, const struct service_call *call,
                                           const char *ref, Up__Action **ret_reply);
UP_CHECKED enum up_err service_action_approve(struct service *service,
                                              const struct service_call *call, const char *ref,
                                              Up__Action **ret_reply);
UP_CHECKED enum up_err service_done(struct service *service, const struct service_call *call,
                                    const char *ref, const Up__Done *done,
                                    Up__InboxLine **ret_reply);
/* A file made anew, then kept with a report that was not sent yet; blocks up to UP_ATTACHMENT_CLEAN_MS. The reply lives in
 * the call's arena. service_attachment: one of a report taken here or received, whole or not at all; number from 1; the
 * caller owns ret_file. */
UP_CHECKED enum up_err service_attach(struct service *service, const struct service_call *call,
                                      const char *ref, struct up_view file,
                                      Up__Attachment **ret_reply);
struct service_attachment_of {
    const char *ref;
    unsigned number;
};
UP_CHECKED enum up_err service_attachment(struct service *service, const struct service_call *call,
                                          const struct service_attachment_of *of,
                                          struct up_bytes *ret_file);
UP_CHECKED enum up_err service_inbox(struct service *service, const struct service_call *call,
                                     Up__InboxList **ret_reply);
UP_CHECKED enum up_err service_inbox_show(struct service *service, const struct service_call *call,
                                          const char *ref, Up__InboxItem **ret_reply);
/* Sends received/recorded back to the originator; only a police member. */
UP_CHECKED enum up_err service_recorded(struct service *service, const struct service_call *call,
                                        const char *ref, const Up__RecordedRequest *request,
                                        Up__InboxLine **ret_reply);
/* To one more organisation, from what was received and within the terms that it came with; its source is told. UP_INVALID
 * with a sentence where less than a message of its own is left for them. A second time queues nothing.
 * service_forward_preview: what they would get; nothing leaves. */
UP_CHECKED enum up_err service_forward(struct service *service, const struct service_call *call,
                                       const char *ref, const Up__ForwardRequest *request,
                                       Up__SendResult **ret_reply);
UP_CHECKED enum up_err service_forward_preview(struct service *service,
                                               const struct service_call *call, const char *ref,
                                               const char *member,
                                               Up__Preview **ret_reply);
/* Safeguarding overrides (service_override.c); all need the role "override". service_override: proposes one; alone: puts
 * it in force and sends. _approve: a second person, with another name and another uid; sends. _review: somebody else than
 * who acted alone. A member that the person excluded by name: UP_INVALID with a warning the first time, whatever the
 * request says. */
UP_CHECKED enum up_err service_override(struct service *service, const struct service_call *call,
                                        const char *ref, const Up__OverrideRequest *request,
                                        Up__Override **ret_reply);
UP_CHECKED enum up_err service_override_list(struct service *service,
                                             const struct service_call *call,
                                             Up__OverrideList **ret_reply);
UP_CHECKED enum up_err service_override_approve(struct service *service,
                                                const struct service_call *call, const char *id,
                                                Up__Override **ret_reply);
UP_CHECKED enum up_err service_override_review(struct service *service,
                                               const struct service_call *call, const char *id,
                                               const Up__OverrideReview *request,
                                               Up__Override **ret_reply);
UP_CHECKED enum up_err service_export(struct service *service, const struct service_call *call,
                                      Up__ExportBatch **ret_reply);
UP_CHECKED enum up_err service_export_done(struct service *service, const struct service_call *call,
                                           const Up__ExportDone *done, Up__ExportDone **ret_reply);
UP_CHECKED enum up_err service_status(struct service *service, const struct service_call *call,
                                      Up__NodeStatus **ret_reply);
UP_CHECKED enum up_err service_roster(struct service *service, const struct service_call *call,
                                      const Up__RosterRequest *request, Up__NodeStatus **ret_reply);
UP_CHECKED enum up_err service_agreements(struct service *service, const struct service_call *call,
                                          Up__AgreementList **ret_reply);
/* Stops what goes under an agreement to and from this organisation, at once, and tells the other parties; suspended
 * false: takes back what this organisation itself stopped. */
UP_CHECKED enum up_err service_agreement_suspend(struct service *service,
                                                 const struct service_call *call, const char *id,
                                                 bool suspended, Up__AgreementList **ret_reply);
UP_CHECKED enum up_err service_audit(struct service *service, const struct service_call *call,
                                     Up__AuditList **ret_reply);

/* Why each member of the federation got, or will get, what it did of a report taken here, and what would have to differ;
 * of a report that was received: what may be passed on to whom. member NULL: all of the directory but this node's. */
UP_CHECKED enum up_err service_explain(struct service *service, const struct service_call *call,
                                       const char *ref, const char *member,
                                       Up__Explanation **ret_reply);

#endif
