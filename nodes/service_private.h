/* SPDX-License-Identifier: MIT
 * What the node's services share; for nodes/service*.c, nodes/courier.c and nodes/main.c only. */
#ifndef NODES_SERVICE_PRIVATE_H
#define NODES_SERVICE_PRIVATE_H

#include "nodes/disclosure/disclose.h"
#include "nodes/disclosure/entitlement.h"
#include "nodes/exchange/exchange.h"
#include "nodes/service.h"
#include "nodes/store/nodestore.h"
#include "presets.pb-c.h"

/* States of a NODESTORE_SENT row: what a member was told. Never renumbered. */
enum sent_state {
    SENT_STORED = 1,
    SENT_ACCEPTED = 2,
    SENT_DELIVERED = 3,
    SENT_SEEN = 4,
    SENT_RECORDED = 5,
    SENT_REFUSED = 6,
    SENT_CANT = 7,
    SENT_NOT_SHARED = 8,
    SENT_HELD = 9,
    SENT_RELEASED = 10,
    SENT_COUNTED = 11,
    SENT_POOLED = 12, /* counted for a release; in none yet, or another publisher's to know */
    SENT_NO_AGREEMENT = 15, /* the person agreed, and no agreement carries it: asked again at the next send */
};
/* Bytes of a report: what is shared of it fits an envelope, with what the node adds. */
enum { SERVICE_REPORT_LEN_MAX = 250 * 1024 };
enum report_state { REPORT_SAVED = 1, REPORT_SENT = 2 };
enum received_state { RECEIVED_NEW = 1, RECEIVED_EXPORTED = 2 };
enum outbox_state { OUTBOX_WAITING = 1, OUTBOX_ACCEPTED = 2, OUTBOX_CANT = 3 };
/* owner of an outbox row that is a receipt or refusal */
#define OUTBOX_ANSWER "answer"
/* and of what goes out in groups */
#define OUTBOX_RELEASE "release"
#define OUTBOX_STATISTICS "statistics"
#define OUTBOX_POOLED "pooled"
#define OUTBOX_ATTACHMENT "attachment"
#define OUTBOX_ACTION "action"

struct service {
    struct nodestore *store;
    struct exchange *exchange;
    struct areas *areas;
    struct codes *codes;
    struct roster *roster;
    const struct keyfile *keys;
    const struct entitlement *ceilings; /* this node's own, by enum role */
    const struct entitlement_limit *member_ceilings; /* and by member */
    size_t member_ceiling_count;
    const Up__PresetBases *bases; /* what presets rely on, from the information-governance lead; NULL: not set up here */
    char watched[11]; /* the day on which alarms about agreements were logged last */
    char member[UP_MEMBER_LEN_MAX + 1];
    const char *roster_path;
    const char *clean_program; /* makes files anew (base/clean.h) */
    struct digest stewards;
    struct arena *scratch; /* of one call; reset by service_begin */
    bool want;             /* the outbox grew: the courier should look */
    bool roster_changed;   /* the courier should tell the exchange, then drop roster_old */
    struct roster *roster_old;
    uint64_t refused;      /* messages and envelopes that were turned down here */
    bool clocks_apart;     /* this machine's and the broker's */
    const char *trouble;   /* the last fixed word about the connection; NULL: none */
};

/* service_begin: the role is checked, the scratch arena is emptied, a transaction is open. service_end: commit, or
 * take all back; what went wrong is told in why. service_may: the role alone. */
UP_CHECKED enum up_err service_may(const struct service_call *call, unsigned roles);
UP_CHECKED enum up_err service_begin(struct service *service, const struct service_call *call,
                                     unsigned roles);
UP_CHECKED enum up_err service_end(struct service *service, const struct service_call *call,
                                   enum up_err err);
/* service_page_end: number of the first entry of a list that is not asked for any more. */
size_t service_page_end(const struct service_call *call);
/* service_list_end: one that has no room in the reply can be had in pages. */
UP_CHECKED enum up_err service_list_end(const struct service_call *call, enum up_err err);
/* service_audit_add: inside a transaction. */
UP_CHECKED enum up_err service_audit_add(struct service *service, const char *person,
                                         const char *action, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* service_text: a copy in the arena; NULL past its budget. */
char *service_text(struct arena *arena, const char *text);
/* service_today: "YYYY-MM-DD", Europe/London. */
void service_today(char ret_today[static 11]);
const Up__Member *service_self(const struct service *service);
/* service_new_ref: "7F3K-9QTM"; no letter or digit that is easily taken for another. */
void service_new_ref(char ret_ref[static 10]);
/* service_use_roster: write it to its place, remember its version, put it in force. Inside a transaction. Takes
 * ownership of next on UP_OK. */
UP_CHECKED enum up_err service_use_roster(struct service *service, struct roster *next,
                                          const char *person, struct up_why *why);

/* One report as this node holds it, and what each member may get of it (service_reports.c). */
struct told {
    const Up__Member *member;
    struct verdict verdict;
    bool wide_only; /* outside its area: only in figures of the whole police area */
    const char *unsent; /* reference in hex of its row, when no agreement carried it before; NULL: no row */
    bool received; /* it was not taken here: what came with it says what may be passed on */
};
/* service_report_stored: as it lies in the store. UP_NOT_FOUND with a sentence in why. */
struct stored_report {
    struct nodestore_row row;
    Up__Report *report; /* its incident is there */
};
UP_CHECKED enum up_err service_report_stored(struct service *service, const char *ref,
                                             struct arena *arena, struct stored_report *ret_stored,
                                             struct up_why *why);
/* service_report_load: the same, for whatever shows or shares it. An account that does not belong to the narrative as it
 * stands is left out; its account_digest stays and says that there was one. */
UP_CHECKED enum up_err service_report_load(struct service *service, const char *ref,
                                           struct arena *arena, Up__Report **ret_report,
                                           struct up_why *why);
/* service_account_digest: what binds an account to a narrative, in hex. */
void service_account_digest(const char *narrative, char ret_text[static 65]);
/* service_account_settle: leaves out an account that was approved for another narrative (service_account.c). */
void service_account_settle(Up__Report *report);
/* service_decide: the one decision for a report of this node and a member. service_inputs: all that it decides from;
 * today is room of the caller's, which must outlive them. */
void service_inputs(const struct service *service, const Up__Report *report,
                    const Up__Member *member, char today[static 11],
                    struct entitlement_inputs *ret_inputs);
/* service_decide_wide: the same, for rows of a whole police area. service_told: what the member is told: the first, or
 * the second where it happened outside the member's area. */
struct verdict service_decide_wide(const struct service *service, const Up__Report *report,
                                   const Up__Member *member);
struct told service_told(const struct service *service, const Up__Report *report,
                         const Up__Member *member);
/* service_publisher: who publishes such a report for that audience: NULL: this node itself. false: nobody may. */
bool service_publisher(const struct service *service, const Up__Report *report,
                       const Up__Member *audience, const char **ret_member);
/* service_publishes: do the agreements of that sender with that audience name this node for the cell's area?
 * service_may_publish: does any agreement of this node allow the audience releases (or statistics) of the police area? */
bool service_publishes(const struct service *service, const Up__Member *sender,
                       const Up__Member *audience, const Up__Cell *cell);
bool service_may_publish(const struct service *service, const Up__Member *audience,
                         const char *police_area, bool statistics);
/* service_decide: the one decision for a report of this node and a member, for preview, send and leave.
 * service_decide_chosen: without the overrides; for figures, and for what may be passed on. */
struct verdict service_decide_chosen(const struct service *service, const Up__Report *report,
                                     const Up__Member *member);
struct verdict service_decide(const struct service *service, const Up__Report *report,
                              const Up__Member *member);
/* service_disclose: what the member may see of it, with what it may pass on of that (service_forward.c); for preview and
 * send alike. */
UP_CHECKED enum up_err service_disclose(const struct service *service, const Up__Report *report,
                                        const struct told *told, struct arena *arena,
                                        Up__Incident **ret_disclosure);
/* service_sent_put: the row of what a member was told of a report or of what was received, or why nothing. */
UP_CHECKED enum up_err service_sent_put(struct service *service, const char *ref,
                                        const char *reference, const struct told *told,
                                        enum sent_state state);
/* service_decide_received: the one decision for what was received and a member. */
struct verdict service_decide_received(const struct service *service, const Up__Incident *incident,
                                       const Up__Member *member);
/* service_override_raise: what an override in force makes of the verdict; ret_override, in the scratch arena, is the one
 * that did. NULL and unchanged where none does, or none can be read. */
struct verdict service_override_raise(const struct service *service, const Up__Report *report,
                                      const struct told *told, Up__Override **ret_override);
/* service_override_status: how many wait for their review, and until when. service_override_line: into the line of what
 * was sent under one. */
UP_CHECKED enum up_err service_override_status(struct service *service, struct arena *arena,
                                               Up__NodeStatus *status);
UP_CHECKED enum up_err service_override_line(struct service *service,
                                             const struct nodestore_row *row, struct arena *arena,
                                             Up__SentLine *line);
/* service_tell: queue, hold or note what one member is told of a report. */
UP_CHECKED enum up_err service_tell(struct service *service, const char *person,
                                    const Up__Report *report, const struct told *told,
                                    Up__SendResult *result);
/* service_recipient_preview: what the member would get. */
UP_CHECKED enum up_err service_recipient_preview(const struct service *service,
                                                 const Up__Report *report, const struct told *told,
                                                 struct arena *arena,
                                                 Up__RecipientPreview **ret_to);
/* service_forwarded: a recipient tells whom it told; inside a transaction. */
UP_CHECKED enum up_err service_forwarded(struct service *service,
                                         const struct exchange_message *message);
/* service_report_send: queue, hold or note for each member; a member that was told already is passed over. */
UP_CHECKED enum up_err service_report_send(struct service *service, const char *person,
                                           const char *ref, Up__SendResult *result,
                                           struct up_why *why);
/* service_report_check_in: the checks of intake; victim and account bound to what they belong to. */
UP_CHECKED enum up_err service_report_put(struct service *service, const struct service_call *call,
                                          const Up__Report *report, const char *import_id,
                                          char ret_ref[static 10]);
/* service_may_leave: does the outbox row still stand within what may be told now? (disclosure.md 6) Releases and
 * statistics: within what is agreed now. */
UP_CHECKED enum up_err service_may_leave(struct service *service, const struct nodestore_row *row,
                                         bool *ret_may);
/* service_put_outbox: a packed message into the outbox. */
struct service_letter {
    const char *member; /* to whom */
    const char *owner;  /* reference in hex, "" or one of OUTBOX_ANSWER, _RELEASE, _STATISTICS */
    struct message_id id;
    struct up_view message;
    bool urgent;
};
UP_CHECKED enum up_err service_put_outbox(struct service *service,
                                          const struct service_letter *letter);
/* service_queue: pack, give it an id, put it into the outbox. */
UP_CHECKED enum up_err service_queue(struct service *service, const char *member, const char *owner,
                                     Up__Message *message, bool urgent);
/* service_prekeys_read: those in the store that the directory's key of this node signed, at most
 * UP_PREKEYS_PER_MEMBER_MAX, secrets included: the caller wipes. service_prekeys_renew: destroy what is dead, make what
 * is missing of eight weeks ahead of this clock; inside a transaction. */
UP_CHECKED enum up_err service_prekeys_read(struct service *service,
                                            struct exchange_prekey *ret_list, size_t *ret_count);
UP_CHECKED enum up_err service_prekeys_renew(struct service *service,
                                             const struct exchange_prekey *list, size_t count);
/* service_publish: what is held is counted, for all months that are past; then what this node publishes is closed.
 * service_publish_due: has a month ended since the last time? In a transaction of its own. The clock must have been
 * compared. */
UP_CHECKED enum up_err service_publish(struct service *service, const char *person,
                                       Up__SendResult *result);
UP_CHECKED enum up_err service_publish_due(struct service *service, const char *today);
/* The publisher's side (service_pool.c); inside a transaction. service_pool_merge: numbers of an originator into the
 * ledgers; service_pool_receive: those that another member sent, if they are agreed and well formed; service_pool_close:
 * a new revision to each audience for which something changed. */
UP_CHECKED enum up_err service_pool_merge(struct service *service, const char *originator,
                                          const Up__PooledCounts *counts);
UP_CHECKED enum up_err service_pool_receive(struct service *service,
                                            const struct exchange_message *message);
UP_CHECKED enum up_err service_pool_close(struct service *service, const char *person,
                                          Up__SendResult *result);
/* What presets rely on (service_bases.c). service_bases_parse: from JSON, in the arena; a misspelt key or an unknown code
 * is an error that why names. service_bases_stamp: a copy of the choice with the lead's basis and condition for each
 * preset, and none where the lead named none, whatever stood there. */
UP_CHECKED enum up_err service_bases_parse(struct up_view json, struct arena *arena,
                                           Up__PresetBases **ret_bases, struct up_why *why);
UP_CHECKED enum up_err service_bases_stamp(const struct service *service,
                                           const Up__SharingChoice *choice, struct arena *arena,
                                           Up__SharingChoice **ret_choice);
/* Sharing agreements (service_agreements.c). service_agreement_notice: a party suspended one, or lets it go on; inside a
 * transaction. service_agreements_apply_to: write the notices that are in the store into a directory; before it
 * is put in force. */
UP_CHECKED enum up_err service_agreement_notice(struct service *service,
                                                const struct exchange_message *message);
UP_CHECKED enum up_err service_agreements_apply_to(struct service *service, struct roster *roster);
/* service_agreement_alarms: what a person should see to, a sentence each, in the arena. */
UP_CHECKED enum up_err service_agreement_alarms(const struct service *service, struct arena *arena,
                                                char ***ret_list, size_t *ret_count);
/* service_agreements_watch: those alarms into the log, once a day. */
void service_agreements_watch(struct service *service);
/* Attachments (service_attachments.c). service_attachments_queue: the chunks of what is listed in a disclosure; peer:
 * whoever they came from, "" where they were taken here; UP_NOT_FOUND: they have not all come yet. service_attachment_arrived: how many chunks are here, whole.
 * service_attachments_expected: a report of that sender came, so chunks that came before it are none too many. */
UP_CHECKED enum up_err service_attachments_queue(struct service *service,
                                                 const Up__Incident *disclosure, const char *member,
                                                 const struct reference *reference,
                                                 const char *peer);
UP_CHECKED enum up_err service_attachment_arrived(struct service *service,
                                                  const Up__Attachment *attachment,
                                                  const char *peer, uint32_t *ret_count);
UP_CHECKED enum up_err service_attachments_expected(struct service *service, const char *sender,
                                                    const Up__Incident *incident);
UP_CHECKED enum up_err service_attachment_receive(struct service *service,
                                                  const struct exchange_message *message);
/* Action items (service_actions.c). service_item_load: what was received, UP_NOT_FOUND with a sentence. */
UP_CHECKED enum up_err service_action_may_leave(struct service *service,
                                                const struct nodestore_row *row,
                                                const Up__Member *member, bool *ret_may);
UP_CHECKED enum up_err service_done_receive(struct service *service,
                                            const struct exchange_message *message);
UP_CHECKED enum up_err service_item_load(struct service *service, const struct service_call *call,
                                         const char *ref, struct nodestore_row *ret_row,
                                         Up__InboxItem **ret_item);
/* service_attachments_sweep: forget chunks whose report can't be under way any more. Inside a transaction; empties the
 * scratch arena. */
UP_CHECKED enum up_err service_attachments_sweep(struct service *service, int64_t now_s);
/* service_received_find: the incident that a sender sent under a reference, in the scratch arena. UP_NOT_FOUND.
 * service_incident_held: of a report taken here, or of what was received, in the call's arena; ret_peer: its sender, ""
 * where it was taken here. UP_NOT_FOUND with a sentence. */
UP_CHECKED enum up_err service_received_find(struct service *service, const char *sender,
                                             const uint8_t reference[static 16],
                                             const Up__Incident **ret_incident);
UP_CHECKED enum up_err service_incident_held(struct service *service,
                                             const struct service_call *call, const char *ref,
                                             const Up__Incident **ret_incident,
                                             const char **ret_peer);
/* What came (service_inbox.c); inside a transaction. */
UP_CHECKED enum up_err service_keep(struct service *service, const struct exchange_message *message);
UP_CHECKED enum up_err service_status_update(struct service *service,
                                             const struct exchange_message *message);

#endif
