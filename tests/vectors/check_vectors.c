/* SPDX-License-Identifier: MIT */
/* rooms: proto */
/* What our C makes of files that another implementation wrote. Requests come on standard input, one
 * a line, and are answered with one line each, "ok" and what was read or "refused" and why: roster
 * FILE DIGEST-FILE     open as the first one; the later lines are judged by it keyfile FILE
 * [PASSPHRASE]   the rest of the line prekey FILE SECRET-FILE     the later envelopes are sealed to
 * it envelope FILE RECIPIENT TYPE FILE                   a message of the schema, such as "Frame
 * x.bin" */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upstander/envelope.h"
#include "upstander/json.h"
#include "upstander/limits.h"

enum { NOW = 1800000000, LINE_LEN = 4096, FILE_LEN_MAX = 1 << 20 };

static struct arena *arena;
static struct roster *roster;
static struct prekey prekey;
static struct prekey_secret secret;

static struct up_view file_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = arena_alloc(arena, FILE_LEN_MAX);
    size_t len = 0;

    if (!file || !bytes) {
        fprintf(stderr, "check_vectors: %s can't be read\n", path);
        exit(1);
    }
    len = fread(bytes, 1, FILE_LEN_MAX, file);
    if (fclose(file) != 0)
        exit(1);
    return up_view_of(bytes, len);
}

static void print_hex(const uint8_t *bytes, size_t len)
{
    putchar(' ');
    for (size_t i = 0; i < len; i++)
        printf("%02x", bytes[i]);
}

static void print_digest(struct up_view bytes)
{
    struct digest digest;

    keys_digest(bytes, &digest);
    print_hex(digest.bytes, sizeof digest.bytes);
}

/* Each answers "ok ..." itself, or returns why not. */

static enum up_err answer_roster(const char *path, const char *digest_path)
{
    struct up_view digest = file_read(digest_path);
    struct roster *opened = NULL;
    struct digest pinned = {{0}};
    enum up_err err = UP_OK;

    if (digest.len != sizeof pinned.bytes)
        return UP_MALFORMED;
    memcpy(pinned.bytes, digest.data, sizeof pinned.bytes);
    err = roster_open(file_read(path), NULL, &pinned, &opened);
    if (err)
        return err;
    roster_destroy(&roster);
    roster = opened;
    printf("ok %llu", (unsigned long long)roster_version(roster));
    for (size_t i = 0; i < roster_content(roster)->n_agreements; i++) {
        const Up__Agreement *agreement = roster_content(roster)->agreements[i];

        printf(" %s=", agreement->id);
        for (size_t j = 0; j < agreement->n_signed_by; j++)
            printf("%s%s", j > 0 ? "," : "", agreement->signed_by[j]);
    }
    return UP_OK;
}

static enum up_err answer_keyfile(const char *path, const char *passphrase)
{
    struct keyfile keyfile;
    enum up_err err =
        keyfile_parse(file_read(path), up_view_of(passphrase, strlen(passphrase)), &keyfile);

    if (err)
        return err;
    printf("ok %d", (int)keyfile.kind);
    print_hex(keyfile.identity.bytes, 32);
    print_hex(keyfile.transport.bytes, 32);
    print_hex(keyfile.store.bytes, 32);
    keyfile_clear(&keyfile);
    return UP_OK;
}

static enum up_err answer_prekey(const char *path, const char *secret_path)
{
    struct up_view secret_bytes = file_read(secret_path);
    ProtobufCMessage *message = NULL;
    enum up_err err =
        message_unpack(&up__signed_prekey__descriptor, file_read(path), arena, &message);

    if (!err && secret_bytes.len != sizeof secret.bytes)
        err = UP_MALFORMED;
    if (!err)
        err = prekey_open((const Up__SignedPrekey *)message, roster, &prekey);
    if (err)
        return err;
    memcpy(secret.bytes, secret_bytes.data, sizeof secret.bytes);
    printf("ok");
    return UP_OK;
}

static enum up_err answer_envelope(const char *path, const char *recipient)
{
    struct envelope_open_args args = {.roster = roster,
                                      .recipient = recipient,
                                      .prekey = &prekey.key,
                                      .secret = &secret,
                                      .now_s = NOW};
    struct envelope_header header;
    Up__Batch *batch = NULL;
    enum up_err err = envelope_open(file_read(path), &args, arena, &header, &batch);

    if (err)
        return err;
    printf("ok %s %d", header.sender.text, header.urgent);
    for (size_t i = 0; i < batch->n_messages; i++)
        print_digest(up_view_of(batch->messages[i].data, batch->messages[i].len));
    return UP_OK;
}

/* The digests of its canonical bytes and of its canonical JSON. */
static enum up_err answer_message(const char *type, const char *path)
{
    static const ProtobufCMessageDescriptor *const types[] = {
        &up__incident__descriptor,        &up__message__descriptor,
        &up__batch__descriptor,           &up__roster__descriptor,
        &up__frame__descriptor,           &up__signed_prekey__descriptor,
        &up__signed_roster__descriptor,   &up__envelope__descriptor,
        &up__envelope_header__descriptor, &up__agreement__descriptor,
        &up__signed_agreement__descriptor};
    ProtobufCMessage *message = NULL;
    struct up_bytes bytes = {0};
    struct up_bytes text = {0};
    enum up_err err = UP_NOT_FOUND;

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i]->short_name, type) == 0)
            err = message_unpack(types[i], file_read(path), arena, &message);
    }
    if (!err)
        err = message_pack(message, FILE_LEN_MAX, &bytes);
    if (!err)
        err = json_format(message, false, &text);
    if (!err) {
        printf("ok");
        print_digest(up_bytes_view(&bytes));
        print_digest(up_bytes_view(&text));
    }
    up_bytes_wipe(&bytes);
    up_bytes_wipe(&text);
    return err;
}

int main(void)
{
    char line[LINE_LEN];

    if (keys_init() || arena_new(UP_ARENA_LEN_MAX, &arena))
        return 1;
    while (fgets(line, sizeof line, stdin)) {
        char *first = NULL;
        char *second = NULL;
        enum up_err err = UP_INVALID;

        line[strcspn(line, "\n")] = '\0';
        first = strchr(line, ' ');
        if (!first)
            return 1;
        *first++ = '\0';
        second = strchr(first, ' ');
        if (second)
            *second++ = '\0';
        if (strcmp(line, "roster") == 0 && second)
            err = answer_roster(first, second);
        else if (strcmp(line, "keyfile") == 0)
            err = answer_keyfile(first, second ? second : "");
        else if (strcmp(line, "prekey") == 0 && second && roster)
            err = answer_prekey(first, second);
        else if (strcmp(line, "envelope") == 0 && second && roster)
            err = answer_envelope(first, second);
        else if (!second)
            err = answer_message(line, first);
        if (err)
            printf("refused: %s", up_err_text(err));
        putchar('\n');
        arena_reset(arena);
    }
    roster_destroy(&roster);
    arena_destroy(&arena);
    return 0;
}
