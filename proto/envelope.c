/* SPDX-License-Identifier: MIT
 * SPEC 3. What was received is what is verified, never a re-packed copy. */
#include "upstander/envelope.h"

#include <sodium.h>
#include <string.h>

#include "upstander/limits.h"

static const char tag[] = "upstander/envelope/1";
static const uint32_t classes[] = UP_SEALED_LEN_CLASSES;
enum { CLASS_COUNT = sizeof classes / sizeof classes[0] };

/* --- the one place where a test build leaves out sealing, to show that the tap test can fail ------ */

static void box_seal(uint8_t *ret_sealed, struct up_view plain, const struct prekey_public *key)
{
#ifdef UPSTANDER_TEST_UNSEALED
    (void)key;
    memset(ret_sealed, 0, crypto_box_SEALBYTES);
    memcpy(ret_sealed + crypto_box_SEALBYTES, plain.data, plain.len);
#else
    (void)crypto_box_seal(ret_sealed, plain.data, plain.len, key->bytes);
#endif
}

static bool box_open(uint8_t *ret_plain, struct up_view sealed, const struct prekey_public *key,
                     const struct prekey_secret *secret)
{
#ifdef UPSTANDER_TEST_UNSEALED
    (void)key;
    (void)secret;
    memcpy(ret_plain, sealed.data + crypto_box_SEALBYTES, sealed.len - crypto_box_SEALBYTES);
    return true;
#else
    return crypto_box_seal_open(ret_plain, sealed.data, sealed.len, key->bytes, secret->bytes) == 0;
#endif
}

/* -------------------------------------------------------------------------------------------------- */

static bool is_class(size_t len)
{
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        if (len == classes[i])
            return true;
    }
    return false;
}

static enum up_err header_read(const Up__EnvelopeHeader *from, struct envelope_header *ret_header)
{
    struct envelope_header header = {.expires_at_s = from->expires_at_s, .urgent = from->urgent};

    if (from->id.len != 16 || from->prekey_id.len != 8 || from->expires_at_s % 3600 != 0)
        return UP_MALFORMED;
    memcpy(header.id.bytes, from->id.data, 16);
    memcpy(header.prekey_id.bytes, from->prekey_id.data, 8);
    if (ids_member_parse(up_view_of(from->sender, strlen(from->sender)), &header.sender) ||
        ids_member_parse(up_view_of(from->recipient, strlen(from->recipient)), &header.recipient))
        return UP_MALFORMED;
    *ret_header = header;
    return UP_OK;
}

/* The two parts of an envelope as views into its bytes, without copying 256 KiB: two length-prefixed
 * fields in order and nothing else. */
static bool parts(struct up_view envelope, struct up_view ret_parts[static 2])
{
    size_t at = 0;

    for (unsigned part = 0; part < 2; part++) {
        size_t len = 0;
        unsigned shift = 0;
        uint8_t byte = 0x80;

        if (at >= envelope.len || envelope.data[at++] != (uint8_t)((part + 1) << 3 | 2))
            return false;
        while (byte & 0x80) {
            if (at >= envelope.len || shift > 21)
                return false;
            byte = envelope.data[at++];
            if (byte == 0 && shift > 0)
                return false;
            len |= (size_t)(byte & 0x7f) << shift;
            shift += 7;
        }
        if (len > envelope.len - at)
            return false;
        ret_parts[part] = up_view_of(envelope.data + at, len);
        at += len;
    }
    return at == envelope.len;
}

enum up_err envelope_peek(struct up_view envelope, struct envelope_header *ret_header,
                          struct up_view *ret_header_bytes, struct up_view *ret_sealed)
{
    struct up_view found[2];
    struct arena *arena = NULL;
    ProtobufCMessage *message = NULL;
    enum up_err err = UP_OK;

    if (envelope.len > UP_ENVELOPE_LEN_MAX)
        return UP_TOO_LARGE;
    if (!parts(envelope, found) || found[0].len > UP_HEADER_LEN_MAX || !is_class(found[1].len))
        return UP_MALFORMED;
    err = arena_new(4096, &arena);
    if (err)
        return err;
    err = message_unpack(&up__envelope_header__descriptor, found[0], arena, &message);
    if (!err)
        err = header_read((const Up__EnvelopeHeader *)message, ret_header);
    if (!err) {
        *ret_header_bytes = found[0];
        *ret_sealed = found[1];
    }
    arena_destroy(&arena);
    return err;
}

/* What is signed: tag || 0 || federation || exercise || u32 len || header || u64 len || batch || prekey */
static enum up_err tagged_make(const struct roster *roster, struct up_view header,
                               struct up_view batch, const struct prekey_public *prekey,
                               struct up_bytes *ret_tagged)
{
    struct up_bytes tagged = {0};
    enum up_err err =
        up_bytes_new(sizeof tag + 16 + 1 + 4 + header.len + 8 + batch.len + 32, &tagged);
    uint8_t *at = tagged.data;

    if (err)
        return err;
    memcpy(at, tag, sizeof tag); /* with its NUL */
    at += sizeof tag;
    memcpy(at, roster_federation(roster).data, 16);
    at += 16;
    *at++ = roster_is_exercise(roster);
    for (unsigned i = 0; i < 4; i++)
        *at++ = (uint8_t)(header.len >> (8 * i));
    memcpy(at, header.data, header.len);
    at += header.len;
    for (unsigned i = 0; i < 8; i++)
        *at++ = (uint8_t)((uint64_t)batch.len >> (8 * i));
    if (batch.len > 0) /* an empty one has no address */
        memcpy(at, batch.data, batch.len);
    at += batch.len;
    memcpy(at, prekey->bytes, 32);
    *ret_tagged = tagged;
    return UP_OK;
}

size_t envelope_batch_len(const struct up_view *messages, size_t message_count)
{
    size_t len = 11; /* roster_version */

    for (size_t i = 0; i < message_count; i++)
        len += messages[i].len + 5; /* tag, length */
    return len;
}

static enum up_err batch_pack(const struct envelope_seal_args *args, struct up_bytes *ret_batch)
{
    Up__Batch batch = UP__BATCH__INIT;
    ProtobufCBinaryData views[UP_BATCH_MESSAGES_MAX];

    batch.roster_version = roster_version(args->roster);
    for (size_t i = 0; i < args->message_count; i++) {
        struct up_bytes view = {.len = args->messages[i].len};

        memcpy(&view.data, &args->messages[i].data,
               sizeof view.data); /* borrowed; packing only reads */
        views[i] = (ProtobufCBinaryData){.len = view.len, .data = view.data};
    }
    batch.messages = views;
    batch.n_messages = args->message_count;
    return message_pack(&batch.base, UP_BATCH_LEN_MAX, ret_batch);
}

static enum up_err header_pack(const struct envelope_seal_args *args, const struct envelope_id *id,
                               struct up_bytes *ret_header)
{
    Up__EnvelopeHeader header;
    struct prekey_id prekey_id;
    struct envelope_id own = *id;
    struct member_id sender;
    struct member_id recipient;
    int64_t ends = args->now_s + args->ttl_s;

    if (ids_member_parse(up_view_of(args->sender, strlen(args->sender)), &sender) ||
        ids_member_parse(up_view_of(args->recipient, strlen(args->recipient)), &recipient))
        return UP_MALFORMED;
    prekey_id_of(&args->prekey->key, &prekey_id);
    up__envelope_header__init(&header);
    header.id = (ProtobufCBinaryData){.len = 16, .data = own.bytes};
    header.sender = sender.text;
    header.recipient = recipient.text;
    header.expires_at_s = ((uint64_t)ends + 3599) / 3600 * 3600;
    header.prekey_id = (ProtobufCBinaryData){.len = 8, .data = prekey_id.bytes};
    header.urgent = args->urgent;
    return message_pack(&header.base, UP_HEADER_LEN_MAX, ret_header);
}

/* SignedBatch, padded to the smallest class that takes it. */
static enum up_err plain_make(struct up_view batch, const uint8_t signature[static 64],
                              struct up_bytes *ret_plain)
{
    Up__SignedBatch signed_batch = UP__SIGNED_BATCH__INIT;
    uint8_t own_signature[64];
    struct up_bytes plain = {0};
    size_t packed = 0;
    size_t index = 0;

    memcpy(own_signature, signature, 64);
    memcpy(&signed_batch.batch.data, &batch.data, sizeof batch.data);
    signed_batch.batch.len = batch.len;
    signed_batch.signature = (ProtobufCBinaryData){.len = 64, .data = own_signature};
    packed = up__signed_batch__get_packed_size(&signed_batch);
    while (index < CLASS_COUNT && packed + 1 > classes[index] - crypto_box_SEALBYTES)
        index++;
    if (index == CLASS_COUNT)
        return UP_TOO_LARGE;
    if (up_bytes_new(classes[index] - crypto_box_SEALBYTES, &plain))
        return UP_NO_MEMORY;
    (void)up__signed_batch__pack(&signed_batch, plain.data);
    plain.data[packed] = 0x80; /* and zeros to the end of the class, which are there */
    *ret_plain = plain;
    return UP_OK;
}

/* The message before the padding. sodium_unpad does the same in constant time, which here is more than half of opening
 * and protects nothing: what follows is as long as the message is. */
static bool unpad(const uint8_t *plain, size_t *len)
{
    size_t left = *len;

    while (left > 0 && plain[left - 1] == 0)
        left--;
    if (left == 0 || plain[left - 1] != 0x80)
        return false;
    *len = left - 1;
    return true;
}

static enum up_err envelope_pack(struct up_view header, struct up_view sealed,
                                 struct up_bytes *ret_envelope)
{
    Up__Envelope envelope = UP__ENVELOPE__INIT;

    memcpy(&envelope.header.data, &header.data, sizeof header.data);
    envelope.header.len = header.len;
    memcpy(&envelope.sealed.data, &sealed.data, sizeof sealed.data);
    envelope.sealed.len = sealed.len;
    return message_pack(&envelope.base, UP_ENVELOPE_LEN_MAX, ret_envelope);
}

enum up_err envelope_seal(const struct envelope_seal_args *args, struct envelope_id *ret_id,
                          struct up_bytes *ret_envelope)
{
    struct envelope_id id;
    struct up_bytes batch = {0};
    struct up_bytes header = {0};
    struct up_bytes tagged = {0};
    struct up_bytes plain = {0};
    struct up_bytes sealed = {0};
    uint8_t signature[64];
    enum up_err err = UP_OK;

    if (args->message_count == 0 || args->message_count > UP_BATCH_MESSAGES_MAX ||
        args->ttl_s < 1 || args->ttl_s > UP_ENVELOPE_TTL_S_MAX)
        return UP_INVALID;
    keys_random(id.bytes, sizeof id.bytes);
    err = batch_pack(args, &batch);
    if (!err)
        err = header_pack(args, &id, &header);
    if (!err)
        err = tagged_make(args->roster, up_bytes_view(&header), up_bytes_view(&batch),
                          &args->prekey->key, &tagged);
    if (err)
        goto out;
    keys_sign(args->identity, up_bytes_view(&tagged), signature);
    err = plain_make(up_bytes_view(&batch), signature, &plain);
    if (!err)
        err = up_bytes_new(plain.len + crypto_box_SEALBYTES, &sealed);
    if (err)
        goto out;
    box_seal(sealed.data, up_bytes_view(&plain), &args->prekey->key);
    err = envelope_pack(up_bytes_view(&header), up_bytes_view(&sealed), ret_envelope);
    if (!err)
        *ret_id = id;
out:
    up_bytes_wipe(&batch);
    up_bytes_wipe(&header);
    up_bytes_wipe(&tagged);
    up_bytes_wipe(&plain);
    up_bytes_wipe(&sealed);
    return err;
}

static enum up_err header_accept(const struct envelope_header *header,
                                 const struct envelope_open_args *args)
{
    struct prekey_id prekey_id;

    prekey_id_of(args->prekey, &prekey_id);
    if (strcmp(header->recipient.text, args->recipient) != 0)
        return UP_NOT_PERMITTED;
    if (memcmp(prekey_id.bytes, header->prekey_id.bytes, sizeof prekey_id.bytes) != 0)
        return UP_WRONG_KEY;
    if (header->expires_at_s < (uint64_t)args->now_s ||
        header->expires_at_s >
            (uint64_t)args->now_s + UP_ENVELOPE_TTL_S_MAX + UP_ENVELOPE_CLOCK_SLACK_S)
        return UP_EXPIRED;
    return UP_OK;
}

static enum up_err signature_check(const Up__SignedBatch *batch, struct up_view header_bytes,
                                   const struct envelope_open_args *args, const Up__Member *sender)
{
    struct identity_public identity;
    struct up_bytes tagged = {0};
    enum up_err err =
        tagged_make(args->roster, header_bytes, up_view_of(batch->batch.data, batch->batch.len),
                    args->prekey, &tagged);

    if (err)
        return err;
    memcpy(identity.bytes, sender->identity_key.data, 32);
    err = keys_verify(&identity, up_bytes_view(&tagged),
                      up_view_of(batch->signature.data, batch->signature.len));
    up_bytes_wipe(&tagged);
    return err;
}

enum up_err envelope_open(struct up_view envelope, const struct envelope_open_args *args,
                          struct arena *arena, struct envelope_header *ret_header,
                          Up__Batch **ret_batch)
{
    struct envelope_header header;
    struct up_view header_bytes = {0};
    struct up_view sealed = {0};
    const Up__Member *sender = NULL;
    ProtobufCMessage *signed_batch = NULL;
    ProtobufCMessage *batch = NULL;
    uint8_t *plain = NULL;
    size_t plain_len = 0;
    enum up_err err = envelope_peek(envelope, &header, &header_bytes, &sealed);

    if (err)
        return err;
    *ret_header = header; /* who claims to have sent it, also when it can't be opened */
    err = header_accept(&header, args);
    if (err)
        return err;
    sender = roster_find_active(args->roster, header.sender.text);
    if (!sender)
        return UP_UNKNOWN_MEMBER;
    plain_len = sealed.len - crypto_box_SEALBYTES;
    plain = arena_alloc(arena, plain_len);
    if (!plain)
        return UP_NO_MEMORY;
    if (!box_open(plain, sealed, args->prekey, args->secret))
        return UP_WRONG_KEY;
    if (!unpad(plain, &plain_len))
        return UP_MALFORMED;
    err = message_unpack(&up__signed_batch__descriptor, up_view_of(plain, plain_len), arena,
                         &signed_batch);
    if (err)
        return err;
    err = signature_check((const Up__SignedBatch *)signed_batch, header_bytes, args, sender);
    if (err)
        return err;
    err = message_unpack(&up__batch__descriptor,
                         up_view_of(((Up__SignedBatch *)signed_batch)->batch.data,
                                    ((Up__SignedBatch *)signed_batch)->batch.len),
                         arena, &batch);
    if (err)
        return err;
    if (((Up__Batch *)batch)->n_messages > UP_BATCH_MESSAGES_MAX)
        return UP_TOO_LARGE;
    *ret_batch = (Up__Batch *)batch;
    return UP_OK;
}
