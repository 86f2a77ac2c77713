/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* Writes the seeds that hold signatures, sealed bytes or a course of events: make_seeds
 * tests/fuzz/corpus The seeds of texts are kept by hand; those of plain messages come from
 * make_corpus. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "envelope.pb-c.h"
#include "message.pb-c.h"
#include "tests/lib/account_gen.h"
#include "tests/lib/fuzz.h"
#include "tests/lib/fuzz_world.h"
#include "tests/lib/incident_gen.h"
#include "upstander/limits.h"

static const char *folder;

/* kind: a first byte; 0 for none. */
static void write_seed(const char *target, const char *name, char kind, struct up_view bytes)
{
    char path[1024];
    FILE *file = NULL;
    int written = snprintf(path, sizeof path, "%s/%s/%s", folder, target, name);

    fuzz_require(written > 0 && (size_t)written < sizeof path);
    file = fopen(path, "wb");
    if (!file) {
        fprintf(stderr, "%s: can't be written\n", path);
        exit(1);
    }
    fuzz_require(kind == 0 || fputc(kind, file) != EOF);
    fuzz_require(fwrite(bytes.data, 1, bytes.len, file) == bytes.len);
    fuzz_require(fclose(file) == 0);
}

static struct up_bytes pack(const ProtobufCMessage *message)
{
    struct up_bytes bytes = {0};

    fuzz_require(message_pack(message, UP_FRAME_LEN_MAX, &bytes) == UP_OK);
    return bytes;
}

/* A batch with a disclosure, a receipt, a refusal, something that is no message, and a message with
 * a short id. */
static struct up_bytes batch_make(struct arena *arena)
{
    struct gen gen = {.state = 5, .arena = arena};
    uint8_t id[16] = {1};
    uint8_t junk[3] = {0xff, 0xff, 0xff};
    uint8_t short_id[3] = {0x0a, 1, 7};
    Up__Message messages[3] = {UP__MESSAGE__INIT, UP__MESSAGE__INIT, UP__MESSAGE__INIT};
    Up__IncidentDisclosure disclosure = UP__INCIDENT_DISCLOSURE__INIT;
    Up__DeliveryReceipt receipt = UP__DELIVERY_RECEIPT__INIT;
    Up__Refused refused = UP__REFUSED__INIT;
    struct up_bytes packed[3] = {{0}};
    ProtobufCBinaryData list[5] = {
        {0, NULL}, {0, NULL}, {0, NULL}, {sizeof junk, junk}, {sizeof short_id, short_id}};
    Up__Batch batch = UP__BATCH__INIT;
    struct up_bytes bytes = {0};

    disclosure.incident = gen_incident(&gen);
    disclosure.incident->entitlement =
        gen_entitlement_message(&gen, (struct entitlement){.level = LEVEL_IDENTIFIED});
    messages[0].body_case = UP__MESSAGE__BODY_INCIDENT_DISCLOSURE;
    messages[0].incident_disclosure = &disclosure;
    messages[0].reference = (ProtobufCBinaryData){.len = 16, .data = id};
    messages[0].version = 1;
    receipt.message_id = (ProtobufCBinaryData){.len = 16, .data = id};
    messages[1].body_case = UP__MESSAGE__BODY_DELIVERY_RECEIPT;
    messages[1].delivery_receipt = &receipt;
    messages[2].body_case = UP__MESSAGE__BODY_REFUSED;
    messages[2].refused = &refused;
    for (unsigned i = 0; i < 3; i++) {
        messages[i].id = (ProtobufCBinaryData){.len = 16, .data = id};
        packed[i] = pack(&messages[i].base);
        list[i] = (ProtobufCBinaryData){.len = packed[i].len, .data = packed[i].data};
    }
    batch.roster_version = 1;
    batch.messages = list;
    batch.n_messages = 5;
    bytes = pack(&batch.base);
    for (unsigned i = 0; i < 3; i++)
        up_bytes_wipe(&packed[i]);
    return bytes;
}

static void envelopes(struct up_view batch)
{
    struct up_bytes header = fuzz_header(FUZZ_CHARITY, FUZZ_FORCE, 7);
    struct up_bytes inside = fuzz_signed(FUZZ_CHARITY, FUZZ_FORCE, up_bytes_view(&header), batch);
    struct up_bytes sealed =
        fuzz_sealed(FUZZ_FORCE, up_bytes_view(&header), up_bytes_view(&inside), true);

    write_seed("batch", "batch", 0, batch);
    write_seed("envelope", "whole", '0', up_bytes_view(&sealed));
    write_seed("envelope", "batch", '1', batch);
    write_seed("envelope", "signed-batch", '2', up_bytes_view(&inside));
    write_seed("envelope", "padded", '3', up_bytes_view(&inside));
    write_seed("envelope", "header", '4', up_bytes_view(&header));
    up_bytes_wipe(&header);
    up_bytes_wipe(&inside);
    up_bytes_wipe(&sealed);
}

static void rosters(struct arena *arena)
{
    const struct fuzz_world *world = fuzz_world();
    struct up_bytes content = pack(&roster_content(world->rosters[0])->base);
    struct up_bytes next = pack(&roster_content(world->rosters[1])->base);
    struct up_bytes twice = {0};
    Up__Roster *draft = NULL;

    fuzz_require(roster_peek(roster_signed_bytes(world->rosters[0]), arena, &draft) == UP_OK);
    draft->members[2]->id = draft->members[1]->id;
    twice = pack(&draft->base);
    write_seed("roster", "id-twice", '1', up_bytes_view(&twice));
    up_bytes_wipe(&twice);
    write_seed("roster", "signed", '0', roster_signed_bytes(world->rosters[0]));
    write_seed("roster", "first", '1', up_bytes_view(&content));
    write_seed("roster", "next", '2', up_bytes_view(&next));
    up_bytes_wipe(&content);
    up_bytes_wipe(&next);
}

static void prekeys_and_keys(void)
{
    const struct fuzz_world *world = fuzz_world();
    struct prekey prekey = world->prekeys[FUZZ_FORCE];
    struct member_id name = {.text = ""};
    Up__SignedPrekey message = UP__SIGNED_PREKEY__INIT;
    struct up_bytes bytes = {0};

    strcpy(name.text, federation_names[FUZZ_FORCE]);
    message.member = name.text;
    message.key = (ProtobufCBinaryData){.len = 32, .data = prekey.key.bytes};
    message.valid_from_s = prekey.valid_from_s;
    message.valid_until_s = prekey.valid_until_s;
    message.signature = (ProtobufCBinaryData){.len = 64, .data = prekey.signature};
    bytes = pack(&message.base);
    write_seed("prekey", "good", '0', up_bytes_view(&bytes));
    write_seed("prekey", "signed-here", '1', up_bytes_view(&bytes));
    up_bytes_wipe(&bytes);
    fuzz_require(keyfile_format(&world->federation.members[0], up_view_of(NULL, 0), &bytes) ==
                 UP_OK);
    write_seed("keyfile", "node", 0, up_bytes_view(&bytes));
    up_bytes_wipe(&bytes);
    fuzz_require(keyfile_format(&world->federation.stewards[0], up_view_of(NULL, 0), &bytes) ==
                 UP_OK);
    write_seed("keyfile", "steward", 0, up_bytes_view(&bytes));
    up_bytes_wipe(&bytes);
    fuzz_require(keyfile_format(&world->federation.broker, up_view_of("passphrase", 10), &bytes) ==
                 UP_OK);
    write_seed("keyfile", "locked", 0, up_bytes_view(&bytes));
    up_bytes_wipe(&bytes);
}

static void incidents(struct arena *arena)
{
    for (unsigned i = 0; i < 6; i++) {
        struct gen gen = {.state = 100 + i, .arena = arena};
        char name[20];
        struct up_bytes bytes = pack(&gen_incident(&gen)->base);

        (void)snprintf(name, sizeof name, "incident-%u", i + 1);
        write_seed("disclosure", name, 0, up_bytes_view(&bytes));
        up_bytes_wipe(&bytes);
    }
}

/* Reports with narratives that have something to be replaced in them. */
static void narratives(void)
{
    static struct account_gen gen;

    fuzz_require(account_gen_open(&gen, "tests/data/text", 1));
    for (unsigned i = 0; i < gen.template_count && i < 256; i++) {
        struct account_sample sample;
        char name[20];
        struct up_bytes bytes = {0};

        account_gen_sample(&gen, &sample);
        (void)snprintf(name, sizeof name, "british-%03u", i);
        bytes = pack(&sample.incident->base);
        if (i % 16 == 15 || i > 246)
            write_seed("account", name, 0, up_bytes_view(&bytes));
        up_bytes_wipe(&bytes);
        arena_reset(gen.gen.arena);
    }
    account_gen_close(&gen);
}

/* The course of a day: see the enums in fuzz_exchange.c and fuzz_relay.c. */
static void courses(struct up_view batch)
{
    static const uint8_t sending[] = {9, 1, 0,    11,   6,    4,  0x11, 0x12, 0x15, 0x23, 10, 1,
                                      6, 3, 0x11, 0x15, 0x19, 12, 3,    1,    7,    9,    2,  70,
                                      4, 4, 0,    0x3a, 0,    0,  0,    8,    1,    3,    1};
    static const uint8_t relaying[] = {
        0x01, 1,    0x11, 2,    0x21, 0,    0x12, 3,    0x00, 1,    0x40, 2,    0x1d, 3,    0x03,
        10,   0x04, 2,    0x07, 0,    0x18, 0,    0x22, 2,    0xff, 4,    0x80, 5,    0x14, 0x81,
        0x09, 200,  0x11, 9,    0x0a, 0x12, 1,    0,    6,    0x0a, 0x06, 1,    0x41, 0};
    uint8_t head[8] = {9, 1, 0, 11, 5, 1, (uint8_t)batch.len, (uint8_t)(batch.len >> 8)};
    uint8_t tail[] = {0, 0, 1, 2, 7, 1};
    struct up_bytes all = {0};

    fuzz_require(up_bytes_new(sizeof head + batch.len + sizeof tail, &all) == UP_OK);
    memcpy(all.data, head, sizeof head);
    memcpy(all.data + sizeof head, batch.data, batch.len);
    memcpy(all.data + sizeof head + batch.len, tail, sizeof tail);
    write_seed("exchange", "sending", 0, up_view_of(sending, sizeof sending));
    write_seed("exchange", "receiving", 0, up_bytes_view(&all));
    write_seed("relay", "relaying", 0, up_view_of(relaying, sizeof relaying));
    up_bytes_wipe(&all);
}

int main(int argc, char **argv)
{
    struct arena *arena = NULL;
    struct up_bytes batch = {0};

    if (argc != 2) {
        fprintf(stderr, "usage: make_seeds FOLDER, which has a folder per target\n");
        return 2;
    }
    folder = argv[1];
    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    (void)fuzz_world();
    batch = batch_make(arena);
    envelopes(up_bytes_view(&batch));
    rosters(arena);
    prekeys_and_keys();
    incidents(arena);
    narratives();
    courses(up_bytes_view(&batch));
    up_bytes_wipe(&batch);
    arena_destroy(&arena);
    return 0;
}
