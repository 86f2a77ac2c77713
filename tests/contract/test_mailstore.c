/* SPDX-License-Identifier: MIT */
/* rooms: broker base proto */
/* One contract, both stores. The SQLite one is closed and opened again where durability is promised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "broker/mailstore.h"
#include "upstander/limits.h"

static const struct mailstore_quotas quotas = {
    .mailbox_messages_max = 5, .mailbox_bytes_max = 1000, .sender_bytes_max = 1500};
static struct mailstore *store;
static struct arena *arena;
static char folder[64];
static char path[96];
static bool on_disk;

static void open_store(void)
{
    struct up_why why = {0};
    enum up_err err = on_disk ? mailstore_sqlite_open(path, &quotas, &store, &why)
                              : mailstore_mem_open(&quotas, &store);

    if (err)
        fail_msg("%s", why.text);
}

/* What is durable is still there after the process went away. */
static void reopen(void)
{
    if (!on_disk)
        return;
    mailstore_close(&store);
    open_store();
}

static int set_up(void **state)
{
    on_disk = *(bool *)*state;
    strcpy(folder, "/tmp/upstander-test-XXXXXX");
    if (keys_init() || !mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/mail.db", folder);
    open_store();
    return arena_new(UP_ARENA_LEN_MAX, &arena) ? -1 : 0;
}

static int tear_down(void **state)
{
    static const char *const endings[] = {"", "-wal", "-shm", ".lock"};

    (void)state;
    mailstore_close(&store);
    arena_destroy(&arena);
    for (size_t i = 0; i < 4; i++) {
        char file[112];

        (void)snprintf(file, sizeof file, "%s%s", path, endings[i]);
        (void)unlink(file);
    }
    return rmdir(folder);
}

static struct mailstore_item item(uint8_t id, const char *sender, const char *recipient, size_t len)
{
    static uint8_t bytes[2000];
    struct mailstore_item made = {.envelope = up_view_of(bytes, len)};

    memset(bytes, 'e', sizeof bytes);
    memset(made.header.id.bytes, id, 16);
    strcpy(made.header.sender.text, sender);
    strcpy(made.header.recipient.text, recipient);
    made.header.expires_at_s = 7200;
    return made;
}

static enum mailstore_result append(struct mailstore_item made)
{
    enum mailstore_result result = MAILSTORE_FULL;

    assert_int_equal(mailstore_append(store, &made, 1, &result), UP_OK);
    return result;
}

static size_t load(const char *recipient, bool urgent, delivery_number after,
                   struct mailstore_mail **ret_mail)
{
    const struct mailstore_query query = {
        .member = recipient, .limit = 10, .urgent = urgent, .after = after};
    size_t count = 0;

    assert_int_equal(mailstore_load(store, &query, arena, ret_mail, &count), UP_OK);
    return count;
}

static void mail_is_kept_in_order_until_removed(void **state)
{
    struct mailstore_mail *mail = NULL;
    delivery_number wrong = 0;

    (void)state;
    assert_int_equal(append(item(1, "b-charity", "a-force", 100)), MAILSTORE_STORED);
    assert_int_equal(append(item(2, "b-charity", "a-force", 101)), MAILSTORE_STORED);
    assert_int_equal(append(item(3, "b-charity", "c-council", 102)), MAILSTORE_STORED);
    reopen();
    assert_int_equal(load("a-force", false, 0, &mail), 2);
    assert_int_equal(mail[0].envelope.len, 100);
    assert_int_equal(mail[1].envelope.len, 101);
    assert_true(mail[0].number < mail[1].number);
    assert_int_equal(load("a-force", false, mail[0].number, &mail), 1);
    wrong = mail[0].number;
    assert_int_equal(mailstore_remove(store, "c-council", &wrong, 1), UP_OK); /* not its mail */
    assert_int_equal(mailstore_waiting(store, "a-force"), 2);
    assert_int_equal(mailstore_remove(store, "a-force", &wrong, 1), UP_OK);
    assert_int_equal(mailstore_remove(store, "a-force", &wrong, 1), UP_OK);
    reopen();
    assert_int_equal(mailstore_waiting(store, "a-force"), 1);
    assert_int_equal(load("a-force", false, 0, &mail), 1);
    assert_int_equal(mail[0].envelope.len, 100);
}

static void an_id_is_stored_once_even_after_delivery(void **state)
{
    struct mailstore_mail *mail = NULL;

    (void)state;
    assert_int_equal(append(item(1, "b-charity", "a-force", 100)), MAILSTORE_STORED);
    assert_int_equal(append(item(1, "b-charity", "a-force", 100)), MAILSTORE_DUPLICATE);
    assert_int_equal(load("a-force", false, 0, &mail), 1);
    assert_int_equal(mailstore_remove(store, "a-force", &mail[0].number, 1), UP_OK);
    reopen();
    assert_int_equal(append(item(1, "b-charity", "a-force", 100)), MAILSTORE_DUPLICATE);
    assert_int_equal(load("a-force", false, 0, &mail), 0);
}

static void duplicates_inside_one_call(void **state)
{
    struct mailstore_item items[3] = {item(1, "b-charity", "a-force", 10),
                                      item(2, "b-charity", "a-force", 10),
                                      item(1, "b-charity", "a-force", 10)};
    enum mailstore_result results[3];

    (void)state;
    assert_int_equal(mailstore_append(store, items, 3, results), UP_OK);
    assert_int_equal(results[0], MAILSTORE_STORED);
    assert_int_equal(results[1], MAILSTORE_STORED);
    assert_int_equal(results[2], MAILSTORE_DUPLICATE);
    assert_int_equal(mailstore_append(store, items, 0, results), UP_INVALID);
}

static void quotas_hold_and_are_given_back(void **state)
{
    struct mailstore_mail *mail = NULL;

    (void)state;
    for (uint8_t i = 1; i <= 5; i++)
        assert_int_equal(append(item(i, "b-charity", "a-force", 10)), MAILSTORE_STORED);
    assert_int_equal(append(item(6, "b-charity", "a-force", 10)), MAILSTORE_FULL);
    assert_int_equal(append(item(7, "b-charity", "c-council", 900)), MAILSTORE_STORED);
    assert_int_equal(append(item(8, "a-force", "c-council", 101)), MAILSTORE_FULL);
    assert_int_equal(append(item(9, "b-charity", "d-governance", 600)), MAILSTORE_FULL);
    assert_int_equal(load("a-force", false, 0, &mail), 5);
    assert_int_equal(mailstore_remove(store, "a-force", &mail[0].number, 1), UP_OK);
    reopen();
    assert_int_equal(append(item(6, "b-charity", "a-force", 10)), MAILSTORE_STORED);
}

static void urgent_has_its_own_lane(void **state)
{
    struct mailstore_item urgent = item(2, "b-charity", "a-force", 50);
    struct mailstore_mail *mail = NULL;

    (void)state;
    urgent.header.urgent = true;
    assert_int_equal(append(item(1, "b-charity", "a-force", 100)), MAILSTORE_STORED);
    assert_int_equal(append(urgent), MAILSTORE_STORED);
    assert_int_equal(load("a-force", true, 0, &mail), 1);
    assert_int_equal(mail[0].envelope.len, 50);
    assert_int_equal(load("a-force", false, 0, &mail), 1);
    assert_int_equal(mail[0].envelope.len, 100);
}

static void what_runs_out_is_told_to_its_sender(void **state)
{
    const struct mailstore_query force = {.member = "a-force", .limit = 10};
    const struct mailstore_query charity = {.member = "b-charity", .limit = 10};
    struct mailstore_notice *notices = NULL;
    size_t count = 0;

    (void)state;
    assert_int_equal(append(item(1, "b-charity", "a-force", 100)), MAILSTORE_STORED);
    assert_int_equal(mailstore_expire(store, 7199, 10, &count), UP_OK);
    assert_int_equal(count, 0);
    assert_int_equal(mailstore_expire(store, 7200, 10, &count), UP_OK);
    assert_int_equal(count, 1);
    reopen();
    assert_int_equal(mailstore_waiting(store, "a-force"), 0);
    assert_int_equal(mailstore_notices(store, &force, arena, &notices, &count), UP_OK);
    assert_int_equal(count, 0);
    assert_int_equal(mailstore_notices(store, &charity, arena, &notices, &count), UP_OK);
    assert_int_equal(count, 1);
    assert_int_equal(notices[0].id.bytes[0], 1);
    assert_string_equal(notices[0].recipient.text, "a-force");
    assert_int_equal(mailstore_notices_done(store, notices, 1), UP_OK);
    assert_int_equal(mailstore_notices(store, &charity, arena, &notices, &count), UP_OK);
    assert_int_equal(count, 0);
    /* after its expiry the id may be used again: a copy sealed then is another envelope's business */
    assert_int_equal(append(item(1, "b-charity", "a-force", 100)), MAILSTORE_STORED);
}

static void prekeys_and_purge(void **state)
{
    struct up_view set = {0};

    (void)state;
    assert_int_equal(mailstore_prekeys_get(store, "a-force", arena, &set), UP_NOT_FOUND);
    assert_int_equal(mailstore_prekeys_put(store, "a-force", up_view_of("one", 3)), UP_OK);
    assert_int_equal(mailstore_prekeys_put(store, "a-force", up_view_of("three", 5)), UP_OK);
    reopen();
    assert_int_equal(mailstore_prekeys_get(store, "a-force", arena, &set), UP_OK);
    assert_int_equal(set.len, 5);
    assert_memory_equal(set.data, "three", 5);
    assert_int_equal(append(item(1, "b-charity", "a-force", 10)), MAILSTORE_STORED);
    assert_int_equal(append(item(2, "b-charity", "c-council", 10)), MAILSTORE_STORED);
    assert_int_equal(mailstore_purge(store, "a-force"), UP_OK);
    reopen();
    assert_int_equal(mailstore_waiting(store, "a-force"), 0);
    assert_int_equal(mailstore_waiting(store, "c-council"), 1);
}

/* SQLite only: a changed byte in a stored envelope is noticed; the store is one process's. */
/* A Deliver is one frame: its envelopes must fit, however many are asked for. */
static void a_load_is_bounded_in_bytes(void **state)
{
    static const struct mailstore_quotas wide = {
        .mailbox_messages_max = 100, .mailbox_bytes_max = 1 << 28, .sender_bytes_max = 1 << 28};
    static uint8_t bytes[UP_SEALED_LEN_MAX];
    struct mailstore_mail *mail = NULL;
    enum mailstore_result result = MAILSTORE_FULL;
    delivery_number after = 0;
    size_t total = 0;

    (void)state;
    store->quotas = wide;
    for (uint8_t i = 1; i <= 20; i++) {
        struct mailstore_item large = item(i, "b-charity", "a-force", 10);

        large.envelope = up_view_of(bytes, sizeof bytes);
        assert_int_equal(mailstore_append(store, &large, 1, &result), UP_OK);
        assert_int_equal(result, MAILSTORE_STORED);
    }
    while (total < 20) {
        size_t count = 0;

        arena_reset(arena);
        assert_int_equal(
            mailstore_load(
                store, &(struct mailstore_query){.member = "a-force", .after = after, .limit = 64},
                arena, &mail, &count),
            UP_OK);
        assert_in_range(count, 1, UP_LOAD_BYTES_MAX / UP_SEALED_LEN_MAX);
        total += count;
        after = mail[count - 1].number;
    }
    assert_int_equal(total, 20);
}

static void damage_is_noticed(void **state)
{
    struct up_bytes file = {0};
    struct mailstore_mail *mail = NULL;
    struct up_why why = {0};
    bool changed = false;

    (void)state;
    assert_int_equal(append(item(1, "b-charity", "a-force", 900)), MAILSTORE_STORED);
    mailstore_close(&store); /* folds the WAL into the file */
    assert_int_equal(file_read(path, 1 << 20, &file, &why), UP_OK);
    for (size_t i = 0; !changed && i + 300 < file.len; i++) {
        changed = file.data[i] == 'e' && memcmp(file.data + i, file.data + i + 1, 200) == 0;
        if (changed)
            file.data[i + 100] ^= 1;
    }
    assert_true(changed);
    assert_int_equal(file_write(path, up_bytes_view(&file), 0600, &why), UP_OK);
    up_bytes_wipe(&file);
    open_store();
    assert_int_equal(load("a-force", false, 0, &mail), 0);
    assert_int_equal(mailstore_damaged(store), 1);
}

static void one_process_at_a_time(void **state)
{
    int status = 0;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        struct mailstore *other = NULL;
        struct up_why why = {0};

        _exit(mailstore_sqlite_open(path, &quotas, &other, &why) == UP_BUSY &&
                      strstr(why.text, "another process")
                  ? 0
                  : 1);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* None would be the end of the mailbox. */
static void a_load_without_room_says_so(void **state)
{
    const struct mailstore_query query = {.member = "a-force", .limit = 2};
    struct arena *small = NULL;
    struct mailstore_mail *mail = NULL;
    size_t count = 7;

    (void)state;
    assert_int_equal(append(item(1, "b-charity", "a-force", 900)), MAILSTORE_STORED);
    assert_int_equal(arena_new(600, &small), UP_OK);
    assert_int_equal(mailstore_load(store, &query, small, &mail, &count), UP_NO_MEMORY);
    assert_null(mail);
    assert_int_equal(count, 7);
    arena_destroy(&small);
}

#define ON(test, where)                                                                            \
    {                                                                                              \
#test " (" #where ")", test, set_up, tear_down, &where                                     \
    }

int main(void)
{
    static bool memory = false;
    static bool sqlite = true;
    const struct CMUnitTest tests[] = {
        ON(mail_is_kept_in_order_until_removed, memory),
        ON(mail_is_kept_in_order_until_removed, sqlite),
        ON(an_id_is_stored_once_even_after_delivery, memory),
        ON(an_id_is_stored_once_even_after_delivery, sqlite),
        ON(duplicates_inside_one_call, memory),
        ON(duplicates_inside_one_call, sqlite),
        ON(quotas_hold_and_are_given_back, memory),
        ON(quotas_hold_and_are_given_back, sqlite),
        ON(urgent_has_its_own_lane, memory),
        ON(urgent_has_its_own_lane, sqlite),
        ON(what_runs_out_is_told_to_its_sender, memory),
        ON(what_runs_out_is_told_to_its_sender, sqlite),
        ON(prekeys_and_purge, memory),
        ON(prekeys_and_purge, sqlite),
        ON(a_load_is_bounded_in_bytes, memory),
        ON(a_load_is_bounded_in_bytes, sqlite),
        ON(a_load_without_room_says_so, memory),
        ON(a_load_without_room_says_so, sqlite),
        ON(damage_is_noticed, sqlite),
        ON(one_process_at_a_time, sqlite),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
