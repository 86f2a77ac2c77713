/* SPDX-License-Identifier: MIT */
/* rooms: node intake store exchange link disclosure base proto */
/* A charity's node without a network: what its services put into outbox and store, read back as a recipient would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "nodes/service_private.h"
#include "tests/lib/federation.h"
#include "tests/lib/incident_gen.h"
#include "upstander/agreement.h"
#include "upstander/limits.h"

static const char force[] = "a-force";
static const char council[] = "c-council";

static char folder[64];
static struct federation federation;
static struct service node;
static struct arena *arena; /* of the test; keeps replies */
static const struct operator_identity person = {
    .name = "clerk", .roles = OPERATOR_TAKE_REPORTS | OPERATOR_APPROVE | OPERATOR_AUDIT};

/* --- the federation: a charity, and agreements with the other three ----------------------------------- */

/* `unwilling`: bits of members that sign nothing; review: of all agreements, or NULL. */
static char *publisher;            /* NULL: each for itself */
static Up__Role__Code sender_role; /* whose agreements these are */

static struct roster *roster_of(bool suspended, unsigned unwilling, char *review)
{
    static const struct {
        Up__Role__Code to;
        Up__Entitlement__Level level;
    } terms[] = {{UP__ROLE__CODE__POLICE, UP__ENTITLEMENT__LEVEL__IDENTIFIED},
                 {UP__ROLE__CODE__COUNCIL, UP__ENTITLEMENT__LEVEL__ANONYMISED},
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
        agreements[i].from_role = sender_role;
        agreements[i].to_role = terms[i].to;
        if (publisher)
            agreements[i].publisher = publisher;
        agreements[i].areas = area_list;
        agreements[i].n_areas = 2;
        agreements[i].ceiling = &ceilings[i];
        agreements[i].valid_from = from;
        agreements[i].id = ids[i];
        agreements[i].k = 5;
        agreements[i].suspended = suspended;
        if (review)
            agreements[i].review_on = review;
        list[i] = &agreements[i];
    }
    content->agreements = list;
    content->n_agreements = 3;
    federation_agree(&federation, content, unwilling, arena);
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

static struct roster *roster_with(bool suspended)
{
    return roster_of(suspended, 0, NULL);
}

static int set_up(void **state)
{
    struct up_why why = {0};

    (void)state;
    publisher = NULL;
    sender_role = UP__ROLE__CODE__CHARITY;
    strcpy(folder, "/tmp/upstander-test-XXXXXX");
    if (keys_init() || !mkdtemp(folder) || arena_new(UP_ARENA_LEN_MAX, &arena))
        return -1;
    federation_init(&federation, 1700000000);
    federation.expires_at_s = 4000000000;
    memset(&node, 0, sizeof node);
    node.areas = gen_areas();
    node.codes = gen_codes();
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
    codes_destroy(&node.codes);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

/* --- reports ------------------------------------------------------------------------------------------ */

struct tale {
    const char *authority; /* or NULL: only the police area is known */
    const char *name;      /* NULL: unnamed */
    const char *victim;    /* an import's key */
    Up__Answer__Code before;
    Up__VictimKind__Code kind;
    Up__Entitlement__Level level; /* for everybody; 0: ANONYMISED */
};

static char *copy(const char *text)
{
    return arena_text(arena, up_view_of(text, strlen(text)));
}

static void tell(const struct tale *tale, char ret_ref[static 10])
{
    static const Up__Role__Code roles[] = {UP__ROLE__CODE__POLICE, UP__ROLE__CODE__COUNCIL,
                                           UP__ROLE__CODE__GOVERNANCE};
    struct service_call call = {.operator= & person, .arena = arena};
    struct up_why why = {0};
    Up__Report report = UP__REPORT__INIT;
    Up__Incident incident = UP__INCIDENT__INIT;
    Up__Strand strand = UP__STRAND__INIT;
    Up__Strand *strands[1] = {&strand};
    Up__Identity identity = UP__IDENTITY__INIT;
    Up__Place place = UP__PLACE__INIT;
    Up__SharingChoice choice = UP__SHARING_CHOICE__INIT;
    Up__Entitlement entitlement = UP__ENTITLEMENT__INIT;
    Up__RoleChoice asked[3];
    Up__RoleChoice *list[3];
    Up__SendResult *sent = NULL;
    Up__ReportRef *reply = NULL;

    call.why = &why;
    strand.code = UP__STRAND__CODE__RELIGION;
    incident.strands = strands;
    incident.n_strands = 1;
    incident.occurred_from = copy("2024-05-02");
    incident.reported_at = copy("2024-05-03");
    incident.victim_kind = tale->kind;
    if (tale->authority)
        place.local_authority = copy(tale->authority);
    else
        place.police_area = copy("E23000021");
    incident.place = &place;
    if (tale->name) {
        identity.name = copy(tale->name);
        incident.identity = &identity;
    }
    if (tale->victim)
        report.victim = copy(tale->victim);
    report.incident = &incident;
    report.reported_before = tale->before;
    entitlement.level = tale->level ? tale->level : UP__ENTITLEMENT__LEVEL__ANONYMISED;
    for (int i = 0; i < 3; i++) {
        up__role_choice__init(&asked[i]);
        asked[i].role = roles[i];
        asked[i].entitlement = &entitlement;
        list[i] = &asked[i];
    }
    choice.roles = list;
    choice.n_roles = 3;
    report.choice = &choice;
    if (service_report_add(&node, &call, &report, &reply))
        fail_msg("%s", why.text);
    strcpy(ret_ref, reply->ref);
    assert_int_equal(service_send(&node, &call, ret_ref, &sent), UP_OK);
}

static void publish(void)
{
    Up__SendResult result = UP__SEND_RESULT__INIT;

    assert_int_equal(nodestore_begin(node.store), UP_OK);
    assert_int_equal(service_publish(&node, "clerk", &result), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
}

/* What waits for a member of one kind of message: how many, and the incidents in the last, which replaces the others. */
static size_t waiting(const char *member, Up__Message__BodyCase body, unsigned *ret_incidents)
{
    struct nodestore_query query = {.kind = NODESTORE_OUTBOX, .peer = member};
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    size_t found = 0;

    *ret_incidents = 0;
    assert_int_equal(nodestore_list(node.store, &query, arena, &rows, &count), UP_OK);
    for (size_t i = 0; i < count; i++) {
        ProtobufCMessage *unpacked = NULL;
        const Up__Message *message = NULL;

        assert_int_equal(message_unpack(&up__message__descriptor, rows[i].body, arena, &unpacked),
                         UP_OK);
        message = (const Up__Message *)unpacked;
        if (message->body_case != body)
            continue;
        found++;
        *ret_incidents = 0;
        for (size_t j = 0; body == UP__MESSAGE__BODY_RELEASE && j < message->release->n_rows; j++)
            *ret_incidents += message->release->rows[j]->incidents;
    }
    return found;
}

/* The line of what a member was told of a report; its reference. */
static const Up__SentLine *sent_line(const char *ref, const char *member,
                                     struct nodestore_row *ret_row)
{
    struct nodestore_query query = {.kind = NODESTORE_SENT, .owner = ref, .peer = member};
    struct nodestore_row *rows = NULL;
    ProtobufCMessage *line = NULL;
    size_t count = 0;

    assert_int_equal(nodestore_list(node.store, &query, arena, &rows, &count), UP_OK);
    assert_int_equal(count, 1);
    assert_int_equal(message_unpack(&up__sent_line__descriptor, rows[0].body, arena, &line), UP_OK);
    *ret_row = rows[0];
    return (const Up__SentLine *)line;
}

/* --- releases ----------------------------------------------------------------------------------------- */

/* Some reports know their local authority, others only the police area: each stands in one release, in whatever order
 * they were taken. */
static void an_incident_is_released_once(void **state)
{
    unsigned incidents = 0;
    char ref[10];

    (void)state;
    for (int i = 0; i < 12; i++)
        tell(
            &(struct tale){.authority = i % 2 ? "E06000016" : NULL, .before = UP__ANSWER__CODE__NO},
            ref);
    publish();
    assert_int_equal(waiting(force, UP__MESSAGE__BODY_RELEASE, &incidents), 1);
    assert_int_equal(incidents, 12);
    publish();
    assert_int_equal(waiting(force, UP__MESSAGE__BODY_RELEASE, &incidents), 1);
}

/* How many of the reports that a test took stand in releases to the force. */
static unsigned released(void)
{
    unsigned incidents = 0;

    publish();
    (void)waiting(force, UP__MESSAGE__BODY_RELEASE, &incidents);
    return incidents;
}

/* One person under five spellings, one building that five people tell of: fewer than k. */
static void one_victim_counts_once(void **state)
{
    static const char *const spellings[] = {"Example Person", "example person", " Example  Person ",
                                            "EXAMPLE PERSON", "Example\tPerson"};
    char ref[10];

    (void)state;
    for (int i = 0; i < 5; i++)
        tell(&(struct tale){.authority = "E06000016", .name = spellings[i]}, ref);
    assert_int_equal(released(), 0);
    for (int i = 0; i < 5; i++)
        tell(&(struct tale){.authority = "E06000016",
                            .before = UP__ANSWER__CODE__NO,
                            .kind = i % 2 ? UP__VICTIM_KIND__CODE__COMMUNITY
                                          : UP__VICTIM_KIND__CODE__PROPERTY},
             ref);
    assert_int_equal(released(), 0); /* two: the person, and targets that nobody told apart */
    tell(&(struct tale){.authority = "E06000016", .before = UP__ANSWER__CODE__YES}, ref);
    tell(&(struct tale){.authority = "E06000016", .before = UP__ANSWER__CODE__NOT_KNOWN}, ref);
    tell(&(struct tale){.authority = "E06000016", .name = "Other Person"}, ref);
    tell(&(struct tale){.authority = "E06000016", .before = UP__ANSWER__CODE__NO}, ref);
    assert_int_equal(released(), 0); /* four */
    tell(&(struct tale){.authority = "E06000016",
                        .victim = "the hall",
                        .kind = UP__VICTIM_KIND__CODE__PROPERTY},
         ref);
    assert_int_equal(released(), 15);
}

/* Held reports beyond what one arena takes, and one that can't be opened any more: the rest goes out all the same. */
static void many_and_a_damaged_one_hold_up_nobody(void **state)
{
    enum { COPIES = 30000 };
    struct nodestore_row row;
    unsigned incidents = 0;
    char ref[10];

    (void)state;
    tell(&(struct tale){.authority = "E06000016", .before = UP__ANSWER__CODE__NO}, ref);
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    assert_int_equal(nodestore_drop(node.store, NODESTORE_REPORT, ref), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
    for (int i = 0; i < 5; i++)
        tell(&(struct tale){.authority = "E06000016", .before = UP__ANSWER__CODE__NO}, ref);
    (void)sent_line(ref, force, &row);
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    for (int i = 0; i < COPIES; i++) {
        (void)snprintf(row.name, sizeof row.name, "%032d", i);
        assert_int_equal(nodestore_put(node.store, &row), UP_OK);
    }
    assert_int_equal(nodestore_commit(node.store), UP_OK);
    publish();
    assert_int_equal(waiting(force, UP__MESSAGE__BODY_RELEASE, &incidents), 1);
    assert_int_equal(incidents, COPIES + 5);
    (void)waiting(council, UP__MESSAGE__BODY_RELEASE, &incidents);
    assert_int_equal(incidents, 5);
}

/* Once a month, after the days in which others count; a number from a clock that ran ahead keeps none from closing. */
static void each_month_is_closed_once(void **state)
{
    unsigned incidents = 0;
    char ref[10];

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        for (int i = 0; i < 5; i++)
            tell(&(struct tale){.authority = "E06000016", .before = UP__ANSWER__CODE__NO}, ref);
        assert_int_equal(service_publish_due(&node, "2026-11-04"), UP_OK);
        (void)waiting(force, UP__MESSAGE__BODY_RELEASE, &incidents);
        assert_int_equal(incidents, round == 0 ? 0 : 5);
        assert_int_equal(service_publish_due(&node, "2026-11-05"), UP_OK);
        (void)waiting(force, UP__MESSAGE__BODY_RELEASE, &incidents);
        assert_int_equal(incidents, 5); /* the second five wait: this month's closing was */
    }
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    assert_int_equal(nodestore_number_put(node.store, "counted-in", 999912), UP_OK);
    assert_int_equal(nodestore_number_put(node.store, "closed-in", 999912), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
    assert_int_equal(service_publish_due(&node, "2026-11-25"), UP_OK);
    (void)waiting(force, UP__MESSAGE__BODY_RELEASE, &incidents);
    assert_int_equal(incidents, 10);
}

static void use(struct roster *roster)
{
    roster_destroy(&node.roster);
    node.roster = roster;
}

/* The person takes the choice back: there is no word for it yet, so it is done in the store. */
static void choice_take_back(const char *ref)
{
    struct nodestore_row row;
    ProtobufCMessage *report = NULL;
    struct up_bytes bytes = {0};

    assert_int_equal(nodestore_get(node.store, NODESTORE_REPORT, ref, arena, &row), UP_OK);
    assert_int_equal(message_unpack(&up__report__descriptor, row.body, arena, &report), UP_OK);
    ((Up__Report *)report)->choice = NULL;
    assert_int_equal(message_pack(report, UP_FRAME_LEN_MAX, &bytes), UP_OK);
    row.body = up_bytes_view(&bytes);
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    assert_int_equal(nodestore_put(node.store, &row), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
    up_bytes_wipe(&bytes);
}

/* One takes the choice back: a row of few goes, one of many loses at least as many as a row needs; and what was counted
 * once is never counted again. */
static void who_withdraws_takes_others_along(void **state)
{
    struct nodestore_row row;
    unsigned incidents = 0;
    char ref[10];

    (void)state;
    for (int i = 0; i < 14; i++)
        tell(&(struct tale){.authority = "E06000016", .before = UP__ANSWER__CODE__NO}, ref);
    assert_int_equal(released(), 14);
    choice_take_back(ref);
    publish();
    assert_int_equal(waiting(force, UP__MESSAGE__BODY_RELEASE, &incidents), 2);
    assert_int_equal(incidents, 9);
    (void)sent_line(ref, force, &row);
    assert_int_equal(row.state, SENT_NOT_SHARED);
    publish();
    assert_int_equal(waiting(force, UP__MESSAGE__BODY_RELEASE, &incidents), 2);
}

static void counted(const char *from, const char *audience, uint32_t victims)
{
    Up__Message message = UP__MESSAGE__INIT;
    Up__PooledCounts counts = UP__POOLED_COUNTS__INIT;
    Up__PooledCount count = UP__POOLED_COUNT__INIT;
    Up__PooledCount *list[] = {&count};
    Up__Cell cell = UP__CELL__INIT;
    struct exchange_message heard = {.message = &message};

    cell.area = copy("E06000016");
    cell.period = copy("2024-05");
    count.batch = 1;
    count.cell = &cell;
    count.incidents = 9;
    count.victims = count.victims_new = victims;
    counts.audience = copy(audience);
    counts.counts = list;
    counts.n_counts = 1;
    message.body_case = UP__MESSAGE__BODY_POOLED_COUNTS;
    message.pooled_counts = &counts;
    strcpy(heard.sender.text, from);
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    arena_reset(node.scratch);
    assert_int_equal(service_keep(&node, &heard), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
}

/* Numbers are taken only from whom an agreement with that audience names this node as publisher. */
static void numbers_of_others_need_an_agreement(void **state)
{
    (void)state;
    counted(force, council, 9);     /* no agreement between those two names this node */
    counted(council, council, 9);   /* the audience itself: it knows its own */
    counted(force, node.member, 9); /* for this node */
    counted(force, "nobody", 9);
    assert_int_equal(node.refused, 4);
    assert_int_equal(nodestore_count(node.store, NODESTORE_LEDGER, 0), 0);
    publisher = node.member;
    sender_role = UP__ROLE__CODE__POLICE;
    use(roster_with(false));
    counted(force, council, 99); /* more victims than incidents */
    assert_int_equal(node.refused, 5);
    counted(force, council, 9);
    assert_int_equal(nodestore_count(node.store, NODESTORE_LEDGER, 0), 1);
    assert_int_equal(node.refused, 5);
}

/* A thousand cells, all different, of one incident each. */
static void counted_many(unsigned thousand)
{
    enum { MANY = 1000 };
    static Up__PooledCount counts_of[MANY];
    static Up__PooledCount *list[MANY];
    static Up__Cell cells[MANY];
    static int codes[MANY][2];
    Up__Message message = UP__MESSAGE__INIT;
    Up__PooledCounts counts = UP__POOLED_COUNTS__INIT;
    struct exchange_message heard = {.message = &message};
    char period[8];

    for (unsigned i = 0; i < MANY; i++) {
        unsigned n = thousand * MANY + i;

        up__cell__init(&cells[i]);
        up__pooled_count__init(&counts_of[i]);
        codes[i][0] = (int)(1 + n % 9);
        codes[i][1] = (int)(1 + n / 9 % 19);
        cells[i].strands = (Up__Strand__Code *)&codes[i][0];
        cells[i].types = (Up__IncidentType__Code *)&codes[i][1];
        cells[i].n_strands = cells[i].n_types = 1;
        cells[i].place = (Up__PlaceKind__Group)(n / 171 % 5);
        (void)snprintf(period, sizeof period, "2024-%02u", 1 + n / 855 % 12);
        cells[i].area = copy("E06000016");
        cells[i].period = copy(period);
        counts_of[i].batch = 1;
        counts_of[i].cell = &cells[i];
        counts_of[i].incidents = counts_of[i].victims = counts_of[i].victims_new = 1;
        list[i] = &counts_of[i];
    }
    counts.audience = copy(council);
    counts.counts = list;
    counts.n_counts = MANY;
    message.body_case = UP__MESSAGE__BODY_POOLED_COUNTS;
    message.pooled_counts = &counts;
    strcpy(heard.sender.text, force);
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    arena_reset(node.scratch);
    assert_int_equal(service_keep(&node, &heard), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
}

/* A ledger of many cells is read as it was written, and closes; what is too much is refused and harms nobody. */
static void a_large_ledger_is_read_again(void **state)
{
    unsigned incidents = 0;

    (void)state;
    publisher = node.member;
    sender_role = UP__ROLE__CODE__POLICE;
    use(roster_with(false));
    for (unsigned i = 0; i < 9; i++)
        counted_many(i);
    assert_int_equal(node.refused, 0);
    counted_many(9);
    assert_int_equal(node.refused, 1); /* UP_RELEASE_CELLS_MAX */
    sender_role = UP__ROLE__CODE__CHARITY;
    use(roster_with(false)); /* this node may publish to the council */
    publish();
    assert_int_equal(waiting(council, UP__MESSAGE__BODY_RELEASE, &incidents), 1);
    assert_int_equal(incidents, 9000);
    publish();
    assert_int_equal(waiting(council, UP__MESSAGE__BODY_RELEASE, &incidents), 1);
}

/* --- what waits ---------------------------------------------------------------------------------------- */

static bool may_leave(const char *member)
{
    struct nodestore_query query = {.kind = NODESTORE_OUTBOX, .peer = member};
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    bool may = false;

    assert_int_equal(nodestore_list(node.store, &query, arena, &rows, &count), UP_OK);
    assert_int_equal(count, 1);
    arena_reset(node.scratch);
    assert_int_equal(service_may_leave(&node, &rows[0], &may), UP_OK);
    return may;
}

/* Releases and counts, like disclosures, are judged again when they are sealed. */
static void what_is_not_agreed_any_more_stays(void **state)
{
    const char *const members[] = {force, council, "d-governance"};
    char ref[10];

    (void)state;
    tell(&(struct tale){.authority = "E06000016", .level = UP__ENTITLEMENT__LEVEL__IDENTIFIED},
         ref);
    for (int i = 0; i < 5; i++)
        tell(&(struct tale){.authority = "E06000016", .before = UP__ANSWER__CODE__NO}, ref);
    publish();
    for (size_t i = 1; i < 3; i++)
        assert_true(may_leave(members[i]));
    roster_destroy(&node.roster);
    node.roster = roster_with(true);
    for (size_t i = 1; i < 3; i++)
        assert_false(may_leave(members[i]));
}

/* A page costs what it holds: what stands before it is not read, what stands behind is left out. */
static void a_list_can_be_had_in_pages(void **state)
{
    enum { REPORTS = 10, BEFORE = 4, PAGE = 3 };
    struct service_call call = {.operator= & person, .arena = arena};
    Up__ReportList *all = NULL;
    Up__ReportList *page = NULL;
    Up__SentList *sent_all = NULL;
    Up__SentList *sent_page = NULL;
    char ref[10];

    (void)state;
    for (int i = 0; i < REPORTS; i++)
        tell(&(struct tale){.authority = "E06000016"}, ref);
    assert_int_equal(service_report_list(&node, &call, &all), UP_OK);
    assert_int_equal(service_sent(&node, &call, NULL, NULL, &sent_all), UP_OK);
    call.offset = BEFORE;
    call.limit = PAGE;
    assert_int_equal(service_report_list(&node, &call, &page), UP_OK);
    assert_int_equal(service_sent(&node, &call, NULL, NULL, &sent_page), UP_OK);
    assert_int_equal(all->n_reports, REPORTS);
    assert_int_equal(page->n_reports, BEFORE + PAGE);
    assert_int_equal(sent_all->n_lines, 3 * REPORTS);
    assert_in_range(sent_page->n_lines, BEFORE + PAGE, BEFORE + PAGE + 3);
    for (int i = 0; i < BEFORE + PAGE; i++) {
        if (i < BEFORE) {
            assert_null(page->reports[i]);
            assert_null(sent_page->lines[i]);
        } else {
            assert_string_equal(page->reports[i]->ref, all->reports[i]->ref);
            assert_string_equal(sent_page->lines[i]->ref, sent_all->lines[i]->ref);
            assert_string_equal(sent_page->lines[i]->member, sent_all->lines[i]->member);
        }
    }
    call.offset = REPORTS + 1;
    assert_int_equal(service_report_list(&node, &call, &page), UP_OK);
    assert_int_equal(page->n_reports, REPORTS);
}

/* --- accounts ------------------------------------------------------------------------------------------ */

static bool audit_has(const char *action);

static void take_told(const char *narrative, const char *account_text, char ret_ref[static 10])
{
    struct up_why why = {0};
    struct service_call call = {.operator= & person, .arena = arena, .why = &why};
    Up__Report report = UP__REPORT__INIT;
    Up__Incident incident = UP__INCIDENT__INIT;
    Up__Account account = UP__ACCOUNT__INIT;
    Up__Place place = UP__PLACE__INIT;
    Up__SharingChoice choice = UP__SHARING_CHOICE__INIT;
    Up__Entitlement entitlement = UP__ENTITLEMENT__INIT;
    Up__RoleChoice asked = UP__ROLE_CHOICE__INIT;
    Up__RoleChoice *list[1] = {&asked};
    Up__ReportRef *reply = NULL;

    place.local_authority = copy("E06000016");
    incident.place = &place;
    incident.occurred_from = copy("2024-05-02");
    incident.narrative = copy(narrative);
    account.text = copy(account_text);
    if (account_text[0] != '\0')
        incident.account = &account;
    entitlement.level = UP__ENTITLEMENT__LEVEL__PSEUDONYMISED;
    asked.role = UP__ROLE__CODE__POLICE;
    asked.entitlement = &entitlement;
    choice.roles = list;
    choice.n_roles = 1;
    report.incident = &incident;
    report.choice = &choice;
    report.account_digest = copy("nobody may say so");
    report.account_approved_by = copy("nobody may say so");
    assert_int_equal(service_report_add(&node, &call, &report, &reply), UP_OK);
    strcpy(ret_ref, reply->ref);
}

/* As whatever changes a narrative would: only that. */
static void narrative_change(const char *ref)
{
    struct stored_report stored;
    struct up_bytes bytes = {0};

    assert_int_equal(service_report_stored(&node, ref, arena, &stored, NULL), UP_OK);
    stored.report->incident->narrative[0] ^= 1;
    assert_int_equal(message_pack(&stored.report->base, UP_ARENA_LEN_MAX, &bytes), UP_OK);
    stored.row.body = up_bytes_view(&bytes);
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    assert_int_equal(nodestore_put(node.store, &stored.row), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
    up_bytes_wipe(&bytes);
}

/* What the force would read; NULL: no account. ret_warned: a new approval is asked for. */
static const char *force_reads(const char *ref, bool *ret_warned)
{
    struct service_call call = {.operator= & person, .arena = arena};
    Up__Preview *preview = NULL;

    assert_int_equal(service_preview(&node, &call, ref, &preview), UP_OK);
    for (size_t i = 0; i < preview->n_recipients; i++) {
        const Up__RecipientPreview *to = preview->recipients[i];

        if (strcmp(to->member, force) != 0)
            continue;
        *ret_warned = false;
        for (size_t j = 0; j < to->n_warnings; j++)
            *ret_warned |= strstr(to->warnings[j], "needs a new approval") != NULL;
        return to->disclosure->account ? to->disclosure->account->text : NULL;
    }
    fail_msg("the force is not in the preview");
    return NULL;
}

static enum up_err approve(const char *ref, const char *text, const char *digest,
                           const struct operator_identity *who)
{
    static Up__Entitlement__Group groups[] = {UP__ENTITLEMENT__GROUP__CONTACT};
    struct up_why why = {0};
    struct service_call call = {.operator= who, .arena = arena, .why = &why};
    Up__AccountApproval approval = UP__ACCOUNT_APPROVAL__INIT;
    Up__Account account = UP__ACCOUNT__INIT;
    Up__AccountDraft *reply = NULL;
    enum up_err err = UP_OK;

    account.text = copy(text);
    account.approved_without = groups;
    account.n_approved_without = 1;
    approval.account = &account;
    approval.narrative_digest = copy(digest);
    err = service_account_approve(&node, &call, ref, &approval, &reply);
    assert_true((err == UP_OK) == (reply != NULL));
    assert_true(err == UP_OK || why.text[0] != '\0');
    return err;
}

static const Up__AccountDraft *drafted(const char *ref)
{
    struct service_call call = {.operator= & person, .arena = arena};
    Up__AccountDraft *draft = NULL;

    assert_int_equal(service_account(&node, &call, ref, &draft), UP_OK);
    return draft;
}

static void an_account_belongs_to_its_narrative(void **state)
{
    const Up__AccountDraft *draft = NULL;
    struct service_call call = {.operator= & person, .arena = arena};
    Up__SendResult *sent = NULL;
    bool warned = false;
    char ref[10];

    (void)state;
    take_told("Mr Khan hit me.", "", ref);
    draft = drafted(ref);
    assert_string_equal(draft->text, "[name] hit me.");
    assert_int_equal(draft->n_spans, 1);
    assert_null(draft->account);
    assert_null(force_reads(ref, &warned));
    assert_false(warned);
    assert_int_equal(approve(ref, draft->text, "", &person), UP_INVALID);
    assert_int_equal(approve(ref, "", draft->narrative_digest, &person), UP_INVALID);
    assert_int_equal(approve(ref, draft->text, draft->narrative_digest, &person), UP_OK);
    assert_true(audit_has("account-approved"));
    assert_true(drafted(ref)->approved);
    assert_string_equal(drafted(ref)->approved_by, "clerk");
    assert_string_equal(force_reads(ref, &warned), "[name] hit me.");
    assert_int_equal(service_send(&node, &call, ref, &sent), UP_OK);
    assert_true(may_leave(force));
    narrative_change(ref);
    assert_false(may_leave(force));
    assert_null(force_reads(ref, &warned));
    assert_true(warned);
    assert_false(drafted(ref)->approved);
    assert_non_null(drafted(ref)->account); /* to begin the new one with */
    assert_int_equal(approve(ref, "too late", draft->narrative_digest, &person), UP_INVALID);
    assert_null(force_reads(ref, &warned));
    assert_int_equal(approve(ref, "anew", drafted(ref)->narrative_digest, &person), UP_OK);
    assert_string_equal(force_reads(ref, &warned), "anew");
    assert_false(warned);
    assert_false(may_leave(force)); /* what waits is another text */
}

static void an_account_of_intake_holds_too(void **state)
{
    static const struct operator_identity reader = {"reader", OPERATOR_READ_ONLY | OPERATOR_AUDIT,
                                                    0};
    struct up_why why = {0};
    struct service_call call = {.operator= & reader, .arena = arena, .why = &why};
    Up__AccountDraft *draft = NULL;
    bool warned = false;
    char ref[10];

    (void)state;
    take_told("", "written at intake", ref);
    assert_string_equal(force_reads(ref, &warned), "written at intake");
    assert_true(drafted(ref)->approved);
    assert_string_equal(drafted(ref)->approved_by, "");
    take_told("a story", "written at intake", ref);
    assert_string_equal(force_reads(ref, &warned), "written at intake");
    narrative_change(ref);
    assert_null(force_reads(ref, &warned));
    assert_true(warned);
    take_told("a story", "", ref);
    assert_null(force_reads(ref, &warned));
    assert_false(warned);
    assert_int_equal(service_account(&node, &call, ref, &draft), UP_NOT_PERMITTED);
    assert_null(draft);
    assert_int_equal(approve(ref, "x", drafted(ref)->narrative_digest, &reader), UP_NOT_PERMITTED);
    call.operator= & person;
    assert_int_equal(service_account(&node, &call, "0000-0000", &draft), UP_NOT_FOUND);
}

/* --- what comes ---------------------------------------------------------------------------------------- */

static void hear(const struct nodestore_row *sent, const char *sender,
                 Up__StatusUpdate__Status status, const char *police_reference)
{
    Up__Message message = UP__MESSAGE__INIT;
    Up__StatusUpdate update = UP__STATUS_UPDATE__INIT;
    struct exchange_message heard = {.message = &message};
    uint8_t reference[16];

    strcpy(heard.sender.text, sender);
    assert_int_equal(ids_unhex(up_view_of(sent->name, strlen(sent->name)), reference), UP_OK);
    message.reference = (ProtobufCBinaryData){.len = sizeof reference, .data = reference};
    message.body_case = UP__MESSAGE__BODY_STATUS_UPDATE;
    message.status_update = &update;
    update.status = status;
    update.police_reference = copy(police_reference);
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    arena_reset(node.scratch);
    assert_int_equal(service_status_update(&node, &heard), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
}

static void only_police_record(void **state)
{
    char long_text[UP_TEXT_LEN_MAX + 2];
    struct nodestore_row row;
    char ref[10];

    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    tell(&(struct tale){.authority = "E06000016", .level = UP__ENTITLEMENT__LEVEL__IDENTIFIED},
         ref);
    (void)sent_line(ref, force, &row);
    hear(&row, council, UP__STATUS_UPDATE__STATUS__RECORDED,
         "26*1"); /* somebody else's reference */
    hear(&row, force, UP__STATUS_UPDATE__STATUS__RECORDED,
         long_text); /* taken as none, and stops nothing */
    assert_string_equal(sent_line(ref, force, &row)->detail, "");
    assert_int_equal(row.state, SENT_STORED);
    hear(&row, force, UP__STATUS_UPDATE__STATUS__RECORDED, "26*2");
    hear(&row, force, UP__STATUS_UPDATE__STATUS__RECEIVED, "26*3"); /* never backwards */
    assert_string_equal(sent_line(ref, force, &row)->detail, "26*2");
    assert_int_equal(row.state, SENT_RECORDED);

    (void)sent_line(ref, council, &row); /* it got none of this one, and can't know its reference */
    hear(&row, council, UP__STATUS_UPDATE__STATUS__RECEIVED, "");
    (void)sent_line(ref, council, &row);
    assert_int_equal(row.state, SENT_HELD);
    row.state = SENT_DELIVERED;
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    assert_int_equal(nodestore_mark(node.store, NODESTORE_SENT, row.name, SENT_DELIVERED, 0),
                     UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
    hear(&row, council, UP__STATUS_UPDATE__STATUS__RECORDED, "26*4");
    assert_string_equal(sent_line(ref, council, &row)->detail, "");
    assert_int_equal(row.state, SENT_DELIVERED);
    assert_int_equal(node.refused, 4);
}

static void receive(const char *sender, Up__Incident *incident, uint8_t mark)
{
    Up__Message message = UP__MESSAGE__INIT;
    Up__IncidentDisclosure body = UP__INCIDENT_DISCLOSURE__INIT;
    struct exchange_message heard = {.message = &message};
    uint8_t reference[16];

    memset(reference, mark, sizeof reference);
    strcpy(heard.sender.text, sender);
    body.incident = incident;
    message.version = 1;
    message.reference = (ProtobufCBinaryData){.len = sizeof reference, .data = reference};
    message.body_case = UP__MESSAGE__BODY_INCIDENT_DISCLOSURE;
    message.incident_disclosure = &body;
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    arena_reset(node.scratch);
    assert_int_equal(service_keep(&node, &heard), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
}

static const Up__InboxItem *received(size_t at)
{
    struct nodestore_query query = {.kind = NODESTORE_RECEIVED};
    struct nodestore_row *rows = NULL;
    ProtobufCMessage *item = NULL;
    size_t count = 0;

    assert_int_equal(nodestore_list(node.store, &query, arena, &rows, &count), UP_OK);
    assert_true(at < count);
    assert_int_equal(message_unpack(&up__inbox_item__descriptor, rows[at].body, arena, &item),
                     UP_OK);
    return (const Up__InboxItem *)item;
}

static bool audit_has(const char *action)
{
    struct nodestore_audit *entries = NULL;
    size_t count = 0;

    assert_int_equal(nodestore_audit_list(node.store,
                                          (struct nodestore_span){.after = 0, .limit = 1000}, arena,
                                          &entries, &count),
                     UP_OK);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(entries[i].action, action) == 0)
            return true;
    }
    return false;
}

/* Of a disclosure that holds more than the level it states, only what that level allows is kept. */
static void no_more_is_kept_than_stated(void **state)
{
    Up__Incident incident = UP__INCIDENT__INIT;
    Up__Identity identity = UP__IDENTITY__INIT;
    Up__Entitlement entitlement = UP__ENTITLEMENT__INIT;
    Up__Entitlement__Group place = UP__ENTITLEMENT__GROUP__PLACE;
    Up__Place where = UP__PLACE__INIT;

    (void)state;
    entitlement.level = UP__ENTITLEMENT__LEVEL__PSEUDONYMISED;
    incident.entitlement = &entitlement;
    incident.occurred_from = copy("2024-05-02T14");
    incident.contact_rule = UP__CONTACT_RULE__CODE__THROUGH_ORIGINATOR;
    receive(force, &incident, 1);
    assert_string_equal(received(0)->incident->occurred_from, "2024-05-02T14");
    assert_false(audit_has("received-too-much"));

    identity.name = copy("Example Person");
    incident.identity = &identity;
    receive(force, &incident, 2);
    assert_null(received(1)->incident->identity);
    assert_string_equal(received(1)->incident->occurred_from, "2024-05-02T14");
    assert_true(audit_has("received-too-much"));

    entitlement.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    entitlement.withheld = &place;
    entitlement.n_withheld = 1;
    where.lsoa = copy("E01013600");
    incident.place = &where;
    receive(force, &incident, 3);
    assert_string_equal(received(2)->incident->identity->name, "Example Person");
    assert_string_equal(received(2)->incident->place->lsoa, "");
    assert_string_equal(received(2)->incident->place->local_authority, "E06000016");
}

/* What an incident says of its attachments is judged at every level: parts are put together by it. */
static void attachments_are_judged_at_every_level(void **state)
{
    static char id[] = "00112233445566778899aabbccddeeff";
    static char digest[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    static uint8_t data[UP_ATTACHMENT_CHUNK_LEN];
    Up__Incident incident = UP__INCIDENT__INIT;
    Up__Entitlement entitlement = UP__ENTITLEMENT__INIT;
    Up__Attachment attachment = UP__ATTACHMENT__INIT;
    Up__Attachment *list[] = {&attachment};
    Up__Message message = UP__MESSAGE__INIT;
    Up__AttachmentChunk chunk = UP__ATTACHMENT_CHUNK__INIT;
    struct exchange_message heard = {.message = &message};
    uint8_t reference[16];

    (void)state;
    memset(reference, 1, sizeof reference);
    strcpy(heard.sender.text, force);
    message.reference = (ProtobufCBinaryData){.len = sizeof reference, .data = reference};
    message.body_case = UP__MESSAGE__BODY_ATTACHMENT;
    message.attachment = &chunk;
    chunk.attachment_id = id;
    chunk.data = (ProtobufCBinaryData){.len = sizeof data, .data = data};
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    assert_int_equal(service_keep(&node, &heard), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);

    entitlement.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    incident.entitlement = &entitlement;
    incident.attachments = list;
    incident.n_attachments = 1;
    attachment.id = id;
    attachment.digest = digest;
    attachment.kind = UP__ATTACHMENT__KIND__PNG;
    attachment.length = 10; /* and its first part is larger */
    attachment.chunks = 3;
    receive(force, &incident, 1);
    assert_int_equal(received(0)->incident->n_attachments, 0);
    assert_true(audit_has("attachments-malformed"));

    incident.n_attachments = 1;
    incident.attachments = list;
    attachment.chunks = 1;
    receive(force, &incident, 2);
    assert_int_equal(received(1)->incident->n_attachments, 1);
}

/* Figures take the place of figures alone: with a report's reference for an id they would erase it. */
static void figures_replace_no_report(void **state)
{
    Up__Incident incident = UP__INCIDENT__INIT;
    Up__Entitlement entitlement = UP__ENTITLEMENT__INIT;
    Up__Message message = UP__MESSAGE__INIT;
    Up__Release release = UP__RELEASE__INIT;
    struct exchange_message heard = {.message = &message};
    uint8_t reference[16];

    (void)state;
    entitlement.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    incident.entitlement = &entitlement;
    incident.occurred_from = copy("2024-05-02T14");
    receive(force, &incident, 1);
    memset(reference, 1, sizeof reference);
    strcpy(heard.sender.text, force);
    release.release_id = (ProtobufCBinaryData){.len = sizeof reference, .data = reference};
    release.revision = 1;
    release.area = copy("E23000021");
    release.year = copy("2024");
    message.body_case = UP__MESSAGE__BODY_RELEASE;
    message.release = &release;
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    arena_reset(node.scratch);
    assert_int_equal(service_keep(&node, &heard), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
    assert_non_null(received(0)->incident);
    assert_null(received(0)->release);
    assert_true(audit_has("malformed"));
}

/* Received items that unpack to very much do not stand in the way of those behind them. */
static void an_export_takes_what_fits(void **state)
{
    enum { MANY = 60000, ITEMS = 8 };
    static Up__Suspect suspect = UP__SUSPECT__INIT;
    Up__Incident incident = UP__INCIDENT__INIT;
    Up__Entitlement entitlement = UP__ENTITLEMENT__INIT;
    Up__Suspect **suspects = calloc(MANY, sizeof(Up__Suspect *));
    struct service_call call = {.operator= & person };
    struct up_why why = {0};
    size_t taken = 0;

    (void)state;
    assert_non_null(suspects);
    for (size_t i = 0; i < MANY; i++)
        suspects[i] = &suspect;
    entitlement.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    incident.entitlement = &entitlement;
    incident.suspects = suspects;
    incident.n_suspects = MANY;
    for (int i = 0; i < ITEMS; i++)
        receive(force, &incident, (uint8_t)i);
    free(suspects);
    call.why = &why;
    assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &call.arena), UP_OK);
    while (taken < ITEMS) {
        Up__ExportBatch *batch = NULL;
        Up__ExportDone done = UP__EXPORT_DONE__INIT;
        Up__ExportDone *marked = NULL;

        arena_reset(call.arena);
        assert_int_equal(service_export(&node, &call, &batch), UP_OK);
        assert_true(batch->n_items > 0);
        done.refs = arena_alloc(arena, batch->n_items * sizeof *done.refs);
        for (size_t i = 0; i < batch->n_items; i++)
            done.refs[done.n_refs++] = copy(batch->items[i]->line->ref);
        taken += batch->n_items;
        arena_reset(call.arena);
        assert_int_equal(service_export_done(&node, &call, &done, &marked), UP_OK);
    }
    assert_int_equal(taken, ITEMS);
    arena_destroy(&call.arena);
}

/* --- codes, explanations ------------------------------------------------------------------------------- */

static enum up_err take(const char *basis, const char *condition, struct up_why *why,
                        Up__ReportRef **ret_reply)
{
    struct service_call call = {.operator= & person, .arena = arena, .why = why};
    Up__Report report = UP__REPORT__INIT;
    Up__Incident incident = UP__INCIDENT__INIT;
    Up__Place place = UP__PLACE__INIT;
    Up__SharingChoice choice = UP__SHARING_CHOICE__INIT;
    Up__RoleChoice asked = UP__ROLE_CHOICE__INIT;
    Up__RoleChoice *list[1] = {&asked};
    Up__Entitlement entitlement = UP__ENTITLEMENT__INIT;

    memset(why, 0, sizeof *why);
    entitlement.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    asked.role = UP__ROLE__CODE__POLICE;
    asked.entitlement = &entitlement;
    asked.lawful_basis = copy(basis);
    asked.special_condition = copy(condition);
    choice.roles = list;
    choice.n_roles = 1;
    place.local_authority = copy("E06000016");
    incident.place = &place;
    incident.codes_version = 77;
    incident.occurred_from = copy("2024-05-02");
    report.incident = &incident;
    report.choice = &choice;
    return service_report_add(&node, &call, &report, ret_reply);
}

/* A lawful basis is of the list, or there is none; the report says of which lists its codes are. */
static void codes_are_of_the_lists(void **state)
{
    struct service_call call = {.operator= & person, .arena = arena};
    struct up_why why;
    Up__ReportRef *reply = NULL;
    Up__Report *report = NULL;

    (void)state;
    assert_int_equal(take("concent", "", &why, &reply), UP_INVALID);
    assert_string_equal(why.text, "choice.roles[0].lawfulBasis: not in the list of codes; like it "
                                  "are consent, public-task");
    assert_int_equal(take("old-basis", "", &why, &reply), UP_INVALID);
    assert_string_equal(why.text,
                        "choice.roles[0].lawfulBasis: not in force any more; in its place "
                        "stands public-task");
    assert_int_equal(take("consent", "consent", &why, &reply), UP_INVALID);
    assert_non_null(strstr(why.text, "choice.roles[0].specialCondition: not in"));
    assert_int_equal(take("", "", &why, &reply), UP_OK);
    assert_int_equal(take("consent", "explicit-consent", &why, &reply), UP_OK);
    assert_int_equal(service_report_show(&node, &call, reply->ref, &report), UP_OK);
    assert_int_equal(report->incident->codes_version, 2);
    call.why = &why;
    assert_int_equal(service_report_show(&node, &call, "ZZZZ-ZZZZ", &report), UP_NOT_FOUND);
    assert_non_null(strstr(why.text, "`upstander sent`")); /* a command that there is */
}

static Up__Explained *explained(const char *ref, const char *member)
{
    struct service_call call = {.operator= & person, .arena = arena};
    Up__Explanation *reply = NULL;

    assert_int_equal(service_explain(&node, &call, ref, member, &reply), UP_OK);
    assert_int_equal(reply->n_members, 1);
    assert_string_equal(reply->members[0]->member, member);
    return reply->members[0];
}

/* A report in the store that the checks of intake would not take: from an older program, or of an older table. */
static void unreadable_put(const char *ref)
{
    struct nodestore_row row = {.kind = NODESTORE_REPORT, .state = 1, .at_s = 1700000000};
    Up__Report report = UP__REPORT__INIT;
    Up__Incident incident = UP__INCIDENT__INIT;
    Up__Entitlement whole = UP__ENTITLEMENT__INIT;
    struct up_bytes bytes = {0};

    whole.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    incident.entitlement = &whole;
    incident.occurred_from = copy("2024-13");
    report.ref = copy(ref);
    report.incident = &incident;
    assert_int_equal(message_pack(&report.base, 1000, &bytes), UP_OK);
    (void)snprintf(row.name, sizeof row.name, "%s", ref);
    row.body = up_bytes_view(&bytes);
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    assert_int_equal(nodestore_put(node.store, &row), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
    up_bytes_wipe(&bytes);
}

static void what_cant_be_read_is_no_decision(void **state)
{
    Up__Explained *told = NULL;

    (void)state;
    unreadable_put("BADB-BADB");
    told = explained("BADB-BADB", force);
    assert_string_equal(told->sees, "nothing");
    assert_int_equal(told->n_reasons, 1);
    assert_string_equal(told->reasons[0],
                        "The report can't be read here, so nothing is shared: occurred_from: not a "
                        "time such as 2026-11-03T14:25, or its start.");
    assert_int_equal(told->n_steps, 0);
    assert_int_equal(told->n_fields, 0);
}

/* Decided as before sending, told beside what really happened; only who may look may ask. */
static void an_explanation_tells_what_happened(void **state)
{
    static const struct operator_identity keeper = {"keeper", OPERATOR_KEYS, 0};
    static const struct operator_identity auditor = {"auditor", OPERATOR_AUDIT, 0};
    struct service_call call = {.operator= & person, .arena = arena};
    struct tale tale = {.authority = "E06000016", .before = UP__ANSWER__CODE__NO};
    Up__Explanation *reply = NULL;
    Up__Explained *told = NULL;
    char ref[10];

    (void)state;
    tell(&tale, ref);
    told = explained(ref, council);
    assert_int_equal(told->entitlement->level, UP__ENTITLEMENT__LEVEL__ANONYMISED);
    assert_string_equal(told->happened[0], "It is held here and goes as a number into the figures "
                                           "on the first day of next month.");
    publish();
    told = explained(ref, council);
    assert_memory_equal(told->happened[0], "It was counted on ", 18);
    assert_non_null(strstr(told->happened[0], "no more than 5 people reported the like"));
    for (int i = 0; i < 4; i++)
        tell(&tale, ref);
    publish();
    told = explained(ref, council);
    assert_memory_equal(told->happened[0], "It stands in the figures that were sent on ", 43);
    roster_destroy(&node.roster);
    node.roster = roster_with(true);
    told = explained(ref, council);
    assert_string_equal(told->sees, "nothing");
    assert_string_equal(told->happened[1], "When it was sent, it was decided otherwise: figures in "
                                           "which nobody can be picked out.");
    call.operator= & auditor;
    assert_int_equal(service_explain(&node, &call, ref, NULL, &reply), UP_OK);
    assert_int_equal(reply->n_members, 3);
    call.operator= & keeper;
    assert_int_equal(service_explain(&node, &call, ref, NULL, &reply), UP_NOT_PERMITTED);
    call.operator= & person;
    assert_int_equal(service_explain(&node, &call, ref, "nobody", &reply), UP_NOT_FOUND);
    assert_int_equal(service_explain(&node, &call, "ZZZZ-ZZZZ", NULL, &reply), UP_NOT_FOUND);
}

/* --- agreements --------------------------------------------------------------------------------------- */

static Up__AgreementList *suspend(const char *id, bool suspended)
{
    struct service_call call = {.operator= & person, .arena = arena};
    struct up_why why = {0};
    Up__AgreementList *list = NULL;

    call.why = &why;
    if (service_agreement_suspend(&node, &call, id, suspended, &list))
        fail_msg("%s", why.text);
    return list;
}

static void send_again(const char *ref, Up__SendResult **ret_sent)
{
    struct service_call call = {.operator= & person, .arena = arena};
    struct up_why why = {0};

    call.why = &why;
    assert_int_equal(service_send(&node, &call, ref, ret_sent), UP_OK);
}

static const struct tale whole = {.authority = "E06000016",
                                  .before = UP__ANSWER__CODE__NO,
                                  .level = UP__ENTITLEMENT__LEVEL__IDENTIFIED};

/* What the person agreed to, and no agreement carries, is told to the operator; once it is carried, it goes, under the
 * reference that it had. */
static void what_is_suspended_waits_and_is_said(void **state)
{
    struct nodestore_row before;
    struct nodestore_row after;
    const Up__SentLine *line = NULL;
    Up__SendResult *sent = NULL;
    Up__AgreementList *list = NULL;
    unsigned incidents = 0;
    char ref[10];

    (void)state;
    list = suspend("police", true);
    assert_int_equal(list->agreements[0]->n_suspended_by, 1);
    assert_string_equal(list->agreements[0]->suspended_by[0], "b-charity");
    assert_int_equal(waiting(force, UP__MESSAGE__BODY_AGREEMENT, &incidents), 1);
    assert_int_equal(waiting(council, UP__MESSAGE__BODY_AGREEMENT, &incidents), 0);
    tell(&whole, ref);
    line = sent_line(ref, force, &before);
    assert_int_equal(before.state, SENT_NO_AGREEMENT);
    assert_non_null(strstr(line->detail, "suspended"));
    assert_int_equal(waiting(force, UP__MESSAGE__BODY_INCIDENT_DISCLOSURE, &incidents), 0);
    send_again(ref, &sent);
    assert_int_equal(sent->cant_be_shared, 1);
    (void)suspend("police", false);
    assert_int_equal(waiting(force, UP__MESSAGE__BODY_AGREEMENT, &incidents), 2);
    (void)suspend("police", false); /* nothing changes, nobody is told again */
    assert_int_equal(waiting(force, UP__MESSAGE__BODY_AGREEMENT, &incidents), 2);
    send_again(ref, &sent);
    assert_int_equal(sent->queued, 1);
    (void)sent_line(ref, force, &after);
    assert_int_equal(after.state, SENT_STORED);
    assert_string_equal(after.name, before.name);
    assert_int_equal(waiting(force, UP__MESSAGE__BODY_INCIDENT_DISCLOSURE, &incidents), 1);
}

/* What waits already does not leave; a new directory with the same words lifts nothing, one with other words does. */
static void a_suspension_is_of_the_words(void **state)
{
    struct nodestore_query query = {.kind = NODESTORE_OUTBOX, .peer = force};
    struct nodestore_row *rows = NULL;
    struct roster *next = NULL;
    size_t count = 0;
    bool may = true;
    char ref[10];
    static char review[] = "2030-01-01";

    (void)state;
    tell(&whole, ref);
    assert_int_equal(nodestore_list(node.store, &query, arena, &rows, &count), UP_OK);
    assert_int_equal(count, 1);
    assert_int_equal(service_may_leave(&node, &rows[0], &may), UP_OK);
    assert_true(may);
    (void)suspend("police", true);
    assert_int_equal(service_may_leave(&node, &rows[0], &may), UP_OK);
    assert_false(may);
    next = roster_with(false);
    assert_int_equal(service_agreements_apply_to(&node, next), UP_OK);
    assert_int_equal(roster_content(next)->agreements[0]->n_suspended_by, 1);
    assert_int_equal(roster_content(next)->agreements[1]->n_suspended_by, 0);
    roster_destroy(&next);
    next = roster_of(false, 0, review);
    assert_int_equal(service_agreements_apply_to(&node, next), UP_OK);
    assert_int_equal(roster_content(next)->agreements[0]->n_suspended_by, 0);
    roster_destroy(&next);
}

static void notice(const char *from, const struct digest *digest, bool suspended, uint64_t number)
{
    Up__AgreementNotice body = UP__AGREEMENT_NOTICE__INIT;
    Up__Message message = UP__MESSAGE__INIT;
    struct exchange_message heard = {.message = &message};
    struct digest copied = *digest;

    body.agreement = copy("police");
    body.digest = (ProtobufCBinaryData){.len = 32, .data = copied.bytes};
    body.suspended = suspended;
    body.number = number;
    message.body_case = UP__MESSAGE__BODY_AGREEMENT;
    message.agreement = &body;
    strcpy(heard.sender.text, from);
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    arena_reset(node.scratch);
    assert_int_equal(service_keep(&node, &heard), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
}

static enum level level_now(const char *ref, const char *member)
{
    struct up_why why = {0};
    Up__Report *report = NULL;

    assert_int_equal(service_report_load(&node, ref, arena, &report, &why), UP_OK);
    return service_decide(&node, report, roster_find(node.roster, member)).entitlement.level;
}

/* The other party suspends: nothing more goes there. Older notices undo nothing; whoever is no party stops nothing. */
static void a_party_suspends_from_afar(void **state)
{
    const Up__Roster *roster = roster_content(node.roster);
    struct digest digest;
    char ref[10];

    (void)state;
    assert_int_equal(agreement_digest(roster->signed_agreements[0],
                                      up_view_of(federation.id, sizeof federation.id), &digest),
                     UP_OK);
    tell(&whole, ref);
    assert_int_equal(level_now(ref, force), LEVEL_IDENTIFIED);
    notice(council, &digest, true, 1);
    assert_int_equal(level_now(ref, force), LEVEL_IDENTIFIED);
    assert_int_equal(roster->agreements[0]->n_suspended_by, 0);
    notice(force, &digest, true, 5);
    assert_int_equal(level_now(ref, force), LEVEL_WITHHELD);
    assert_int_equal(level_now(ref, council), LEVEL_ANONYMISED);
    notice(force, &digest, false, 5);
    notice(force, &digest, false, 4);
    assert_int_equal(level_now(ref, force), LEVEL_WITHHELD);
    (void)suspend("police", false); /* this node did not suspend it, and can't lift it */
    assert_int_equal(level_now(ref, force), LEVEL_WITHHELD);
    notice(force, &digest, false, 6);
    assert_int_equal(level_now(ref, force), LEVEL_IDENTIFIED);
}

/* Notices about agreements that are not listed here are kept, for the directory may be behind; but not without end. */
static void unknown_notices_are_bounded(void **state)
{
    struct digest digest = {{0}};

    (void)state;
    for (uint32_t i = 0; i < UP_NOTICES_PER_MEMBER_MAX + 3; i++) {
        memcpy(digest.bytes, &i, sizeof i);
        notice(force, &digest, true, 1);
    }
    assert_int_equal(nodestore_count(node.store, NODESTORE_AGREEMENT, 0),
                     UP_NOTICES_PER_MEMBER_MAX);
    assert_int_equal(node.refused, 3);
    notice(council, &digest, true, 1); /* another member has its own room */
    assert_int_equal(nodestore_count(node.store, NODESTORE_AGREEMENT, 0),
                     UP_NOTICES_PER_MEMBER_MAX + 1);
}

static size_t alarms(const char *words)
{
    char **list = NULL;
    size_t count = 0;
    size_t found = 0;

    assert_int_equal(service_agreement_alarms(&node, arena, &list, &count), UP_OK);
    for (size_t i = 0; i < count; i++)
        found += strstr(list[i], words) != NULL;
    return found;
}

/* A review that is due is said, and stops nothing; so is what nobody signed. */
static void agreements_raise_alarms(void **state)
{
    static char past[] = "2025-01-01";
    static char ahead[] = "2999-01-01";
    char ref[10];

    (void)state;
    assert_int_equal(alarms("agreement"), 0);
    use(roster_of(false, 0, ahead));
    assert_int_equal(alarms("agreement"), 0);
    use(roster_of(false, 0, past));
    assert_int_equal(alarms("review was due on 2025-01-01"), 3);
    tell(&whole, ref);
    assert_int_equal(level_now(ref, force), LEVEL_IDENTIFIED);
    use(roster_of(false, 1u << 0, NULL));
    assert_int_equal(alarms("has not signed it"), 1);
    assert_int_equal(level_now(ref, force), LEVEL_WITHHELD);
    use(roster_of(false, 1u << 1, NULL));
    assert_int_equal(alarms("this organisation has not signed it"), 3);
    use(roster_with(true));
    assert_int_equal(alarms("SUSPENDED"), 3);
}

static void only_a_party_suspends(void **state)
{
    struct service_call call = {.operator= & person, .arena = arena};
    const struct operator_identity reader = {"reader", OPERATOR_READ_ONLY, 0};
    struct up_why why = {0};
    Up__AgreementList *list = NULL;

    (void)state;
    call.why = &why;
    assert_int_equal(service_agreement_suspend(&node, &call, "nothing", true, &list), UP_NOT_FOUND);
    use(roster_of(false, 1u << 1, NULL));
    assert_int_equal(service_agreement_suspend(&node, &call, "police", true, &list),
                     UP_NOT_PERMITTED);
    use(roster_with(false));
    call.operator= & reader;
    assert_int_equal(service_agreement_suspend(&node, &call, "police", true, &list),
                     UP_NOT_PERMITTED);
    assert_int_equal(service_agreements(&node, &call, &list), UP_OK);
    assert_int_equal(list->n_agreements, 3);
    assert_int_equal(list->members[0]->identity_key.len, 0);
}

/* The lead's word stands, whatever a worker wrote. */
static void bases_come_from_the_lead(void **state)
{
    static const char text[] =
        "{\"approvedBy\":\"Lead\",\"approvedOn\":\"2026-11-01\",\"bases\":[{\"role\":\"POLICE\","
        "\"preset\":\"all\",\"lawfulBasis\":\"public-task\",\"specialCondition\":"
        "\"substantial-public-interest\"}]}";
    static const char *const bad[] = {
        "{\"approvedBy\":\"Lead\",\"bases\":[]}",
        "{\"approvedBy\":\"L\",\"approvedOn\":\"2026-11-01\",\"basis\":[]}",
        "{\"approvedBy\":\"L\",\"approvedOn\":\"2026-11-01\",\"bases\":[{\"role\":\"POLICE\","
        "\"preset\":\"all\",\"lawfulBasis\":\"consnet\",\"specialCondition\":\"made-public\"}]}",
        "{\"approvedBy\":\"L\",\"approvedOn\":\"2026-11-01\",\"bases\":[{\"role\":\"POLICE\","
        "\"preset\":\"all\",\"lawfulBasis\":\"consent\",\"specialCondition\":\"\"}]}",
        "{\"approvedBy\":\"L\",\"approvedOn\":\"2026-11-01\",\"bases\":[{\"preset\":\"all\","
        "\"lawfulBasis\":\"consent\",\"specialCondition\":\"made-public\"}]}"};
    Up__PresetBases *bases = NULL;
    Up__SharingChoice choice = UP__SHARING_CHOICE__INIT;
    Up__SharingChoice *stamped = NULL;
    Up__RoleChoice asked[2];
    Up__RoleChoice *list[2] = {&asked[0], &asked[1]};
    struct up_why why = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_not_equal(
            service_bases_parse(up_view_of(bad[i], strlen(bad[i])), arena, &bases, &why), UP_OK);
    assert_int_equal(service_bases_parse(up_view_of(text, strlen(text)), arena, &bases, &why),
                     UP_OK);
    node.bases = bases;
    for (int i = 0; i < 2; i++) {
        up__role_choice__init(&asked[i]);
        asked[i].lawful_basis = copy("consent");
        asked[i].special_condition = copy("made-public");
        asked[i].preset = copy("all");
    }
    asked[0].role = UP__ROLE__CODE__POLICE;
    asked[1].role = UP__ROLE__CODE__CHARITY;
    choice.roles = list;
    choice.n_roles = 2;
    assert_int_equal(service_bases_stamp(&node, &choice, arena, &stamped), UP_OK);
    assert_string_equal(stamped->roles[0]->lawful_basis, "public-task");
    assert_string_equal(stamped->roles[0]->special_condition, "substantial-public-interest");
    assert_string_equal(stamped->roles[1]->lawful_basis, "");
    assert_string_equal(asked[1].lawful_basis, "consent"); /* the caller's stays */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_incident_is_released_once),
        TEST(one_victim_counts_once),
        TEST(many_and_a_damaged_one_hold_up_nobody),
        TEST(each_month_is_closed_once),
        TEST(who_withdraws_takes_others_along),
        TEST(numbers_of_others_need_an_agreement),
        TEST(a_large_ledger_is_read_again),
        TEST(what_is_not_agreed_any_more_stays),
        TEST(a_list_can_be_had_in_pages),
        TEST(an_account_belongs_to_its_narrative),
        TEST(an_account_of_intake_holds_too),
        TEST(only_police_record),
        TEST(no_more_is_kept_than_stated),
        TEST(attachments_are_judged_at_every_level),
        TEST(figures_replace_no_report),
        TEST(an_export_takes_what_fits),
        TEST(codes_are_of_the_lists),
        TEST(an_explanation_tells_what_happened),
        TEST(what_cant_be_read_is_no_decision),
        TEST(what_is_suspended_waits_and_is_said),
        TEST(a_suspension_is_of_the_words),
        TEST(a_party_suspends_from_afar),
        TEST(unknown_notices_are_bounded),
        TEST(agreements_raise_alarms),
        TEST(only_a_party_suspends),
        TEST(bases_come_from_the_lead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
