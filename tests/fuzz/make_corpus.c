/* SPDX-License-Identifier: MIT */
/* rooms: proto */
/* Writes the seeds of fuzz_frame, fuzz_message and fuzz_json: make_corpus tests/fuzz/corpus */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/fuzz.h"
#include "upstander/json.h"
#include "upstander/limits.h"

struct seed {
    const char *name;
    char kind; /* as fuzz_kind reads it */
    const char *json;
};

#define ID "\"AAECAwQFBgcICQoLDA0ODw==\""
#define KEY "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\""
/* an Envelope whose header names a sender, a recipient, an hour and a prekey */
#define ENVELOPE                                                                                   \
    "\"CjsKEAABAgMEBQYHCAkKCwwNDg8SB2EtZm9yY2UaCWItY2hhcml0eSEQDgAAAAAAACoIAQIDBAUGBwgwARIEAAECAw" \
    "==\""

static const struct seed seeds[] = {
    {"incident-message", '0',
     "{\"id\":" ID ",\"reference\":" ID ",\"version\":2,\"sentAtS\":\"1795000000\","
     "\"incidentDisclosure\":{\"urgent\":true,\"incident\":{\"entitlement\":{\"level\":"
     "\"PSEUDONYMISED\",\"withheld\":[\"CONTACT\"]},\"strands\":[{\"code\":\"RACE\"}]}}}"},
    {"release", '0',
     "{\"id\":" ID ",\"release\":{\"releaseId\":" ID ",\"revision\":1,\"area\":\"E23000021\","
     "\"year\":\"2026\",\"k\":5,\"rows\":[{\"cell\":{\"strands\":[\"RACE\",\"AGE\"],\"types\":"
     "[\"THREAT\"],\"place\":\"GROUP_HOME\",\"area\":\"E06000016\",\"vintage\":2024,\"period\":"
     "\"2026-Q4\"},\"incidents\":7,\"number\":1,\"revision\":1}],\"window\":\"QUARTER\"}}"},
    {"receipt", '0',
     "{\"id\":" ID ",\"deliveryReceipt\":{\"messageId\":" ID ",\"digest\":" KEY
     ",\"outcome\":\"STORED\"}}"},
    {"refused", '0', "{\"id\":" ID ",\"refused\":{\"messageId\":" ID ",\"reason\":\"EXPIRED\"}}"},
    {"statistics", '0',
     "{\"id\":" ID ",\"statisticsReturn\":{\"area\":\"E23000021\",\"k\":5,\"rows\":[{\"cell\":"
     "{\"strands\":[\"RACE\"]},\"incidents\":9},{\"rung\":\"ANY_STRAND\"}]}}"},
    {"pooled", '0',
     "{\"id\":" ID ",\"pooledCounts\":{\"audience\":\"c-council\",\"k\":5,\"counts\":[{\"batch\":1,"
     "\"cell\":{\"strands\":[\"RACE\"],\"area\":\"E06000016\",\"period\":\"2026-10\"},"
     "\"incidents\":2,\"victims\":1,\"victimsNew\":1}],\"withdrawals\":[{\"batch\":1}]}}"},
    {"batch", '1', "{\"rosterVersion\":\"3\",\"messages\":[\"\",\"CgEB\"]}"},
    {"signed-batch", '2', "{\"batch\":\"CAM=\",\"signature\":" KEY "}"},
    {"incident", '3',
     "{\"entitlement\":{\"level\":\"IDENTIFIED\"},\"codesVersion\":1,\"strands\":[{\"code\":"
     "\"DISABILITY\",\"basis\":\"PERCEIVED_BY_VICTIM\",\"byAssociation\":true}],\"types\":"
     "[\"VERBAL_ABUSE\",\"THREAT\"],\"placeKind\":\"STREET\",\"supportOffered\":[\"x\",\"\"],"
     "\"contact\":{\"telephones\":[\"0\"],\"postcode\":\"ZZ1 "
     "1ZZ\"},\"suspects\":[{\"number\":2},{}],"
     "\"place\":{\"latitudeMicrodegrees\":52636900,\"longitudeMicrodegrees\":-1139800,\"lsoa\":"
     "\"E01013600\"},\"occurredFrom\":\"2026-11-03T14:25\",\"narrative\":\"\xc3\xa9\xe2\x82\xac\","
     "\"risk\":{\"now\":\"CONCERN\",\"timesBefore\":3},\"onward\":{\"ceilings\":[{\"role\":"
     "\"POLICE\",\"entitlement\":{\"level\":\"COUNTED\"}}]}}"},
    {"cell", '3',
     "{\"entitlement\":{\"level\":\"ANONYMISED\"},\"cell\":{\"strands\":[\"SEX\"],\"place\":"
     "\"GROUP_ONLINE\",\"period\":\"2026\"}}"},
    {"choice", '4',
     "{\"roles\":[{\"role\":\"COUNCIL\",\"entitlement\":{\"level\":\"ANONYMISED\"},\"expiresOn\":"
     "\"2027-01-31\"}],\"members\":[{\"member\":\"a-force\",\"entitlement\":{\"level\":"
     "\"WITHHELD\"}}]}"},
    {"report", '5',
     "{\"incident\":{\"strands\":[{\"code\":\"OTHER\",\"subStrand\":\"x\"}]},\"choice\":{"
     "\"manner\":"
     "\"spoken\"},\"urgent\":true,\"callWasMade\":true,\"reportedBefore\":\"NOT_ASKED\"}"},
    {"inbox-item", '6',
     "{\"line\":{\"ref\":\"7F3K-9QTM\",\"urgent\":true},\"release\":{\"rows\":[{},{\"incidents\":1}"
     "]}}"},
    {"roster", '7',
     "{\"federation\":" ID
     ",\"name\":\"Example\",\"exercise\":true,\"version\":\"2\",\"issuedAtS\":"
     "\"1\",\"expiresAtS\":\"2\",\"threshold\":1,\"stewards\":[{\"name\":\"s\",\"key\":" KEY
     "}],\"members\":[{\"id\":\"a-force\",\"role\":\"POLICE\",\"areas\":[\"E23000021\"],"
     "\"identityKey\":" KEY ",\"status\":\"ACTIVE\",\"telephone24h\":\"0\"}],\"hubs\":[{\"id\":"
     "\"hub\",\"brokers\":[{\"id\":\"b-1\",\"endpoint\":\"tcp://"
     "localhost:5000\"}]}],\"agreements\":"
     "[{\"id\":\"x\",\"fromRole\":\"CHARITY\",\"toRole\":\"POLICE\",\"k\":5}]}"},
    {"signed-roster", '8',
     "{\"roster\":\"CAE=\",\"signatures\":[{\"steward\":" KEY ",\"signature\":" KEY "}]}"},
    {"envelope", '9', "{\"header\":\"CgEB\",\"sealed\":" KEY "}"},
    {"envelope-header", ':',
     "{\"id\":" ID ",\"sender\":\"a-force\",\"recipient\":\"b-charity\",\"expiresAtS\":\"3600\","
     "\"prekeyId\":\"AQIDBAUGBwg=\",\"urgent\":true}"},
    {"import", ';', "{\"name\":\"x.csv\",\"csv\":\"YSxiCjEsMgo=\",\"mapping\":\"a = b\"}"},
    {"export", '<', "{\"items\":[{\"line\":{}},{\"statistics\":{\"rows\":[{\"number\":1}]}}]}"},
    {"status", '=',
     "{\"member\":\"a-force\",\"rosterVersion\":\"1\",\"connected\":true,\"inbox\":4}"},
    {"frame-hello", '>',
     "{\"hello\":{\"protocol\":1,\"rosterVersion\":\"2\",\"incarnation\":\"18446744073709551615\"}"
     "}"},
    {"frame-welcome", '>',
     "{\"welcome\":{\"broker\":\"b-1\",\"protocol\":1,\"nowS\":\"1795000000\",\"sendMax\":64}}"},
    {"frame-send", '>', "{\"send\":{\"seq\":\"1\",\"envelopes\":[" ENVELOPE "]}}"},
    {"frame-accepted", '>',
     "{\"accepted\":{\"seq\":\"1\",\"results\":[\"STORED\",\"DUPLICATE\"]}}"},
    {"frame-credit", '>', "{\"credit\":{\"envelopes\":256}}"},
    {"frame-deliver", '>',
     "{\"deliver\":{\"deliveries\":[{\"number\":\"9\",\"envelope\":" ENVELOPE "}]}}"},
    {"frame-ack", '>', "{\"ack\":{\"numbers\":[\"9\",\"300\"]}}"},
    {"frame-expired", '>', "{\"expired\":{\"envelopes\":[{\"envelopeId\":" ID "}]}}"},
    {"frame-prekeys", '>',
     "{\"prekeyPublish\":{\"prekeys\":[{\"member\":\"a-force\",\"key\":" KEY
     ",\"validFromS\":\"1\",\"validUntilS\":\"2\",\"signature\":" KEY "}]}}"},
    {"frame-failure", '>', "{\"failure\":{\"code\":\"HELLO_FIRST\",\"text\":\"x\"}}"},
    {"forwarded", '0',
     "{\"id\":" ID ",\"reference\":" ID ",\"version\":1,\"forwarded\":{\"member\":\"c-council\","
     "\"role\":\"COUNCIL\",\"level\":\"PSEUDONYMISED\",\"atS\":\"1795000000\"}}"},
    {"action-item", '0',
     "{\"id\":" ID ",\"reference\":" ID ",\"version\":1,\"actionItem\":{\"object\":\"POSTER\","
     "\"what\":\"x\",\"place\":\"y\",\"area\":\"E06000016\",\"withinADay\":true,"
     "\"seenOn\":\"2026-11-20\"}}"},
    {"done", '0',
     "{\"id\":" ID ",\"reference\":" ID ",\"version\":2,\"done\":{\"outcome\":\"REMOVED\","
     "\"what\":\"x\",\"when\":\"2026-11-21\"}}"},
    {"override", '0',
     "{\"id\":" ID ",\"reference\":" ID ",\"version\":1,\"incidentDisclosure\":{\"incident\":{"
     "\"entitlement\":{\"level\":\"IDENTIFIED\"},\"onward\":{\"ceilings\":[{\"role\":\"COUNCIL\","
     "\"entitlement\":{\"level\":\"ANONYMISED\"}}],\"permittedMembers\":[\"c-council\"],"
     "\"expires\":"
     "\"2027-01\"}},\"override\":{\"purpose\":\"x\",\"reason\":\"child-at-risk\",\"codesVersion\":"
     "1,"
     "\"endsOn\":\"2027-01-20\",\"withheld\":[\"PLACE\"]},\"forwarded\":true}}"},
    {"audit", '?', "{\"entries\":[{\"number\":\"1\",\"action\":\"send\"}],\"chainHolds\":true}"},
};

static void write_seed(const char *folder, const char *target, const struct seed *seed,
                       struct up_view bytes)
{
    char path[1024];
    FILE *file = NULL;
    int written = snprintf(path, sizeof path, "%s/%s/%s", folder, target, seed->name);

    fuzz_require(written > 0 && (size_t)written < sizeof path);
    file = fopen(path, "wb");
    if (!file) {
        fprintf(stderr, "%s: can't be written\n", path);
        exit(1);
    }
    if (strcmp(target, "frame") != 0)
        fuzz_require(fputc(seed->kind, file) != EOF);
    fuzz_require(fwrite(bytes.data, 1, bytes.len, file) == bytes.len);
    fuzz_require(fclose(file) == 0);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_corpus FOLDER, which has frame/, message/ and json/\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        const struct seed *seed = &seeds[i];
        struct up_view text = up_view_of(seed->json, strlen(seed->json));
        struct arena *arena = NULL;
        ProtobufCMessage *message = NULL;
        struct up_bytes bytes = {0};
        struct up_why why = {0};

        fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
        if (json_parse(fuzz_kind((uint8_t)seed->kind), text, arena, &message, &why)) {
            fprintf(stderr, "%s: %s\n", seed->name, why.text);
            return 1;
        }
        fuzz_require(message_pack(message, UP_FRAME_LEN_MAX, &bytes) == UP_OK);
        write_seed(argv[1], "json", seed, text);
        write_seed(argv[1], "message", seed, up_bytes_view(&bytes));
        if (strncmp(seed->name, "frame-", 6) == 0)
            write_seed(argv[1], "frame", seed, up_bytes_view(&bytes));
        up_bytes_wipe(&bytes);
        arena_destroy(&arena);
    }
    return 0;
}
