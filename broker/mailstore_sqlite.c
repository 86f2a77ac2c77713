/* SPDX-License-Identifier: MIT
 * One file, one writer connection that alone checkpoints (a WAL-reset race of SQLite before 3.51.3 needs two),
 * WAL with synchronous=FULL: a commit is an fsync. Deleted mail is overwritten. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "broker/mailstore.h"
#include "upstander/limits.h"

enum { SCHEMA_VERSION = 1, SUM_LEN = 8 };

enum statement {
    S_BEGIN,
    S_COMMIT,
    S_ROLLBACK,
    S_SEEN,
    S_MAIL_ADD,
    S_SEEN_ADD,
    S_USE_MAILBOX,
    S_USE_SENDER,
    S_USE_ADD,
    S_LOAD,
    S_MAIL_FIND,
    S_MAIL_DROP,
    S_EXPIRING,
    S_SEEN_DROP,
    S_NOTICE_ADD,
    S_NOTICES,
    S_NOTICE_DROP,
    S_PREKEYS_PUT,
    S_PREKEYS_GET,
    S_MAILBOX,
    S_COUNT
};

static const char *const texts[S_COUNT] = {
    [S_BEGIN] = "BEGIN IMMEDIATE",
    [S_COMMIT] = "COMMIT",
    [S_ROLLBACK] = "ROLLBACK",
    [S_SEEN] = "SELECT 1 FROM seen WHERE id = ?1",
    [S_MAIL_ADD] = "INSERT INTO mail (recipient, urgent, sender, id, expires, sum, envelope)"
                   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [S_SEEN_ADD] = "INSERT INTO seen (id, expires) VALUES (?1, ?2)",
    [S_USE_MAILBOX] = "SELECT messages, bytes FROM usage WHERE kind = 'mailbox' AND member = ?1",
    [S_USE_SENDER] = "SELECT messages, bytes FROM usage WHERE kind = 'sender' AND member = ?1",
    [S_USE_ADD] = "INSERT INTO usage (kind, member, messages, bytes) VALUES (?1, ?2, ?3, ?4)"
                  " ON CONFLICT (kind, member) DO UPDATE SET messages = messages + ?3,"
                  " bytes = bytes + ?4",
    [S_LOAD] = "SELECT number, sum, envelope FROM mail WHERE recipient = ?1 AND urgent = ?2"
               " AND number > ?3 ORDER BY number LIMIT ?4",
    [S_MAIL_FIND] =
        "SELECT sender, length(envelope) FROM mail WHERE number = ?1 AND recipient = ?2",
    [S_MAIL_DROP] = "DELETE FROM mail WHERE number = ?1",
    [S_EXPIRING] = "SELECT number, id, sender, recipient FROM mail WHERE expires <= ?1"
                   " ORDER BY expires, number LIMIT ?2",
    [S_SEEN_DROP] = "DELETE FROM seen WHERE expires <= ?1",
    [S_NOTICE_ADD] = "INSERT OR IGNORE INTO notices (id, sender, recipient) VALUES (?1, ?2, ?3)",
    [S_NOTICES] = "SELECT id, recipient FROM notices WHERE sender = ?1 LIMIT ?2",
    [S_NOTICE_DROP] = "DELETE FROM notices WHERE id = ?1",
    [S_PREKEYS_PUT] = "INSERT INTO prekeys (member, published) VALUES (?1, ?2)"
                      " ON CONFLICT (member) DO UPDATE SET published = ?2",
    [S_PREKEYS_GET] = "SELECT published FROM prekeys WHERE member = ?1",
    [S_MAILBOX] = "SELECT number FROM mail WHERE recipient = ?1 LIMIT 512",
};

static const char schema[] =
    "CREATE TABLE mail (number INTEGER PRIMARY KEY AUTOINCREMENT, recipient TEXT NOT NULL,"
    " urgent INTEGER NOT NULL, sender TEXT NOT NULL, id BLOB NOT NULL, expires INTEGER NOT NULL,"
    " sum BLOB NOT NULL, envelope BLOB NOT NULL);"
    "CREATE INDEX mail_lane ON mail (recipient, urgent, number);"
    "CREATE INDEX mail_expires ON mail (expires);"
    "CREATE TABLE seen (id BLOB PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX seen_expires ON seen (expires);"
    "CREATE TABLE usage (kind TEXT, member TEXT, messages INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " PRIMARY KEY (kind, member)) WITHOUT ROWID;"
    "CREATE TABLE notices (id BLOB PRIMARY KEY, sender TEXT NOT NULL, recipient TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE INDEX notices_sender ON notices (sender);"
    "CREATE TABLE prekeys (member TEXT PRIMARY KEY, published BLOB NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

struct sqlite_store {
    struct mailstore base; /* first: the contract's handle is this one */
    sqlite3 *db;
    sqlite3_stmt *statements[S_COUNT];
};

static struct sqlite_store *own(struct mailstore *store)
{
    return (struct sqlite_store *)store;
}

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

/* A prepared statement, ready to be bound. */
static sqlite3_stmt *use(struct sqlite_store *self, enum statement which)
{
    sqlite3_stmt *statement = self->statements[which];

    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return statement;
}

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    (void)sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static void bind_blob(sqlite3_stmt *statement, int at, struct up_view blob)
{
    (void)sqlite3_bind_blob64(statement, at, blob.data, blob.len, SQLITE_STATIC);
}

/* A statement that returns no row. */
static enum up_err run(sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);

    (void)sqlite3_reset(statement);
    return code(result);
}

static enum up_err begin(struct sqlite_store *self)
{
    return run(use(self, S_BEGIN));
}

/* COMMIT, or take all back. */
static enum up_err end(struct sqlite_store *self, enum up_err err)
{
    if (!err)
        err = run(use(self, S_COMMIT));
    if (err && !sqlite3_get_autocommit(self->db))
        (void)run(use(self, S_ROLLBACK));
    return err;
}

static void sqlite_close(struct mailstore *store)
{
    struct sqlite_store *self = own(store);

    for (int i = 0; i < S_COUNT; i++)
        (void)sqlite3_finalize(self->statements[i]);
    (void)sqlite3_close(self->db);
    free(self);
}

static enum up_err usage_add(struct sqlite_store *self, const char *kind, const char *member,
                             int64_t messages, int64_t bytes)
{
    sqlite3_stmt *add = use(self, S_USE_ADD);

    bind_text(add, 1, kind);
    bind_text(add, 2, member);
    (void)sqlite3_bind_int64(add, 3, messages);
    (void)sqlite3_bind_int64(add, 4, bytes);
    return run(add);
}

static void usage_read(struct sqlite_store *self, enum statement which, const char *member,
                       uint64_t *ret_messages, uint64_t *ret_bytes)
{
    sqlite3_stmt *read = use(self, which);

    *ret_messages = *ret_bytes = 0;
    bind_text(read, 1, member);
    if (sqlite3_step(read) == SQLITE_ROW) {
        *ret_messages = (uint64_t)sqlite3_column_int64(read, 0);
        *ret_bytes = (uint64_t)sqlite3_column_int64(read, 1);
    }
    (void)sqlite3_reset(read);
}

static bool has_room(struct sqlite_store *self, const struct mailstore_item *item)
{
    const struct mailstore_quotas *quotas = &self->base.quotas;
    uint64_t messages = 0;
    uint64_t bytes = 0;
    uint64_t sent = 0;
    uint64_t sent_bytes = 0;

    usage_read(self, S_USE_MAILBOX, item->header.recipient.text, &messages, &bytes);
    usage_read(self, S_USE_SENDER, item->header.sender.text, &sent, &sent_bytes);
    return messages < quotas->mailbox_messages_max &&
           bytes + item->envelope.len <= quotas->mailbox_bytes_max &&
           sent_bytes + item->envelope.len <= quotas->sender_bytes_max;
}

static enum up_err insert(struct sqlite_store *self, const struct mailstore_item *item)
{
    sqlite3_stmt *add = use(self, S_MAIL_ADD);
    struct digest digest;
    enum up_err err = UP_OK;

    keys_digest(item->envelope, &digest);
    bind_text(add, 1, item->header.recipient.text);
    (void)sqlite3_bind_int(add, 2, item->header.urgent);
    bind_text(add, 3, item->header.sender.text);
    bind_blob(add, 4, up_view_of(item->header.id.bytes, 16));
    (void)sqlite3_bind_int64(add, 5, (sqlite3_int64)item->header.expires_at_s);
    bind_blob(add, 6, up_view_of(digest.bytes, SUM_LEN));
    bind_blob(add, 7, item->envelope);
    err = run(add);
    if (err)
        return err;
    add = use(self, S_SEEN_ADD);
    bind_blob(add, 1, up_view_of(item->header.id.bytes, 16));
    (void)sqlite3_bind_int64(add, 2, (sqlite3_int64)item->header.expires_at_s);
    err = run(add);
    if (!err)
        err =
            usage_add(self, "mailbox", item->header.recipient.text, 1, (int64_t)item->envelope.len);
    if (!err)
        err = usage_add(self, "sender", item->header.sender.text, 1, (int64_t)item->envelope.len);
    return err;
}

static enum up_err append_one(struct sqlite_store *self, const struct mailstore_item *item,
                              enum mailstore_result *ret_result)
{
    sqlite3_stmt *seen = use(self, S_SEEN);
    int result = 0;

    bind_blob(seen, 1, up_view_of(item->header.id.bytes, 16));
    result = sqlite3_step(seen);
    (void)sqlite3_reset(seen);
    if (result == SQLITE_ROW) {
        *ret_result = MAILSTORE_DUPLICATE;
        return UP_OK;
    }
    if (result != SQLITE_DONE)
        return code(result);
    if (!has_room(self, item)) {
        *ret_result = MAILSTORE_FULL;
        return UP_OK;
    }
    *ret_result = MAILSTORE_STORED;
    return insert(self, item);
}

static enum up_err sqlite_append(struct mailstore *store, const struct mailstore_item *items,
                                 size_t count, enum mailstore_result *ret_results)
{
    struct sqlite_store *self = own(store);
    enum up_err err = begin(self);

    if (err)
        return err;
    for (size_t i = 0; !err && i < count; i++)
        err = append_one(self, &items[i], &ret_results[i]);
    return end(self, err);
}

static enum up_err sqlite_load(struct mailstore *store, const struct mailstore_query *query,
                               struct arena *arena, struct mailstore_mail **ret_mail,
                               size_t *ret_count)
{
    struct sqlite_store *self = own(store);
    sqlite3_stmt *load = use(self, S_LOAD);
    struct mailstore_mail *list = arena_alloc(arena, (query->limit + 1) * sizeof *list);
    size_t count = 0;
    size_t bytes = 0;
    int result = SQLITE_DONE;

    if (!list)
        return UP_NO_MEMORY;
    bind_text(load, 1, query->member);
    (void)sqlite3_bind_int(load, 2, query->urgent);
    (void)sqlite3_bind_int64(load, 3, (sqlite3_int64)query->after);
    (void)sqlite3_bind_int64(load, 4, (sqlite3_int64)query->limit);
    while ((result = sqlite3_step(load)) == SQLITE_ROW) {
        struct up_view envelope =
            up_view_of(sqlite3_column_blob(load, 2), (size_t)sqlite3_column_bytes(load, 2));
        struct digest digest;
        uint8_t *copy = NULL;

        keys_digest(envelope, &digest);
        if (sqlite3_column_bytes(load, 1) != SUM_LEN ||
            memcmp(sqlite3_column_blob(load, 1), digest.bytes, SUM_LEN) != 0) {
            self->base.damaged++;
            continue;
        }
        bytes += envelope.len;
        copy = count > 0 && bytes > UP_LOAD_BYTES_MAX ? NULL : arena_alloc(arena, envelope.len);
        if (!copy) {
            /* the rest comes with the next call; none would be the end of the mailbox */
            result = count > 0 ? SQLITE_DONE : SQLITE_NOMEM;
            break;
        }
        memcpy(copy, envelope.data, envelope.len);
        list[count++] =
            (struct mailstore_mail){.number = (delivery_number)sqlite3_column_int64(load, 0),
                                    .envelope = up_view_of(copy, envelope.len)};
    }
    (void)sqlite3_reset(load);
    if (result != SQLITE_DONE)
        return code(result);
    *ret_mail = list;
    *ret_count = count;
    return UP_OK;
}

/* Inside a transaction: one envelope out of a mailbox, with its use of quotas. */
static enum up_err drop(struct sqlite_store *self, const char *recipient, delivery_number number)
{
    sqlite3_stmt *find = use(self, S_MAIL_FIND);
    struct member_id sender = {.text = ""};
    int64_t len = 0;
    int result = 0;
    enum up_err err = UP_OK;

    (void)sqlite3_bind_int64(find, 1, (sqlite3_int64)number);
    bind_text(find, 2, recipient);
    result = sqlite3_step(find);
    if (result == SQLITE_ROW) {
        (void)snprintf(sender.text, sizeof sender.text, "%s",
                       (const char *)sqlite3_column_text(find, 0));
        len = sqlite3_column_int64(find, 1);
    }
    (void)sqlite3_reset(find);
    if (result != SQLITE_ROW)
        return code(result);
    find = use(self, S_MAIL_DROP);
    (void)sqlite3_bind_int64(find, 1, (sqlite3_int64)number);
    err = run(find);
    if (!err)
        err = usage_add(self, "mailbox", recipient, -1, -len);
    if (!err)
        err = usage_add(self, "sender", sender.text, -1, -len);
    return err;
}

static enum up_err sqlite_remove(struct mailstore *store, const char *recipient,
                                 const delivery_number *numbers, size_t count)
{
    struct sqlite_store *self = own(store);
    enum up_err err = begin(self);

    if (err)
        return err;
    for (size_t i = 0; !err && i < count; i++)
        err = drop(self, recipient, numbers[i]);
    return end(self, err);
}

static enum up_err sqlite_purge(struct mailstore *store, const char *recipient)
{
    struct sqlite_store *self = own(store);
    enum up_err err = UP_OK;

    for (;;) {
        delivery_number numbers[512];
        size_t count = 0;
        sqlite3_stmt *list = use(self, S_MAILBOX);

        bind_text(list, 1, recipient);
        while (count < 512 && sqlite3_step(list) == SQLITE_ROW)
            numbers[count++] = (delivery_number)sqlite3_column_int64(list, 0);
        (void)sqlite3_reset(list);
        if (count == 0)
            return UP_OK;
        err = sqlite_remove(store, recipient, numbers, count);
        if (err)
            return err;
    }
}

struct expiring {
    delivery_number number;
    struct mailstore_notice notice;
};

static enum up_err expire_one(struct sqlite_store *self, const struct expiring *one)
{
    sqlite3_stmt *add = use(self, S_NOTICE_ADD);
    enum up_err err = UP_OK;

    bind_blob(add, 1, up_view_of(one->notice.id.bytes, 16));
    bind_text(add, 2, one->notice.sender.text);
    bind_text(add, 3, one->notice.recipient.text);
    err = run(add);
    return err ? err : drop(self, one->notice.recipient.text, one->number);
}

static enum up_err sqlite_expire(struct mailstore *store, int64_t now_s, size_t limit,
                                 size_t *ret_count)
{
    struct sqlite_store *self = own(store);
    struct expiring *list = calloc(limit + 1, sizeof *list);
    sqlite3_stmt *find = use(self, S_EXPIRING);
    size_t count = 0;
    enum up_err err = list ? begin(self) : UP_NO_MEMORY;

    if (err) {
        free(list);
        return err;
    }
    (void)sqlite3_bind_int64(find, 1, now_s);
    (void)sqlite3_bind_int64(find, 2, (sqlite3_int64)limit);
    while (count < limit && sqlite3_step(find) == SQLITE_ROW) {
        struct expiring *one = &list[count++];

        one->number = (delivery_number)sqlite3_column_int64(find, 0);
        if (sqlite3_column_bytes(find, 1) == 16)
            memcpy(one->notice.id.bytes, sqlite3_column_blob(find, 1), 16);
        (void)snprintf(one->notice.sender.text, sizeof one->notice.sender.text, "%s",
                       (const char *)sqlite3_column_text(find, 2));
        (void)snprintf(one->notice.recipient.text, sizeof one->notice.recipient.text, "%s",
                       (const char *)sqlite3_column_text(find, 3));
    }
    (void)sqlite3_reset(find);
    for (size_t i = 0; !err && i < count; i++)
        err = expire_one(self, &list[i]);
    if (!err) {
        find = use(self, S_SEEN_DROP);
        (void)sqlite3_bind_int64(find, 1, now_s);
        err = run(find);
    }
    err = end(self, err);
    free(list);
    if (!err)
        *ret_count = count;
    return err;
}

static enum up_err sqlite_notices(struct mailstore *store, const struct mailstore_query *query,
                                  struct arena *arena, struct mailstore_notice **ret_notices,
                                  size_t *ret_count)
{
    sqlite3_stmt *find = use(own(store), S_NOTICES);
    struct mailstore_notice *list = arena_alloc(arena, (query->limit + 1) * sizeof *list);
    size_t count = 0;

    if (!list)
        return UP_NO_MEMORY;
    bind_text(find, 1, query->member);
    (void)sqlite3_bind_int64(find, 2, (sqlite3_int64)query->limit);
    while (count < query->limit && sqlite3_step(find) == SQLITE_ROW) {
        struct mailstore_notice *one = &list[count++];

        if (sqlite3_column_bytes(find, 0) == 16)
            memcpy(one->id.bytes, sqlite3_column_blob(find, 0), 16);
        (void)snprintf(one->sender.text, sizeof one->sender.text, "%s", query->member);
        (void)snprintf(one->recipient.text, sizeof one->recipient.text, "%s",
                       (const char *)sqlite3_column_text(find, 1));
    }
    (void)sqlite3_reset(find);
    *ret_notices = list;
    *ret_count = count;
    return UP_OK;
}

static enum up_err sqlite_notices_done(struct mailstore *store,
                                       const struct mailstore_notice *notices, size_t count)
{
    struct sqlite_store *self = own(store);
    enum up_err err = begin(self);

    if (err)
        return err;
    for (size_t i = 0; !err && i < count; i++) {
        sqlite3_stmt *done = use(self, S_NOTICE_DROP);

        bind_blob(done, 1, up_view_of(notices[i].id.bytes, 16));
        err = run(done);
    }
    return end(self, err);
}

static enum up_err sqlite_prekeys_put(struct mailstore *store, const char *member,
                                      struct up_view prekeys)
{
    sqlite3_stmt *put = use(own(store), S_PREKEYS_PUT);

    bind_text(put, 1, member);
    bind_blob(put, 2, prekeys);
    return run(put);
}

static enum up_err sqlite_prekeys_get(struct mailstore *store, const char *member,
                                      struct arena *arena, struct up_view *ret_prekeys)
{
    sqlite3_stmt *get = use(own(store), S_PREKEYS_GET);
    enum up_err err = UP_NOT_FOUND;
    int result = 0;

    bind_text(get, 1, member);
    result = sqlite3_step(get);
    if (result == SQLITE_ROW) {
        size_t len = (size_t)sqlite3_column_bytes(get, 0);
        uint8_t *copy = arena_alloc(arena, len);

        err = copy ? UP_OK : UP_NO_MEMORY;
        if (copy && len > 0)
            memcpy(copy, sqlite3_column_blob(get, 0), len);
        if (copy)
            *ret_prekeys = up_view_of(copy, len);
    } else if (result != SQLITE_DONE) {
        err = code(result);
    }
    (void)sqlite3_reset(get);
    return err;
}

static uint64_t sqlite_waiting(struct mailstore *store, const char *recipient)
{
    uint64_t messages = 0;
    uint64_t bytes = 0;

    usage_read(own(store), S_USE_MAILBOX, recipient, &messages, &bytes);
    return messages;
}

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

static enum up_err prepare(struct sqlite_store *self, const char *path, struct up_why *why)
{
    int version = 0;

    if (sqlite3_exec(self->db,
                     "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                     "PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 4000;",
                     NULL, NULL, NULL) != SQLITE_OK)
        return up_why_set(why, UP_IO, "%s is not a mail store, or can't be read: %s", path,
                          sqlite3_errmsg(self->db));
    version = user_version(self->db);
    if (version > SCHEMA_VERSION)
        return up_why_set(why, UP_TOO_NEW,
                          "%s was written by a newer version of this program; run that version",
                          path);
    if (version < 0)
        return up_why_set(why, UP_IO, "%s can't be read", path);
    if (version == 0) {
        int result = sqlite3_exec(self->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

        if (result == SQLITE_OK)
            result = sqlite3_exec(self->db, schema, NULL, NULL, NULL);
        if (result == SQLITE_OK)
            result = sqlite3_exec(self->db, "COMMIT", NULL, NULL, NULL);
        if (result != SQLITE_OK)
            return up_why_set(why, code(result), "can't set up %s: %s", path,
                              sqlite3_errmsg(self->db));
    }
    for (int i = 0; i < S_COUNT; i++) {
        if (sqlite3_prepare_v3(self->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &self->statements[i], NULL) != SQLITE_OK)
            return up_why_set(why, UP_IO, "%s is not a mail store: %s", path,
                              sqlite3_errmsg(self->db));
    }
    return UP_OK;
}

enum up_err mailstore_sqlite_open(const char *path, const struct mailstore_quotas *quotas,
                                  struct mailstore **ret_store, struct up_why *why)
{
    static const struct mailstore_ops ops = {
        .close = sqlite_close,
        .append = sqlite_append,
        .load = sqlite_load,
        .remove = sqlite_remove,
        .expire = sqlite_expire,
        .notices = sqlite_notices,
        .notices_done = sqlite_notices_done,
        .prekeys_put = sqlite_prekeys_put,
        .prekeys_get = sqlite_prekeys_get,
        .purge = sqlite_purge,
        .waiting = sqlite_waiting,
    };
    struct sqlite_store *self = NULL;
    char lock[1024];
    enum up_err err = UP_OK;

    if (snprintf(lock, sizeof lock, "%s.lock", path) >= (int)sizeof lock)
        return up_why_set(why, UP_INVALID, "the path of the store is too long");
    err = file_lock(lock, why);
    if (err)
        return err;
    self = calloc(1, sizeof *self);
    if (!self)
        return UP_NO_MEMORY;
    self->base.ops = &ops;
    self->base.quotas = *quotas;
    if (sqlite3_open_v2(path, &self->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        err = up_why_set(why, UP_IO, "can't open %s: %s", path, sqlite3_errmsg(self->db));
    if (!err)
        err = prepare(self, path, why);
    if (err)
        sqlite_close(&self->base);
    else
        *ret_store = &self->base;
    return err;
}
