/* SPDX-License-Identifier: MIT */
/* rooms: broker base proto */
/* The broker's relay and both stores with memory running out. The shell closes the connection then;
 * the member says Hello again, and nothing that was accepted is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "broker/relay.h"
#include "tests/lib/federation.h"
#include "tests/lib/oom.h"
#include "upstander/limits.h"

enum { NOW = 1800000000, FORCE = 0, CHARITY = 1, FRAMES = 6, FILES = 5 };
enum { F_HELLO, F_SEND, F_CREDIT, F_PREKEYS, F_FETCH, F_ROSTER };

static const struct mailstore_quotas quotas = {
    .mailbox_messages_max = 100, .mailbox_bytes_max = 1 << 20, .sender_bytes_max = 1 << 20};

static struct federation fed;
static struct roster *roster;
static struct up_bytes frames[FRAMES];
static struct up_bytes envelopes[2];
static struct mailstore_item items[2];
static char folder[] = "/tmp/upstander-oom-XXXXXX";
static char path[100];

static struct relay *relay;
static struct mailstore *store;
static struct arena *arena;
static unsigned stored; /* envelopes said to be accepted */
static unsigned delivered;
static unsigned prekey_sets;
static bool soft; /* told to try again, or that it was not understood for want of memory */
static connection last;

static struct up_bytes pack(const ProtobufCMessage *message)
{
    struct up_bytes bytes = {0};

    assert_int_equal(message_pack(message, UP_FRAME_LEN_MAX, &bytes), UP_OK);
    return bytes;
}

static void envelopes_make(void)
{
    static uint8_t sealed[4096];

    for (unsigned i = 0; i < 2; i++) {
        uint8_t id[16] = {(uint8_t)(i + 1)};
        struct member_id names[2] = {{"b-charity"}, {"a-force"}};
        Up__EnvelopeHeader header = UP__ENVELOPE_HEADER__INIT;
        Up__Envelope envelope = UP__ENVELOPE__INIT;
        struct up_bytes packed = {0};
        struct up_view unused[2];

        header.id = (ProtobufCBinaryData){.len = 16, .data = id};
        header.sender = names[0].text;
        header.recipient = names[1].text;
        header.prekey_id = (ProtobufCBinaryData){.len = 8, .data = id};
        header.expires_at_s = (uint64_t)(NOW + 7200) / 3600 * 3600;
        packed = pack(&header.base);
        envelope.header = (ProtobufCBinaryData){.len = packed.len, .data = packed.data};
        envelope.sealed = (ProtobufCBinaryData){.len = sizeof sealed, .data = sealed};
        envelopes[i] = pack(&envelope.base);
        up_bytes_wipe(&packed);
        items[i].envelope = up_bytes_view(&envelopes[i]);
        assert_int_equal(envelope_peek(items[i].envelope, &items[i].header, &unused[0], &unused[1]),
                         UP_OK);
    }
}

static struct up_bytes prekeys_make(void)
{
    struct member_id name = {.text = "b-charity"};
    const struct prekey_owner owner = {roster, name.text, &fed.members[CHARITY].identity_secret};
    struct prekey prekey;
    struct prekey_secret secret;
    Up__Frame frame = UP__FRAME__INIT;
    Up__PrekeyPublish publish = UP__PREKEY_PUBLISH__INIT;
    Up__SignedPrekey one = UP__SIGNED_PREKEY__INIT;
    Up__SignedPrekey *list[1] = {&one};

    assert_int_equal(prekey_generate(&owner, NOW - 100, &prekey, &secret), UP_OK);
    one.member = name.text;
    one.key = (ProtobufCBinaryData){.len = 32, .data = prekey.key.bytes};
    one.valid_from_s = prekey.valid_from_s;
    one.valid_until_s = prekey.valid_until_s;
    one.signature = (ProtobufCBinaryData){.len = 64, .data = prekey.signature};
    publish.prekeys = list;
    publish.n_prekeys = 1;
    frame.body_case = UP__FRAME__BODY_PREKEY_PUBLISH;
    frame.prekey_publish = &publish;
    return pack(&frame.base);
}

static int set_up(void **state)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Hello hello = UP__HELLO__INIT;
    Up__Send sent = UP__SEND__INIT;
    Up__Credit credit = UP__CREDIT__INIT;
    Up__PrekeyFetch fetch = UP__PREKEY_FETCH__INIT;
    Up__RosterFetch roster_fetch = UP__ROSTER_FETCH__INIT;
    struct member_id name = {.text = "b-charity"};
    ProtobufCBinaryData list[2];

    (void)state;
    federation_init(&fed, NOW - 1000);
    roster = federation_roster(&fed);
    envelopes_make();
    hello.protocol = 1;
    hello.incarnation = 1;
    hello.roster_version = 1;
    frame.body_case = UP__FRAME__BODY_HELLO;
    frame.hello = &hello;
    frames[F_HELLO] = pack(&frame.base);
    for (unsigned i = 0; i < 2; i++)
        list[i] = (ProtobufCBinaryData){.len = envelopes[i].len, .data = envelopes[i].data};
    sent.envelopes = list;
    sent.n_envelopes = 2;
    frame.body_case = UP__FRAME__BODY_SEND;
    frame.send = &sent;
    frames[F_SEND] = pack(&frame.base);
    credit.envelopes = 10;
    frame.body_case = UP__FRAME__BODY_CREDIT;
    frame.credit = &credit;
    frames[F_CREDIT] = pack(&frame.base);
    frames[F_PREKEYS] = prekeys_make();
    fetch.member = name.text;
    frame.body_case = UP__FRAME__BODY_PREKEY_FETCH;
    frame.prekey_fetch = &fetch;
    frames[F_FETCH] = pack(&frame.base);
    frame.body_case = UP__FRAME__BODY_ROSTER_FETCH;
    frame.roster_fetch = &roster_fetch;
    frames[F_ROSTER] = pack(&frame.base);
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/mail.db", folder);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const ends[FILES] = {"", "-wal", "-shm", "-journal", ".lock"};

    (void)state;
    for (unsigned i = 0; i < FRAMES; i++)
        up_bytes_wipe(&frames[i]);
    for (unsigned i = 0; i < 2; i++)
        up_bytes_wipe(&envelopes[i]);
    roster_destroy(&roster);
    for (unsigned i = 0; i < FILES; i++) {
        char file[120];

        (void)snprintf(file, sizeof file, "%s%s", path, ends[i]);
        (void)unlink(file);
    }
    return rmdir(folder);
}

/* --- the relay, with a shell of the test ---------------------------------------------------------
 */

static enum up_err step(struct relay_event event);

static enum up_err do_store(const struct relay_action *action)
{
    enum mailstore_result results[2] = {MAILSTORE_FULL, MAILSTORE_FULL};
    struct mailstore_item wanted[2];
    enum mailstore_result all[2] = {MAILSTORE_FULL, MAILSTORE_FULL};
    size_t places[2];
    size_t count = 0;
    enum up_err err = UP_OK;

    assert_int_equal(action->count, 2);
    for (size_t i = 0; i < 2; i++) {
        if (action->items[i].envelope.len == 0)
            continue;
        places[count] = i;
        wanted[count++] = action->items[i];
    }
    if (count > 0)
        err = mailstore_append(store, wanted, count, results);
    for (size_t i = 0; i < count; i++)
        all[places[i]] = results[i];
    return step((struct relay_event){.kind = RELAY_STORED,
                                     .from = action->to,
                                     .seq = action->seq,
                                     .results = err ? NULL : all,
                                     .items = action->items,
                                     .count = action->count,
                                     .err = err});
}

static enum up_err do_load(const struct relay_action *action)
{
    struct relay_event event = {.kind = RELAY_LOADED, .from = action->to, .urgent = action->urgent};
    struct mailstore_mail *mail = NULL;
    enum up_err err = mailstore_load(store,
                                     &(struct mailstore_query){.member = action->member,
                                                               .limit = action->limit,
                                                               .urgent = action->urgent,
                                                               .after = action->after},
                                     arena, &mail, &event.count);

    event.mail = mail;
    return err ? err : step(event);
}

static enum up_err do_prekeys(const struct relay_action *action)
{
    struct relay_event event = {
        .kind = RELAY_PREKEYS, .from = action->to, .member = action->member};
    enum up_err err = mailstore_prekeys_get(store, action->member, arena, &event.bytes);

    return err ? err : step(event);
}

static enum up_err do_notices(const struct relay_action *action)
{
    struct relay_event event = {.kind = RELAY_NOTICES, .from = action->to};
    struct mailstore_notice *notices = NULL;
    enum up_err err = mailstore_notices(
        store, &(struct mailstore_query){.member = action->member, .limit = action->limit}, arena,
        &notices, &event.count);

    event.notices = notices;
    return err ? err : step(event);
}

/* Reading what was sent must not take part in running out. */
static void hear(struct up_view bytes)
{
    Up__Frame *frame = up__frame__unpack(NULL, bytes.len, bytes.data);

    assert_non_null(frame);
    switch ((int)frame->body_case) {
    case UP__FRAME__BODY_ACCEPTED:
        for (size_t i = 0; i < frame->accepted->n_results; i++) {
            bool good = frame->accepted->results[i] == UP__ACCEPTED__RESULT__STORED ||
                        frame->accepted->results[i] == UP__ACCEPTED__RESULT__DUPLICATE;

            assert_true(good || frame->accepted->results[i] == UP__ACCEPTED__RESULT__TRY_LATER);
            stored += good;
            soft |= !good;
        }
        break;
    case UP__FRAME__BODY_DELIVER:
        delivered += (unsigned)frame->deliver->n_deliveries;
        break;
    case UP__FRAME__BODY_PREKEYS:
        prekey_sets += frame->prekeys->n_prekeys == 1;
        break;
    case UP__FRAME__BODY_FAILURE:
        if (strcmp(frame->failure->text, "another connection took over") != 0) {
            assert_string_equal(frame->failure->text, up_err_text(UP_NO_MEMORY));
            soft = true;
        }
        break;
    default:
        break;
    }
    up__frame__free_unpacked(frame, NULL);
}

static enum up_err do_action(const struct relay_action *action)
{
    switch (action->kind) {
    case RELAY_SEND:
        hear(action->frame);
        return UP_OK;
    case RELAY_STORE:
        return do_store(action);
    case RELAY_LOAD:
        return do_load(action);
    case RELAY_PUT_PREKEYS:
        return mailstore_prekeys_put(store, action->member, action->frame);
    case RELAY_GET_PREKEYS:
        return do_prekeys(action);
    case RELAY_LOAD_NOTICES:
        return do_notices(action);
    case RELAY_REMOVE:
        return mailstore_remove(store, action->member, action->numbers, action->count);
    case RELAY_CLOSE:
    case RELAY_NOTICES_DONE:
    case RELAY_PURGE:
    case RELAY_REFUSED:
        break;
    }
    return UP_OK;
}

static enum up_err step(struct relay_event event)
{
    struct relay_actions actions = {0};
    enum up_err err = UP_OK;

    event.now_s = NOW;
    err = relay_step(relay, &event, arena, &actions);
    assert_true(err == UP_OK || (err == UP_NO_MEMORY && !actions.list));
    for (size_t i = 0; !err && i < actions.count; i++)
        err = do_action(&actions.list[i]);
    assert_true(err == UP_OK || err == UP_NO_MEMORY);
    return err;
}

static enum up_err say(unsigned member, connection from, unsigned frame)
{
    return step((struct relay_event){.kind = RELAY_FRAME,
                                     .from = from,
                                     .member = federation_names[member],
                                     .bytes = up_bytes_view(&frames[frame])});
}

static enum up_err day(void)
{
    static const struct {
        unsigned member;
        unsigned frame;
    } course[] = {{FORCE, F_HELLO}, {CHARITY, F_HELLO}, {CHARITY, F_PREKEYS}, {CHARITY, F_SEND},
                  {FORCE, F_FETCH}, {FORCE, F_CREDIT},  {FORCE, F_ROSTER}};
    connection of[2] = {last + 1, last + 2};
    enum up_err err = UP_OK;

    last += 2;
    stored = delivered = prekey_sets = 0;
    soft = false;
    for (size_t i = 0; !err && !soft && i < sizeof course / sizeof course[0]; i++)
        err = say(course[i].member, of[course[i].member], course[i].frame);
    if (!err && !soft) {
        assert_int_equal(stored, 2);
        assert_int_equal(delivered, 2);
        assert_int_equal(prekey_sets, 1);
    }
    for (unsigned i = 0; err && i < 2; i++) /* as the shell does */
        (void)!step((struct relay_event){.kind = RELAY_CLOSED, .from = of[i]});
    return err ? err : soft ? UP_NO_MEMORY : UP_OK;
}

static enum up_err day_in(struct arena *own)
{
    struct arena *enough = NULL;
    enum up_err err = relay_new("broker", 3, roster, &relay);

    assert_true((err == UP_OK) == (relay != NULL));
    if (err)
        return err;
    err = mailstore_mem_open(&quotas, &store);
    assert_true((err == UP_OK) == (store != NULL));
    arena = own;
    if (!err)
        err = day();
    if (err == UP_NO_MEMORY && store) {
        (void)oom_disarm();
        assert_int_equal(arena_new(UP_ARENA_LEN_MAX, &enough), UP_OK);
        arena = enough;
        assert_int_equal(day(), UP_OK);
        arena_destroy(&enough);
    }
    mailstore_close(&store);
    relay_destroy(&relay);
    return err;
}

static enum up_err attempt_day(void)
{
    struct arena *own = NULL;
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &own);

    if (!err)
        err = day_in(own);
    arena_destroy(&own);
    return err;
}

static void a_day_runs_out(void **state)
{
    (void)state;
    oom_each(attempt_day, 20);
}

/* relay_step takes room for its actions first: an arena that is nearly full stops it in the middle
 * of things. */
static void a_day_in_every_budget(void **state)
{
    (void)state;
    oom_budgets(day_in, 50000);
}

/* --- the stores ----------------------------------------------------------------------------------
 */

static enum up_err append(void)
{
    enum mailstore_result results[2] = {MAILSTORE_FULL, MAILSTORE_FULL};
    enum up_err err = mailstore_append(store, items, 2, results);

    if (err) /* nothing of the call is stored */
        assert_int_equal(mailstore_waiting(store, "a-force"), 0);
    else
        assert_true(results[0] == MAILSTORE_STORED && results[1] == MAILSTORE_STORED);
    return err;
}

static enum up_err load(void)
{
    struct mailstore_mail *mail = NULL;
    size_t count = 0;
    enum up_err err = mailstore_load(
        store, &(struct mailstore_query){.member = "a-force", .limit = 10}, arena, &mail, &count);

    /* fewer are fine, the next call brings them; none would be the end of the mailbox */
    assert_true((err == UP_OK) == (mail != NULL) && (err == UP_OK) == (count > 0));
    return err ? err : count < 2 ? UP_NO_MEMORY : UP_OK;
}

static enum up_err expire(void)
{
    struct mailstore_notice *notices = NULL;
    size_t count = 0;
    enum up_err err = mailstore_expire(store, NOW + 86400, 10, &count);

    if (err)
        return err;
    err = mailstore_notices(store, &(struct mailstore_query){.member = "b-charity", .limit = 10},
                            arena, &notices, &count);
    assert_true((err == UP_OK) == (notices != NULL));
    return err;
}

static enum up_err prekeys(void)
{
    struct up_view set = {0};
    enum up_err err = mailstore_prekeys_put(store, "a-force", up_view_of("set", 3));

    if (err)
        return err;
    err = mailstore_prekeys_get(store, "a-force", arena, &set);
    assert_true((err == UP_OK) == (set.len == 3));
    return err;
}

/* One call that runs out, then the same again with enough. */
static enum up_err twice(enum up_err (*call)(void))
{
    enum up_err err = call();

    if (err == UP_NO_MEMORY) {
        (void)oom_disarm();
        arena_reset(arena);
        assert_int_equal(call(), UP_OK);
    }
    return err;
}

static enum up_err store_life(void)
{
    enum up_err err = twice(append);

    if (!err)
        err = twice(load);
    if (!err)
        err = twice(prekeys);
    if (!err)
        err = twice(expire);
    mailstore_close(&store);
    arena_destroy(&arena);
    return err;
}

static enum up_err attempt_mem(void)
{
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    if (err)
        return err;
    err = mailstore_mem_open(&quotas, &store);
    assert_true((err == UP_OK) == (store != NULL));
    if (!err)
        return store_life();
    arena_destroy(&arena);
    return err;
}

static enum up_err attempt_sqlite(void)
{
    enum up_err err = arena_new(UP_ARENA_LEN_MAX, &arena);

    if (err)
        return err;
    (void)unlink(path);
    err = mailstore_sqlite_open(path, &quotas, &store, NULL);
    assert_true((err == UP_OK) == (store != NULL));
    if (!err)
        return store_life();
    arena_destroy(&arena);
    return err;
}

static void the_store_in_memory_runs_out(void **state)
{
    (void)state;
    oom_each(attempt_mem, 8);
}

static void the_store_on_disk_runs_out(void **state)
{
    (void)state;
    oom_each(attempt_sqlite, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_runs_out),
        cmocka_unit_test(a_day_in_every_budget),
        cmocka_unit_test(the_store_in_memory_runs_out),
        cmocka_unit_test(the_store_on_disk_runs_out),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
