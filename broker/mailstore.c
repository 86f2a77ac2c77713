/* SPDX-License-Identifier: MIT
 * The contract's front: one call each into the implementation. */
#include "broker/mailstore.h"

#include "upstander/limits.h"

void mailstore_close(struct mailstore **store_p)
{
    if (*store_p)
        (*store_p)->ops->close(*store_p);
    *store_p = NULL;
}

enum up_err mailstore_append(struct mailstore *store, const struct mailstore_item *items,
                             size_t count, enum mailstore_result *ret_results)
{
    if (count == 0 || count > UP_GROUP_COMMIT_MAX)
        return UP_INVALID;
    return store->ops->append(store, items, count, ret_results);
}

enum up_err mailstore_load(struct mailstore *store, const struct mailstore_query *query,
                           struct arena *arena, struct mailstore_mail **ret_mail, size_t *ret_count)
{
    return store->ops->load(store, query, arena, ret_mail, ret_count);
}

enum up_err mailstore_remove(struct mailstore *store, const char *recipient,
                             const delivery_number *numbers, size_t count)
{
    return store->ops->remove(store, recipient, numbers, count);
}

enum up_err mailstore_expire(struct mailstore *store, int64_t now_s, size_t limit,
                             size_t *ret_count)
{
    return store->ops->expire(store, now_s, limit, ret_count);
}

enum up_err mailstore_notices(struct mailstore *store, const struct mailstore_query *query,
                              struct arena *arena, struct mailstore_notice **ret_notices,
                              size_t *ret_count)
{
    return store->ops->notices(store, query, arena, ret_notices, ret_count);
}

enum up_err mailstore_notices_done(struct mailstore *store, const struct mailstore_notice *notices,
                                   size_t count)
{
    return store->ops->notices_done(store, notices, count);
}

enum up_err mailstore_prekeys_put(struct mailstore *store, const char *member,
                                  struct up_view prekeys)
{
    return store->ops->prekeys_put(store, member, prekeys);
}

enum up_err mailstore_prekeys_get(struct mailstore *store, const char *member, struct arena *arena,
                                  struct up_view *ret_prekeys)
{
    return store->ops->prekeys_get(store, member, arena, ret_prekeys);
}

enum up_err mailstore_purge(struct mailstore *store, const char *recipient)
{
    return store->ops->purge(store, recipient);
}

uint64_t mailstore_waiting(struct mailstore *store, const char *recipient)
{
    return store->ops->waiting(store, recipient);
}

uint64_t mailstore_damaged(const struct mailstore *store)
{
    return store->damaged;
}
