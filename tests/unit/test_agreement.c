/* SPDX-License-Identifier: MIT */
/* rooms: proto */
/* Who may sign a sharing agreement, and what a signature holds for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/lib/federation.h"
#include "upstander/agreement.h"
#include "upstander/limits.h"

enum { NOW = 1800000000, FORCE = 0, CHARITY = 1, COUNCIL = 2 };

static struct federation fed;
static struct arena *arena;

/* An agreement from charities to police forces; a test bends it before it is signed. */
struct draft {
    Up__Agreement agreement;
    Up__Entitlement ceiling;
    Up__Agreement *list[1];
    char *areas[1];
};

static char area[] = "E23000021";
static char start[] = "2026-01-01";
static char name[] = "charity-police-1";

static void draft_init(struct draft *draft)
{
    up__agreement__init(&draft->agreement);
    up__entitlement__init(&draft->ceiling);
    draft->ceiling.level = UP__ENTITLEMENT__LEVEL__IDENTIFIED;
    draft->areas[0] = area;
    draft->agreement.id = name;
    draft->agreement.from_role = UP__ROLE__CODE__CHARITY;
    draft->agreement.to_role = UP__ROLE__CODE__POLICE;
    draft->agreement.ceiling = &draft->ceiling;
    draft->agreement.areas = draft->areas;
    draft->agreement.n_areas = 1;
    draft->agreement.valid_from = start;
    draft->list[0] = &draft->agreement;
}

/* The roster of the federation with that agreement, signed by those who will; not signed by stewards yet. */
static Up__Roster *roster_draft(struct draft *draft, unsigned unwilling)
{
    struct up_bytes bytes = federation_signed(&fed, 0);
    Up__Roster *roster = NULL;

    assert_int_equal(roster_peek(up_bytes_view(&bytes), arena, &roster), UP_OK);
    roster->agreements = draft->list;
    roster->n_agreements = 1;
    federation_agree(&fed, roster, unwilling, arena);
    up_bytes_wipe(&bytes);
    return roster;
}

/* The same through bytes, stewards and verification. */
static enum up_err published(const Up__Roster *draft, struct roster **ret_roster)
{
    struct up_bytes bytes = {0};
    struct digest pinned;
    enum up_err err = UP_OK;

    roster_stewards_digest(draft, &pinned);
    assert_int_equal(roster_pack(draft, &bytes), UP_OK);
    for (int i = 0; !err && i < 2; i++) {
        struct up_bytes next = {0};

        err = roster_sign(up_bytes_view(&bytes), &fed.stewards[i].identity_secret, &next);
        if (err)
            break;
        up_bytes_wipe(&bytes);
        bytes = next;
    }
    if (!err)
        err = roster_open(up_bytes_view(&bytes), NULL, &pinned, ret_roster);
    up_bytes_wipe(&bytes);
    return err;
}

static unsigned signed_by(const Up__Roster *draft)
{
    struct roster *roster = NULL;
    unsigned who = 0;

    assert_int_equal(published(draft, &roster), UP_OK);
    for (int i = 0; i < FEDERATION_MEMBERS; i++) {
        const Up__Agreement *agreement = roster_content(roster)->agreements[0];

        if (agreement_names(agreement->signed_by, agreement->n_signed_by, federation_names[i]))
            who |= 1u << i;
    }
    roster_destroy(&roster);
    return who;
}

static int set_up(void **state)
{
    (void)state;
    federation_init(&fed, NOW);
    return arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(&arena);
    return 0;
}

static void parties_sign(void **state)
{
    struct draft draft;

    (void)state;
    draft_init(&draft);
    assert_int_equal(signed_by(roster_draft(&draft, 0)), 1u << FORCE | 1u << CHARITY);
    draft_init(&draft);
    assert_int_equal(signed_by(roster_draft(&draft, 1u << FORCE)), 1u << CHARITY);
    draft_init(&draft);
    assert_int_equal(signed_by(roster_draft(&draft, ~0u)), 0);
}

static void names_and_roles_both_count(void **state)
{
    struct draft draft;
    static char council[] = "c-council";
    static char force[] = "a-force";
    char *names[2] = {council, force};

    (void)state;
    draft_init(&draft);
    draft.agreement.to_members = names;
    draft.agreement.n_to_members = 2;
    /* the council is named, and no police force: it is no party */
    assert_int_equal(signed_by(roster_draft(&draft, 0)), 1u << FORCE | 1u << CHARITY);
    draft_init(&draft);
    draft.agreement.to_role = UP__ROLE__CODE__NOT_STATED;
    draft.agreement.to_members = names;
    draft.agreement.n_to_members = 1;
    assert_int_equal(signed_by(roster_draft(&draft, 0)), 1u << COUNCIL | 1u << CHARITY);
}

/* Each byte of the agreement, and each of a signature: what was not signed does not bind. */
static void a_changed_byte_takes_the_signatures_off(void **state)
{
    struct draft draft;
    Up__Roster *roster = NULL;
    Up__SignedAgreement *agreement = NULL;

    (void)state;
    draft_init(&draft);
    roster = roster_draft(&draft, 0);
    agreement = roster->signed_agreements[0];
    for (size_t i = 0; i < agreement->agreement.len; i++) {
        struct roster *opened = NULL;

        agreement->agreement.data[i] ^= 1;
        if (published(roster, &opened) == UP_OK)
            assert_int_equal(roster_content(opened)->agreements[0]->n_signed_by, 0);
        roster_destroy(&opened);
        agreement->agreement.data[i] ^= 1;
    }
    for (size_t i = 0; i < 64; i++) {
        agreement->signatures[0]->signature.data[i] ^= 1;
        assert_int_equal(signed_by(roster), 1u << CHARITY);
        agreement->signatures[0]->signature.data[i] ^= 1;
    }
    agreement->signatures[0]->signature.len = 63;
    assert_int_equal(signed_by(roster), 1u << CHARITY);
}

static void nobody_signs_for_another(void **state)
{
    struct draft draft;
    Up__Roster *roster = NULL;
    Up__SignedAgreement *agreement = NULL;
    struct up_view id = up_view_of(fed.id, sizeof fed.id);
    static char stranger[] = "x-stranger";

    (void)state;
    draft_init(&draft);
    roster = roster_draft(&draft, ~0u);
    agreement = roster->signed_agreements[0];
    /* the charity's key under the force's name; the council, which is no party; nobody of the directory; a steward */
    assert_int_equal(agreement_sign(agreement, id, federation_names[FORCE],
                                    &fed.members[CHARITY].identity_secret, arena),
                     UP_OK);
    assert_int_equal(agreement_sign(agreement, id, federation_names[COUNCIL],
                                    &fed.members[COUNCIL].identity_secret, arena),
                     UP_OK);
    assert_int_equal(
        agreement_sign(agreement, id, stranger, &fed.members[FORCE].identity_secret, arena), UP_OK);
    assert_int_equal(agreement_sign(agreement, id, federation_names[CHARITY],
                                    &fed.stewards[0].identity_secret, arena),
                     UP_OK);
    assert_int_equal(signed_by(roster), 0);
    /* a party signs anew: in the place of the forgery */
    assert_int_equal(agreement_sign(agreement, id, federation_names[FORCE],
                                    &fed.members[FORCE].identity_secret, arena),
                     UP_OK);
    assert_int_equal(agreement->n_signatures, 4);
    assert_int_equal(signed_by(roster), 1u << FORCE);
}

static void a_signature_is_of_one_federation_and_one_kind(void **state)
{
    struct draft draft;
    Up__Roster *roster = NULL;
    struct federation other = fed;

    (void)state;
    other.id[3] ^= 1;
    draft_init(&draft);
    roster = roster_draft(&draft, ~0u);
    assert_int_equal(agreement_sign(roster->signed_agreements[0],
                                    up_view_of(other.id, sizeof other.id), federation_names[FORCE],
                                    &fed.members[FORCE].identity_secret, arena),
                     UP_OK);
    assert_int_equal(signed_by(roster), 0);
    assert_int_equal(agreement_sign(roster->signed_agreements[0], up_view_of(other.id, 15),
                                    federation_names[FORCE], &fed.members[FORCE].identity_secret,
                                    arena),
                     UP_WRONG_FEDERATION);
}

/* Shut out, or with another key since: what it signed binds no more. */
static void a_revoked_party_is_not_bound(void **state)
{
    struct draft draft;
    Up__Roster *roster = NULL;

    (void)state;
    draft_init(&draft);
    roster = roster_draft(&draft, 0);
    roster->members[FORCE]->status = UP__MEMBER__STATUS__REVOKED;
    assert_int_equal(signed_by(roster), 1u << CHARITY);
    roster->members[FORCE]->status = UP__MEMBER__STATUS__LEAVING;
    assert_int_equal(signed_by(roster), 1u << FORCE | 1u << CHARITY);
    roster->members[FORCE]->identity_key.data[0] ^= 1;
    assert_int_equal(signed_by(roster), 1u << CHARITY);
}

/* The fields that only a verifier fills are refused wherever they come from. */
static void nothing_is_signed_by_saying_so(void **state)
{
    struct draft draft;
    Up__Roster *roster = NULL;
    struct roster *opened = NULL;
    struct up_bytes bytes = {0};
    static char force[] = "a-force";
    char *names[1] = {force};
    Up__SignedRoster outer = UP__SIGNED_ROSTER__INIT;

    (void)state;
    draft_init(&draft);
    roster = roster_draft(&draft, ~0u);
    draft.agreement.signed_by = names;
    draft.agreement.n_signed_by = 1;
    assert_int_equal(message_pack(&draft.agreement.base, UP_ROSTER_LEN_MAX, &bytes), UP_OK);
    roster->signed_agreements[0]->agreement =
        (ProtobufCBinaryData){.len = bytes.len, .data = bytes.data};
    assert_int_equal(published(roster, &opened), UP_MALFORMED);
    up_bytes_wipe(&bytes);
    draft.agreement.n_signed_by = 0;
    draft.agreement.suspended_by = names;
    draft.agreement.n_suspended_by = 1;
    assert_int_equal(message_pack(&draft.agreement.base, UP_ROSTER_LEN_MAX, &bytes), UP_OK);
    roster->signed_agreements[0]->agreement =
        (ProtobufCBinaryData){.len = bytes.len, .data = bytes.data};
    assert_int_equal(published(roster, &opened), UP_MALFORMED);
    up_bytes_wipe(&bytes);
    /* an agreement that stands in the roster by itself, outside signed bytes */
    draft_init(&draft);
    roster = roster_draft(&draft, 0);
    roster->n_signed_agreements = 0;
    assert_int_equal(message_pack(&roster->base, UP_ROSTER_LEN_MAX, &bytes), UP_OK);
    outer.roster = (ProtobufCBinaryData){.len = bytes.len, .data = bytes.data};
    {
        struct up_bytes packed = {0};
        Up__Roster *peeked = NULL;

        assert_int_equal(message_pack(&outer.base, UP_ROSTER_LEN_MAX, &packed), UP_OK);
        assert_int_equal(roster_peek(up_bytes_view(&packed), arena, &peeked), UP_MALFORMED);
        up_bytes_wipe(&packed);
    }
    up_bytes_wipe(&bytes);
}

static void ids_are_used_once(void **state)
{
    struct draft draft;
    Up__Roster *roster = NULL;
    struct roster *opened = NULL;
    Up__Agreement *twice[2];

    (void)state;
    draft_init(&draft);
    roster = roster_draft(&draft, 0);
    twice[0] = twice[1] = &draft.agreement;
    roster->agreements = twice;
    roster->n_agreements = 2;
    federation_agree(&fed, roster, 0, arena);
    assert_int_equal(published(roster, &opened), UP_MALFORMED);
}

static void what_is_ill_formed_is_named(void **state)
{
    struct up_why why = {0};
    struct draft draft;
    Up__Standing standing = UP__STANDING__INIT;
    Up__Entitlement most = UP__ENTITLEMENT__INIT;
    static char bad_id[] = "a b";
    static char bad_kind[] = "incidents";
    static char bad_member[] = "X";
    char *kinds[1] = {bad_kind};
    char *members[1] = {bad_member};

    (void)state;
    draft_init(&draft);
    assert_int_equal(agreement_check(&draft.agreement, &why), UP_OK);
    draft.agreement.id = bad_id;
    assert_int_equal(agreement_check(&draft.agreement, &why), UP_MALFORMED);
    draft_init(&draft);
    draft.agreement.kinds = kinds;
    draft.agreement.n_kinds = 1;
    assert_int_equal(agreement_check(&draft.agreement, &why), UP_MALFORMED);
    assert_non_null(strstr(why.text, "kind"));
    draft_init(&draft);
    draft.agreement.to_members = members;
    draft.agreement.n_to_members = 1;
    assert_int_equal(agreement_check(&draft.agreement, &why), UP_MALFORMED);
    draft_init(&draft);
    draft.agreement.from_role = UP__ROLE__CODE__NOT_STATED;
    assert_int_equal(agreement_check(&draft.agreement, &why), UP_MALFORMED);
    draft_init(&draft);
    draft.agreement.window = (Up__ReleaseWindow__Code)4;
    assert_int_equal(agreement_check(&draft.agreement, &why), UP_MALFORMED);
    draft_init(&draft);
    draft.agreement.publisher = bad_member;
    assert_int_equal(agreement_check(&draft.agreement, &why), UP_MALFORMED);
    draft_init(&draft);
    draft.agreement.standing = &standing;
    standing.entitlement = &most;
    most.level = UP__ENTITLEMENT__LEVEL__COUNTED;
    assert_int_equal(agreement_check(&draft.agreement, &why), UP_MALFORMED); /* no basis */
    standing.basis = UP__STANDING__BASIS__STATUTORY_FUNCTION;
    assert_int_equal(agreement_check(&draft.agreement, &why), UP_OK);
    most.level = UP__ENTITLEMENT__LEVEL__PSEUDONYMISED;
    assert_int_equal(agreement_check(&draft.agreement, &why), UP_MALFORMED); /* above a release */
    standing.entitlement = NULL;
    assert_int_equal(agreement_check(&draft.agreement, &why), UP_MALFORMED);
}

/* A notice is in force once, and can be lifted; the digest is of the very words. */
static void suspending(void **state)
{
    struct draft draft;
    struct roster *roster = NULL;
    const Up__Agreement *agreement = NULL;
    struct digest one;
    struct digest other;
    Up__Roster *content = NULL;

    (void)state;
    draft_init(&draft);
    content = roster_draft(&draft, 0);
    assert_int_equal(published(content, &roster), UP_OK);
    agreement = roster_content(roster)->agreements[0];
    assert_int_equal(roster_suspend(roster, 0, "a-force", true), UP_OK);
    assert_int_equal(roster_suspend(roster, 0, "a-force", true), UP_OK);
    assert_int_equal(agreement->n_suspended_by, 1);
    assert_int_equal(roster_suspend(roster, 0, "b-charity", true), UP_OK);
    assert_int_equal(roster_suspend(roster, 0, "a-force", false), UP_OK);
    assert_int_equal(agreement->n_suspended_by, 1);
    assert_string_equal(agreement->suspended_by[0], "b-charity");
    roster_destroy(&roster);
    assert_int_equal(
        agreement_digest(content->signed_agreements[0], up_view_of(fed.id, sizeof fed.id), &one),
        UP_OK);
    content->signed_agreements[0]->agreement.data[5] ^= 1;
    assert_int_equal(
        agreement_digest(content->signed_agreements[0], up_view_of(fed.id, sizeof fed.id), &other),
        UP_OK);
    assert_memory_not_equal(one.bytes, other.bytes, sizeof one.bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parties_sign),
        TEST(names_and_roles_both_count),
        TEST(a_changed_byte_takes_the_signatures_off),
        TEST(nobody_signs_for_another),
        TEST(a_signature_is_of_one_federation_and_one_kind),
        TEST(a_revoked_party_is_not_bound),
        TEST(nothing_is_signed_by_saying_so),
        TEST(ids_are_used_once),
        TEST(what_is_ill_formed_is_named),
        TEST(suspending),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
