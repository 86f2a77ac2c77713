/* SPDX-License-Identifier: MIT */
/* rooms: node intake store exchange link disclosure base proto */
/* What a node keeps of attachments that others send: chunks before and after their report, from the right sender and
 * from others, and reports that state what can't be. */
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

static const char charity[] = "b-charity";
static const char council[] = "c-council";
static char id[] = "00112233445566778899aabbccddeeff";

static char folder[64];
static struct federation federation;
static struct service node;
static struct arena *arena;
static struct up_why why;
static struct up_bytes file; /* begins as a PNG; two chunks and a bit */
static const struct operator_identity person = {.name = "clerk", .roles = OPERATOR_TAKE_REPORTS};

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/upstander-test-XXXXXX");
    if (keys_init() || !mkdtemp(folder) || arena_new(UP_ARENA_LEN_MAX, &arena) ||
        up_bytes_new(2 * UP_ATTACHMENT_CHUNK_LEN + 9, &file))
        return -1;
    for (size_t i = 0; i < file.len; i++)
        file.data[i] = (uint8_t)(i * 7 + i / 251);
    memcpy(file.data, "\x89PNG\r\n\x1a\n", 8);
    federation_init(&federation, 1700000000);
    memset(&node, 0, sizeof node);
    node.areas = gen_areas();
    node.codes = gen_codes();
    node.keys = &federation.members[0];
    strcpy(node.member, federation_names[0]);
    return arena_new(UP_ARENA_LEN_MAX, &node.scratch) ||
                   nodestore_open(folder, &federation.members[0].store, &node.store, &why)
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
    areas_destroy(&node.areas);
    codes_destroy(&node.codes);
    up_bytes_wipe(&file);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

/* --- what comes ------------------------------------------------------------------------------------- */

static void keep(const char *sender, Up__Message *message, uint8_t mark)
{
    struct exchange_message heard = {.message = message};
    uint8_t reference[16];

    memset(reference, mark, sizeof reference);
    strcpy(heard.sender.text, sender);
    message->version = 1;
    message->reference = (ProtobufCBinaryData){.len = sizeof reference, .data = reference};
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    arena_reset(node.scratch);
    assert_int_equal(service_keep(&node, &heard), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
}

/* One attachment, as it is stated when nothing is wrong. */
static Up__Attachment stated(void)
{
    static char text[65];
    Up__Attachment attachment = UP__ATTACHMENT__INIT;
    struct digest digest;

    keys_digest(up_bytes_view(&file), &digest);
    ids_hex(digest.bytes, text);
    ids_hex(digest.bytes + 16, text + 32);
    attachment.id = id;
    attachment.digest = text;
    attachment.kind = UP__ATTACHMENT__KIND__PNG;
    attachment.length = (uint32_t)file.len;
    attachment.chunks = 3;
    return attachment;
}

static void report_comes(const char *sender, Up__Attachment *attachment, uint8_t mark)
{
    Up__Message message = UP__MESSAGE__INIT;
    Up__IncidentDisclosure body = UP__INCIDENT_DISCLOSURE__INIT;
    Up__Incident incident = UP__INCIDENT__INIT;
    Up__Entitlement own = UP__ENTITLEMENT__INIT;
    Up__Attachment *list[1] = {attachment};

    own.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    incident.entitlement = &own;
    incident.contact_rule = UP__CONTACT_RULE__CODE__NONE;
    incident.attachments = list;
    incident.n_attachments = 1;
    body.incident = &incident;
    message.body_case = UP__MESSAGE__BODY_INCIDENT_DISCLOSURE;
    message.incident_disclosure = &body;
    keep(sender, &message, mark);
}

static void bytes_come(const char *sender, unsigned index, struct up_view data, uint8_t mark)
{
    Up__Message message = UP__MESSAGE__INIT;
    Up__AttachmentChunk chunk = UP__ATTACHMENT_CHUNK__INIT;

    chunk.attachment_id = id;
    chunk.index = index;
    chunk.data = (ProtobufCBinaryData){.len = data.len, .data = (uint8_t *)(uintptr_t)data.data};
    message.body_case = UP__MESSAGE__BODY_ATTACHMENT;
    message.attachment = &chunk;
    keep(sender, &message, mark);
}

static struct up_view part(unsigned index)
{
    return up_view_of(file.data + (size_t)index * UP_ATTACHMENT_CHUNK_LEN,
                      index < 2 ? UP_ATTACHMENT_CHUNK_LEN : 9);
}

static void chunk_comes(const char *sender, unsigned index, uint8_t mark)
{
    bytes_come(sender, index, part(index), mark);
}

/* --- what is there ---------------------------------------------------------------------------------- */

static const Up__InboxItem *item(const char *sender, const char **ret_ref)
{
    struct nodestore_query query = {.kind = NODESTORE_RECEIVED, .peer = sender};
    struct service_call call = {.operator= & person, .arena = arena, .why = &why};
    struct nodestore_row *rows = NULL;
    Up__InboxItem *shown = NULL;
    size_t count = 0;

    assert_int_equal(nodestore_list(node.store, &query, arena, &rows, &count), UP_OK);
    assert_true(count > 0);
    *ret_ref = rows[count - 1].name;
    assert_int_equal(service_inbox_show(&node, &call, *ret_ref, &shown), UP_OK);
    return shown;
}

static unsigned arrived(const char *sender)
{
    const char *ref = NULL;
    const Up__InboxItem *shown = item(sender, &ref);

    assert_int_equal(shown->n_attachments_arrived, 1);
    return shown->attachments_arrived[0];
}

static enum up_err fetched(const char *sender)
{
    struct service_call call = {.operator= & person, .arena = arena, .why = &why};
    struct service_attachment_of of = {.number = 1};
    struct up_bytes out = {0};
    enum up_err err = UP_OK;

    (void)item(sender, &of.ref);
    err = service_attachment(&node, &call, &of, &out);
    if (!err) {
        assert_int_equal(out.len, file.len);
        assert_memory_equal(out.data, file.data, file.len);
    } else {
        assert_null(out.data);
    }
    up_bytes_wipe(&out);
    return err;
}

static uint64_t chunks(void)
{
    return nodestore_count(node.store, NODESTORE_ATTACHMENT, 0);
}

/* --- tests ------------------------------------------------------------------------------------------ */

static void in_any_order_it_is_whole(void **state)
{
    Up__Attachment attachment = stated();

    (void)state;
    chunk_comes(charity, 2, 1);
    report_comes(charity, &attachment, 1);
    assert_int_equal(arrived(charity), 1);
    assert_int_equal(fetched(charity), UP_NOT_FOUND);
    chunk_comes(charity, 1, 1);
    chunk_comes(charity, 1, 1); /* twice is once */
    chunk_comes(charity, 0, 1);
    assert_int_equal(arrived(charity), 3);
    assert_int_equal(fetched(charity), UP_OK);
    assert_int_equal(chunks(), 3);
    assert_int_equal(node.refused, 0);
}

static void what_is_wrong_is_refused_and_counted(void **state)
{
    Up__Attachment attachment = stated();
    uint8_t byte = 0;

    (void)state;
    report_comes(charity, &attachment, 1);
    bytes_come(charity, 3, up_view_of(&byte, 1), 1);      /* behind the last */
    bytes_come(charity, 2, up_view_of(file.data, 10), 1); /* longer than stated */
    bytes_come(charity, 0, up_view_of(file.data, 9), 1);  /* shorter */
    bytes_come(charity, 0, up_view_of(file.data, 0), 1);
    bytes_come(charity, 0, up_view_of(file.data, UP_ATTACHMENT_CHUNK_LEN + 1), 2); /* early */
    bytes_come(charity, UP_ATTACHMENT_CHUNKS_MAX, part(0), 2);
    id[0] = 'G';
    chunk_comes(charity, 0, 1);
    id[0] = '1'; /* well formed, and not in the report */
    chunk_comes(charity, 0, 1);
    id[0] = '0';
    assert_int_equal(chunks(), 0);
    assert_int_equal(node.refused, 8);
}

static void other_bytes_are_never_shown(void **state)
{
    Up__Attachment attachment = stated();

    (void)state;
    report_comes(charity, &attachment, 1);
    chunk_comes(charity, 0, 1);
    bytes_come(charity, 1, part(0), 1);
    chunk_comes(charity, 2, 1);
    assert_int_equal(arrived(charity), 3);
    assert_int_equal(fetched(charity), UP_MALFORMED);
}

/* A report that states what can't be is kept, but not what it states of attachments: its numbers would become lengths
 * of memory and loops. */
static void impossible_attachments_are_not_believed(void **state)
{
    (void)state;
    for (uint8_t fault = 1; fault <= 6; fault++) {
        Up__Attachment attachment = stated();
        const char *ref = NULL;

        if (fault == 1) {
            attachment.length = 1; /* and three chunks */
        } else if (fault == 2) {
            attachment.chunks = UINT32_MAX;
        } else if (fault == 3) {
            attachment.chunks = 0;
        } else if (fault == 4) {
            attachment.length = UP_ATTACHMENT_LEN_MAX + 1;
            attachment.chunks = UP_ATTACHMENT_CHUNKS_MAX + 1;
        } else if (fault == 5) {
            attachment.digest = id;
        } else {
            attachment.id = attachment.digest;
        }
        for (unsigned i = 0; fault == 1 && i < 3; i++)
            bytes_come(charity, i, part(0), fault);
        report_comes(charity, &attachment, fault);
        assert_int_equal(item(charity, &ref)->incident->n_attachments, 0);
        assert_int_equal(fetched(charity), UP_NOT_FOUND);
        assert_int_equal(node.refused, fault);
    }
}

/* Two send the same attachment (one passed it on); neither can keep the other's from being whole. */
static void each_sender_has_its_own(void **state)
{
    Up__Attachment attachment = stated();

    (void)state;
    bytes_come(council, 0, part(1), 9); /* somebody else knows the id, and is quicker */
    report_comes(charity, &attachment, 1);
    for (unsigned i = 0; i < 3; i++)
        chunk_comes(charity, i, 1);
    assert_int_equal(fetched(charity), UP_OK);
    report_comes(council, &attachment, 9);
    assert_int_equal(arrived(council), 1);
    assert_int_equal(fetched(council), UP_NOT_FOUND);
    for (unsigned i = 0; i < 3; i++)
        chunk_comes(council, i, 9);
    assert_int_equal(fetched(council), UP_OK);
    assert_int_equal(fetched(charity), UP_OK);
    assert_int_equal(node.refused, 0);
}

static void early_ones_are_bounded_for_each_sender(void **state)
{
    Up__Attachment attachment = stated();
    uint8_t byte = 1;

    (void)state;
    for (unsigned i = 0; i < UP_ATTACHMENT_EARLY_MAX + 5; i++) {
        (void)snprintf(id, sizeof id, "%032u", i);
        bytes_come(council, 0, up_view_of(&byte, 1), 9);
    }
    assert_int_equal(chunks(), UP_ATTACHMENT_EARLY_MAX);
    assert_int_equal(node.refused, 5);
    strcpy(id, "00112233445566778899aabbccddeeff");
    for (unsigned i = 0; i < 3; i++)
        chunk_comes(charity, i, 1); /* has not filled its own */
    report_comes(charity, &attachment, 1);
    assert_int_equal(fetched(charity), UP_OK);
    assert_int_equal(node.refused, 5);
}

static void of_another_length_they_go(void **state)
{
    Up__Attachment attachment = stated();

    (void)state;
    bytes_come(charity, 2, part(0), 1);
    chunk_comes(charity, 0, 1);
    report_comes(charity, &attachment, 1);
    assert_int_equal(chunks(), 1);
    assert_int_equal(arrived(charity), 1);
    assert_int_equal(nodestore_count(node.store, NODESTORE_ATTACHMENT, 1u << 2),
                     0); /* none is early any more */
}

/* Whatever its report was, it can't come any more. */
static void early_ones_do_not_stay(void **state)
{
    Up__Attachment attachment = stated();
    int64_t now_s = clock_wall_s();

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(id, sizeof id, "%032u", i);
        chunk_comes(council, 0, 9);
    }
    strcpy(id, "00112233445566778899aabbccddeeff");
    report_comes(charity, &attachment, 1);
    chunk_comes(charity, 0, 1);
    assert_int_equal(nodestore_begin(node.store), UP_OK);
    assert_int_equal(service_attachments_sweep(&node, now_s), UP_OK);
    assert_int_equal(chunks(), 21);
    assert_int_equal(service_attachments_sweep(&node, now_s + UP_ENVELOPE_TTL_S_MAX + 60), UP_OK);
    assert_int_equal(nodestore_commit(node.store), UP_OK);
    assert_int_equal(chunks(), 1); /* what belongs to a report stays */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(in_any_order_it_is_whole),    TEST(what_is_wrong_is_refused_and_counted),
        TEST(other_bytes_are_never_shown), TEST(impossible_attachments_are_not_believed),
        TEST(each_sender_has_its_own),     TEST(early_ones_are_bounded_for_each_sender),
        TEST(of_another_length_they_go),   TEST(early_ones_do_not_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
