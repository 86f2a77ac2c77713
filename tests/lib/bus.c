/* SPDX-License-Identifier: MIT */
#include "tests/lib/bus.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upstander/limits.h"

#define MUST(condition) must((condition), #condition, __LINE__)

static void must(bool holds, const char *what, int line)
{
    if (holds)
        return;
    fprintf(stderr, "tests/lib/bus.c:%d: %s\n", line, what);
    abort();
}

/* --- randomness
 * ----------------------------------------------------------------------------------- */

static uint64_t random_state;

static uint32_t random_next(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)(z >> 32);
}

static void random_fill(void *const data, const size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)data)[i] = (uint8_t)random_next();
}

static const char *random_name(void)
{
    return "repeatable";
}

void bus_repeatable(uint64_t seed)
{
    static randombytes_implementation ours = {
        .implementation_name = random_name, .random = random_next, .buf = random_fill};

    random_state = seed;
    MUST(randombytes_set_implementation(&ours) == 0);
}

/* --- small things
 * --------------------------------------------------------------------------------- */

int64_t bus_now_s(const struct bus *bus)
{
    return BUS_START_S + bus->now_ms / 1000;
}

static const struct roster *roster_now(const struct bus *bus)
{
    return bus->rosters[bus->roster_count - 1];
}

static int member_index(const char *member)
{
    for (int i = 0; i < FEDERATION_MEMBERS; i++) {
        if (strcmp(federation_names[i], member) == 0)
            return i;
    }
    return -1;
}

/* Bytes that live as long as the bus. */
static struct up_view keep_bytes(struct bus *bus, struct up_view bytes)
{
    uint8_t *copy = malloc(bytes.len + 1);

    MUST(copy != NULL);
    if (bytes.len > 0)
        memcpy(copy, bytes.data, bytes.len);
    if (bus->body_count == bus->body_room) {
        bus->body_room = bus->body_room == 0 ? 64 : bus->body_room * 2;
        bus->bodies = realloc(bus->bodies, bus->body_room * sizeof *bus->bodies);
        MUST(bus->bodies != NULL);
    }
    bus->bodies[bus->body_count++] = (struct bus_frame){.data = copy, .len = bytes.len};
    return up_view_of(copy, bytes.len);
}

static void queue_put(struct bus_queue *queue, struct up_view bytes)
{
    struct bus_frame *frame = &queue->frames[(queue->first + queue->count++) % BUS_QUEUE];

    MUST(queue->count <= BUS_QUEUE);
    frame->len = bytes.len;
    frame->data = malloc(bytes.len + 1);
    MUST(frame->data != NULL);
    if (bytes.len > 0)
        memcpy(frame->data, bytes.data, bytes.len);
}

static struct bus_frame queue_take(struct bus_queue *queue)
{
    struct bus_frame frame = queue->frames[queue->first];

    queue->first = (queue->first + 1) % BUS_QUEUE;
    queue->count--;
    return frame;
}

static void queue_clear(struct bus_queue *queue)
{
    while (queue->count > 0)
        free(queue_take(queue).data);
}

/* --- the broker
 * ----------------------------------------------------------------------------------- */

static void relay_do(struct bus *bus, struct relay_event event);

static int node_of(const struct bus *bus, connection to)
{
    for (int i = 0; i < FEDERATION_MEMBERS; i++) {
        if (bus->nodes[i].connection == to && to != 0)
            return i;
    }
    return -1;
}

static void relay_store(struct bus *bus, const struct relay_action *action)
{
    struct mailstore_item wanted[UP_FRAME_ENVELOPES_MAX];
    enum mailstore_result all[UP_FRAME_ENVELOPES_MAX] = {0};
    enum mailstore_result results[UP_FRAME_ENVELOPES_MAX] = {0};
    size_t places[UP_FRAME_ENVELOPES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < action->count; i++) {
        if (action->items[i].envelope.len == 0)
            continue;
        places[count] = i;
        wanted[count++] = action->items[i];
    }
    if (count > 0 && !bus->disk_fails)
        MUST(mailstore_append(bus->store, wanted, count, results) == UP_OK);
    for (size_t i = 0; i < count; i++)
        all[places[i]] = results[i];
    relay_do(bus, (struct relay_event){.kind = RELAY_STORED,
                                       .from = action->to,
                                       .seq = action->seq,
                                       .results = bus->disk_fails ? NULL : all,
                                       .items = action->items,
                                       .count = action->count,
                                       .err = bus->disk_fails ? UP_IO : UP_OK});
}

static void relay_load(struct bus *bus, const struct relay_action *action)
{
    const struct mailstore_query query = {.member = action->member,
                                          .limit = action->limit,
                                          .urgent = action->urgent,
                                          .after = action->after};
    struct mailstore_mail *mail = NULL;
    size_t count = 0;

    MUST(mailstore_load(bus->store, &query, bus->relay_arena, &mail, &count) == UP_OK);
    relay_do(bus, (struct relay_event){.kind = RELAY_LOADED,
                                       .from = action->to,
                                       .urgent = action->urgent,
                                       .mail = mail,
                                       .count = count});
}

static void relay_prekeys(struct bus *bus, const struct relay_action *action)
{
    struct up_view set = {0};

    if (mailstore_prekeys_get(bus->store, action->member, bus->relay_arena, &set))
        set = up_view_of(NULL, 0);
    relay_do(bus, (struct relay_event){.kind = RELAY_PREKEYS,
                                       .from = action->to,
                                       .member = action->member,
                                       .bytes = set});
}

static void relay_action_do(struct bus *bus, const struct relay_action *action)
{
    int node = node_of(bus, action->to);

    switch (action->kind) {
    case RELAY_SEND:
        MUST(action->frame.len <= UP_FRAME_LEN_MAX);
        if (node >= 0)
            queue_put(&bus->nodes[node].down, action->frame);
        break;
    case RELAY_STORE:
        relay_store(bus, action);
        break;
    case RELAY_LOAD:
        relay_load(bus, action);
        break;
    case RELAY_REMOVE:
        MUST(mailstore_remove(bus->store, action->member, action->numbers, action->count) == UP_OK);
        break;
    case RELAY_PUT_PREKEYS:
        MUST(mailstore_prekeys_put(bus->store, action->member, action->frame) == UP_OK);
        break;
    case RELAY_GET_PREKEYS:
        relay_prekeys(bus, action);
        break;
    case RELAY_PURGE:
        MUST(mailstore_purge(bus->store, action->member) == UP_OK);
        break;
    case RELAY_CLOSE:
    case RELAY_LOAD_NOTICES:
    case RELAY_NOTICES_DONE:
    case RELAY_REFUSED:
        break;
    }
}

static void relay_do(struct bus *bus, struct relay_event event)
{
    struct relay_actions actions = {0};

    event.now_s = bus_now_s(bus);
    MUST(relay_step(bus->relay, &event, bus->relay_arena, &actions) == UP_OK);
    for (size_t i = 0; i < actions.count; i++)
        relay_action_do(bus, &actions.list[i]);
}

bool bus_pass_up(struct bus *bus, int node)
{
    struct bus_node *self = &bus->nodes[node];
    struct bus_frame frame = {0};

    if (self->up.count == 0 || self->connection == 0)
        return false;
    frame = queue_take(&self->up);
    relay_do(bus, (struct relay_event){.kind = RELAY_FRAME,
                                       .from = self->connection,
                                       .member = federation_names[node],
                                       .bytes = up_view_of(frame.data, frame.len)});
    free(frame.data);
    arena_reset(bus->relay_arena);
    return true;
}

/* --- a node
 * --------------------------------------------------------------------------------------- */

struct bus_row *bus_row_find(struct bus_disk *disk, const struct message_id *id)
{
    for (size_t i = 0; i < disk->row_count; i++) {
        if (memcmp(&disk->rows[i].id, id, sizeof *id) == 0 && disk->rows[i].state != BUS_GONE)
            return &disk->rows[i];
    }
    return NULL;
}

const struct bus_seen *bus_seen_find(const struct bus_disk *disk, const char *sender,
                                     const struct message_id *id)
{
    for (size_t i = 0; i < disk->seen_count; i++) {
        if (memcmp(&disk->seen[i].id, id, sizeof *id) == 0 &&
            strcmp(disk->seen[i].sender, sender) == 0)
            return &disk->seen[i];
    }
    return NULL;
}

size_t bus_waiting(const struct bus_disk *disk)
{
    size_t count = 0;

    for (size_t i = 0; i < disk->row_count; i++)
        count += disk->rows[i].state == BUS_WAITING || disk->rows[i].state == BUS_ACCEPTED ||
                 disk->rows[i].state == BUS_CANT;
    return count;
}

static bool node_do(struct bus *bus, int node, struct exchange_event event);

static void node_load(struct bus *bus, int node, const struct exchange_action *action)
{
    struct bus_disk *disk = bus->nodes[node].now;
    struct exchange_waiting *list = arena_alloc(bus->arena, (action->limit + 1) * sizeof *list);
    size_t count = 0;

    if (!list) { /* as the shell: another connection, and from the start */
        bus->nodes[node].lost = true;
        return;
    }
    bus->nodes[node].loads++;
    for (size_t i = 0; i < disk->row_count && count < action->limit; i++) {
        const struct bus_row *row = &disk->rows[i];

        if (row->number <= action->after || row->due_s > bus_now_s(bus) ||
            (row->state != BUS_WAITING && row->state != BUS_ACCEPTED && row->state != BUS_CANT))
            continue;
        list[count] = (struct exchange_waiting){.number = row->number,
                                                .id = row->id,
                                                .urgent = row->urgent,
                                                .answer = row->answer,
                                                .message = row->bytes};
        strcpy(list[count++].recipient, federation_names[row->recipient]);
    }
    (void)node_do(
        bus, node,
        (struct exchange_event){.kind = EXCHANGE_LOADED, .waiting = list, .count = count});
}

static void row_put(struct bus_disk *disk, const struct bus_row *row)
{
    struct bus_row *place = bus_row_find(disk, &row->id);
    uint64_t number = place ? place->number : disk->row_count + 1;

    MUST(place || disk->row_count < BUS_ROWS);
    if (!place)
        place = &disk->rows[disk->row_count++];
    *place = *row;
    place->number = number;
}

static void row_state(struct bus *bus, int node, const struct exchange_action *action,
                      enum bus_row_state state)
{
    struct bus_row *row = bus_row_find(bus->nodes[node].now, &action->id);

    if (!row || row->state == BUS_DELIVERED || row->state == BUS_REFUSED)
        return;
    row->state = state;
    row->due_s = action->due_s;
}

static void receipt(struct bus *bus, int node, const struct exchange_message *message)
{
    const Up__DeliveryReceipt *receipt = message->message->delivery_receipt;
    struct message_id id;
    struct bus_row *row = NULL;
    struct digest digest;

    bus->nodes[node].receipts++;
    MUST(receipt->message_id.len == 16 && receipt->digest.len == 32);
    memcpy(id.bytes, receipt->message_id.data, 16);
    row = bus_row_find(bus->nodes[node].now, &id);
    if (!row || strcmp(federation_names[row->recipient], message->sender.text) != 0)
        return;
    keys_digest(row->bytes, &digest);
    if (memcmp(digest.bytes, receipt->digest.data, 32) == 0)
        row->state = BUS_DELIVERED;
}

static void turned_down(struct bus *bus, int node, const struct exchange_message *message)
{
    const Up__Refused *refused = message->message->refused;
    struct message_id id;
    struct bus_row *row = NULL;

    bus->nodes[node].turned_down++;
    if (refused->message_id.len != 16)
        return;
    memcpy(id.bytes, refused->message_id.data, 16);
    row = bus_row_find(bus->nodes[node].now, &id);
    if (row && strcmp(federation_names[row->recipient], message->sender.text) == 0)
        row->state = BUS_REFUSED;
}

static void saw(struct bus *bus, int node, const struct exchange_action *action, bool kept,
                bool status)
{
    struct bus_disk *disk = bus->nodes[node].now;
    struct bus_seen *seen = &disk->seen[disk->seen_count++];

    MUST(disk->seen_count <= BUS_SEEN);
    *seen = (struct bus_seen){.id = action->message.id,
                              .digest = action->message.digest,
                              .outcome = action->outcome,
                              .kept = kept,
                              .status = status};
    strcpy(seen->sender, action->message.sender.text);
}

static void received(struct bus *bus, int node, const struct exchange_action *action)
{
    const struct bus_seen *seen =
        bus_seen_find(bus->nodes[node].now, action->message.sender.text, &action->message.id);

    (void)node_do(bus, node,
                  (struct exchange_event){.kind = EXCHANGE_CHECKED,
                                          .message = &action->message,
                                          .outcome = seen ? seen->outcome : 0});
}

static void answer(struct bus *bus, int node, const struct exchange_action *action)
{
    struct bus_row row = {.id = action->id,
                          .recipient = member_index(action->member),
                          .answer = true,
                          .state = BUS_WAITING,
                          .bytes = keep_bytes(bus, action->bytes)};

    MUST(row.recipient >= 0);
    bus->nodes[node].answers++;
    row_put(bus->nodes[node].now, &row);
}

static void note(struct bus_node *self, const char *why)
{
    size_t len = strlen(self->log);

    if (len + strlen(why) + 2 < sizeof self->log)
        (void)snprintf(self->log + len, sizeof self->log - len, "%s ", why);
}

static void node_action_do(struct bus *bus, int node, const struct exchange_action *action,
                           const struct exchange_action *before)
{
    struct bus_node *self = &bus->nodes[node];

    switch (action->kind) {
    case EXCHANGE_SEND:
        MUST(action->bytes.len <= UP_FRAME_LEN_MAX);
        if (self->connection != 0)
            queue_put(&self->up, action->bytes);
        break;
    case EXCHANGE_LOAD:
        node_load(bus, node, action);
        break;
    case EXCHANGE_ACCEPTED:
        row_state(bus, node, action, BUS_ACCEPTED);
        break;
    case EXCHANGE_GONE:
        row_state(bus, node, action, BUS_GONE);
        break;
    case EXCHANGE_RETRY:
        row_state(bus, node, action, BUS_WAITING);
        break;
    case EXCHANGE_CANT_SEND:
        note(self, action->why);
        row_state(bus, node, action, BUS_CANT);
        break;
    case EXCHANGE_RECEIVED:
        received(bus, node, action);
        break;
    case EXCHANGE_DELIVERED:
        MUST(self->delivery_count < 256);
        self->deliveries[self->delivery_count++] = action->number;
        break;
    case EXCHANGE_KEEP:
    case EXCHANGE_STATUS:
        self->keeps++;
        if (bus->kept)
            bus->kept(bus, node, &action->message);
        break;
    case EXCHANGE_RECEIPT:
        receipt(bus, node, &action->message);
        break;
    case EXCHANGE_TURNED_DOWN:
        turned_down(bus, node, &action->message);
        break;
    case EXCHANGE_ASIDE:
        self->now->aside_count++;
        break;
    case EXCHANGE_SAW:
        saw(bus, node, action, before && before->kind == EXCHANGE_KEEP,
            before && before->kind == EXCHANGE_STATUS);
        break;
    case EXCHANGE_ANSWER:
        answer(bus, node, action);
        break;
    case EXCHANGE_NEWER_ROSTER:
        self->rosters++;
        break;
    case EXCHANGE_LOST:
        self->lost = true;
        break;
    case EXCHANGE_LOG:
        note(self, action->why);
        break;
    }
}

/* False: out of memory; the connection is given up, as the shell does. */
static bool node_do(struct bus *bus, int node, struct exchange_event event)
{
    struct exchange_actions actions = {0};
    enum up_err err = UP_OK;

    event.now_s = bus_now_s(bus);
    event.now_ms = bus->now_ms;
    err = exchange_step(bus->nodes[node].exchange, &event, bus->arena, &actions);
    MUST(err == UP_OK || err == UP_NO_MEMORY);
    if (err)
        bus->nodes[node].lost = true;
    for (size_t i = 0; i < actions.count; i++)
        node_action_do(bus, node, &actions.list[i], i > 0 ? &actions.list[i - 1] : NULL);
    return err == UP_OK;
}

/* One event from outside, and the commit that follows it. */
static void node_event(struct bus *bus, int node, struct exchange_event event)
{
    (void)node_do(bus, node, event);
    arena_reset(bus->arena);
    if (!bus->nodes[node].holds_commits)
        bus_commit(bus, node);
}

static void disk_copy(struct bus_disk *to, const struct bus_disk *from)
{
    memcpy(to->rows, from->rows, from->row_count * sizeof *to->rows);
    memcpy(to->seen, from->seen, from->seen_count * sizeof *to->seen);
    to->row_count = from->row_count;
    to->seen_count = from->seen_count;
    to->aside_count = from->aside_count;
}

void bus_commit(struct bus *bus, int node)
{
    struct bus_node *self = &bus->nodes[node];
    delivery_number numbers[256];
    size_t count = self->delivery_count;

    disk_copy(self->disk, self->now);
    self->delivery_count = 0;
    if (count == 0)
        return;
    memcpy(numbers, self->deliveries, count * sizeof *numbers);
    (void)node_do(
        bus, node,
        (struct exchange_event){.kind = EXCHANGE_COMMITTED, .numbers = numbers, .count = count});
    arena_reset(bus->arena);
    disk_copy(self->disk, self->now);
}

void bus_feed_bytes(struct bus *bus, int node, struct up_view bytes)
{
    node_event(bus, node, (struct exchange_event){.kind = EXCHANGE_FRAME, .bytes = bytes});
}

void bus_feed(struct bus *bus, int node, const Up__Frame *frame)
{
    struct up_bytes bytes = {0};

    MUST(message_pack(&frame->base, UP_FRAME_LEN_MAX, &bytes) == UP_OK);
    bus_feed_bytes(bus, node, up_bytes_view(&bytes));
    up_bytes_wipe(&bytes);
}

const Up__Frame *bus_take(struct bus *bus, int node)
{
    ProtobufCMessage *message = NULL;
    struct bus_frame frame = {0};

    if (bus->nodes[node].up.count == 0)
        return NULL;
    frame = queue_take(&bus->nodes[node].up);
    MUST(message_unpack(&up__frame__descriptor, up_view_of(frame.data, frame.len), bus->relay_arena,
                        &message) == UP_OK);
    free(frame.data);
    return (const Up__Frame *)message;
}

bool bus_pass_down(struct bus *bus, int node)
{
    struct bus_frame frame = {0};

    if (bus->nodes[node].down.count == 0)
        return false;
    frame = queue_take(&bus->nodes[node].down);
    bus_feed_bytes(bus, node, up_view_of(frame.data, frame.len));
    free(frame.data);
    return true;
}

void bus_settle(struct bus *bus)
{
    bool more = true;

    while (more) {
        more = false;
        for (int i = 0; i < FEDERATION_MEMBERS; i++) {
            while (bus_pass_up(bus, i) || bus_pass_down(bus, i))
                more = true;
        }
    }
}

void bus_connect(struct bus *bus, int node)
{
    bus->nodes[node].connection = ++bus->next_connection;
    bus->nodes[node].lost = false;
    node_event(bus, node, (struct exchange_event){.kind = EXCHANGE_CONNECTED});
}

/* The wires are cut; what was on them is gone. */
static void cut(struct bus *bus, int node)
{
    struct bus_node *self = &bus->nodes[node];
    connection old = self->connection;

    queue_clear(&self->up);
    queue_clear(&self->down);
    self->connection = 0;
    if (old != 0)
        relay_do(bus, (struct relay_event){.kind = RELAY_CLOSED, .from = old});
    arena_reset(bus->relay_arena);
}

void bus_disconnect(struct bus *bus, int node)
{
    cut(bus, node);
    node_event(bus, node, (struct exchange_event){.kind = EXCHANGE_DISCONNECTED});
}

void bus_tick(struct bus *bus, int node)
{
    node_event(bus, node, (struct exchange_event){.kind = EXCHANGE_TICK});
}

static void node_start(struct bus *bus, int node)
{
    struct bus_node *self = &bus->nodes[node];
    struct exchange_config config = {.member = federation_names[node],
                                     .identity = &bus->federation.members[node].identity_secret,
                                     .roster = roster_now(bus),
                                     .incarnation = self->incarnation};

    MUST(exchange_new(&config, &self->exchange) == UP_OK);
    node_event(bus, node,
               (struct exchange_event){.kind = EXCHANGE_PREKEYS,
                                       .prekeys = self->prekeys,
                                       .count = self->prekey_count});
}

void bus_crash(struct bus *bus, int node)
{
    struct bus_node *self = &bus->nodes[node];

    cut(bus, node);
    exchange_destroy(&self->exchange);
    disk_copy(self->now, self->disk);
    self->delivery_count = 0;
    self->lost = false;
    self->incarnation++;
    node_start(bus, node);
}

void bus_crash_broker(struct bus *bus)
{
    relay_destroy(&bus->relay);
    MUST(relay_new("broker-1", 16, roster_now(bus), &bus->relay) == UP_OK);
    for (int i = 0; i < FEDERATION_MEMBERS; i++) {
        if (bus->nodes[i].connection != 0)
            bus_disconnect(bus, i);
    }
}

void bus_prekeys(struct bus *bus, int node, int64_t valid_from_s)
{
    struct bus_node *self = &bus->nodes[node];
    struct exchange_prekey *prekey = &self->prekeys[self->prekey_count++];
    const struct prekey_owner owner = {.roster = roster_now(bus),
                                       .member = federation_names[node],
                                       .identity = &bus->federation.members[node].identity_secret};

    MUST(self->prekey_count <= BUS_PREKEYS);
    MUST(prekey_generate(&owner, valid_from_s, &prekey->prekey, &prekey->secret) == UP_OK);
    if (self->exchange)
        node_event(bus, node,
                   (struct exchange_event){.kind = EXCHANGE_PREKEYS,
                                           .prekeys = self->prekeys,
                                           .count = self->prekey_count});
}

void bus_roster(struct bus *bus, int node, const struct federation *next)
{
    struct roster *roster = federation_roster(next);

    MUST(bus->roster_count < 8);
    bus->rosters[bus->roster_count++] = roster;
    if (node >= 0)
        node_event(bus, node, (struct exchange_event){.kind = EXCHANGE_ROSTER, .roster = roster});
    else
        relay_do(bus, (struct relay_event){.kind = RELAY_ROSTER, .roster = roster});
    arena_reset(bus->relay_arena);
}

void bus_row(struct bus *bus, int from, const struct bus_letter *letter)
{
    struct bus_row row = {.id = letter->id,
                          .recipient = letter->to,
                          .urgent = letter->urgent,
                          .state = BUS_WAITING,
                          .bytes = keep_bytes(bus, letter->bytes)};

    row_put(bus->nodes[from].now, &row);
    if (!bus->nodes[from].holds_commits)
        bus_commit(bus, from);
    node_event(bus, from, (struct exchange_event){.kind = EXCHANGE_WANT});
}

void bus_packed(struct bus *bus, int from, int to, bool urgent, Up__Message *message)
{
    struct up_bytes bytes = {0};
    struct bus_letter letter = {.to = to, .urgent = urgent};

    if (message->id.len == 16)
        memcpy(letter.id.bytes, message->id.data, 16);
    else
        keys_random(letter.id.bytes, sizeof letter.id.bytes);
    MUST(message_pack(&message->base, UP_BATCH_LEN_MAX, &bytes) == UP_OK);
    letter.bytes = up_bytes_view(&bytes);
    bus_row(bus, from, &letter);
    up_bytes_wipe(&bytes);
}

void bus_status_under(struct bus *bus, int from, int to, bool urgent, struct message_id *id)
{
    Up__Message message = UP__MESSAGE__INIT;
    Up__StatusUpdate update = UP__STATUS_UPDATE__INIT;
    uint8_t reference[16];

    keys_random(reference, sizeof reference);
    message.id = (ProtobufCBinaryData){.len = 16, .data = id->bytes};
    message.reference = (ProtobufCBinaryData){.len = 16, .data = reference};
    message.version = 1;
    message.sent_at_s = bus_now_s(bus);
    update.status = UP__STATUS_UPDATE__STATUS__SEEN;
    message.body_case = UP__MESSAGE__BODY_STATUS_UPDATE;
    message.status_update = &update;
    bus_packed(bus, from, to, urgent, &message);
}

struct message_id bus_status(struct bus *bus, int from, int to, bool urgent)
{
    struct message_id id;

    keys_random(id.bytes, sizeof id.bytes);
    bus_status_under(bus, from, to, urgent, &id);
    return id;
}

/* --- as a whole
 * ----------------------------------------------------------------------------------- */

struct bus *bus_new(unsigned mailbox_messages_max)
{
    struct mailstore_quotas quotas = {.mailbox_messages_max = mailbox_messages_max,
                                      .mailbox_bytes_max = 1 << 30,
                                      .sender_bytes_max = 1 << 30};
    struct bus *bus = calloc(1, sizeof *bus);

    MUST(bus != NULL);
    bus->now_ms = 1000;
    federation_init(&bus->federation, BUS_START_S - 1000);
    bus->rosters[bus->roster_count++] = federation_roster(&bus->federation);
    MUST(arena_new(UP_ARENA_LEN_MAX, &bus->arena) == UP_OK);
    MUST(arena_new(UP_ARENA_LEN_MAX, &bus->relay_arena) == UP_OK);
    MUST(mailstore_mem_open(&quotas, &bus->store) == UP_OK);
    MUST(relay_new("broker-1", 16, roster_now(bus), &bus->relay) == UP_OK);
    for (int i = 0; i < FEDERATION_MEMBERS; i++) {
        struct bus_node *self = &bus->nodes[i];

        self->disk = calloc(1, sizeof *self->disk);
        self->now = calloc(1, sizeof *self->now);
        MUST(self->disk != NULL && self->now != NULL);
        self->incarnation = 1;
        bus_prekeys(bus, i, BUS_START_S - 3600);
        node_start(bus, i);
    }
    return bus;
}

void bus_destroy(struct bus **bus_p)
{
    struct bus *bus = *bus_p;

    if (!bus)
        return;
    for (int i = 0; i < FEDERATION_MEMBERS; i++) {
        queue_clear(&bus->nodes[i].up);
        queue_clear(&bus->nodes[i].down);
        exchange_destroy(&bus->nodes[i].exchange);
        free(bus->nodes[i].disk);
        free(bus->nodes[i].now);
    }
    relay_destroy(&bus->relay);
    mailstore_close(&bus->store);
    while (bus->roster_count > 0)
        roster_destroy(&bus->rosters[--bus->roster_count]);
    arena_destroy(&bus->arena);
    arena_destroy(&bus->relay_arena);
    while (bus->body_count > 0)
        free(bus->bodies[--bus->body_count].data);
    free(bus->bodies);
    free(bus);
    *bus_p = NULL;
}
