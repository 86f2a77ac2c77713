/* SPDX-License-Identifier: MIT */
/* rooms: store base proto */
/* What nodes/store/nodestore.h promises. The files are looked at and changed with SQLite itself;
 * stops and full disks are made by SQLite's own table of system calls: a child is killed, or its
 * disk refuses, at its n-th write, for each n until the work is done without. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "base/file.h"
#include "nodes/store/nodestore.h"
#include "upstander/limits.h"

enum { FILE_LEN_MAX = 64 << 20 };

static struct nodestore *store;
static struct arena *arena;
static struct store_key key;
static char folder[64];

static enum up_err open_with(const struct store_key *with, struct up_why *why)
{
    return nodestore_open(folder, with, &store, why);
}

static void open_store(void)
{
    struct up_why why = {0};

    if (open_with(&key, &why))
        fail_msg("%s", why.text);
}

static void reopen(void)
{
    nodestore_close(&store);
    open_store();
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/upstander-test-XXXXXX");
    if (keys_init() || !mkdtemp(folder))
        return -1;
    keys_store_generate(&key);
    open_store();
    return arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK ? 0 : -1;
}

static const char *path_of(const char *file)
{
    static char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    return path;
}

static int tear_down(void **state)
{
    static const char *const files[] = {
        "data.db", "data.db-wal",     "data.db-shm", "data.db-journal",
        "keys.db", "keys.db-journal", "lock"};

    (void)state;
    nodestore_close(&store);
    arena_destroy(&arena);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        (void)unlink(path_of(files[i]));
    return rmdir(folder);
}

/* --- small helpers
 * ---------------------------------------------------------------------------------- */

static struct nodestore_row row(enum nodestore_kind kind, const char *name, const char *body)
{
    struct nodestore_row made = {.kind = kind, .state = 1, .at_s = 1000};

    (void)snprintf(made.name, sizeof made.name, "%s", name);
    made.body = up_view_of(body, strlen(body));
    return made;
}

static void must_begin(void)
{
    assert_int_equal(nodestore_begin(store), UP_OK);
}

static void must_commit(void)
{
    assert_int_equal(nodestore_commit(store), UP_OK);
}

static void put(struct nodestore_row made)
{
    must_begin();
    assert_int_equal(nodestore_put(store, &made), UP_OK);
    must_commit();
}

static void drop(enum nodestore_kind kind, const char *name)
{
    must_begin();
    assert_int_equal(nodestore_drop(store, kind, name), UP_OK);
    must_commit();
}

static struct nodestore_row got(enum nodestore_kind kind, const char *name)
{
    struct nodestore_row found;

    assert_int_equal(nodestore_get(store, kind, name, arena, &found), UP_OK);
    return found;
}

static void must_have(enum nodestore_kind kind, const char *name, const char *body)
{
    struct nodestore_row found = got(kind, name);

    assert_int_equal(found.body.len, strlen(body));
    assert_memory_equal(found.body.data, body, strlen(body));
}

static void must_lack(enum nodestore_kind kind, const char *name, enum up_err err)
{
    struct nodestore_row found;

    assert_int_equal(nodestore_get(store, kind, name, arena, &found), err);
}

static size_t listed(struct nodestore_query query, struct nodestore_row **ret_rows)
{
    size_t count = 999;

    assert_int_equal(nodestore_list(store, &query, arena, ret_rows, &count), UP_OK);
    return count;
}

/* SQL on a file of the store, by another connection; the store is closed. A query's number, or 0.
 */
static int64_t sql(const char *file, const char *text)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t number = 0;
    int result = 0;

    assert_int_equal(sqlite3_open(path_of(file), &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    else if (result != SQLITE_DONE)
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
    return number;
}

static int64_t sql_closed(const char *file, const char *text)
{
    int64_t number = 0;

    nodestore_close(&store);
    number = sql(file, text);
    open_store();
    return number;
}

static bool file_holds(const char *file, const void *bytes, size_t len)
{
    struct up_bytes all = {0};
    struct up_why why = {0};
    bool found = false;

    if (file_read(path_of(file), FILE_LEN_MAX, &all, &why))
        return false; /* not there */
    for (size_t i = 0; !found && i + len <= all.len; i++)
        found = memcmp(all.data + i, bytes, len) == 0;
    up_bytes_wipe(&all);
    return found;
}

static bool any_file_holds(const void *bytes, size_t len)
{
    return file_holds("data.db", bytes, len) || file_holds("data.db-wal", bytes, len) ||
           file_holds("data.db-journal", bytes, len) || file_holds("keys.db", bytes, len) ||
           file_holds("keys.db-journal", bytes, len);
}

/* --- records
 * ---------------------------------------------------------------------------------------- */

static void a_record_comes_back_as_it_was_put(void **state)
{
    struct nodestore_row made = row(NODESTORE_OUTBOX, "aa", "body");
    struct nodestore_row found;

    (void)state;
    strcpy(made.owner, "owner");
    strcpy(made.peer, "a-force");
    made.state = 15;
    made.urgent = true;
    made.at_s = 1234567890123;
    made.due_s = -5;
    put(made);
    reopen();
    found = got(NODESTORE_OUTBOX, "aa");
    assert_int_equal(found.kind, NODESTORE_OUTBOX);
    assert_string_equal(found.name, "aa");
    assert_string_equal(found.owner, "owner");
    assert_string_equal(found.peer, "a-force");
    assert_int_equal(found.state, 15);
    assert_true(found.urgent);
    assert_int_equal(found.at_s, 1234567890123);
    assert_int_equal(found.due_s, -5);
    assert_true(found.number > 0);
    must_have(NODESTORE_OUTBOX, "aa", "body");
    must_lack(NODESTORE_REPORT, "aa", UP_NOT_FOUND);
    must_lack(NODESTORE_OUTBOX, "ab", UP_NOT_FOUND);
}

static void empty_and_large_bodies(void **state)
{
    struct nodestore_row made = row(NODESTORE_REPORT, "large", "");
    uint8_t *large = malloc(2 << 20);

    (void)state;
    assert_non_null(large);
    put(row(NODESTORE_REPORT, "empty", ""));
    memset(large, 'x', 2 << 20);
    made.body = up_view_of(large, 2 << 20);
    put(made);
    assert_int_equal(got(NODESTORE_REPORT, "empty").body.len, 0);
    assert_int_equal(got(NODESTORE_REPORT, "large").body.len, 2 << 20);
    free(large);
}

static void put_again_replaces_and_keeps_the_number(void **state)
{
    uint64_t number = 0;

    (void)state;
    put(row(NODESTORE_REPORT, "A", "first"));
    put(row(NODESTORE_REPORT, "B", "other"));
    number = got(NODESTORE_REPORT, "A").number;
    put(row(NODESTORE_REPORT, "A", "second"));
    must_have(NODESTORE_REPORT, "A", "second");
    assert_int_equal(got(NODESTORE_REPORT, "A").number, number);
    assert_int_equal(nodestore_count(store, NODESTORE_REPORT, 0), 2);
    assert_int_equal(sql_closed("keys.db", "SELECT count(*) FROM record_keys"), 3);
}

static void mark_changes_state_and_due_only(void **state)
{
    (void)state;
    put(row(NODESTORE_OUTBOX, "A", "body"));
    must_begin();
    assert_int_equal(nodestore_mark(store, NODESTORE_OUTBOX, "A", 7, 99), UP_OK);
    assert_int_equal(nodestore_mark(store, NODESTORE_OUTBOX, "none", 7, 99), UP_NOT_FOUND);
    assert_int_equal(nodestore_mark(store, NODESTORE_REPORT, "A", 7, 99), UP_NOT_FOUND);
    must_commit();
    reopen();
    must_have(NODESTORE_OUTBOX, "A", "body");
    assert_int_equal(got(NODESTORE_OUTBOX, "A").state, 7);
    assert_int_equal(got(NODESTORE_OUTBOX, "A").due_s, 99);
    assert_int_equal(got(NODESTORE_OUTBOX, "A").at_s, 1000);
}

static void drop_is_fine_when_absent(void **state)
{
    (void)state;
    put(row(NODESTORE_REPORT, "A", "body"));
    drop(NODESTORE_REPORT, "A");
    drop(NODESTORE_REPORT, "A");
    must_lack(NODESTORE_REPORT, "A", UP_NOT_FOUND);
    assert_int_equal(nodestore_count(store, NODESTORE_REPORT, 0), 0);
    put(row(NODESTORE_REPORT, "A", "new")); /* numbers are not given twice */
    assert_int_equal(got(NODESTORE_REPORT, "A").number, 2);
}

/* --- lists
 * ------------------------------------------------------------------------------------------ */

static void put_outbox(const char *name, const char *owner, const char *peer, unsigned state,
                       int64_t due_s)
{
    struct nodestore_row made = row(NODESTORE_OUTBOX, name, name);

    strcpy(made.owner, owner);
    strcpy(made.peer, peer);
    made.state = state;
    made.due_s = due_s;
    put(made);
}

static void must_list(struct nodestore_query query, const char *expected)
{
    struct nodestore_row *rows = NULL;
    char names[64] = "";
    size_t count = 0;

    query.kind = NODESTORE_OUTBOX;
    count = listed(query, &rows);
    for (size_t i = 0; i < count; i++) {
        strcat(names, rows[i].name);
        assert_memory_equal(rows[i].body.data, rows[i].name, rows[i].body.len);
        assert_true(i == 0 || rows[i - 1].number < rows[i].number);
    }
    assert_string_equal(names, expected);
}

static void lists_are_narrowed_by_what_is_set(void **state)
{
    (void)state;
    put_outbox("a", "x", "a-force", 1, 10);
    put_outbox("b", "x", "c-council", 2, 20);
    put_outbox("c", "y", "a-force", 3, 30);
    put_outbox("d", "y", "c-council", 1, 0);
    put_outbox("e", "", "", 0, 40);
    put(row(NODESTORE_REPORT, "r", "r"));
    put_outbox("b", "x", "c-council", 2, 20); /* replaced: its place stays */
    must_list((struct nodestore_query){0}, "abcde");
    must_list((struct nodestore_query){.owner = "x"}, "ab");
    must_list((struct nodestore_query){.owner = ""}, "e");
    must_list((struct nodestore_query){.owner = "z"}, "");
    must_list((struct nodestore_query){.peer = "a-force"}, "ac");
    must_list((struct nodestore_query){.owner = "y", .peer = "a-force"}, "c");
    must_list((struct nodestore_query){.states = 1u << 1}, "ad");
    must_list((struct nodestore_query){.states = 1u << 1 | 1u << 3}, "acd");
    must_list((struct nodestore_query){.states = 1u << 0}, "e");
    must_list((struct nodestore_query){.due_by_s = 20}, "abd");
    must_list((struct nodestore_query){.after = 2}, "cde");
    must_list((struct nodestore_query){.limit = 2}, "ab");
    must_list((struct nodestore_query){.after = 1, .limit = 2, .peer = "c-council"}, "bd");
    must_list((struct nodestore_query){.owner = "x", .after = 1, .states = 1u << 2}, "b");
    must_list((struct nodestore_query){.after = UINT64_MAX >> 1}, "");
    assert_int_equal(nodestore_count(store, NODESTORE_OUTBOX, 0), 5);
    assert_int_equal(nodestore_count(store, NODESTORE_OUTBOX, 1u << 1), 2);
    assert_int_equal(nodestore_count(store, NODESTORE_SENT, 0), 0);
}

static void a_list_that_does_not_fit_is_no_list(void **state)
{
    struct nodestore_query query = {.kind = NODESTORE_REPORT};
    struct nodestore_row *rows = NULL;
    struct arena *small = NULL;
    size_t count = 77;

    (void)state;
    for (int i = 0; i < 20; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "n%d", i);
        put(row(NODESTORE_REPORT, name, "body"));
    }
    assert_int_equal(arena_new(300, &small), UP_OK);
    assert_int_equal(nodestore_list(store, &query, small, &rows, &count), UP_NO_MEMORY);
    assert_int_equal(count, 77);
    assert_int_equal(listed(query, &rows), 20);
    arena_destroy(&small);
}

/* --- damage
 * ----------------------------------------------------------------------------------------- */

static void damaged(const char *file, const char *text, enum up_err err)
{
    struct nodestore_query query = {.kind = NODESTORE_OUTBOX};
    struct nodestore_row *rows = NULL;

    (void)sql_closed(file, text);
    must_lack(NODESTORE_OUTBOX, "a", err);
    assert_int_equal(listed(query, &rows), 1);
    assert_string_equal(rows[0].name, "b");
    assert_int_equal(nodestore_damaged(store), 1);
    assert_int_equal(listed(query, &rows), 1);
    assert_int_equal(nodestore_damaged(store), 2);
}

static void two_rows(void)
{
    put_outbox("a", "x", "a-force", 1, 10);
    put_outbox("b", "x", "a-force", 1, 10);
}

#define DAMAGE(name, file, text, err)                                                              \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        two_rows();                                                                                \
        damaged(file, text, err);                                                                  \
    }

DAMAGE(
    a_changed_body, "data.db",
    "UPDATE records SET body = substr(body, 1, 30) || x'00' || substr(body, 32) WHERE name = 'a'",
    UP_WRONG_KEY)
DAMAGE(a_body_cut_short, "data.db",
       "UPDATE records SET body = substr(body, 1, 10) WHERE name = 'a'", UP_WRONG_KEY)
DAMAGE(a_body_of_another_record, "data.db",
       "UPDATE records SET (key, body) = (SELECT key, body FROM records WHERE name = 'b')"
       " WHERE name = 'a'",
       UP_WRONG_KEY)
DAMAGE(another_recipient, "data.db", "UPDATE records SET peer = 'c-council' WHERE name = 'a'",
       UP_WRONG_KEY)
DAMAGE(another_owner, "data.db", "UPDATE records SET owner = 'y' WHERE name = 'a'", UP_WRONG_KEY)
DAMAGE(no_key_id, "data.db", "UPDATE records SET key = x'' WHERE name = 'a'", UP_WRONG_KEY)
/* The key ids are in the other file: told from there. */
static void a_record_without_its_key_is_erased(void **state)
{
    char text[200];
    struct nodestore_query query = {.kind = NODESTORE_OUTBOX};
    struct nodestore_row *rows = NULL;
    sqlite3 *db = NULL;
    sqlite3_stmt *get = NULL;

    (void)state;
    two_rows();
    nodestore_close(&store);
    assert_int_equal(sqlite3_open(path_of("data.db"), &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT hex(key) FROM records WHERE name = 'a'", -1, &get, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(get), SQLITE_ROW);
    (void)snprintf(text, sizeof text, "DELETE FROM record_keys WHERE id = x'%s'",
                   (const char *)sqlite3_column_text(get, 0));
    (void)sqlite3_finalize(get);
    (void)sqlite3_close(db);
    (void)sql("keys.db", text);
    open_store();
    must_lack(NODESTORE_OUTBOX, "a", UP_NOT_FOUND);
    must_have(NODESTORE_OUTBOX, "b", "b");
    assert_int_equal(listed(query, &rows), 1);
    assert_int_equal(nodestore_damaged(store), 1);
}

/* --- transactions
 * ----------------------------------------------------------------------------------- */

static void rollback_keeps_nothing(void **state)
{
    struct nodestore_row made = row(NODESTORE_REPORT, "new", "new");
    struct nodestore_row again = row(NODESTORE_REPORT, "old", "changed");
    struct nodestore_audit entry = {.person = "ann", .action = "did", .subject = "it"};
    unsigned outcome = 0;
    uint8_t id[16] = {1};

    (void)state;
    put(row(NODESTORE_REPORT, "old", "old"));
    put(row(NODESTORE_REPORT, "gone", "stays"));
    must_begin();
    assert_int_equal(nodestore_put(store, &made), UP_OK);
    assert_int_equal(nodestore_put(store, &again), UP_OK);
    assert_int_equal(nodestore_drop(store, NODESTORE_REPORT, "gone"), UP_OK);
    assert_int_equal(nodestore_saw(store, "b-charity", id, 1, 5), UP_OK);
    assert_int_equal(nodestore_number_put(store, "n", 5), UP_OK);
    assert_int_equal(nodestore_number_put(store, "keys/n", 5), UP_OK);
    assert_int_equal(nodestore_audit_add(store, &entry), UP_OK);
    must_have(NODESTORE_REPORT, "new", "new"); /* inside, it is seen */
    nodestore_rollback(store);
    for (int round = 0; round < 2; round++) {
        must_lack(NODESTORE_REPORT, "new", UP_NOT_FOUND);
        must_have(NODESTORE_REPORT, "old", "old");
        must_have(NODESTORE_REPORT, "gone", "stays");
        assert_int_equal(nodestore_seen(store, "b-charity", id, &outcome), UP_NOT_FOUND);
        assert_int_equal(nodestore_number(store, "n", -1), -1);
        assert_int_equal(nodestore_number(store, "keys/n", -1), -1);
        assert_int_equal(nodestore_audit_last(store), 0);
        reopen();
    }
    assert_int_equal(sql_closed("keys.db", "SELECT count(*) FROM record_keys"), 3);
    nodestore_rollback(store); /* without a transaction: nothing happens */
    put(row(NODESTORE_REPORT, "after", "it"));
    must_have(NODESTORE_REPORT, "after", "it");
}

/* --- opening
 * ---------------------------------------------------------------------------------------- */

static void one_process_at_a_time(void **state)
{
    int status = 0;
    int up[2];
    int down[2];
    char byte = 0;
    struct up_why why = {0};
    pid_t child = 0;

    (void)state;
    nodestore_close(&store);
    (void)unlink(path_of("lock")); /* of this process itself: the child must take it first */
    assert_int_equal(pipe(up) | pipe(down), 0);
    child = fork();
    if (child == 0) {
        byte = open_with(&key, &why) == UP_OK ? 'y' : 'n';
        (void)!write(up[1], &byte, 1);
        (void)!read(down[0], &byte, 1); /* until the test is done */
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(read(up[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_int_equal(open_with(&key, &why), UP_BUSY);
    assert_non_null(strstr(why.text, "another process"));
    assert_null(store);
    assert_int_equal(write(down[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    for (int i = 0; i < 2; i++)
        (void)(close(up[i]) | close(down[i]));
    open_store();
}

static void another_key_file_is_told(void **state)
{
    struct store_key other;
    struct up_why why = {0};

    (void)state;
    put(row(NODESTORE_REPORT, "A", "body"));
    nodestore_close(&store);
    keys_store_generate(&other);
    assert_int_equal(open_with(&other, &why), UP_WRONG_KEY);
    assert_non_null(strstr(why.text, "key file"));
    assert_null(store);
    open_store(); /* nothing was harmed */
    must_have(NODESTORE_REPORT, "A", "body");
}

static void a_newer_store_is_refused(void **state)
{
    static const char *const files[] = {"data.db", "keys.db"};
    struct up_why why = {0};

    (void)state;
    put(row(NODESTORE_REPORT, "A", "body"));
    nodestore_close(&store);
    for (size_t i = 0; i < 2; i++) {
        (void)sql(files[i], "PRAGMA user_version = 2");
        assert_int_equal(open_with(&key, &why), UP_TOO_NEW);
        assert_non_null(strstr(why.text, files[i]));
        assert_null(store);
        (void)sql(files[i], "PRAGMA user_version = 1");
    }
    open_store();
    must_have(NODESTORE_REPORT, "A", "body");
}

static void what_is_no_store_is_refused(void **state)
{
    struct up_why why = {0};

    (void)state;
    nodestore_close(&store);
    assert_int_equal(file_write(path_of("data.db"),
                                up_view_of("This is a letter, no store.......", 30), 0600, &why),
                     UP_OK);
    assert_int_equal(open_with(&key, &why), UP_IO);
    assert_null(store);
    assert_non_null(strstr(why.text, "data.db"));
}

static void keys_without_records_are_swept(void **state)
{
    (void)state;
    put(row(NODESTORE_REPORT, "A", "body"));
    nodestore_close(&store);
    (void)sql("keys.db",
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
              " INSERT INTO record_keys SELECT randomblob(16), randomblob(72) FROM n");
    assert_int_equal(sql("keys.db", "SELECT count(*) FROM record_keys"), 10002);
    open_store();
    must_have(NODESTORE_REPORT, "A", "body");
    assert_int_equal(sql_closed("keys.db", "SELECT count(*) FROM record_keys"), 2);
}

/* data.db was lost or not put back: the keys wait for it. */
static void keys_wait_for_lost_records(void **state)
{
    struct up_why why = {0};
    struct up_bytes data = {0};

    (void)state;
    put(row(NODESTORE_REPORT, "A", "body"));
    nodestore_close(&store);
    assert_int_equal(file_read(path_of("data.db"), FILE_LEN_MAX, &data, &why), UP_OK);
    for (int empty = 0; empty < 2; empty++) {
        (void)unlink(path_of("data.db"));
        if (empty)
            assert_int_equal(file_write(path_of("data.db"), up_view_of("", 0), 0600, &why), UP_OK);
        for (int again = 0; again < 2; again++) {
            assert_int_equal(open_with(&key, &why), UP_NOT_FOUND);
            assert_non_null(strstr(why.text, "put data.db back"));
            assert_int_equal(sql("keys.db", "SELECT count(*) FROM record_keys"), 2);
        }
    }
    assert_int_equal(file_write(path_of("data.db"), up_bytes_view(&data), 0600, &why), UP_OK);
    up_bytes_wipe(&data);
    open_store();
    must_have(NODESTORE_REPORT, "A", "body");
}

/* --- seen, numbers, prekeys
 * ------------------------------------------------------------------------- */

static void what_was_answered_is_remembered(void **state)
{
    uint8_t one[16] = {1};
    uint8_t two[16] = {2};
    unsigned outcome = 0;

    (void)state;
    must_begin();
    assert_int_equal(nodestore_saw(store, "b-charity", one, 1, 5), UP_OK);
    assert_int_equal(nodestore_saw(store, "b-charity", one, 2, 6), UP_OK); /* the first stays */
    assert_int_equal(nodestore_saw(store, "c-council", one, 3, 7), UP_OK);
    must_commit();
    reopen();
    assert_int_equal(nodestore_seen(store, "b-charity", one, &outcome), UP_OK);
    assert_int_equal(outcome, 1);
    assert_int_equal(nodestore_seen(store, "c-council", one, &outcome), UP_OK);
    assert_int_equal(outcome, 3);
    outcome = 77;
    assert_int_equal(nodestore_seen(store, "b-charity", two, &outcome), UP_NOT_FOUND);
    assert_int_equal(nodestore_seen(store, "a-force", one, &outcome), UP_NOT_FOUND);
    assert_int_equal(outcome, 77);
}

static void numbers_outlive_a_start(void **state)
{
    (void)state;
    assert_int_equal(nodestore_number(store, "incarnation", -7), -7);
    must_begin();
    assert_int_equal(nodestore_number_put(store, "incarnation", 3), UP_OK);
    assert_int_equal(nodestore_number_put(store, "incarnation", INT64_MAX), UP_OK);
    assert_int_equal(nodestore_number_put(store, "keys/roster-version", 12), UP_OK);
    must_commit();
    reopen();
    assert_int_equal(nodestore_number(store, "incarnation", 0), INT64_MAX);
    assert_int_equal(nodestore_number(store, "keys/roster-version", 0), 12);
    assert_int_equal(sql_closed("data.db", "SELECT count(*) FROM numbers"), 1);
    assert_int_equal(sql_closed("keys.db", "SELECT value FROM numbers"), 12);
}

static void put_prekey(uint8_t id, int64_t dead_s)
{
    struct nodestore_prekey prekey = {.dead_s = dead_s};
    uint8_t published[3] = {id, 'p', 'k'};

    memset(prekey.id, id, sizeof prekey.id);
    memset(prekey.secret.bytes, 0xA0 + id, sizeof prekey.secret.bytes);
    prekey.published = up_view_of(published, sizeof published);
    must_begin();
    assert_int_equal(nodestore_prekey_put(store, &prekey), UP_OK);
    must_commit();
}

static size_t prekeys(struct nodestore_prekey **ret_prekeys)
{
    size_t count = 0;

    assert_int_equal(nodestore_prekeys(store, arena, ret_prekeys, &count), UP_OK);
    return count;
}

static void prekeys_are_kept_and_swept(void **state)
{
    struct nodestore_prekey *list = NULL;
    uint8_t secret[32];

    (void)state;
    put_prekey(2, 200);
    put_prekey(1, 100);
    put_prekey(3, 300);
    reopen();
    assert_int_equal(prekeys(&list), 3);
    for (uint8_t i = 0; i < 3; i++) {
        memset(secret, 0xA1 + i, sizeof secret);
        assert_int_equal(list[i].dead_s, 100 * (i + 1));
        assert_int_equal(list[i].id[7], i + 1);
        assert_memory_equal(list[i].secret.bytes, secret, 32);
        assert_int_equal(list[i].published.len, 3);
        assert_int_equal(list[i].published.data[0], i + 1);
    }
    memset(secret, 0xA1, sizeof secret);
    assert_false(any_file_holds(secret, sizeof secret));
    must_begin();
    assert_int_equal(nodestore_prekeys_sweep(store, 200), UP_OK);
    must_commit();
    assert_int_equal(prekeys(&list), 2); /* dead at 200 is not dead before it is past */
    assert_int_equal(list[0].dead_s, 200);
}

static void a_damaged_prekey_costs_no_other(void **state)
{
    struct nodestore_prekey *list = NULL;

    (void)state;
    put_prekey(1, 100);
    put_prekey(2, 200);
    (void)sql_closed("keys.db", "UPDATE prekeys SET wrapped = zeroblob(72) WHERE dead = 100");
    assert_int_equal(prekeys(&list), 1);
    assert_int_equal(list[0].dead_s, 200);
    assert_int_equal(nodestore_damaged(store), 1);
}

/* --- the audit log
 * ---------------------------------------------------------------------------------- */

static void audit(const char *person, const char *action, const char *subject, int64_t at_s)
{
    struct nodestore_audit entry = {
        .at_s = at_s, .person = person, .action = action, .subject = subject};

    must_begin();
    assert_int_equal(nodestore_audit_add(store, &entry), UP_OK);
    must_commit();
}

static void audit_some(int count)
{
    for (int i = 1; i <= count; i++)
        audit("ann", "sent", "7F3K-9QTM to a-force", 1000 + i);
}

static uint64_t chain_broken_at(void)
{
    bool holds = false;
    uint64_t broken = 99;

    assert_int_equal(nodestore_audit_check(store, &holds, &broken), UP_OK);
    assert_int_equal(holds, broken == 0);
    return broken;
}

static void the_log_is_listed_oldest_first(void **state)
{
    struct nodestore_audit *entries = NULL;
    size_t count = 0;

    (void)state;
    assert_int_equal(nodestore_audit_last(store), 0);
    assert_int_equal(chain_broken_at(), 0);
    audit("ann", "signed-in", "", 1);
    audit("node", "received", "X from Y", 2);
    audit("ben", "", "\xC3\xA9", 3);
    reopen();
    assert_int_equal(nodestore_audit_last(store), 3);
    assert_int_equal(
        nodestore_audit_list(store, (struct nodestore_span){0, 100}, arena, &entries, &count),
        UP_OK);
    assert_int_equal(count, 3);
    assert_string_equal(entries[0].person, "ann");
    assert_string_equal(entries[1].action, "received");
    assert_string_equal(entries[2].subject, "\xC3\xA9");
    assert_int_equal(entries[2].at_s, 3);
    assert_int_equal(entries[2].number, 3);
    assert_int_equal(
        nodestore_audit_list(store, (struct nodestore_span){1, 1}, arena, &entries, &count), UP_OK);
    assert_int_equal(count, 1);
    assert_int_equal(entries[0].number, 2);
    assert_int_equal(
        nodestore_audit_list(store, (struct nodestore_span){3, 10}, arena, &entries, &count),
        UP_OK);
    assert_int_equal(count, 0);
    assert_int_equal(chain_broken_at(), 0);
}

static void each_change_of_the_log_is_found_and_located(void **state)
{
    static const struct {
        const char *sql;
        uint64_t broken;
    } changes[] = {
        {"UPDATE audit SET at = at + 1 WHERE number = 4", 4},
        {"UPDATE audit SET at = at || 'x' WHERE number = 4", 4},
        {"UPDATE audit SET person = 'amn' WHERE number = 4", 4},
        {"UPDATE audit SET action = 'sens' WHERE number = 4", 4},
        {"UPDATE audit SET subject = replace(subject, '7', '8') WHERE number = 4", 4},
        {"UPDATE audit SET subject = subject || char(0) || 'x' WHERE number = 4", 4},
        {"UPDATE audit SET person = 'anns', action = 'ent' WHERE number = 4", 4},
        {"UPDATE audit SET hash = substr(hash, 1, 31) || x'00' WHERE number = 4", 4},
        {"UPDATE audit SET hash = substr(hash, 1, 31) WHERE number = 4", 4},
        {"UPDATE audit SET number = 4000 WHERE number = 4", 4},
        {"DELETE FROM audit WHERE number = 1", 1},
        {"DELETE FROM audit WHERE number = 4", 4},
        {"DELETE FROM audit WHERE number = 299", 299},
        {"UPDATE audit SET subject = 'x' WHERE number = 300",
         300}, /* in the second page of the walk */
        {"INSERT INTO audit SELECT 301, at, person, action, subject, hash FROM audit WHERE number "
         "= 300",
         301},
    };
    char copy[160];

    (void)state;
    audit_some(300);
    assert_int_equal(chain_broken_at(), 0);
    nodestore_close(&store);
    (void)snprintf(copy, sizeof copy, "CREATE TABLE kept AS SELECT * FROM audit");
    (void)sql("data.db", copy);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        (void)sql("data.db", changes[i].sql);
        open_store();
        assert_int_equal(chain_broken_at(), changes[i].broken);
        nodestore_close(&store);
        (void)sql("data.db", "DELETE FROM audit");
        (void)sql("data.db", "INSERT INTO audit SELECT * FROM kept");
    }
    (void)sql("data.db", "DROP TABLE kept");
    open_store();
    assert_int_equal(chain_broken_at(), 0);
}

/* --- erasing
 * ---------------------------------------------------------------------------------------- */

static const char marker[] = "MARKER-of-a-person-in-a-report-0123456789";

/* The wrapped key of a record, by its row. */
static void wrapped_of(const char *name, uint8_t ret_wrapped[static 72])
{
    char text[160];
    sqlite3 *db = NULL;
    sqlite3_stmt *get = NULL;
    char hex[33] = "";

    nodestore_close(&store);
    (void)snprintf(text, sizeof text, "SELECT hex(key) FROM records WHERE name = '%s'", name);
    assert_int_equal(sqlite3_open(path_of("data.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &get, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(get), SQLITE_ROW);
    (void)snprintf(hex, sizeof hex, "%s", (const char *)sqlite3_column_text(get, 0));
    (void)sqlite3_finalize(get);
    (void)sqlite3_close(db);
    (void)snprintf(text, sizeof text, "SELECT wrapped FROM record_keys WHERE id = x'%s'", hex);
    assert_int_equal(sqlite3_open(path_of("keys.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &get, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(get), SQLITE_ROW);
    assert_int_equal(sqlite3_column_bytes(get, 0), 72);
    memcpy(ret_wrapped, sqlite3_column_blob(get, 0), 72);
    (void)sqlite3_finalize(get);
    (void)sqlite3_close(db);
    open_store();
}

/* Neither in the clear at any time, nor its key after it went. */
static void what_goes_takes_its_key_with_it(void **state)
{
    uint8_t wrapped[3][72];

    (void)state;
    put(row(NODESTORE_REPORT, "dropped", marker));
    put(row(NODESTORE_REPORT, "replaced", marker));
    put(row(NODESTORE_REPORT, "kept", marker));
    assert_false(any_file_holds(marker, strlen(marker)));
    wrapped_of("dropped", wrapped[0]);
    wrapped_of("replaced", wrapped[1]);
    wrapped_of("kept", wrapped[2]);
    for (int i = 0; i < 3; i++)
        assert_true(any_file_holds(wrapped[i], 72));
    drop(NODESTORE_REPORT, "dropped");
    put(row(NODESTORE_REPORT, "replaced", "nothing"));
    assert_false(any_file_holds(wrapped[0], 72)); /* at once, while the store is open */
    assert_false(any_file_holds(wrapped[1], 72));
    assert_true(any_file_holds(wrapped[2], 72));
    assert_false(any_file_holds(marker, strlen(marker)));
    reopen();
    assert_false(any_file_holds(wrapped[0], 72));
    must_have(NODESTORE_REPORT, "kept", marker);
}

static void many_keys_go_at_once(void **state)
{
    char name[16];

    (void)state;
    must_begin();
    for (int i = 0; i < 5000; i++) {
        struct nodestore_row made;

        (void)snprintf(name, sizeof name, "n%d", i);
        made = row(NODESTORE_REPORT, name, "b");
        assert_int_equal(nodestore_put(store, &made), UP_OK);
    }
    must_commit();
    must_begin();
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(nodestore_drop(store, NODESTORE_REPORT, name), UP_OK);
    }
    must_commit();
    /* looked at beside the open store: no start swept them */
    assert_int_equal(sql("keys.db", "SELECT count(*) FROM record_keys"), 1);
}

/* --- stops and full disks
 * --------------------------------------------------------------------------- */

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_truncate)(int, off_t);
static int writes_left;  /* the one that brings it to 0 is refused */
static int writes_error; /* 0: killed instead */
static bool writes_stay; /* all after it are refused as well */

static bool write_fails(void)
{
    if (writes_left == 0)
        return writes_stay;
    if (--writes_left > 0)
        return false;
    if (writes_error == 0)
        (void)raise(SIGKILL);
    return true;
}

static ssize_t test_pwrite(int fd, const void *data, size_t len, off_t at)
{
    if (write_fails()) {
        errno = writes_error;
        return -1;
    }
    return real_pwrite(fd, data, len, at);
}

static ssize_t test_write(int fd, const void *data, size_t len)
{
    if (write_fails()) {
        errno = writes_error;
        return -1;
    }
    return real_write(fd, data, len);
}

static int test_truncate(int fd, off_t len)
{
    if (write_fails()) {
        errno = writes_error;
        return -1;
    }
    return real_truncate(fd, len);
}

static void writes_watch(int fail_at, int error, bool stay)
{
    static const char *const names[] = {"write", "pwrite", "pwrite64", "ftruncate"};
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    sqlite3_syscall_ptr ours[] = {(sqlite3_syscall_ptr)test_write, (sqlite3_syscall_ptr)test_pwrite,
                                  (sqlite3_syscall_ptr)test_pwrite,
                                  (sqlite3_syscall_ptr)test_truncate};

    if (!real_write) {
        real_write = (ssize_t(*)(int, const void *, size_t))vfs->xGetSystemCall(vfs, "write");
        real_pwrite =
            (ssize_t(*)(int, const void *, size_t, off_t))vfs->xGetSystemCall(vfs, "pwrite64");
        if (!real_pwrite)
            real_pwrite =
                (ssize_t(*)(int, const void *, size_t, off_t))vfs->xGetSystemCall(vfs, "pwrite");
        real_truncate = (int (*)(int, off_t))vfs->xGetSystemCall(vfs, "ftruncate");
    }
    assert_true(real_write && real_pwrite && real_truncate);
    for (size_t i = 0; i < 4; i++)
        (void)vfs->xSetSystemCall(vfs, names[i], ours[i]);
    writes_left = fail_at;
    writes_error = error;
    writes_stay = stay;
}

static void writes_forget(void)
{
    writes_left = 0;
    writes_stay = false;
}

/* One transaction that adds, replaces, marks, drops and logs. */
static enum up_err work(void)
{
    struct nodestore_row added = row(NODESTORE_REPORT, "added", "added");
    struct nodestore_row changed = row(NODESTORE_REPORT, "changed", "after");
    struct nodestore_audit entry = {.at_s = 5, .person = "ann", .action = "did", .subject = "it"};
    enum up_err err = nodestore_begin(store);

    if (err)
        return err;
    err = nodestore_put(store, &added);
    if (!err)
        err = nodestore_put(store, &changed);
    if (!err)
        err = nodestore_mark(store, NODESTORE_REPORT, "marked", 9, 9);
    if (!err)
        err = nodestore_drop(store, NODESTORE_REPORT, "dropped");
    if (!err)
        err = nodestore_audit_add(store, &entry);
    if (!err)
        return nodestore_commit(store);
    nodestore_rollback(store);
    return err;
}

static void before_work(void)
{
    put(row(NODESTORE_REPORT, "stays", "stays"));
    put(row(NODESTORE_REPORT, "changed", "before"));
    put(row(NODESTORE_REPORT, "marked", "marked"));
    put(row(NODESTORE_REPORT, "dropped", "dropped"));
}

/* All of the work is there, or nothing of it. */
static bool must_be_whole(void)
{
    struct nodestore_row *rows = NULL;
    struct nodestore_row found;
    bool done = nodestore_audit_last(store) == 1;
    struct nodestore_query query = {.kind = NODESTORE_REPORT};

    must_have(NODESTORE_REPORT, "stays", "stays");
    must_have(NODESTORE_REPORT, "changed", done ? "after" : "before");
    assert_int_equal(got(NODESTORE_REPORT, "marked").state, done ? 9 : 1);
    assert_int_equal(nodestore_get(store, NODESTORE_REPORT, "added", arena, &found),
                     done ? UP_OK : UP_NOT_FOUND);
    assert_int_equal(nodestore_get(store, NODESTORE_REPORT, "dropped", arena, &found),
                     done ? UP_NOT_FOUND : UP_OK);
    assert_int_equal(listed(query, &rows), 4);
    assert_int_equal(nodestore_damaged(store), 0);
    assert_int_equal(chain_broken_at(), 0);
    return done;
}

static void a_stop_at_any_write_keeps_all_or_nothing(void **state)
{
    bool done = false;
    int kills = 0;
    int after_commit = 0;

    (void)state;
    for (int n = 1; !done; n++) {
        int status = 0;
        pid_t child = 0;

        assert_true(n < 500);
        before_work();
        nodestore_close(&store);
        (void)unlink(path_of("lock")); /* this process holds it until it ends */
        child = fork();
        if (child == 0) {
            struct up_why why = {0};

            if (open_with(&key, &why))
                _exit(1);
            writes_watch(n, 0, false);
            _exit(work() ? 2 : 0);
        }
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        assert_true(done || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
        kills += !done;
        open_store();
        after_commit += must_be_whole() && !done;
        assert_int_equal(sql_closed("keys.db", "SELECT count(*) FROM record_keys"), 5);
        assert_true(done ? nodestore_audit_last(store) == 1 : true);
        assert_int_equal(tear_down(NULL) | set_up(NULL), 0);
    }
    assert_true(kills > 8);
    assert_true(after_commit > 0); /* it was on disk, and its old keys were swept at the start */
}

/* The disk refuses the n-th write, or that and all after it; then it is well again. */
static void refused_at_each_write(int error, bool stay)
{
    bool through = false;
    int refused = 0;

    for (int n = 1; !through; n++) {
        enum up_err err = UP_OK;
        bool done = false;

        assert_true(n < 500);
        before_work();
        writes_watch(n, error, stay);
        err = work();
        through = writes_left > 0;
        writes_forget();
        assert_true(err == UP_OK || err == UP_IO || (error == ENOSPC && err == UP_FULL));
        refused += err != UP_OK;
        done = must_be_whole();
        assert_int_equal(done, err == UP_OK);
        /* the store goes on working */
        if (!done)
            assert_int_equal(work(), UP_OK);
        put(row(NODESTORE_IMPORT, "next", "next"));
        reopen();
        assert_true(must_be_whole());
        must_have(NODESTORE_IMPORT, "next", "next");
        assert_int_equal(sql_closed("keys.db", "SELECT count(*) FROM record_keys"), 6);
        assert_int_equal(tear_down(NULL) | set_up(NULL), 0);
    }
    assert_true(refused > 4);
}

static void a_disk_that_is_full_loses_nothing(void **state)
{
    (void)state;
    refused_at_each_write(ENOSPC, true);
}

static void a_disk_that_refuses_once_loses_nothing(void **state)
{
    (void)state;
    refused_at_each_write(EIO, false);
}

/* The key of what was dropped could not be destroyed: with the next transaction it goes. */
static void a_key_that_could_not_go_goes_later(void **state)
{
    uint8_t wrapped[72];
    bool stayed = false;

    (void)state;
    for (int n = 1; !stayed; n++) {
        enum up_err err = UP_OK;

        assert_true(n < 100);
        put(row(NODESTORE_REPORT, "dropped", marker));
        wrapped_of("dropped", wrapped);
        must_begin();
        assert_int_equal(nodestore_drop(store, NODESTORE_REPORT, "dropped"), UP_OK);
        writes_watch(n, ENOSPC, true);
        err = nodestore_commit(store);
        writes_forget();
        stayed = err == UP_OK && file_holds("keys.db", wrapped, 72);
        if (!stayed)
            assert_int_equal(tear_down(NULL) | set_up(NULL), 0);
    }
    put(row(NODESTORE_REPORT, "next", "next"));
    assert_false(any_file_holds(wrapped, 72));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_comes_back_as_it_was_put),
        TEST(empty_and_large_bodies),
        TEST(put_again_replaces_and_keeps_the_number),
        TEST(mark_changes_state_and_due_only),
        TEST(drop_is_fine_when_absent),
        TEST(lists_are_narrowed_by_what_is_set),
        TEST(a_list_that_does_not_fit_is_no_list),
        TEST(a_changed_body),
        TEST(a_body_cut_short),
        TEST(a_body_of_another_record),
        TEST(another_recipient),
        TEST(another_owner),
        TEST(no_key_id),
        TEST(a_record_without_its_key_is_erased),
        TEST(rollback_keeps_nothing),
        TEST(one_process_at_a_time),
        TEST(another_key_file_is_told),
        TEST(a_newer_store_is_refused),
        TEST(what_is_no_store_is_refused),
        TEST(keys_without_records_are_swept),
        TEST(keys_wait_for_lost_records),
        TEST(what_was_answered_is_remembered),
        TEST(numbers_outlive_a_start),
        TEST(prekeys_are_kept_and_swept),
        TEST(a_damaged_prekey_costs_no_other),
        TEST(the_log_is_listed_oldest_first),
        TEST(each_change_of_the_log_is_found_and_located),
        TEST(what_goes_takes_its_key_with_it),
        TEST(many_keys_go_at_once),
        TEST(a_stop_at_any_write_keeps_all_or_nothing),
        TEST(a_disk_that_is_full_loses_nothing),
        TEST(a_disk_that_refuses_once_loses_nothing),
        TEST(a_key_that_could_not_go_goes_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
