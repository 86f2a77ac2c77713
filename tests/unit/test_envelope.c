/* SPDX-License-Identifier: MIT */
/* rooms: proto */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/federation.h"
#include "upstander/envelope.h"
#include "upstander/limits.h"

enum { NOW = 1800000000, FORCE = 0, CHARITY = 1, COUNCIL = 2 };

static struct federation fed;
static struct roster *roster;
static struct prekey prekey;
static struct prekey_secret secret;
static struct arena *arena;

static int set_up(void **state)
{
    struct prekey_owner owner = {.member = "a-force",
                                 .identity = &fed.members[FORCE].identity_secret};

    (void)state;
    federation_init(&fed, NOW - 1000);
    roster = federation_roster(&fed);
    owner.roster = roster;
    if (prekey_generate(&owner, NOW - 100, &prekey, &secret))
        return -1;
    return arena_new(UP_ARENA_LEN_MAX, &arena) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    roster_destroy(&roster);
    arena_destroy(&arena);
    return 0;
}

static struct up_bytes seal(size_t message_len)
{
    struct up_bytes message = {0};
    struct up_bytes envelope = {0};
    struct envelope_id id;
    struct up_view view;

    assert_int_equal(up_bytes_new(message_len, &message), UP_OK);
    memset(message.data, 'm', message.len);
    view = up_bytes_view(&message);
    assert_int_equal(
        envelope_seal(
            &(struct envelope_seal_args){.roster = roster,
                                         .sender = "b-charity",
                                         .recipient = "a-force",
                                         .identity = &fed.members[CHARITY].identity_secret,
                                         .prekey = &prekey,
                                         .now_s = NOW,
                                         .ttl_s = 86400,
                                         .messages = &view,
                                         .message_count = 1},
            &id, &envelope),
        UP_OK);
    up_bytes_wipe(&message);
    return envelope;
}

static enum up_err open_as(struct up_view envelope, const char *recipient, int64_t now_s,
                           const struct roster *with)
{
    struct envelope_header header;
    Up__Batch *batch = NULL;
    struct envelope_open_args args = {.roster = with,
                                      .recipient = recipient,
                                      .prekey = &prekey.key,
                                      .secret = &secret,
                                      .now_s = now_s};
    enum up_err err = envelope_open(envelope, &args, arena, &header, &batch);

    if (!err)
        assert_int_equal(batch->n_messages, 1);
    arena_reset(arena);
    return err;
}

static void a_sealed_batch_opens(void **state)
{
    static const size_t lens[] = {1, 100, 3900, 4100, 16000, 60000, 65536, 250000};

    (void)state;
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        struct up_bytes envelope = seal(lens[i]);

        assert_int_equal(open_as(up_bytes_view(&envelope), "a-force", NOW, roster), UP_OK);
        up_bytes_wipe(&envelope);
    }
}

static void only_four_sizes_are_seen(void **state)
{
    static const uint32_t classes[] = UP_SEALED_LEN_CLASSES;

    (void)state;
    for (size_t len = 1; len < 250000; len += 9973) {
        struct up_bytes envelope = seal(len);
        struct envelope_header header;
        struct up_view head;
        struct up_view sealed;
        bool known = false;

        assert_int_equal(envelope_peek(up_bytes_view(&envelope), &header, &head, &sealed), UP_OK);
        for (size_t i = 0; i < 4; i++)
            known |= sealed.len == classes[i];
        assert_true(known);
        assert_int_equal(header.expires_at_s % 3600, 0);
        up_bytes_wipe(&envelope);
    }
}

/* SPEC 3.4, by libsodium's own reading; and what no sealer of ours makes: no mark, another mark, nothing but zeros. */
static void padding_is_one_mark_and_zeros(void **state)
{
    struct up_bytes envelope = seal(100);
    struct envelope_header header;
    struct up_view head;
    struct up_view sealed;
    uint8_t plain[4096 - crypto_box_SEALBYTES];
    size_t len = 0;
    uint8_t *box = NULL;

    (void)state;
    assert_int_equal(envelope_peek(up_bytes_view(&envelope), &header, &head, &sealed), UP_OK);
    assert_int_equal(sealed.len, 4096);
    box = envelope.data + (sealed.data - envelope.data);
    assert_int_equal(crypto_box_seal_open(plain, box, 4096, prekey.key.bytes, secret.bytes), 0);
    assert_int_equal(sodium_unpad(&len, plain, sizeof plain, sizeof plain), 0);
    assert_true(len > 100 && len < 300);
    for (size_t i = len + 1; i < sizeof plain; i++)
        assert_int_equal(plain[i], 0);
    for (int mark = 0; mark < 256; mark++) {
        plain[len] = (uint8_t)mark;
        assert_int_equal(crypto_box_seal(box, plain, sizeof plain, prekey.key.bytes), 0);
        assert_int_equal(open_as(up_bytes_view(&envelope), "a-force", NOW, roster),
                         mark == 0x80 ? UP_OK : UP_MALFORMED);
    }
    memset(plain, 0, sizeof plain);
    assert_int_equal(crypto_box_seal(box, plain, sizeof plain, prekey.key.bytes), 0);
    assert_int_equal(open_as(up_bytes_view(&envelope), "a-force", NOW, roster), UP_MALFORMED);
    up_bytes_wipe(&envelope);
}

static void any_changed_byte_is_refused(void **state)
{
    struct up_bytes envelope = seal(50);

    (void)state;
    for (size_t i = 0; i < envelope.len; i += i < 200 ? 1 : 7) {
        envelope.data[i] ^= 1;
        assert_int_not_equal(open_as(up_bytes_view(&envelope), "a-force", NOW, roster), UP_OK);
        envelope.data[i] ^= 1;
    }
    for (size_t len = 0; len < envelope.len; len += 13)
        assert_int_not_equal(open_as(up_view_of(envelope.data, len), "a-force", NOW, roster),
                             UP_OK);
    up_bytes_wipe(&envelope);
}

static void not_for_us_not_now_not_here(void **state)
{
    struct up_bytes envelope = seal(50);
    struct federation live = fed;
    struct federation other = fed;
    struct roster *live_roster = NULL;
    struct roster *other_roster = NULL;

    (void)state;
    live.exercise = false;
    other.id[0] ^= 1;
    live_roster = federation_roster(&live);
    other_roster = federation_roster(&other);
    assert_int_equal(open_as(up_bytes_view(&envelope), "c-council", NOW, roster), UP_NOT_PERMITTED);
    assert_int_equal(open_as(up_bytes_view(&envelope), "a-force", NOW + 100000, roster),
                     UP_EXPIRED);
    assert_int_equal(open_as(up_bytes_view(&envelope), "a-force", NOW - 15 * 86400, roster),
                     UP_EXPIRED);
    assert_int_equal(open_as(up_bytes_view(&envelope), "a-force", NOW, live_roster),
                     UP_BAD_SIGNATURE);
    assert_int_equal(open_as(up_bytes_view(&envelope), "a-force", NOW, other_roster),
                     UP_BAD_SIGNATURE);
    roster_destroy(&live_roster);
    roster_destroy(&other_roster);
    up_bytes_wipe(&envelope);
}

/* A recipient that opened a batch can't send it on as if the sender had addressed somebody else. */
static void another_signer_is_refused(void **state)
{
    struct federation swapped = fed;
    struct roster *with = NULL;
    struct up_bytes envelope = seal(50);
    struct keyfile keep = swapped.members[CHARITY];

    (void)state;
    swapped.members[CHARITY] = swapped.members[COUNCIL];
    swapped.members[COUNCIL] = keep;
    with = federation_roster(&swapped);
    assert_int_equal(open_as(up_bytes_view(&envelope), "a-force", NOW, with), UP_BAD_SIGNATURE);
    roster_destroy(&with);
    swapped = fed;
    swapped.revoked = 1u << CHARITY;
    with = federation_roster(&swapped);
    assert_int_equal(open_as(up_bytes_view(&envelope), "a-force", NOW, with), UP_UNKNOWN_MEMBER);
    roster_destroy(&with);
    up_bytes_wipe(&envelope);
}

static void a_prekey_is_its_owners(void **state)
{
    Up__SignedPrekey published = UP__SIGNED_PREKEY__INIT;
    struct prekey opened;
    char mine[] = "a-force";
    char other[] = "c-council";

    (void)state;
    published.member = mine;
    published.key = (ProtobufCBinaryData){.len = 32, .data = prekey.key.bytes};
    published.valid_from_s = prekey.valid_from_s;
    published.valid_until_s = prekey.valid_until_s;
    published.signature = (ProtobufCBinaryData){.len = 64, .data = prekey.signature};
    assert_int_equal(prekey_open(&published, roster, &opened), UP_OK);
    published.member = other;
    assert_int_equal(prekey_open(&published, roster, &opened), UP_BAD_SIGNATURE);
    published.member = mine;
    published.valid_from_s++;
    published.valid_until_s++;
    assert_int_equal(prekey_open(&published, roster, &opened), UP_BAD_SIGNATURE);
    published.valid_until_s += 86400;
    assert_int_equal(prekey_open(&published, roster, &opened), UP_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sealed_batch_opens),
        cmocka_unit_test(only_four_sizes_are_seen),
        cmocka_unit_test(any_changed_byte_is_refused),
        cmocka_unit_test(not_for_us_not_now_not_here),
        cmocka_unit_test(another_signer_is_refused),
        cmocka_unit_test(a_prekey_is_its_owners),
        cmocka_unit_test(padding_is_one_mark_and_zeros),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
