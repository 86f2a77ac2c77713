/* SPDX-License-Identifier: MIT */
/* rooms: node intake store exchange link disclosure base proto */
/* A charity's node without a network: what it passes on of what it received, what it is told of that by others, and
 * safeguarding overrides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "nodes/service_private.h"
#include "tests/lib/federation.h"
#include "tests/lib/incident_gen.h"
#include "upstander/limits.h"

static const char force[] = "a-force";
static const char council[] = "c-council";
static const char governance[] = "d-governance";

static char folder[64];
static struct federation federation;
static struct service node;
static struct arena *arena; /* of the test; keeps replies */
static struct up_why why;
static const struct operator_identity clerk = {
    .name = "clerk", .roles = OPERATOR_TAKE_REPORTS | OPERATOR_OVERRIDE, .uid = 7};
static const struct operator_identity second = {
    .name = "second", .roles = OPERATOR_OVERRIDE, .uid = 8};
static const struct service_call by_clerk_form = {.operator= & clerk, .why = &why};
static const struct service_call by_second_form = {.operator= & second, .why = &why};

static struct service_call by(const struct service_call *form)
{
    struct service_call call = *form;

    call.arena = arena;
    why.text[0] = '\0';
    return call;
}

static char *copy(const char *text)
{
    return arena_text(arena, up_view_of(text, strlen(text)));
}

/* --- the federation --------------------------------------------------------------------------------- */

static struct roster *roster_with(bool suspended)
{
    static const struct {
        Up__Role__Code to;
        Up__Entitlement__Level level;
    } terms[] = {{UP__ROLE__CODE__POLICE, UP__ENTITLEMENT__LEVEL__IDENTIFIED},
                 {UP__ROLE__CODE__COUNCIL, UP__ENTITLEMENT__LEVEL__PSEUDONYMISED},
                 {UP__ROLE__CODE__GOVERNANCE, UP__ENTITLEMENT__LEVEL__COUNTED}};
    static char areas[2][10] = {"E23000021", "E23000022"};
    static char from[] = "2024-01-01";
    static char ids[3][8] = {"police", "council", "gov"};
    char *area_list[2] = {areas[0], areas[1]};
    struct up_bytes bytes = federation_signed(&federation, 0);
    Up__Agreement agreements[3];
    Up__Agreement *list[3];
    Up__Entitlement ceilings[3];
    Up__Roster *content = NULL;
    struct digest pinned;
    struct roster *roster = NULL;

    assert_int_equal(roster_peek(up_bytes_view(&bytes), arena, &content), UP_OK);
    for (int i = 0; i < 3; i++) {
        up__agreement__init(&agreements[i]);
        up__entitlement__init(&ceilings[i]);
        ceilings[i].level = terms[i].level;
        agreements[i].from_role = UP__ROLE__CODE__CHARITY;
        agreements[i].to_role = terms[i].to;
        agreements[i].areas = area_list;
        agreements[i].n_areas = 2;
        agreements[i].ceiling = &ceilings[i];
        agreements[i].valid_from = from;
        agreements[i].id = ids[i];
        agreements[i].k = 5;
        agreements[i].suspended = suspended;
        list[i] = &agreements[i];
    }
    content->agreements = list;
    content->n_agreements = 3;
    federation_agree(&federation, content, 0, arena);
    roster_stewards_digest(content, &pinned);
    up_bytes_wipe(&bytes);
    assert_int_equal(roster_pack(content, &bytes), UP_OK);
    for (int i = 0; i < 2; i++) {
        struct up_bytes next = {0};

        assert_int_equal(
            roster_sign(up_bytes_view(&bytes), &federation.stewards[i].identity_secret, &next),
            UP_OK);
        up_bytes_wipe(&bytes);
        bytes = next;
    }
    assert_int_equal(roster_open(up_bytes_view(&bytes), NULL, &pinned, &roster), UP_OK);
    up_bytes_wipe(&bytes);
    return roster;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/upstander-test-XXXXXX");
    if (keys_init() || !mkdtemp(folder) || arena_new(UP_ARENA_LEN_MAX, &arena))
        return -1;
    federation_init(&federation, 1700000000);
    federation.expires_at_s = 4000000000;
    memset(&node, 0, sizeof node);
    node.areas = gen_areas();
    node.roster = roster_with(false);
    node.keys = &federation.members[1];
    strcpy(node.member, federation_names[1]);
    return arena_new(UP_ARENA_LEN_MAX, &node.scratch) ||
                   nodestore_open(folder, &federation.members[1].store, &node.store, &why)
               ? -1
               : 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"data.db", "data.db-wal",     "data.db-shm",
                                        "keys.db", "keys.db-journal", "lock"};
    char path[128];

    (void)state;
    nodestore_close(&node.store);
    arena_destroy(&node.scratch);
    arena_destroy(&arena);
    roster_destroy(&node.roster);
    areas_destroy(&node.areas);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

/* --- what is there ---------------------------------------------------------------------------------- */

static size_t rows_of(enum nodestore_kind kind, const char *owner, struct nodestore_row **ret_rows)
{
    struct nodestore_query query = {.kind = kind, .owner = owner};
    size_t count = 0;

    assert_int_equal(nodestore_list(node.store, &query, arena, ret_rows, &count), UP_OK);
    return count;
}

static const Up__Message *waiting(size_t at)
{
    struct nodestore_row *rows = NULL;
    ProtobufCMessage *message = NULL;

    assert_true(at < rows_of(NODESTORE_OUTBOX, NULL, &rows));
    assert_int_equal(message_unpack(&up__message__descriptor, rows[at].body, arena, &message),
                     UP_OK);
    return (const Up__Message *)message;
}

static bool may_leave(size_t at)
{
    struct nodestore_row *rows = NULL;
    bool may = false;

    assert_true(at < rows_of(NODESTORE_OUTBOX, NULL, &rows));
    arena_reset(node.scratch);
    assert_int_equal(service_may_leave(&node, &rows[at], &may), UP_OK);
    return may;
}

static uint64_t audit_number(const char *action)
{
    struct nodestore_audit *entries = NULL;
    size_t count = 0;

    assert_int_equal(nodestore_audit_list(node.store,
                                          (struct nodestore_span){.after = 0, .limit = 1000}, arena,
                                          &entries, &count),
                     UP_OK);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(entries[i].action, action) == 0)
            return entries[i].number;
    }
    return 0;
}

/* A report that police and councils may see so much of. */
static void taken(Up__Entitlement__Level level, const char *excluded, char ret_ref[static 10])
{
    struct service_call call = by(&by_clerk_form);
    Up__Report report = UP__REPORT__INIT;
    Up__Incident incident = UP__INCIDENT__INIT;
    Up__Strand strand = UP__STRAND__INIT;
    Up__Strand *strands[1] = {&strand};
    Up__Identity identity = UP__IDENTITY__INIT;
    Up__Place place = UP__PLACE__INIT;
    Up__SharingChoice choice = UP__SHARING_CHOICE__INIT;
    Up__Entitlement entitlement = UP__ENTITLEMENT__INIT;
    Up__Entitlement nothing = UP__ENTITLEMENT__INIT;
    Up__RoleChoice asked[2];
    Up__RoleChoice *list[2];
    Up__MemberChoice member = UP__MEMBER_CHOICE__INIT;
    Up__MemberChoice *members[1] = {&member};
    Up__ReportRef *reply = NULL;

    strand.code = UP__STRAND__CODE__RELIGION;
    incident.strands = strands;
    incident.n_strands = 1;
    incident.reported_at = copy("2024-05-03");
    place.local_authority = copy("E06000016");
    incident.place = &place;
    identity.name = copy("Example Person");
    incident.identity = &identity;
    report.incident = &incident;
    entitlement.level = level;
    for (int i = 0; i < 2; i++) {
        up__role_choice__init(&asked[i]);
        asked[i].role = i == 0 ? UP__ROLE__CODE__POLICE : UP__ROLE__CODE__COUNCIL;
        asked[i].entitlement = &entitlement;
        list[i] = &asked[i];
    }
    choice.roles = list;
    choice.n_roles = 2;
    nothing.level = UP__ENTITLEMENT__LEVEL__WITHHELD;
    member.entitlement = &nothing;
    if (excluded) {
        member.member = copy(excluded);
        choice.members = members;
        choice.n_members = 1;
    }
    report.choice = &choice;
    if (service_report_add(&node, &call, &report, &reply))
        fail_msg("%s", why.text);
    strcpy(ret_ref, reply->ref);
}

static const Up__SentLine *sent_line(const char *ref, const char *member,
                                     struct nodestore_row *ret_row)
{
    struct nodestore_row *rows = NULL;
    ProtobufCMessage *line = NULL;
    size_t count = rows_of(NODESTORE_SENT, ref, &rows);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].peer, member) != 0)
            continue;
        assert_int_equal(message_unpack(&up__sent_line__descriptor, rows[i].body, arena, &line),
                         UP_OK);
        *ret_row = rows[i];
        return (const Up__SentLine *)line;
    }
    return NULL;
}

/* --- forwarding ------------------------------------------------------------------------------------- */

enum { MARK = 0x5a };

/* A force sent an incident that a council and, if they are named, others may be told of. */
static const char *received(Up__Entitlement__Level ceiling, const char *expires)
{
    Up__Message message = UP__MESSAGE__INIT;
    Up__IncidentDisclosure body = UP__INCIDENT_DISCLOSURE__INIT;
    Up__Incident incident = UP__INCIDENT__INIT;
    Up__Entitlement own = UP__ENTITLEMENT__INIT;
    Up__Entitlement most = UP__ENTITLEMENT__INIT;
    Up__Place place = UP__PLACE__INIT;
    Up__Onward onward = UP__ONWARD__INIT;
    Up__OnwardCeiling ceilings[2];
    Up__OnwardCeiling *list[2] = {&ceilings[0], &ceilings[1]};
    char *permitted[2] = {copy(council), copy(governance)};
    struct exchange_message heard = {.message = &message};
    uint8_t reference[16];
    struct nodestore_row *rows = NULL;
    size_t count = 0;

    memset(reference, MARK, sizeof reference);
    strcpy(heard.sender.text, force);
    own.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    most.level = ceiling;
    place.local_authority = copy("E06000016");
    incident.entitlement = &own;
    incident.contact_rule = UP__CONTACT_RULE__CODE__NONE;
    incident.place = &place;
    for (int i = 0; i < 2; i++) {
        up__onward_ceiling__init(&ceilings[i]);
        ceilings[i].role = i == 0 ? UP__ROLE__CODE__COUNCIL : UP__ROLE__CODE__GOVERNANCE;
        ceilings[i].entitlement = &most;
    }
    onward.ceilings = list;
    onward.n_ceilings = 2;
    onward.permitted_members = permitted;
    onward.n_permitted_members = 2;
    onward.expires = copy(expires);
    incident.onward = &onward;
    body.incident = &incident;
    message.version = 1;
    message.reference = (ProtobufCBinaryData){.len = sizeof reference, .data = reference};
    message.body_case = UP__MESSAGE__BODY_INCIDENT_DISCLOSURE;
    message.incident_disclosure = &body;
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    arena_reset(node.scratch);
    assert_int_equal(service_keep(&node, &heard), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
    count = rows_of(NODESTORE_RECEIVED, NULL, &rows);
    return copy(rows[count - 1].name);
}

static enum up_err forward(const char *ref, const char *member, unsigned *ret_queued)
{
    struct service_call call = by(&by_clerk_form);
    Up__ForwardRequest request = UP__FORWARD_REQUEST__INIT;
    Up__SendResult *result = NULL;
    enum up_err err = UP_OK;

    request.member = copy(member);
    err = service_forward(&node, &call, ref, &request, &result);
    if (!err)
        *ret_queued = result->queued;
    return err;
}

static void it_goes_on_once_and_its_source_is_told(void **state)
{
    const char *ref = received(UP__ENTITLEMENT__LEVEL__PSEUDONYMISED, "");
    struct nodestore_row row;
    unsigned queued = 0;
    uint8_t mark[16];

    (void)state;
    memset(mark, MARK, sizeof mark);
    assert_int_equal(forward(ref, council, &queued), UP_OK);
    assert_int_equal(queued, 1);
    assert_non_null(sent_line(ref, council, &row));
    assert_int_equal(waiting(0)->body_case, UP__MESSAGE__BODY_INCIDENT_DISCLOSURE);
    assert_true(waiting(0)->incident_disclosure->forwarded);
    assert_int_equal(waiting(0)->incident_disclosure->incident->entitlement->level,
                     UP__ENTITLEMENT__LEVEL__PSEUDONYMISED);
    assert_memory_not_equal(waiting(0)->reference.data, mark, 16); /* nobody can join the two */
    assert_int_equal(waiting(1)->body_case, UP__MESSAGE__BODY_FORWARDED);
    assert_memory_equal(waiting(1)->reference.data, mark, 16);
    assert_string_equal(waiting(1)->forwarded->member, council);
    assert_int_equal(waiting(1)->forwarded->role, UP__ROLE__CODE__COUNCIL);
    assert_true(audit_number("forwarded") > 0);
    assert_int_equal(forward(ref, council, &queued), UP_OK);
    assert_int_equal(queued, 0);
    assert_int_equal(nodestore_count(node.store, NODESTORE_OUTBOX, 0), 2);
}

static void what_is_not_allowed_does_not_go_on(void **state)
{
    const char *ref = received(UP__ENTITLEMENT__LEVEL__IDENTIFIED, "");
    unsigned queued = 0;

    (void)state;
    assert_int_equal(forward(ref, governance, &queued), UP_INVALID);
    assert_non_null(strstr(why.text, "publishes it in figures"));
    assert_int_equal(forward(ref, force, &queued), UP_INVALID);
    assert_int_equal(forward(ref, node.member, &queued), UP_INVALID);
    assert_int_equal(forward(ref, "nobody-here", &queued), UP_INVALID);
    assert_int_equal(forward("AAAA-BBBB", council, &queued), UP_NOT_FOUND);
    assert_int_equal(nodestore_count(node.store, NODESTORE_OUTBOX, 0), 0);
}

static void low_ceilings_and_past_months_stop_it(void **state)
{
    unsigned queued = 0;

    (void)state;
    assert_int_equal(
        forward(received(UP__ENTITLEMENT__LEVEL__PSEUDONYMISED, "2024-01"), council, &queued),
        UP_INVALID);
    assert_non_null(strstr(why.text, "has run out"));
    assert_int_equal(nodestore_count(node.store, NODESTORE_OUTBOX, 0), 0);
}

static void it_is_judged_again_before_it_leaves(void **state)
{
    const char *ref = received(UP__ENTITLEMENT__LEVEL__PSEUDONYMISED, "");
    struct roster *agreed = node.roster;
    unsigned queued = 0;

    (void)state;
    assert_int_equal(forward(ref, council, &queued), UP_OK);
    assert_true(may_leave(0));
    node.roster = roster_with(true);
    assert_false(may_leave(0));
    assert_true(may_leave(1)); /* its source is told all the same */
    roster_destroy(&node.roster);
    node.roster = agreed;
    assert_true(may_leave(0));
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    assert_int_equal(nodestore_drop(node.store, NODESTORE_RECEIVED, ref), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
    assert_false(may_leave(0)); /* what is not held any more is not passed on */
}

static void hear(const char *reference, const char *sender, const char *member)
{
    Up__Message message = UP__MESSAGE__INIT;
    Up__Forwarded forwarded = UP__FORWARDED__INIT;
    struct exchange_message heard = {.message = &message};
    uint8_t bytes[16];

    assert_int_equal(ids_unhex(up_view_of(reference, strlen(reference)), bytes), UP_OK);
    strcpy(heard.sender.text, sender);
    message.reference = (ProtobufCBinaryData){.len = sizeof bytes, .data = bytes};
    message.body_case = UP__MESSAGE__BODY_FORWARDED;
    message.forwarded = &forwarded;
    forwarded.member = copy(member);
    forwarded.role = UP__ROLE__CODE__COUNCIL;
    forwarded.level = UP__ENTITLEMENT__LEVEL__PSEUDONYMISED;
    forwarded.at_s = INT64_MAX; /* a clock that is wrong */
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    arena_reset(node.scratch);
    assert_int_equal(service_keep(&node, &heard), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
}

static void only_who_was_told_says_whom_it_told(void **state)
{
    struct service_call call = by(&by_clerk_form);
    const Up__SentLine *line = NULL;
    struct nodestore_row row;
    Up__SendResult *sent = NULL;
    char other[48];
    char ref[10];

    (void)state;
    taken(UP__ENTITLEMENT__LEVEL__IDENTIFIED, NULL, ref);
    assert_int_equal(service_send(&node, &call, ref, &sent), UP_OK);
    assert_non_null(sent_line(ref, force, &row));
    hear(row.name, council, "x-council"); /* not theirs */
    hear("00112233445566778899aabbccddeeff", force, "x-council");
    assert_int_equal(node.refused, 2);
    assert_true(audit_number("forwarded-for-unknown") > 0);
    assert_int_equal(sent_line(ref, force, &row)->n_onward, 0);
    hear(row.name, force, "x-council");
    hear(row.name, force, "x-council");
    line = sent_line(ref, force, &row);
    assert_int_equal(line->n_onward, 1);
    assert_memory_equal(line->onward[0], "council x-council, PSEUDONYMISED, 20", 36);
    for (unsigned i = 1; i < UP_ONWARD_TOLD_MAX + 2;
         i++) { /* it can't be made to grow without end */
        (void)snprintf(other, sizeof other, "council-%u-with-a-long-name", i);
        hear(row.name, force, other);
    }
    assert_int_equal(sent_line(ref, force, &row)->n_onward, UP_ONWARD_TOLD_MAX);
    assert_int_equal(node.refused, 4);
    assert_int_equal(nodestore_count(node.store, NODESTORE_OUTBOX, 0), 2); /* nobody is above it */
}

static void hops_are_told_back_to_where_it_came_from(void **state)
{
    const char *ref = received(UP__ENTITLEMENT__LEVEL__PSEUDONYMISED, "");
    struct nodestore_row row;
    unsigned queued = 0;
    uint8_t mark[16];

    (void)state;
    memset(mark, MARK, sizeof mark);
    assert_int_equal(forward(ref, council, &queued), UP_OK);
    assert_non_null(sent_line(ref, council, &row));
    hear(row.name, council, "x-council");
    assert_int_equal(nodestore_count(node.store, NODESTORE_OUTBOX, 0), 3);
    assert_int_equal(waiting(2)->body_case, UP__MESSAGE__BODY_FORWARDED);
    assert_memory_equal(waiting(2)->reference.data, mark, 16);
    assert_string_equal(waiting(2)->forwarded->member, "x-council");
}

/* --- overrides -------------------------------------------------------------------------------------- */

static char *day(int64_t from_now)
{
    char at[CLOCK_TEXT_LEN];

    clock_london(clock_wall_s() + from_now * 86400, at);
    at[10] = '\0';
    return copy(at);
}

static Up__OverrideRequest asked(const char *reason)
{
    Up__OverrideRequest request = UP__OVERRIDE_REQUEST__INIT;

    request.member = copy(force);
    request.reason = copy(reason);
    request.purpose = copy("to protect somebody");
    request.justification = copy("because");
    request.ends_on = day(3);
    request.person_told = UP__ANSWER__CODE__NO;
    return request;
}

static struct verdict verdict_of(const char *ref, const char *member)
{
    Up__Report *report = NULL;

    arena_reset(node.scratch);
    assert_int_equal(service_report_load(&node, ref, arena, &report, NULL), UP_OK);
    return service_decide(&node, report, roster_find(node.roster, member));
}

static void one_proposes_another_approves(void **state)
{
    struct service_call first = by(&by_clerk_form);
    struct service_call other = by(&by_second_form);
    static const struct operator_identity same_uid = {
        .name = "second", .roles = OPERATOR_OVERRIDE, .uid = 7};
    static const struct operator_identity same_name = {
        .name = "clerk", .roles = OPERATOR_OVERRIDE, .uid = 8};
    static const struct operator_identity no_role = {
        .name = "third", .roles = ~(unsigned)OPERATOR_OVERRIDE, .uid = 9};
    Up__OverrideRequest request = asked("adult-at-risk");
    Up__Override *override = NULL;
    struct nodestore_row row;
    char ref[10];

    (void)state;
    taken(UP__ENTITLEMENT__LEVEL__COUNTED, NULL, ref);
    first.operator= & no_role;
    assert_int_equal(service_override(&node, &first, ref, &request, &override), UP_NOT_PERMITTED);
    first.operator= & clerk;
    assert_int_equal(service_override(&node, &first, ref, &request, &override), UP_OK);
    assert_string_equal(override->state, "proposed");
    assert_int_equal(override->codes_version, 1);
    assert_int_equal(nodestore_count(node.store, NODESTORE_OUTBOX, 0), 0);
    assert_int_equal(verdict_of(ref, force).entitlement.level, LEVEL_COUNTED);
    other.operator= & same_uid;
    assert_int_equal(service_override_approve(&node, &other, override->id, &override),
                     UP_NOT_PERMITTED);
    other.operator= & same_name;
    assert_int_equal(service_override_approve(&node, &other, override->id, &override),
                     UP_NOT_PERMITTED);
    other.operator= & second;
    assert_int_equal(service_override_approve(&node, &other, override->id, &override), UP_OK);
    assert_int_equal(verdict_of(ref, force).decided_by, BY_OVERRIDE);
    assert_int_equal(verdict_of(ref, council).entitlement.level, LEVEL_COUNTED);
    assert_int_equal(nodestore_count(node.store, NODESTORE_OUTBOX, 0), 1);
    assert_string_equal(waiting(0)->incident_disclosure->override->purpose, "to protect somebody");
    assert_string_equal(waiting(0)->incident_disclosure->override->ends_on, request.ends_on);
    assert_null(waiting(0)->incident_disclosure->incident->onward);
    assert_true(audit_number("override-proposed") < audit_number("override-approved"));
    assert_true(audit_number("override-approved") < audit_number("override-sent"));
    assert_true(audit_number("override-sent") < audit_number("disclosed"));
    assert_string_equal(sent_line(ref, force, &row)->decided_by,
                        entitlement_decided_text(BY_OVERRIDE));
}

/* Moves the last day of the only override there is. */
static void end_on(const char *ends_on)
{
    struct nodestore_row *rows = NULL;
    ProtobufCMessage *message = NULL;
    struct up_bytes bytes = {0};

    assert_int_equal(rows_of(NODESTORE_OVERRIDE, NULL, &rows), 1);
    assert_int_equal(message_unpack(&up__override__descriptor, rows[0].body, arena, &message),
                     UP_OK);
    ((Up__Override *)message)->asked->ends_on = copy(ends_on);
    assert_int_equal(message_pack(message, UP_BATCH_LEN_MAX, &bytes), UP_OK);
    rows[0].body = up_bytes_view(&bytes);
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    assert_int_equal(nodestore_put(node.store, &rows[0]), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
    up_bytes_wipe(&bytes);
}

static void alone_is_reviewed_and_nothing_leaves_after_its_end(void **state)
{
    struct service_call first = by(&by_clerk_form);
    struct service_call other = by(&by_second_form);
    Up__OverrideRequest request = asked("serious-harm");
    Up__OverrideReview review = UP__OVERRIDE_REVIEW__INIT;
    Up__NodeStatus status = UP__NODE_STATUS__INIT;
    Up__Override *override = NULL;
    char ref[10];

    (void)state;
    taken(UP__ENTITLEMENT__LEVEL__COUNTED, NULL, ref);
    request.alone = true;
    assert_int_equal(service_override(&node, &first, ref, &request, &override), UP_INVALID);
    request.reason = copy("risk-to-life");
    assert_int_equal(service_override(&node, &first, ref, &request, &override), UP_OK);
    assert_string_equal(override->state, "alone");
    assert_int_equal(nodestore_count(node.store, NODESTORE_OUTBOX, 0), 1);
    assert_true(audit_number("override-alone") < audit_number("override-sent"));
    assert_true(may_leave(0));
    end_on(day(-1));
    assert_false(may_leave(0));
    assert_int_equal(verdict_of(ref, force).entitlement.level, LEVEL_COUNTED);
    assert_int_equal(service_override_status(&node, arena, &status), UP_OK);
    assert_int_equal(status.overrides_to_review, 1); /* its end is no review */
    end_on(day(0));
    assert_true(may_leave(0));
    review.note = copy("seen");
    assert_int_equal(service_override_review(&node, &first, override->id, &review, &override),
                     UP_NOT_PERMITTED);
    assert_int_equal(service_override_review(&node, &other, override->id, &review, &override),
                     UP_OK);
    up__node_status__init(&status);
    assert_int_equal(service_override_status(&node, arena, &status), UP_OK);
    assert_int_equal(status.overrides_to_review, 0);
    assert_true(may_leave(0));
    assert_int_equal(service_override_review(&node, &other, override->id, &review, &override),
                     UP_INVALID);
    review.end = true;
    assert_int_equal(service_override_review(&node, &other, override->id, &review, &override),
                     UP_OK);
    assert_false(may_leave(0));
}

static void an_exclusion_needs_a_warning_and_words(void **state)
{
    struct service_call first = by(&by_clerk_form);
    struct service_call other = by(&by_second_form);
    Up__OverrideRequest request = asked("court-order");
    Up__Override *override = NULL;
    char ref[10];

    (void)state;
    taken(UP__ENTITLEMENT__LEVEL__IDENTIFIED, force, ref);
    request.exclusion = copy("no other force can");
    assert_int_equal(service_override(&node, &first, ref, &request, &override), UP_INVALID);
    assert_non_null(strstr(why.text, "must not be told"));
    assert_true(audit_number("override-warned") > 0);
    /* somebody else was not warned yet */
    assert_int_equal(service_override(&node, &other, ref, &request, &override), UP_INVALID);
    request.exclusion = copy("");
    assert_int_equal(service_override(&node, &first, ref, &request, &override), UP_INVALID);
    assert_int_equal(nodestore_count(node.store, NODESTORE_OVERRIDE, 0), 0);
    request.exclusion = copy("no other force can");
    assert_int_equal(service_override(&node, &first, ref, &request, &override), UP_OK);
    assert_int_equal(service_override_approve(&node, &other, override->id, &override), UP_OK);
    assert_int_equal(verdict_of(ref, force).decided_by, BY_OVERRIDE);
}

static void what_has_ended_is_not_approved(void **state)
{
    struct service_call first = by(&by_clerk_form);
    struct service_call other = by(&by_second_form);
    Up__OverrideRequest request = asked("court-order");
    Up__OverrideReview review = UP__OVERRIDE_REVIEW__INIT;
    Up__Override *override = NULL;
    char ref[10];

    (void)state;
    taken(UP__ENTITLEMENT__LEVEL__COUNTED, NULL, ref);
    assert_int_equal(service_override(&node, &first, ref, &request, &override), UP_OK);
    assert_int_equal(service_override(&node, &other, ref, &request, &override), UP_DUPLICATE);
    end_on(day(-1));
    assert_int_equal(service_override_approve(&node, &other, override->id, &override), UP_EXPIRED);
    end_on(day(1));
    review.note = copy("not needed");
    assert_int_equal(service_override_review(&node, &first, override->id, &review, &override),
                     UP_INVALID); /* nothing to review yet */
    review.end = true;
    assert_int_equal(service_override_review(&node, &first, override->id, &review, &override),
                     UP_OK);
    assert_int_equal(service_override_approve(&node, &other, override->id, &override), UP_INVALID);
    assert_int_equal(nodestore_count(node.store, NODESTORE_OUTBOX, 0), 0);
}

/* The same disclosure but for what the override raises: what may be passed on of it is the same to the byte. */
static void what_may_be_passed_on_does_not_depend_on_it(void **state)
{
    struct service_call first = by(&by_clerk_form);
    struct service_call other = by(&by_second_form);
    Up__OverrideRequest request = asked("adult-at-risk");
    Up__Override *override = NULL;
    Up__SendResult *sent = NULL;
    const Up__Onward *before = NULL;
    const Up__Onward *after = NULL;
    uint8_t bytes[2][1000];
    char ref[10];

    (void)state;
    taken(UP__ENTITLEMENT__LEVEL__PSEUDONYMISED, NULL, ref);
    assert_int_equal(service_send(&node, &first, ref, &sent), UP_OK);
    assert_int_equal(service_override(&node, &first, ref, &request, &override), UP_OK);
    assert_int_equal(service_override_approve(&node, &other, override->id, &override), UP_OK);
    before = waiting(0)->incident_disclosure->incident->onward;
    after = waiting(2)->incident_disclosure->incident->onward;
    assert_int_equal(waiting(2)->incident_disclosure->incident->entitlement->level,
                     UP__ENTITLEMENT__LEVEL__IDENTIFIED);
    assert_true(before && after && before->n_permitted_members == 1);
    assert_true(up__onward__get_packed_size(before) <= sizeof bytes[0]);
    assert_int_equal(up__onward__get_packed_size(before), up__onward__get_packed_size(after));
    assert_int_equal(up__onward__pack(before, bytes[0]), up__onward__pack(after, bytes[1]));
    assert_memory_equal(bytes[0], bytes[1], up__onward__get_packed_size(before));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_goes_on_once_and_its_source_is_told),
        TEST(what_is_not_allowed_does_not_go_on),
        TEST(low_ceilings_and_past_months_stop_it),
        TEST(it_is_judged_again_before_it_leaves),
        TEST(only_who_was_told_says_whom_it_told),
        TEST(hops_are_told_back_to_where_it_came_from),
        TEST(one_proposes_another_approves),
        TEST(alone_is_reviewed_and_nothing_leaves_after_its_end),
        TEST(an_exclusion_needs_a_warning_and_words),
        TEST(what_has_ended_is_not_approved),
        TEST(what_may_be_passed_on_does_not_depend_on_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
