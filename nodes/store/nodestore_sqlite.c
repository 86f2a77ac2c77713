/* SPDX-License-Identifier: MIT
 * data.db (WAL, FULL) and keys.db (rollback journal, FULL, overwritten when deleted): one writer
 * connection each. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "nodes/store/nodestore.h"
#include "nodes/store/vault.h"

enum { SCHEMA_VERSION = 1, PATH_LEN_MAX = 1024, PLACE_LEN_MAX = 3 * NODESTORE_NAME_MAX + 16 };

enum statement {
    S_BEGIN,
    S_COMMIT,
    S_ROLLBACK,
    S_PUT,
    S_REPLACE,
    S_KEY_OF,
    S_MARK,
    S_DROP,
    S_GET,
    S_LIST,
    S_LIST_OF_OWNER,
    S_COUNT_ROWS,
    S_SEEN,
    S_SAW,
    S_NUMBER,
    S_NUMBER_PUT,
    S_AUDIT_LAST,
    S_AUDIT_ADD,
    S_AUDIT_LIST,
    S_DATA_END, /* above: data.db; below: keys.db */
    K_BEGIN,
    K_COMMIT,
    K_ROLLBACK,
    K_ADD,
    K_GET,
    K_DROP,
    K_NUMBER,
    K_NUMBER_PUT,
    K_PREKEY_PUT,
    K_PREKEYS,
    K_PREKEYS_SWEEP,
    S_COUNT
};

#define COLUMNS "number, kind, name, owner, peer, state, urgent, at, due, key, body"

static const char *const texts[S_COUNT] = {
    [S_BEGIN] = "BEGIN IMMEDIATE",
    [S_COMMIT] = "COMMIT",
    [S_ROLLBACK] = "ROLLBACK",
    [S_PUT] = "INSERT INTO records (kind, name, owner, peer, state, urgent, at, due, key, body)"
              " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [S_REPLACE] = "UPDATE records SET owner = ?3, peer = ?4, state = ?5, urgent = ?6, at = ?7,"
                  " due = ?8, key = ?9, body = ?10 WHERE kind = ?1 AND name = ?2",
    [S_KEY_OF] = "SELECT key FROM records WHERE kind = ?1 AND name = ?2",
    [S_MARK] = "UPDATE records SET state = ?3, due = ?4 WHERE kind = ?1 AND name = ?2",
    [S_DROP] = "DELETE FROM records WHERE kind = ?1 AND name = ?2",
    [S_GET] = "SELECT " COLUMNS " FROM records WHERE kind = ?1 AND name = ?2",
    [S_LIST] = "SELECT " COLUMNS " FROM records WHERE kind = ?1 AND number > ?2"
               " AND (?4 IS NULL OR peer = ?4)"
               " AND (?5 = 0 OR (?5 >> state) & 1) AND (?6 = 0 OR due <= ?6 OR due > ?6 + 90000) "
               "ORDER BY number"
               " LIMIT -1 OFFSET ?7",
    /* a statement of its own: with "?3 IS NULL OR" the index on the owner is not used */
    [S_LIST_OF_OWNER] =
        "SELECT " COLUMNS " FROM records WHERE kind = ?1 AND number > ?2"
        " AND owner = ?3 AND (?4 IS NULL OR peer = ?4)"
        " AND (?5 = 0 OR (?5 >> state) & 1) AND (?6 = 0 OR due <= ?6 OR due > ?6 + 90000)"
        " ORDER BY number LIMIT -1 OFFSET ?7",
    [S_COUNT_ROWS] =
        "SELECT count(*) FROM records WHERE kind = ?1 AND (?2 = 0 OR (?2 >> state) & 1)",
    [S_SEEN] = "SELECT outcome FROM seen WHERE sender = ?1 AND id = ?2",
    [S_SAW] = "INSERT OR IGNORE INTO seen (sender, id, outcome, at) VALUES (?1, ?2, ?3, ?4)",
    [S_NUMBER] = "SELECT value FROM numbers WHERE name = ?1",
    [S_NUMBER_PUT] = "INSERT INTO numbers (name, value) VALUES (?1, ?2)"
                     " ON CONFLICT (name) DO UPDATE SET value = ?2",
    [S_AUDIT_LAST] = "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1",
    [S_AUDIT_ADD] = "INSERT INTO audit (number, at, person, action, subject, hash)"
                    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [S_AUDIT_LIST] = "SELECT number, at, person, action, subject, hash FROM audit"
                     " WHERE number > ?1 ORDER BY number LIMIT ?2",
    [S_DATA_END] = NULL,
    [K_BEGIN] = "BEGIN IMMEDIATE",
    [K_COMMIT] = "COMMIT",
    [K_ROLLBACK] = "ROLLBACK",
    [K_ADD] = "INSERT INTO record_keys (id, wrapped) VALUES (?1, ?2)",
    [K_GET] = "SELECT wrapped FROM record_keys WHERE id = ?1",
    [K_DROP] = "DELETE FROM record_keys WHERE id = ?1",
    [K_NUMBER] = "SELECT value FROM numbers WHERE name = ?1",
    [K_NUMBER_PUT] = "INSERT INTO numbers (name, value) VALUES (?1, ?2)"
                     " ON CONFLICT (name) DO UPDATE SET value = ?2",
    [K_PREKEY_PUT] = "INSERT OR REPLACE INTO prekeys (id, dead, published, wrapped)"
                     " VALUES (?1, ?2, ?3, ?4)",
    [K_PREKEYS] = "SELECT id, dead, published, wrapped FROM prekeys ORDER BY dead",
    [K_PREKEYS_SWEEP] = "DELETE FROM prekeys WHERE dead < ?1",
};

static const char data_schema[] =
    "CREATE TABLE records (number INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL,"
    " name TEXT NOT NULL, owner TEXT NOT NULL, peer TEXT NOT NULL, state INTEGER NOT NULL,"
    " urgent INTEGER NOT NULL, at INTEGER NOT NULL, due INTEGER NOT NULL, key BLOB NOT NULL,"
    " body BLOB NOT NULL, UNIQUE (kind, name));"
    "CREATE INDEX records_owner ON records (kind, owner, number);"
    "CREATE INDEX records_number ON records (kind, number);"
    "CREATE TABLE seen (sender TEXT, id BLOB, outcome INTEGER NOT NULL, at INTEGER NOT NULL,"
    " PRIMARY KEY (sender, id)) WITHOUT ROWID;"
    "CREATE TABLE numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE audit (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, person TEXT NOT NULL,"
    " action TEXT NOT NULL, subject TEXT NOT NULL, hash BLOB NOT NULL);"
    "PRAGMA user_version = 1;";
static const char keys_schema[] =
    "CREATE TABLE record_keys (id BLOB PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE prekeys (id BLOB PRIMARY KEY, dead INTEGER NOT NULL, published BLOB NOT NULL,"
    " wrapped BLOB NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

struct nodestore {
    sqlite3 *data;
    sqlite3 *keys;
    sqlite3_stmt *statements[S_COUNT];
    struct store_key key;
    /* keys of records that this transaction replaced or dropped: they go once it is on disk */
    uint8_t (*replaced)[VAULT_ID_LEN];
    size_t replaced_count;
    size_t replaced_room;
    size_t
        replaced_kept; /* of them, those of earlier transactions that could not be destroyed yet */
    uint64_t damaged;
};

static enum up_err code(int result)
{
    switch (result & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return UP_OK;
    case SQLITE_FULL:
        return UP_FULL;
    case SQLITE_NOMEM:
        return UP_NO_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return UP_BUSY;
    default:
        return UP_IO;
    }
}

static sqlite3_stmt *use(struct nodestore *self, enum statement which)
{
    sqlite3_stmt *statement = self->statements[which];

    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return statement;
}

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    if (text)
        (void)sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static void bind_blob(sqlite3_stmt *statement, int at, const void *data, size_t len)
{
    (void)sqlite3_bind_blob64(statement, at, len > 0 ? data : "", len, SQLITE_STATIC);
}

static struct up_view column_view(sqlite3_stmt *statement, int at)
{
    const void *data = sqlite3_column_blob(statement, at);

    return up_view_of(data, (size_t)sqlite3_column_bytes(statement, at));
}

static enum up_err run(sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);

    (void)sqlite3_reset(statement);
    return code(result);
}

/* --- transactions
 * --------------------------------------------------------------------------------- */

enum up_err nodestore_begin(struct nodestore *store)
{
    enum up_err err = run(use(store, K_BEGIN));

    if (!err)
        err = run(use(store, S_BEGIN));
    if (err)
        nodestore_rollback(store);
    return err;
}

void nodestore_rollback(struct nodestore *store)
{
    if (!sqlite3_get_autocommit(store->data))
        (void)run(use(store, S_ROLLBACK));
    if (!sqlite3_get_autocommit(store->keys))
        (void)run(use(store, K_ROLLBACK));
    store->replaced_count = store->replaced_kept;
}

static enum up_err replaced_drop(struct nodestore *store)
{
    enum up_err err = UP_OK;

    for (size_t i = 0; !err && i < store->replaced_count; i++) {
        sqlite3_stmt *drop = use(store, K_DROP);

        bind_blob(drop, 1, store->replaced[i], VAULT_ID_LEN);
        err = run(drop);
    }
    return err;
}

enum up_err nodestore_commit(struct nodestore *store)
{
    enum up_err err = run(use(store, K_COMMIT)); /* keys first */

    if (!err)
        err = run(use(store, S_COMMIT));
    if (err) {
        nodestore_rollback(store);
        return err;
    }
    /* The transaction itself is on disk: what fails from here on is tried again after the next, and
     * at the next start. */
    if (store->replaced_count > 0) {
        err = run(use(store, K_BEGIN));
        if (!err)
            err = replaced_drop(store);
        if (!err)
            err = run(use(store, K_COMMIT));
        if (!sqlite3_get_autocommit(store->keys))
            (void)run(use(store, K_ROLLBACK));
        store->replaced_kept = err ? store->replaced_count : 0;
        store->replaced_count = store->replaced_kept;
    }
    return UP_OK;
}

/* Without memory for one more, it waits for the sweep at the next start. */
static void replaced_add(struct nodestore *store, struct up_view id)
{
    if (store->replaced_count == store->replaced_room) {
        size_t room = store->replaced_room == 0 ? 64 : store->replaced_room * 2;
        void *grown = realloc(store->replaced, room * sizeof *store->replaced);

        if (!grown)
            return;
        store->replaced = grown;
        store->replaced_room = room;
    }
    if (id.len == VAULT_ID_LEN)
        memcpy(store->replaced[store->replaced_count++], id.data, VAULT_ID_LEN);
}

/* --- records
 * -------------------------------------------------------------------------------------- */

/* What a record is bound to: whose it is and to whom it goes can't be changed on disk either. */
static struct up_view place_of(const struct nodestore_row *row,
                               char ret_place[static PLACE_LEN_MAX])
{
    enum { LEN = NODESTORE_NAME_MAX - 1 };
    int len = snprintf(ret_place, PLACE_LEN_MAX, "%d/%.*s%c%.*s%c%.*s", (int)row->kind, LEN,
                       row->name, 0, LEN, row->owner, 0, LEN, row->peer);

    return up_view_of(ret_place, (size_t)len);
}

/* The key of the record that stands there now is dropped after the commit; false when there is
 * none. */
static bool old_key_take(struct nodestore *store, enum nodestore_kind kind, const char *name)
{
    sqlite3_stmt *get = use(store, S_KEY_OF);
    bool found = false;

    (void)sqlite3_bind_int(get, 1, (int)kind);
    bind_text(get, 2, name);
    found = sqlite3_step(get) == SQLITE_ROW;
    if (found)
        replaced_add(store, column_view(get, 0));
    (void)sqlite3_reset(get);
    return found;
}

static enum up_err key_make(struct nodestore *store, struct vault_key *ret_key,
                            uint8_t ret_id[static VAULT_ID_LEN])
{
    uint8_t wrapped[VAULT_WRAPPED_LEN];
    sqlite3_stmt *add = use(store, K_ADD);

    vault_key_new(ret_key, ret_id);
    vault_wrap(&store->key, ret_id, ret_key, wrapped);
    bind_blob(add, 1, ret_id, VAULT_ID_LEN);
    bind_blob(add, 2, wrapped, sizeof wrapped);
    return run(add);
}

enum up_err nodestore_put(struct nodestore *store, const struct nodestore_row *row)
{
    char place[PLACE_LEN_MAX];
    struct vault_key key;
    uint8_t id[VAULT_ID_LEN];
    struct up_bytes sealed = {0};
    bool replace = old_key_take(store, row->kind, row->name);
    sqlite3_stmt *put = NULL;
    enum up_err err = key_make(store, &key, id);

    if (!err)
        err = up_bytes_new(row->body.len + VAULT_OVERHEAD, &sealed);
    if (!err) {
        vault_seal(&key, place_of(row, place), row->body, sealed.data);
        put = use(store, replace ? S_REPLACE : S_PUT);
        (void)sqlite3_bind_int(put, 1, (int)row->kind);
        bind_text(put, 2, row->name);
        bind_text(put, 3, row->owner);
        bind_text(put, 4, row->peer);
        (void)sqlite3_bind_int64(put, 5, row->state);
        (void)sqlite3_bind_int(put, 6, row->urgent);
        (void)sqlite3_bind_int64(put, 7, row->at_s);
        (void)sqlite3_bind_int64(put, 8, row->due_s);
        bind_blob(put, 9, id, sizeof id);
        bind_blob(put, 10, sealed.data, sealed.len);
        err = run(put);
    }
    keys_wipe(&key, sizeof key);
    up_bytes_wipe(&sealed);
    return err;
}

enum up_err nodestore_mark(struct nodestore *store, enum nodestore_kind kind, const char *name,
                           unsigned state, int64_t due_s)
{
    sqlite3_stmt *mark = use(store, S_MARK);
    enum up_err err = UP_OK;

    (void)sqlite3_bind_int(mark, 1, (int)kind);
    bind_text(mark, 2, name);
    (void)sqlite3_bind_int64(mark, 3, state);
    (void)sqlite3_bind_int64(mark, 4, due_s);
    err = run(mark);
    return !err && sqlite3_changes(store->data) == 0 ? UP_NOT_FOUND : err;
}

enum up_err nodestore_drop(struct nodestore *store, enum nodestore_kind kind, const char *name)
{
    sqlite3_stmt *drop = NULL;

    if (!old_key_take(store, kind, name))
        return UP_OK;
    drop = use(store, S_DROP);
    (void)sqlite3_bind_int(drop, 1, (int)kind);
    bind_text(drop, 2, name);
    return run(drop);
}

static enum up_err key_read(struct nodestore *store, struct up_view id, struct vault_key *ret_key)
{
    sqlite3_stmt *get = use(store, K_GET);
    enum up_err err = UP_NOT_FOUND;

    if (id.len != VAULT_ID_LEN)
        return UP_WRONG_KEY;
    bind_blob(get, 1, id.data, id.len);
    if (sqlite3_step(get) == SQLITE_ROW)
        err = vault_unwrap(&store->key, id.data, column_view(get, 0), ret_key);
    (void)sqlite3_reset(get);
    return err;
}

static void column_name(sqlite3_stmt *statement, int at, char ret_name[static NODESTORE_NAME_MAX])
{
    const unsigned char *text = sqlite3_column_text(statement, at);

    (void)snprintf(ret_name, NODESTORE_NAME_MAX, "%s", text ? (const char *)text : "");
}

/* The row under a statement that selects COLUMNS. */
static enum up_err row_read(struct nodestore *store, sqlite3_stmt *from, struct arena *arena,
                            struct nodestore_row *ret_row)
{
    struct nodestore_row row = {.number = (uint64_t)sqlite3_column_int64(from, 0),
                                .kind = (enum nodestore_kind)sqlite3_column_int(from, 1),
                                .state = (unsigned)sqlite3_column_int64(from, 5),
                                .urgent = sqlite3_column_int(from, 6) != 0,
                                .at_s = sqlite3_column_int64(from, 7),
                                .due_s = sqlite3_column_int64(from, 8)};
    struct up_view sealed = column_view(from, 10);
    struct vault_key key;
    char place[PLACE_LEN_MAX];
    uint8_t *plain = NULL;
    enum up_err err = key_read(store, column_view(from, 9), &key);

    if (err)
        return err;
    column_name(from, 2, row.name);
    column_name(from, 3, row.owner);
    column_name(from, 4, row.peer);
    err = sealed.len < VAULT_OVERHEAD ? UP_WRONG_KEY : UP_OK;
    if (!err)
        plain = arena_alloc(arena, sealed.len - VAULT_OVERHEAD + 1);
    if (!err && !plain)
        err = UP_NO_MEMORY;
    if (!err)
        err = vault_open(&key, place_of(&row, place), sealed, plain);
    keys_wipe(&key, sizeof key);
    if (err)
        return err;
    row.body = up_view_of(plain, sealed.len - VAULT_OVERHEAD);
    *ret_row = row;
    return UP_OK;
}

enum up_err nodestore_get(struct nodestore *store, enum nodestore_kind kind, const char *name,
                          struct arena *arena, struct nodestore_row *ret_row)
{
    sqlite3_stmt *get = use(store, S_GET);
    enum up_err err = UP_NOT_FOUND;
    int result = 0;

    (void)sqlite3_bind_int(get, 1, (int)kind);
    bind_text(get, 2, name);
    result = sqlite3_step(get);
    if (result == SQLITE_ROW)
        err = row_read(store, get, arena, ret_row);
    else if (result != SQLITE_DONE)
        err = code(result);
    (void)sqlite3_reset(get);
    return err;
}

enum up_err nodestore_list(struct nodestore *store, const struct nodestore_query *query,
                           struct arena *arena, struct nodestore_row **ret_rows, size_t *ret_count)
{
    sqlite3_stmt *list = use(store, query->owner ? S_LIST_OF_OWNER : S_LIST);
    struct nodestore_row *rows = NULL;
    size_t count = 0;
    size_t room = 0;
    int result = SQLITE_DONE;
    enum up_err err = UP_OK;

    (void)sqlite3_bind_int(list, 1, (int)query->kind);
    (void)sqlite3_bind_int64(list, 2, (sqlite3_int64)query->after);
    if (query->owner)
        bind_text(list, 3, query->owner);
    bind_text(list, 4, query->peer);
    (void)sqlite3_bind_int64(list, 5, query->states);
    (void)sqlite3_bind_int64(list, 6, query->due_by_s);
    (void)sqlite3_bind_int64(list, 7, (sqlite3_int64)query->skip);
    while (!err && (query->limit == 0 || count < query->limit) &&
           (result = sqlite3_step(list)) == SQLITE_ROW) {
        if (count == room) {
            size_t more = room == 0 ? 64 : room * 2;
            struct nodestore_row *grown = arena_alloc(arena, more * sizeof *grown);

            if (!grown) {
                err = UP_NO_MEMORY;
                break;
            }
            if (count > 0)
                memcpy(grown, rows, count * sizeof *grown);
            rows = grown;
            room = more;
        }
        err = row_read(store, list, arena, &rows[count]);
        if (err == UP_OK) {
            count++;
        } else if (err == UP_NOT_FOUND || err == UP_WRONG_KEY) {
            store->damaged++;
            err = UP_OK;
        }
    }
    (void)sqlite3_reset(list);
    if (!err && result != SQLITE_ROW && result != SQLITE_DONE)
        err = code(result);
    if (err)
        return err;
    *ret_rows = rows;
    *ret_count = count;
    return UP_OK;
}

uint64_t nodestore_count(struct nodestore *store, enum nodestore_kind kind, unsigned states)
{
    sqlite3_stmt *count = use(store, S_COUNT_ROWS);
    uint64_t number = 0;

    (void)sqlite3_bind_int(count, 1, (int)kind);
    (void)sqlite3_bind_int64(count, 2, states);
    if (sqlite3_step(count) == SQLITE_ROW)
        number = (uint64_t)sqlite3_column_int64(count, 0);
    (void)sqlite3_reset(count);
    return number;
}

uint64_t nodestore_damaged(const struct nodestore *store)
{
    return store->damaged;
}

/* --- what was received before, numbers
 * ------------------------------------------------------------- */

enum up_err nodestore_seen(struct nodestore *store, const char *sender, const uint8_t id[static 16],
                           unsigned *ret_outcome)
{
    sqlite3_stmt *seen = use(store, S_SEEN);
    int result = 0;

    bind_text(seen, 1, sender);
    bind_blob(seen, 2, id, 16);
    result = sqlite3_step(seen);
    if (result == SQLITE_ROW)
        *ret_outcome = (unsigned)sqlite3_column_int(seen, 0);
    (void)sqlite3_reset(seen);
    if (result == SQLITE_ROW)
        return UP_OK;
    return result == SQLITE_DONE ? UP_NOT_FOUND : code(result);
}

enum up_err nodestore_saw(struct nodestore *store, const char *sender, const uint8_t id[static 16],
                          unsigned outcome, int64_t at_s)
{
    sqlite3_stmt *saw = use(store, S_SAW);

    bind_text(saw, 1, sender);
    bind_blob(saw, 2, id, 16);
    (void)sqlite3_bind_int64(saw, 3, outcome);
    (void)sqlite3_bind_int64(saw, 4, at_s);
    return run(saw);
}

static bool is_of_keys(const char *name)
{
    return strncmp(name, "keys/", strlen("keys/")) == 0;
}

int64_t nodestore_number(struct nodestore *store, const char *name, int64_t fallback)
{
    sqlite3_stmt *get = use(store, is_of_keys(name) ? K_NUMBER : S_NUMBER);
    int64_t value = fallback;

    bind_text(get, 1, name);
    if (sqlite3_step(get) == SQLITE_ROW)
        value = sqlite3_column_int64(get, 0);
    (void)sqlite3_reset(get);
    return value;
}

enum up_err nodestore_number_put(struct nodestore *store, const char *name, int64_t value)
{
    sqlite3_stmt *put = use(store, is_of_keys(name) ? K_NUMBER_PUT : S_NUMBER_PUT);

    bind_text(put, 1, name);
    (void)sqlite3_bind_int64(put, 2, value);
    return run(put);
}

/* --- prekeys
 * -------------------------------------------------------------------------------------- */

enum up_err nodestore_prekey_put(struct nodestore *store, const struct nodestore_prekey *prekey)
{
    sqlite3_stmt *put = use(store, K_PREKEY_PUT);
    uint8_t id[VAULT_ID_LEN] = {0};
    uint8_t wrapped[VAULT_WRAPPED_LEN];
    struct vault_key secret;
    enum up_err err = UP_OK;

    _Static_assert(sizeof secret == sizeof prekey->secret, "a prekey's secret is wrapped as a key");
    memcpy(id, prekey->id, sizeof prekey->id);
    memcpy(&secret, &prekey->secret, sizeof secret);
    vault_wrap(&store->key, id, &secret, wrapped);
    bind_blob(put, 1, prekey->id, sizeof prekey->id);
    (void)sqlite3_bind_int64(put, 2, prekey->dead_s);
    bind_blob(put, 3, prekey->published.data, prekey->published.len);
    bind_blob(put, 4, wrapped, sizeof wrapped);
    err = run(put);
    keys_wipe(&secret, sizeof secret);
    return err;
}

static enum up_err prekey_read(struct nodestore *store, sqlite3_stmt *from, struct arena *arena,
                               struct nodestore_prekey *ret_prekey)
{
    struct up_view id = column_view(from, 0);
    struct up_view published = column_view(from, 2);
    uint8_t place[VAULT_ID_LEN] = {0};
    struct vault_key secret;
    uint8_t *copy = arena_alloc(arena, published.len + 1);
    enum up_err err = UP_OK;

    if (!copy)
        return UP_NO_MEMORY;
    if (id.len != sizeof ret_prekey->id || published.len == 0)
        return UP_WRONG_KEY;
    memcpy(place, id.data, id.len);
    err = vault_unwrap(&store->key, place, column_view(from, 3), &secret);
    if (err)
        return err;
    memcpy(copy, published.data, published.len);
    memcpy(ret_prekey->id, id.data, id.len);
    memcpy(&ret_prekey->secret, &secret, sizeof secret);
    ret_prekey->dead_s = sqlite3_column_int64(from, 1);
    ret_prekey->published = up_view_of(copy, published.len);
    keys_wipe(&secret, sizeof secret);
    return UP_OK;
}

enum up_err nodestore_prekeys(struct nodestore *store, struct arena *arena,
                              struct nodestore_prekey **ret_prekeys, size_t *ret_count)
{
    enum { PREKEYS_MAX = 64 }; /* eight weeks ahead and two behind, with room */
    sqlite3_stmt *list = use(store, K_PREKEYS);
    struct nodestore_prekey *prekeys = arena_alloc(arena, PREKEYS_MAX * sizeof *prekeys);
    size_t count = 0;
    int result = SQLITE_DONE;
    enum up_err err = prekeys ? UP_OK : UP_NO_MEMORY;

    while (!err && count < PREKEYS_MAX && (result = sqlite3_step(list)) == SQLITE_ROW) {
        err = prekey_read(store, list, arena, &prekeys[count]);
        count += !err;
        if (err == UP_WRONG_KEY) { /* what was sealed to it is refused; the others still open */
            store->damaged++;
            err = UP_OK;
        }
    }
    (void)sqlite3_reset(list);
    if (!err)
        err = code(result);
    if (err)
        return err;
    *ret_prekeys = prekeys;
    *ret_count = count;
    return UP_OK;
}

enum up_err nodestore_prekeys_sweep(struct nodestore *store, int64_t now_s)
{
    sqlite3_stmt *sweep = use(store, K_PREKEYS_SWEEP);

    (void)sqlite3_bind_int64(sweep, 1, now_s);
    return run(sweep);
}

/* --- audit
 * ---------------------------------------------------------------------------------------- */

/* BLAKE2b-256 over the hash before and the entry, each part with its length in front. */
static enum up_err audit_hash(const struct digest *before, const struct nodestore_audit *entry,
                              struct digest *ret_hash)
{
    const char *const parts[] = {entry->person, entry->action, entry->subject};
    struct up_bytes bytes = {0};
    size_t len = sizeof *before + 16;
    size_t at = sizeof *before;
    enum up_err err = UP_OK;

    for (size_t i = 0; i < 3; i++)
        len += 8 + strlen(parts[i]);
    err = up_bytes_new(len, &bytes);
    if (err)
        return err;
    memcpy(bytes.data, before->bytes, sizeof *before);
    for (int shift = 0; shift < 64; shift += 8) {
        bytes.data[at] = (uint8_t)(entry->number >> shift);
        bytes.data[at + 8] = (uint8_t)((uint64_t)entry->at_s >> shift);
        at++;
    }
    at += 8;
    for (size_t i = 0; i < 3; i++) {
        size_t part_len = strlen(parts[i]);

        for (int shift = 0; shift < 64; shift += 8)
            bytes.data[at++] = (uint8_t)((uint64_t)part_len >> shift);
        memcpy(bytes.data + at, parts[i], part_len);
        at += part_len;
    }
    keys_digest(up_bytes_view(&bytes), ret_hash);
    up_bytes_wipe(&bytes);
    return UP_OK;
}

enum up_err nodestore_audit_add(struct nodestore *store, const struct nodestore_audit *entry)
{
    struct nodestore_audit next = *entry;
    struct digest before = {.bytes = {0}};
    sqlite3_stmt *statement = use(store, S_AUDIT_LAST);
    enum up_err err = UP_OK;

    next.number = 1;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        struct up_view hash = column_view(statement, 1);

        next.number = (uint64_t)sqlite3_column_int64(statement, 0) + 1;
        if (hash.len == sizeof before)
            memcpy(&before, hash.data, sizeof before);
    }
    (void)sqlite3_reset(statement);
    err = audit_hash(&before, &next, &next.hash);
    if (err)
        return err;
    statement = use(store, S_AUDIT_ADD);
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)next.number);
    (void)sqlite3_bind_int64(statement, 2, next.at_s);
    bind_text(statement, 3, next.person);
    bind_text(statement, 4, next.action);
    bind_text(statement, 5, next.subject);
    bind_blob(statement, 6, next.hash.bytes, sizeof next.hash);
    return run(statement);
}

uint64_t nodestore_audit_last(struct nodestore *store)
{
    sqlite3_stmt *last = use(store, S_AUDIT_LAST);
    uint64_t number = 0;

    if (sqlite3_step(last) == SQLITE_ROW)
        number = (uint64_t)sqlite3_column_int64(last, 0);
    (void)sqlite3_reset(last);
    return number;
}

static const char *column_copy(sqlite3_stmt *statement, int at, struct arena *arena)
{
    const unsigned char *text = sqlite3_column_text(statement, at);

    return arena_text(arena, up_view_of(text, text ? strlen((const char *)text) : 0));
}

/* No type that the store does not write, no byte behind a NUL: what could be changed without a
 * trace in the hash. */
static bool is_as_written(sqlite3_stmt *list)
{
    for (int at = 2; at <= 4; at++) {
        const unsigned char *text = sqlite3_column_text(list, at);

        if (!text || strlen((const char *)text) != (size_t)sqlite3_column_bytes(list, at))
            return false;
    }
    return sqlite3_column_type(list, 1) == SQLITE_INTEGER;
}

enum up_err nodestore_audit_list(struct nodestore *store, struct nodestore_span span,
                                 struct arena *arena, struct nodestore_audit **ret_entries,
                                 size_t *ret_count)
{
    sqlite3_stmt *list = use(store, S_AUDIT_LIST);
    struct nodestore_audit *entries = arena_alloc(arena, (span.limit + 1) * sizeof *entries);
    size_t count = 0;
    int result = SQLITE_DONE;

    if (!entries)
        return UP_NO_MEMORY;
    (void)sqlite3_bind_int64(list, 1, (sqlite3_int64)span.after);
    (void)sqlite3_bind_int64(list, 2, (sqlite3_int64)span.limit);
    while (count < span.limit && (result = sqlite3_step(list)) == SQLITE_ROW) {
        struct nodestore_audit *entry = &entries[count++];
        struct up_view hash = column_view(list, 5);

        entry->number = (uint64_t)sqlite3_column_int64(list, 0);
        entry->at_s = sqlite3_column_int64(list, 1);
        entry->person = column_copy(list, 2, arena);
        entry->action = column_copy(list, 3, arena);
        entry->subject = column_copy(list, 4, arena);
        if (hash.len == sizeof entry->hash && is_as_written(list))
            memcpy(&entry->hash, hash.data, sizeof entry->hash);
        if (!entry->person || !entry->action || !entry->subject) {
            (void)sqlite3_reset(list);
            return UP_NO_MEMORY;
        }
    }
    (void)sqlite3_reset(list);
    *ret_entries = entries;
    *ret_count = count;
    return code(result);
}

enum up_err nodestore_audit_check(struct nodestore *store, bool *ret_holds, uint64_t *ret_broken)
{
    enum { PAGE = 256 };
    struct digest before = {.bytes = {0}};
    uint64_t number = 0;
    struct arena *arena = NULL;
    enum up_err err = arena_new(1 << 20, &arena);

    *ret_holds = true;
    *ret_broken = 0;
    while (!err && *ret_holds) {
        struct nodestore_audit *entries = NULL;
        size_t count = 0;

        arena_reset(arena);
        err = nodestore_audit_list(store, (struct nodestore_span){.after = number, .limit = PAGE},
                                   arena, &entries, &count);
        if (err || count == 0)
            break;
        for (size_t i = 0; !err && *ret_holds && i < count; i++) {
            struct digest hash;

            err = audit_hash(&before, &entries[i], &hash);
            if (err)
                break;
            number++;
            if (entries[i].number != number || memcmp(&hash, &entries[i].hash, sizeof hash) != 0) {
                *ret_holds = false;
                *ret_broken = number;
            }
            before = hash;
        }
    }
    arena_destroy(&arena);
    return err;
}

/* --- opening
 * -------------------------------------------------------------------------------------- */

static int user_version(sqlite3 *db)
{
    sqlite3_stmt *get = NULL;
    int version = -1;

    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &get, NULL) == SQLITE_OK &&
        sqlite3_step(get) == SQLITE_ROW)
        version = sqlite3_column_int(get, 0);
    (void)sqlite3_finalize(get);
    return version;
}

struct db_kind {
    const char *pragmas;
    const char *schema;
    bool must_exist;
};

static enum up_err records_missing(const char *path, struct up_why *why)
{
    return up_why_set(why, UP_NOT_FOUND,
                      "%s is not there, though the keys of its records are: put data.db back from "
                      "the copy that belongs to keys.db. To begin anew without those records, move "
                      "keys.db away",
                      path);
}

static enum up_err db_open(const char *path, const struct db_kind *kind, sqlite3 **ret_db,
                           struct up_why *why)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int version = 0;

    if (kind->must_exist && access(path, F_OK))
        return records_missing(path, why);
    if (sqlite3_open_v2(path, ret_db, flags | (kind->must_exist ? 0 : SQLITE_OPEN_CREATE), NULL) !=
            SQLITE_OK ||
        sqlite3_exec(*ret_db, kind->pragmas, NULL, NULL, NULL) != SQLITE_OK)
        return up_why_set(why, UP_IO, "can't open %s: %s", path, sqlite3_errmsg(*ret_db));
    version = user_version(*ret_db);
    if (version == 0 && kind->must_exist)
        return records_missing(path, why);
    if (version > SCHEMA_VERSION)
        return up_why_set(why, UP_TOO_NEW,
                          "%s was written by a newer version of this program; run that version",
                          path);
    if (version < 0)
        return up_why_set(why, UP_IO, "%s is not a store, or can't be read", path);
    if (version == 0) {
        int result = sqlite3_exec(*ret_db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

        if (result == SQLITE_OK)
            result = sqlite3_exec(*ret_db, kind->schema, NULL, NULL, NULL);
        if (result == SQLITE_OK)
            result = sqlite3_exec(*ret_db, "COMMIT", NULL, NULL, NULL);
        if (result != SQLITE_OK)
            return up_why_set(why, code(result), "can't set up %s: %s", path,
                              sqlite3_errmsg(*ret_db));
    }
    return UP_OK;
}

/* Not a record's: it says whether the store key is the right one. */
static const uint8_t key_test_id[VAULT_ID_LEN] = "store key test.";

/* A key whose record never came to disk. */
static enum up_err sweep(struct nodestore *store)
{
    sqlite3_stmt *all = NULL;
    sqlite3_stmt *find = NULL;
    enum up_err err = UP_IO;

    if (sqlite3_prepare_v2(store->keys, "SELECT id FROM record_keys", -1, &all, NULL) !=
            SQLITE_OK ||
        sqlite3_exec(store->data,
                     "CREATE TEMP TABLE held (key BLOB PRIMARY KEY) WITHOUT ROWID;"
                     "INSERT OR IGNORE INTO held SELECT key FROM records",
                     NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(store->data, "SELECT 1 FROM held WHERE key = ?1", -1, &find, NULL) !=
            SQLITE_OK)
        goto out;
    err = UP_OK;
    while (sqlite3_step(all) == SQLITE_ROW) {
        struct up_view id = column_view(all, 0);

        if (id.len == VAULT_ID_LEN && memcmp(id.data, key_test_id, VAULT_ID_LEN) == 0)
            continue;
        (void)sqlite3_reset(find);
        bind_blob(find, 1, id.data, id.len);
        if (sqlite3_step(find) == SQLITE_DONE)
            replaced_add(store, id);
    }
    (void)sqlite3_reset(all);
    if (store->replaced_count > 0)
        err = run(use(store, K_BEGIN));
    if (!err && store->replaced_count > 0) {
        err = replaced_drop(store);
        if (!err)
            err = run(use(store, K_COMMIT));
    }
    store->replaced_count = 0;
out:
    (void)sqlite3_finalize(all);
    (void)sqlite3_finalize(find);
    (void)sqlite3_exec(store->data, "DROP TABLE IF EXISTS held", NULL, NULL, NULL);
    return err;
}

/* A record of known content under the store key: another key file does not open it. */
static enum up_err key_test(struct nodestore *store, const char *folder, struct up_why *why)
{
    const uint8_t *id = key_test_id;
    struct vault_key key = {.bytes = {0}};
    uint8_t wrapped[VAULT_WRAPPED_LEN];
    sqlite3_stmt *add = NULL;
    enum up_err err = key_read(store, up_view_of(id, VAULT_ID_LEN), &key);

    if (err == UP_WRONG_KEY)
        return up_why_set(why, UP_WRONG_KEY,
                          "%s was made with another key file; put back the one that belongs to it",
                          folder);
    if (err != UP_NOT_FOUND)
        return err;
    vault_wrap(&store->key, id, &key, wrapped);
    add = use(store, K_ADD);
    bind_blob(add, 1, id, VAULT_ID_LEN);
    bind_blob(add, 2, wrapped, sizeof wrapped);
    return run(add);
}

/* Is there a key of a record? Swept without the records, it would be gone for good. */
static bool has_record_keys(sqlite3 *keys)
{
    sqlite3_stmt *any = NULL;
    bool has = false;

    if (sqlite3_prepare_v2(keys, "SELECT 1 FROM record_keys WHERE id <> ?1", -1, &any, NULL) ==
        SQLITE_OK) {
        bind_blob(any, 1, key_test_id, sizeof key_test_id);
        has = sqlite3_step(any) == SQLITE_ROW;
    }
    (void)sqlite3_finalize(any);
    return has;
}

static enum up_err prepare(struct nodestore *store, const char *folder, struct up_why *why)
{
    const struct db_kind of_keys = {.pragmas =
                                        "PRAGMA journal_mode = TRUNCATE;"
                                        "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;",
                                    .schema = keys_schema};
    struct db_kind of_data = {.pragmas =
                                  "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                  "PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 4000;"
                                  "PRAGMA temp_store = MEMORY;",
                              .schema = data_schema};
    char path[PATH_LEN_MAX];
    enum up_err err = UP_OK;

    (void)snprintf(path, sizeof path, "%s/keys.db", folder);
    err = db_open(path, &of_keys, &store->keys, why);
    if (err)
        return err;
    of_data.must_exist = has_record_keys(store->keys);
    (void)snprintf(path, sizeof path, "%s/data.db", folder);
    err = db_open(path, &of_data, &store->data, why);
    for (int i = 0; !err && i < S_COUNT; i++) {
        if (texts[i] &&
            sqlite3_prepare_v3(i < S_DATA_END ? store->data : store->keys, texts[i], -1,
                               SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL) != SQLITE_OK)
            err = up_why_set(why, UP_IO, "%s is not a store of this program", folder);
    }
    if (!err)
        err = key_test(store, folder, why);
    return err ? err : sweep(store);
}

enum up_err nodestore_open(const char *folder, const struct store_key *key,
                           struct nodestore **ret_store, struct up_why *why)
{
    struct nodestore *store = NULL;
    char lock[PATH_LEN_MAX];
    enum up_err err = file_make_folder(folder, why);

    if (!err && snprintf(lock, sizeof lock, "%s/lock", folder) >= (int)sizeof lock - 16)
        err = up_why_set(why, UP_INVALID, "the path of the store is too long");
    if (!err)
        err = file_lock(lock, why);
    if (err)
        return err;
    store = calloc(1, sizeof *store);
    if (!store)
        return UP_NO_MEMORY;
    store->key = *key;
    err = prepare(store, folder, why);
    if (err)
        nodestore_close(&store);
    else
        *ret_store = store;
    return err;
}

void nodestore_close(struct nodestore **store_p)
{
    struct nodestore *store = *store_p;

    if (!store)
        return;
    for (int i = 0; i < S_COUNT; i++)
        (void)sqlite3_finalize(store->statements[i]);
    (void)sqlite3_close(store->data);
    (void)sqlite3_close(store->keys);
    keys_wipe(&store->key, sizeof store->key);
    free(store->replaced);
    free(store);
    *store_p = NULL;
}
