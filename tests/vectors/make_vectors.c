/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* Writes the golden files: make_vectors tests/vectors/source tests/vectors/golden
 * Everything drawn comes from one fixed seed, so each run writes the same bytes. README.md tells
 * what each is. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "nodes/disclosure/disclose.h"
#include "tests/lib/incident_gen.h"
#include "upstander/agreement.h"
#include "upstander/envelope.h"
#include "upstander/json.h"
#include "upstander/limits.h"

enum { NOW = 1800000000, PATH_LEN = 1024, FILE_LEN_MAX = 1 << 20, MESSAGES_MAX = 10 };
static const char passphrase[] = "a long pass phrase of \xc2\xa3"
                                 "5";

static const char *source_folder;
static const char *golden_folder;
static struct arena *arena;

_Noreturn static void fail(const char *what, const char *why)
{
    fprintf(stderr, "make_vectors: %s: %s\n", what, why);
    exit(1);
}

static void must(enum up_err err, const char *what)
{
    if (err)
        fail(what, up_err_text(err));
}

/* --- randomness from a fixed seed ------------------------------------------------------------- */

static uint64_t draws;

static void seeded_buf(void *const buf, const size_t len)
{
    unsigned char seed[randombytes_SEEDBYTES] = "upstander golden files";

    for (unsigned i = 0; i < 8; i++)
        seed[24 + i] = (unsigned char)(draws >> (8 * i));
    draws++;
    randombytes_buf_deterministic(buf, len, seed);
}

static uint32_t seeded_word(void)
{
    uint32_t word = 0;

    seeded_buf(&word, sizeof word);
    return word;
}

static const char *seeded_name(void)
{
    return "seeded";
}

static struct randombytes_implementation seeded = {
    .implementation_name = seeded_name, .random = seeded_word, .buf = seeded_buf};

/* --- files -------------------------------------------------------------------------------------
 */

static void path_make(char path[static PATH_LEN], const char *folder, const char *name,
                      const char *end)
{
    int len = snprintf(path, PATH_LEN, "%s/%s%s", folder, name, end);

    if (len < 0 || len >= PATH_LEN)
        fail(name, "the path is too long");
}

static struct up_view file_read(const char *folder, const char *name, const char *end)
{
    char path[PATH_LEN];
    FILE *file = NULL;
    static uint8_t whole[FILE_LEN_MAX];
    uint8_t *bytes = NULL;
    size_t len = 0;

    path_make(path, folder, name, end);
    file = fopen(path, "rb");
    if (!file)
        fail(path, "can't be read");
    len = fread(whole, 1, sizeof whole, file);
    if (ferror(file) || fclose(file) != 0)
        fail(path, "can't be read");
    bytes = arena_alloc(arena, len + 1);
    if (!bytes)
        fail(path, "out of memory");
    memcpy(bytes, whole, len);
    return up_view_of(bytes, len);
}

static void file_write(const char *name, const char *end, struct up_view bytes)
{
    char path[PATH_LEN];
    FILE *file = NULL;

    path_make(path, golden_folder, name, end);
    file = fopen(path, "wb");
    if (!file || fwrite(bytes.data, 1, bytes.len, file) != bytes.len || fclose(file) != 0)
        fail(path, "can't be written");
}

static void folder_make(const char *name)
{
    char path[PATH_LEN];

    path_make(path, golden_folder, name, "");
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        fail(path, "can't be made");
}

/* --- messages: bytes and canonical JSON --------------------------------------------------------
 */

static const ProtobufCMessageDescriptor *type_of(const char *name)
{
    static const ProtobufCMessageDescriptor *const types[] = {
        &up__incident__descriptor,        &up__message__descriptor,
        &up__batch__descriptor,           &up__roster__descriptor,
        &up__frame__descriptor,           &up__signed_prekey__descriptor,
        &up__signed_roster__descriptor,   &up__envelope__descriptor,
        &up__envelope_header__descriptor, &up__agreement__descriptor,
        &up__signed_agreement__descriptor};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t len = strlen(types[i]->short_name);

        if (strncmp(types[i]->short_name, name, len) == 0 && name[len] == '/')
            return types[i];
    }
    fail(name, "no such type");
}

static void message_write(const char *name, const ProtobufCMessage *message)
{
    struct up_bytes bytes = {0};
    struct up_bytes text = {0};

    must(message_pack(message, FILE_LEN_MAX, &bytes), name);
    must(json_format(message, false, &text), name);
    file_write(name, ".bin", up_bytes_view(&bytes));
    file_write(name, ".json", up_bytes_view(&text));
    up_bytes_wipe(&bytes);
    up_bytes_wipe(&text);
}

static void bytes_write(const char *name, struct up_view bytes)
{
    ProtobufCMessage *message = NULL;

    must(message_unpack(type_of(name), bytes, arena, &message), name);
    message_write(name, message);
}

/* "@x.json@" stands for that golden file's text, "@x@" for any other's bytes as base64. */
static size_t include(const char *name, char *at, size_t room)
{
    struct up_view bytes = file_read(golden_folder, name, "");
    size_t len = strlen(name);
    size_t taken = 0;

    if (len > 5 && strcmp(name + len - 5, ".json") == 0) {
        if (bytes.len > room)
            fail(name, "too long");
        memcpy(at, bytes.data, bytes.len);
        return bytes.len;
    }
    taken = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    if (taken + 1 > room)
        fail(name, "too long");
    at[0] = '"';
    (void)sodium_bin2base64(at + 1, room - 1, bytes.data, bytes.len,
                            sodium_base64_VARIANT_ORIGINAL);
    at[taken] = '"'; /* in the NUL's place */
    return taken + 1;
}

static void source_write(const char *name)
{
    struct up_view from = file_read(source_folder, name, ".json");
    char *text = arena_alloc(arena, FILE_LEN_MAX);
    size_t len = 0;
    ProtobufCMessage *message = NULL;
    struct up_why why = {0};

    if (!text)
        fail(name, "out of memory");
    for (size_t i = 0; i < from.len && len < FILE_LEN_MAX; i++) {
        char file[128] = "";
        const uint8_t *end = from.data[i] == '@' && (i == 0 || strchr(" [", from.data[i - 1]))
                                 ? memchr(from.data + i + 1, '@', from.len - i - 1)
                                 : NULL;

        if (!end) {
            text[len++] = (char)from.data[i];
            continue;
        }
        (void)snprintf(file, sizeof file, "%.*s", (int)(end - from.data - (ptrdiff_t)i - 1),
                       (const char *)from.data + i + 1);
        len += include(file, text + len, FILE_LEN_MAX - len);
        i = (size_t)(end - from.data);
    }
    if (json_parse(type_of(name), up_view_of(text, len), arena, &message, &why))
        fail(name, why.text);
    message_write(name, message);
    arena_reset(arena);
}

/* --- the steps ---------------------------------------------------------------------------------
 */

enum { FORCE, CHARITY, COUNCIL, BROKER, STEWARD_1, STEWARD_2, STEWARD_3, KEYS };
static struct keyfile keys[KEYS];
static const char *const key_names[KEYS] = {"a-force",   "b-charity", "c-council", "broker-1",
                                            "steward-1", "steward-2", "steward-3"};

static void keyfile_write(const char *name, const char *end, const struct keyfile *keyfile,
                          struct up_view with)
{
    struct up_bytes bytes = {0};

    must(keyfile_format(keyfile, with, &bytes), name);
    file_write(name, end, up_bytes_view(&bytes));
    up_bytes_wipe(&bytes);
}

static void keys_write(void)
{
    for (int i = 0; i < KEYS; i++) {
        char name[64] = "";
        bool first = i == FORCE || i == BROKER || i == STEWARD_1; /* of its kind */

        keyfile_generate(i >= STEWARD_1 ? KEYFILE_STEWARD
                         : i == BROKER  ? KEYFILE_BROKER
                                        : KEYFILE_NODE,
                         &keys[i]);
        (void)snprintf(name, sizeof name, "keys/%s", key_names[i]);
        keyfile_write(name, ".key", &keys[i], up_view_of(NULL, 0));
        if (first)
            keyfile_write(name, ".locked.key", &keys[i],
                          up_view_of(passphrase, sizeof passphrase - 1));
        file_write(name, ".identity", up_view_of(keys[i].identity.bytes, 32));
        if (i < STEWARD_1)
            file_write(name, ".transport", up_view_of(keys[i].transport.bytes, 32));
    }
}

/* An agreement with the signatures of these keys, right or wrong; its digest beside it. */
static void agreement_write(const char *name, const int *signers, size_t count)
{
    static const uint8_t federation[16] = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
                                           0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};
    struct up_view id = up_view_of(federation, sizeof federation);
    Up__SignedAgreement agreement = UP__SIGNED_AGREEMENT__INIT;
    struct up_view body;
    struct digest digest;
    char path[96] = "";

    (void)snprintf(path, sizeof path, "Agreement/%s", name);
    source_write(path);
    body = file_read(golden_folder, path, ".bin");
    agreement.agreement.data = arena_alloc(arena, body.len);
    if (!agreement.agreement.data)
        fail(name, "out of memory");
    memcpy(agreement.agreement.data, body.data, body.len);
    agreement.agreement.len = body.len;
    (void)snprintf(path, sizeof path, "SignedAgreement/%s", name);
    must(agreement_digest(&agreement, id, &digest), name);
    file_write(path, ".digest", up_view_of(digest.bytes, sizeof digest.bytes));
    for (size_t i = 0; i < count; i++) {
        const Up__PartySignature *signature = NULL;

        must(agreement_sign(&agreement, id, key_names[signers[i]],
                            &keys[signers[i]].identity_secret, arena),
             name);
        signature = agreement.signatures[agreement.n_signatures - 1];
        (void)snprintf(path, sizeof path, "SignedAgreement/%s.%s", name, key_names[signers[i]]);
        file_write(path, "", up_view_of(signature->signature.data, signature->signature.len));
    }
    (void)snprintf(path, sizeof path, "SignedAgreement/%s", name);
    message_write(path, &agreement.base);
    arena_reset(arena);
}

/* Signed by two of three; the digest of the stewards beside it. */
static struct roster *roster_write(void)
{
    struct up_bytes once = {0};
    struct up_bytes twice = {0};
    Up__Roster *peeked = NULL;
    struct digest pinned;
    struct roster *roster = NULL;

    static const int parties[] = {FORCE, CHARITY};
    static const int others[] = {COUNCIL, FORCE, CHARITY}; /* shut out; a party; none */

    agreement_write("charity-police", parties, 2);
    agreement_write("police-council", others, 3);
    source_write("Roster/roster");
    source_write("SignedRoster/unsigned");
    must(roster_sign(file_read(golden_folder, "SignedRoster/unsigned", ".bin"),
                     &keys[STEWARD_3].identity_secret, &once),
         "signing");
    must(roster_sign(up_bytes_view(&once), &keys[STEWARD_1].identity_secret, &twice), "signing");
    bytes_write("SignedRoster/signed", up_bytes_view(&twice));
    must(roster_peek(up_bytes_view(&twice), arena, &peeked), "the roster");
    roster_stewards_digest(peeked, &pinned);
    file_write("stewards.digest", "", up_view_of(pinned.bytes, sizeof pinned.bytes));
    must(roster_open(up_bytes_view(&twice), NULL, &pinned, &roster), "the roster");
    up_bytes_wipe(&once);
    up_bytes_wipe(&twice);
    arena_reset(arena);
    return roster;
}

static struct prekey prekey_write(const struct roster *roster, int owner)
{
    struct prekey prekey;
    struct prekey_secret secret;
    Up__SignedPrekey out = UP__SIGNED_PREKEY__INIT;
    char name[64] = "";
    char member[64] = "";

    must(prekey_generate(&(const struct prekey_owner){.roster = roster,
                                                      .member = key_names[owner],
                                                      .identity = &keys[owner].identity_secret},
                         NOW - 3600, &prekey, &secret),
         "a prekey");
    (void)snprintf(name, sizeof name, "SignedPrekey/%s", key_names[owner]);
    (void)snprintf(member, sizeof member, "%s", key_names[owner]);
    out.member = member;
    out.key = (ProtobufCBinaryData){.len = 32, .data = prekey.key.bytes};
    out.valid_from_s = prekey.valid_from_s;
    out.valid_until_s = prekey.valid_until_s;
    out.signature = (ProtobufCBinaryData){.len = 64, .data = prekey.signature};
    message_write(name, &out.base);
    file_write(name, ".secret", up_view_of(secret.bytes, sizeof secret.bytes));
    return prekey;
}

static void disclosures_write(void)
{
    static const struct {
        const char *name;
        struct entitlement entitlement;
    } list[] = {
        {"Incident/identified", {LEVEL_IDENTIFIED, 0}},
        {"Incident/pseudonymised", {LEVEL_PSEUDONYMISED, 0}},
        {"Incident/anonymised", {LEVEL_ANONYMISED, 0}},
        {"Incident/counted", {LEVEL_COUNTED, 0}},
        {"Incident/withheld", {LEVEL_WITHHELD, 0}},
        {"Incident/identified-no-contact", {LEVEL_IDENTIFIED, GROUP_CONTACT}},
        {"Incident/identified-no-characteristic", {LEVEL_IDENTIFIED, GROUP_CHARACTERISTIC}},
        {"Incident/identified-no-suspect", {LEVEL_IDENTIFIED, GROUP_SUSPECT}},
        {"Incident/identified-no-place", {LEVEL_IDENTIFIED, GROUP_PLACE}},
        {"Incident/pseudonymised-no-group", {LEVEL_PSEUDONYMISED, GROUPS_ALL}},
    };
    struct areas *areas = gen_areas();
    struct codes *codes = gen_codes();
    struct disclose_rules rules = {.areas = areas, .codes = codes};

    source_write("Incident/full");
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        ProtobufCMessage *incident = NULL;
        Up__Incident *disclosure = NULL;
        struct up_why why = {0};

        must(message_unpack(&up__incident__descriptor,
                            file_read(golden_folder, "Incident/full", ".bin"), arena, &incident),
             "the incident");
        rules.why = &why;
        must(disclose((const Up__Incident *)incident, list[i].entitlement, &rules, arena,
                      &disclosure),
             list[i].name);
        if (why.err)
            fail(list[i].name, why.text);
        message_write(list[i].name, &disclosure->base);
        arena_reset(arena);
    }
    codes_destroy(&codes);
    areas_destroy(&areas);
}

/* Its header and batch stand beside it, each in a file of its own. */
static void envelope_write(const char *name, const struct envelope_seal_args *args,
                           const char *const *messages, size_t count)
{
    struct envelope_seal_args own = *args;
    struct up_view views[MESSAGES_MAX];
    struct envelope_id id;
    struct envelope_header header;
    struct up_bytes envelope = {0};
    struct up_view header_bytes = {0};
    struct up_view sealed = {0};
    Up__Batch batch = UP__BATCH__INIT;
    ProtobufCBinaryData parts[MESSAGES_MAX];
    char path[64] = "";

    for (size_t i = 0; i < count; i++) {
        views[i] = file_read(golden_folder, messages[i], ".bin");
        parts[i].len = views[i].len;
        memcpy(&parts[i].data, &views[i].data, sizeof parts[i].data); /* packing only reads */
    }
    own.messages = views;
    own.message_count = count;
    must(envelope_seal(&own, &id, &envelope), name);
    must(envelope_peek(up_bytes_view(&envelope), &header, &header_bytes, &sealed), name);
    batch.roster_version = roster_version(args->roster);
    batch.messages = parts;
    batch.n_messages = count;
    (void)snprintf(path, sizeof path, "Envelope/%s", name);
    bytes_write(path, up_bytes_view(&envelope));
    (void)snprintf(path, sizeof path, "EnvelopeHeader/%s", name);
    bytes_write(path, header_bytes);
    (void)snprintf(path, sizeof path, "Batch/%s", name);
    message_write(path, &batch.base);
    up_bytes_wipe(&envelope);
    arena_reset(arena);
}

static void messages_write(void)
{
    struct digest digest;

    source_write("Message/incident-disclosure");
    keys_digest(file_read(golden_folder, "Message/incident-disclosure", ".bin"), &digest);
    file_write("Message/incident-disclosure.digest", "", up_view_of(digest.bytes, 32));
    source_write("Message/second-disclosure");
    source_write("Message/release");
    source_write("Message/status-update");
    source_write("Message/delivery-receipt");
    source_write("Message/refused");
    source_write("Message/statistics-return");
    source_write("Message/pooled-counts");
    source_write("Message/attachment");
    source_write("Message/action-item");
    source_write("Message/done");
    source_write("Message/agreement");
    source_write("Message/empty-body");
    source_write("Message/without-contact");
    source_write("Message/without-characteristic");
    source_write("Message/without-suspect");
    source_write("Message/without-place");
    source_write("Message/forwarded");
    source_write("Message/override-disclosure");
}

static void envelopes_write(const struct roster *roster, const struct prekey *of_force,
                            const struct prekey *of_charity)
{
    static const char *const batch[] = {
        "Message/incident-disclosure", "Message/second-disclosure",      "Message/release",
        "Message/status-update",       "Message/statistics-return",      "Message/empty-body",
        "Message/without-contact",     "Message/without-characteristic", "Message/without-suspect",
        "Message/without-place"};
    static const char *const receipt[] = {"Message/delivery-receipt", "Message/refused"};

    envelope_write("batch",
                   &(struct envelope_seal_args){.roster = roster,
                                                .sender = "b-charity",
                                                .recipient = "a-force",
                                                .identity = &keys[CHARITY].identity_secret,
                                                .prekey = of_force,
                                                .now_s = NOW,
                                                .ttl_s = UP_ENVELOPE_TTL_S_MAX,
                                                .urgent = true},
                   batch, sizeof batch / sizeof batch[0]);
    envelope_write("receipt",
                   &(struct envelope_seal_args){.roster = roster,
                                                .sender = "a-force",
                                                .recipient = "b-charity",
                                                .identity = &keys[FORCE].identity_secret,
                                                .prekey = of_charity,
                                                .now_s = NOW + 1,
                                                .ttl_s = 86400},
                   receipt, sizeof receipt / sizeof receipt[0]);
}

static void frames_write(void)
{
    static const char *const frames[] = {
        "Frame/hello",          "Frame/welcome",      "Frame/send",    "Frame/accepted",
        "Frame/credit",         "Frame/deliver",      "Frame/ack",     "Frame/expired",
        "Frame/prekey-publish", "Frame/prekey-fetch", "Frame/prekeys", "Frame/roster-fetch",
        "Frame/roster",         "Frame/failure"};

    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
        source_write(frames[i]);
}

int main(int argc, char **argv)
{
    static const char *const folders[] = {"",
                                          "keys",
                                          "Roster",
                                          "SignedRoster",
                                          "Frame",
                                          "SignedPrekey",
                                          "EnvelopeHeader",
                                          "Batch",
                                          "Incident",
                                          "Message",
                                          "Envelope",
                                          "Agreement",
                                          "SignedAgreement"};
    struct roster *roster = NULL;
    struct prekey of_force;
    struct prekey of_charity;

    if (argc != 3) {
        fprintf(stderr, "usage: make_vectors SOURCE GOLDEN\n");
        return 2;
    }
    source_folder = argv[1];
    golden_folder = argv[2];
    if (randombytes_set_implementation(&seeded) != 0) /* before anything is drawn */
        fail("randomness", "can't be seeded");
    must(keys_init(), "libsodium");
    must(arena_new(UP_ARENA_LEN_MAX, &arena), "memory");
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        folder_make(folders[i]);
    keys_write();
    roster = roster_write();
    of_force = prekey_write(roster, FORCE);
    of_charity = prekey_write(roster, CHARITY);
    disclosures_write();
    messages_write();
    envelopes_write(roster, &of_force, &of_charity);
    frames_write();
    roster_destroy(&roster);
    arena_destroy(&arena);
    return 0;
}
