/* SPDX-License-Identifier: MIT */
#include "broker/relay.h"

#include <stdlib.h>
#include <string.h>

#include "upstander/limits.h"

enum {
    PROTOCOL = 1,
    LANES = 2,
    ACTIONS_FIRST = 8, /* most events make one or two; the list grows */
};

struct lane {
    delivery_number cursor; /* highest number handed out */
    bool busy;              /* a LOAD is under way */
    bool more;              /* something may wait above the cursor */
};

struct session {
    connection id; /* 0: free */
    char member[UP_MEMBER_LEN_MAX + 1];
    uint64_t incarnation;
    uint64_t
        told; /* version of the roster copy that this connection was given: each goes out once */
    unsigned credit;
    struct lane lanes[LANES];           /* [1] urgent */
    delivery_number out[UP_CREDIT_MAX]; /* delivered, not acked */
    size_t out_count;
};

struct relay {
    char broker[65];
    const struct roster *roster;
    struct session *sessions;
    size_t session_max;
};

struct step {
    struct relay *relay;
    const struct relay_event *event;
    struct arena *arena;
    struct relay_actions actions;
    size_t actions_max;
    struct relay_action spare; /* written when the list can't grow, never read */
    bool no_memory;
};

enum up_err relay_new(const char *broker, size_t connections_max, const struct roster *roster,
                      struct relay **ret_relay)
{
    struct relay *relay = calloc(1, sizeof *relay);
    size_t broker_len = strlen(broker);

    if (!relay)
        return UP_NO_MEMORY;
    relay->sessions = calloc(connections_max, sizeof *relay->sessions);
    if (!relay->sessions || broker_len >= sizeof relay->broker) {
        relay_destroy(&relay);
        return UP_NO_MEMORY;
    }
    memcpy(relay->broker, broker, broker_len + 1);
    relay->session_max = connections_max;
    relay->roster = roster;
    *ret_relay = relay;
    return UP_OK;
}

void relay_destroy(struct relay **relay_p)
{
    if (!*relay_p)
        return;
    free((*relay_p)->sessions);
    free(*relay_p);
    *relay_p = NULL;
}

/* --- actions -------------------------------------------------------------------------------------- */

static bool actions_grow(struct step *step)
{
    size_t wider = step->actions_max > 0 ? step->actions_max * 2 : ACTIONS_FIRST;
    struct relay_action *list = arena_alloc(step->arena, wider * sizeof *list);

    if (!list) {
        step->no_memory = true;
        return false;
    }
    if (step->actions.count > 0)
        memcpy(list, step->actions.list, step->actions.count * sizeof *list);
    step->actions.list = list;
    step->actions_max = wider;
    return true;
}

/* Valid until the next one. */
static struct relay_action *act(struct step *step, enum relay_action_kind kind, connection to,
                                const char *member)
{
    struct relay_action *action = &step->spare;

    if (step->actions.count < step->actions_max || actions_grow(step))
        action = &step->actions.list[step->actions.count++];
    *action = (struct relay_action){.kind = kind, .to = to};
    if (member && strlen(member) <= UP_MEMBER_LEN_MAX)
        memcpy(action->member, member, strlen(member));
    return action;
}

static void send_frame(struct step *step, connection to, const Up__Frame *frame)
{
    size_t len = up__frame__get_packed_size(frame);
    uint8_t *bytes = arena_alloc(step->arena, len);

    if (!bytes) {
        step->no_memory = true;
        return;
    }
    (void)up__frame__pack(frame, bytes);
    act(step, RELAY_SEND, to, NULL)->frame = up_view_of(bytes, len);
}

/* `why` is a fixed word for the log and the counter. */
static void refuse(struct step *step, const char *member, const char *why)
{
    act(step, RELAY_REFUSED, step->event->from, member)->why = why;
}

static void fail(struct step *step, connection to, Up__Failure__Code code, const char *text)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Failure failure;

    up__failure__init(&failure);
    failure.code = code;
    failure.text = arena_text(step->arena, up_view_of(text, strlen(text)));
    step->no_memory |= !failure.text;
    if (!failure.text)
        return;
    frame.body_case = UP__FRAME__BODY_FAILURE;
    frame.failure = &failure;
    send_frame(step, to, &frame);
}

/* --- sessions ------------------------------------------------------------------------------------- */

static struct session *session_of(struct relay *relay, connection id)
{
    for (size_t i = 0; id != 0 && i < relay->session_max; i++) {
        if (relay->sessions[i].id == id)
            return &relay->sessions[i];
    }
    return NULL;
}

static struct session *session_of_member(struct relay *relay, const char *member)
{
    for (size_t i = 0; i < relay->session_max; i++) {
        if (relay->sessions[i].id != 0 && strcmp(relay->sessions[i].member, member) == 0)
            return &relay->sessions[i];
    }
    return NULL;
}

static void session_end(struct step *step, struct session *session, Up__Failure__Code code,
                        const char *text)
{
    fail(step, session->id, code, text);
    act(step, RELAY_CLOSE, session->id, session->member);
    memset(session, 0, sizeof *session);
}

/* Ask the store for more while the member takes more: urgent first, one load per lane at a time. */
static void pump(struct step *step, struct session *session)
{
    for (int lane = LANES - 1; lane >= 0; lane--) {
        struct lane *one = &session->lanes[lane];
        size_t room = UP_CREDIT_MAX - session->out_count;
        struct relay_action *action = NULL;

        if (room > session->credit)
            room = session->credit;
        if (room > UP_FRAME_ENVELOPES_MAX)
            room = UP_FRAME_ENVELOPES_MAX; /* the store bounds the bytes as well */
        if (session->lanes[0].busy || session->lanes[1].busy)
            return; /* both lanes draw on one credit: one load at a time keeps the count true */
        if (room == 0 || !one->more)
            continue;
        one->busy = true;
        action = act(step, RELAY_LOAD, session->id, session->member);
        action->urgent = lane == 1;
        action->after = one->cursor;
        action->limit = room;
        return;
    }
}

/* --- frames --------------------------------------------------------------------------------------- */

static void on_hello(struct step *step, const Up__Hello *hello)
{
    struct relay *relay = step->relay;
    const char *member = step->event->member;
    struct session *old = session_of_member(relay, member);
    struct session *session = NULL;
    Up__Frame frame = UP__FRAME__INIT;
    Up__Welcome welcome;
    struct up_view copy = roster_signed_bytes(relay->roster);

    if (hello->protocol != PROTOCOL) {
        refuse(step, member, "protocol");
        fail(step, step->event->from, UP__FAILURE__CODE__UNSUPPORTED_PROTOCOL,
             "this broker speaks protocol 1");
        return;
    }
    if (old && old->id != step->event->from && hello->incarnation < old->incarnation) {
        refuse(step, member, "older-incarnation");
        fail(step, step->event->from, UP__FAILURE__CODE__SUPERSEDED,
             "a newer incarnation of this member is connected");
        return;
    }
    if (old && old->id != step->event->from)
        session_end(step, old, UP__FAILURE__CODE__SUPERSEDED, "another connection took over");
    session = session_of(relay, step->event->from);
    for (size_t i = 0; !session && i < relay->session_max; i++) {
        if (relay->sessions[i].id == 0)
            session = &relay->sessions[i];
    }
    if (!session) {
        refuse(step, member, "full");
        act(step, RELAY_CLOSE, step->event->from, member);
        return;
    }
    *session = (struct session){
        .id = step->event->from, .incarnation = hello->incarnation, .told = session->told};
    memcpy(session->member, member, strlen(member));
    session->lanes[0].more = session->lanes[1].more = true;
    up__welcome__init(&welcome);
    welcome.broker = relay->broker;
    welcome.protocol = PROTOCOL;
    welcome.now_s = step->event->now_s;
    welcome.send_max = UP_FRAME_ENVELOPES_MAX;
    if (hello->roster_version < roster_version(relay->roster) &&
        session->told < roster_version(relay->roster)) {
        session->told = roster_version(relay->roster);
        memcpy(&welcome.signed_roster.data, &copy.data, sizeof copy.data);
        welcome.signed_roster.len = copy.len;
    }
    frame.body_case = UP__FRAME__BODY_WELCOME;
    frame.welcome = &welcome;
    send_frame(step, session->id, &frame);
    act(step, RELAY_LOAD_NOTICES, session->id, session->member)->limit = UP_FRAME_ENVELOPES_MAX;
}

/* What a Send may not carry is told per envelope; what it may goes to the store. The verdicts of the others are
 * kept in the items themselves: an item without bytes was refused, its result stands in prekey_id[0]. */
static Up__Accepted__Result judge(struct step *step, const struct session *session,
                                  struct up_view envelope, struct mailstore_item *ret_item)
{
    struct up_view header = {0};
    struct up_view sealed = {0};
    enum up_err err = envelope_peek(envelope, &ret_item->header, &header, &sealed);

    if (err == UP_NO_MEMORY)
        return UP__ACCEPTED__RESULT__TRY_LATER;
    if (err == UP_TOO_LARGE)
        return UP__ACCEPTED__RESULT__TOO_LARGE;
    if (err) {
        refuse(step, session->member, "malformed-envelope");
        return UP__ACCEPTED__RESULT__MALFORMED;
    }
    if (strcmp(ret_item->header.sender.text, session->member) != 0) {
        refuse(step, session->member, "claims-another-sender");
        return UP__ACCEPTED__RESULT__NOT_PERMITTED;
    }
    if (!roster_find_active(step->relay->roster, ret_item->header.recipient.text))
        return UP__ACCEPTED__RESULT__UNKNOWN_RECIPIENT;
    if (ret_item->header.expires_at_s <= (uint64_t)step->event->now_s ||
        ret_item->header.expires_at_s >
            (uint64_t)step->event->now_s + UP_ENVELOPE_TTL_S_MAX + UP_ENVELOPE_CLOCK_SLACK_S)
        return UP__ACCEPTED__RESULT__EXPIRED;
    ret_item->envelope = envelope;
    return UP__ACCEPTED__RESULT__STORED;
}

static void accept(struct step *step, connection to, uint64_t seq, Up__Accepted__Result *results,
                   size_t count)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Accepted accepted = UP__ACCEPTED__INIT;

    accepted.seq = seq;
    accepted.results = results;
    accepted.n_results = count;
    frame.body_case = UP__FRAME__BODY_ACCEPTED;
    frame.accepted = &accepted;
    send_frame(step, to, &frame);
}

static void on_send(struct step *step, struct session *session, const Up__Send *sent)
{
    struct mailstore_item *items = NULL;
    struct relay_action *action = NULL;
    size_t count = sent->n_envelopes;

    if (count == 0 || count > UP_FRAME_ENVELOPES_MAX) {
        refuse(step, session->member, "malformed-frame");
        fail(step, session->id, UP__FAILURE__CODE__MALFORMED, "a Send holds 1 to 64 envelopes");
        return;
    }
    items = arena_alloc(step->arena, count * sizeof *items);
    if (!items) {
        step->no_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        Up__Accepted__Result result = judge(
            step, session, up_view_of(sent->envelopes[i].data, sent->envelopes[i].len), &items[i]);

        if (result != UP__ACCEPTED__RESULT__STORED)
            items[i] = (struct mailstore_item){.header.prekey_id.bytes[0] = (uint8_t)result};
    }
    action = act(step, RELAY_STORE, session->id, session->member);
    action->seq = sent->seq;
    action->items = items;
    action->count = count;
}

static void on_ack(struct step *step, struct session *session, const Up__Ack *ack)
{
    delivery_number *numbers = NULL;
    size_t count = 0;
    struct relay_action *action = NULL;

    if (ack->n_numbers > UP_CREDIT_MAX) {
        refuse(step, session->member, "malformed-frame");
        fail(step, session->id, UP__FAILURE__CODE__MALFORMED, "an Ack holds 1 to 256 numbers");
        return;
    }
    numbers = arena_alloc(step->arena, (ack->n_numbers + 1) * sizeof *numbers);
    if (!numbers) {
        step->no_memory = true;
        return;
    }
    for (size_t i = 0; i < ack->n_numbers; i++) {
        size_t at = 0;

        while (at < session->out_count && session->out[at] != ack->numbers[i])
            at++;
        if (at == session->out_count) {
            refuse(step, session->member, "ack-not-its-own");
            fail(step, session->id, UP__FAILURE__CODE__NOT_YOURS,
                 "a number in the Ack was not delivered on this connection");
            return; /* nothing of this frame is believed */
        }
        numbers[count++] = ack->numbers[i];
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;

        while (at < session->out_count && session->out[at] != numbers[i])
            at++;
        if (at < session->out_count)
            session->out[at] = session->out[--session->out_count];
    }
    action = act(step, RELAY_REMOVE, session->id, session->member);
    action->numbers = numbers;
    action->count = count;
    pump(step, session);
}

static void on_prekeys_published(struct step *step, struct session *session,
                                 const Up__PrekeyPublish *published)
{
    Up__Prekeys set;
    uint8_t *bytes = NULL;
    size_t len = 0;

    for (size_t i = 0; i < published->n_prekeys; i++) {
        struct prekey prekey;

        if (published->n_prekeys > UP_PREKEYS_PER_MEMBER_MAX ||
            strcmp(published->prekeys[i]->member, session->member) != 0 ||
            prekey_open(published->prekeys[i], step->relay->roster, &prekey)) {
            refuse(step, session->member, "prekey-not-its-own");
            fail(step, session->id, UP__FAILURE__CODE__NOT_YOURS,
                 "a prekey is not signed by this member");
            return;
        }
    }
    up__prekeys__init(&set);
    set.member = session->member;
    set.prekeys = published->prekeys;
    set.n_prekeys = published->n_prekeys;
    len = up__prekeys__get_packed_size(&set);
    bytes = arena_alloc(step->arena, len);
    if (!bytes) {
        step->no_memory = true;
        return;
    }
    (void)up__prekeys__pack(&set, bytes);
    act(step, RELAY_PUT_PREKEYS, session->id, session->member)->frame = up_view_of(bytes, len);
}

static void on_roster_fetch(struct step *step, struct session *session)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__RosterCopy copy = UP__ROSTER_COPY__INIT;
    struct up_view bytes = roster_signed_bytes(step->relay->roster);

    if (session->told >= roster_version(step->relay->roster)) {
        refuse(step, session->member, "roster-asked-twice");
        fail(step, session->id, UP__FAILURE__CODE__MALFORMED,
             "this connection was given this directory before");
        return;
    }
    session->told = roster_version(step->relay->roster);
    memcpy(&copy.signed_roster.data, &bytes.data, sizeof bytes.data);
    copy.signed_roster.len = bytes.len;
    frame.body_case = UP__FRAME__BODY_ROSTER;
    frame.roster = &copy;
    send_frame(step, session->id, &frame);
}

static void on_session_frame(struct step *step, struct session *session, const Up__Frame *frame)
{
    switch ((int)frame->body_case) {
    case UP__FRAME__BODY_SEND:
        on_send(step, session, frame->send);
        break;
    case UP__FRAME__BODY_CREDIT:
        session->credit +=
            frame->credit->envelopes < UP_CREDIT_MAX ? frame->credit->envelopes : UP_CREDIT_MAX;
        if (session->credit > UP_CREDIT_MAX)
            session->credit = UP_CREDIT_MAX;
        pump(step, session);
        break;
    case UP__FRAME__BODY_ACK:
        on_ack(step, session, frame->ack);
        break;
    case UP__FRAME__BODY_PREKEY_PUBLISH:
        on_prekeys_published(step, session, frame->prekey_publish);
        break;
    case UP__FRAME__BODY_PREKEY_FETCH:
        (void)act(step, RELAY_GET_PREKEYS, session->id, frame->prekey_fetch->member);
        break;
    case UP__FRAME__BODY_ROSTER_FETCH:
        on_roster_fetch(step, session);
        break;
    default: /* empty, or what only a broker says */
        refuse(step, session->member, "malformed-frame");
        fail(step, session->id, UP__FAILURE__CODE__MALFORMED, "a node does not send this");
    }
}

static void on_frame(struct step *step)
{
    const struct relay_event *event = step->event;
    struct session *session = session_of(step->relay, event->from);
    ProtobufCMessage *message = NULL;
    enum up_err err = UP_OK;

    if (!event->member || !roster_find_active(step->relay->roster, event->member)) {
        refuse(step, event->member, "not-in-roster");
        fail(step, event->from, UP__FAILURE__CODE__NOT_IN_ROSTER,
             "this key belongs to no current member");
        act(step, RELAY_CLOSE, event->from, event->member);
        if (session)
            memset(session, 0, sizeof *session);
        return;
    }
    err = event->bytes.len > UP_FRAME_LEN_MAX
              ? UP_TOO_LARGE
              : message_unpack(&up__frame__descriptor, event->bytes, step->arena, &message);
    if (err) {
        refuse(step, event->member, "malformed-frame");
        fail(step, event->from, UP__FAILURE__CODE__MALFORMED, up_err_text(err));
        return;
    }
    if (((Up__Frame *)message)->body_case == UP__FRAME__BODY_HELLO) {
        on_hello(step, ((Up__Frame *)message)->hello);
    } else if (!session || strcmp(session->member, event->member) != 0) {
        refuse(step, event->member, "hello-first");
        fail(step, event->from, UP__FAILURE__CODE__HELLO_FIRST, "say Hello first");
    } else {
        on_session_frame(step, session, (Up__Frame *)message);
    }
}

/* --- what the shell reports back ------------------------------------------------------------------ */

static Up__Accepted__Result result_of(const struct relay_event *event, size_t index)
{
    if (event->items[index].envelope.len == 0)
        return (Up__Accepted__Result)event->items[index].header.prekey_id.bytes[0];
    if (event->err || !event->results)
        return UP__ACCEPTED__RESULT__TRY_LATER;
    switch (event->results[index]) {
    case MAILSTORE_STORED:
        return UP__ACCEPTED__RESULT__STORED;
    case MAILSTORE_DUPLICATE:
        return UP__ACCEPTED__RESULT__DUPLICATE;
    case MAILSTORE_FULL:
        return UP__ACCEPTED__RESULT__MAILBOX_FULL;
    }
    return UP__ACCEPTED__RESULT__TRY_LATER;
}

static void on_stored(struct step *step)
{
    const struct relay_event *event = step->event;
    Up__Accepted__Result *results = arena_alloc(step->arena, (event->count + 1) * sizeof *results);

    if (!results) {
        step->no_memory = true;
        return;
    }
    for (size_t i = 0; i < event->count; i++)
        results[i] = result_of(event, i);
    if (session_of(step->relay, event->from))
        accept(step, event->from, event->seq, results, event->count);
    for (size_t i = 0; i < event->count; i++) {
        struct session *recipient = NULL;

        if (results[i] != UP__ACCEPTED__RESULT__STORED)
            continue;
        recipient = session_of_member(step->relay, event->items[i].header.recipient.text);
        if (recipient) {
            recipient->lanes[event->items[i].header.urgent].more = true;
            pump(step, recipient);
        }
    }
}

static void on_loaded(struct step *step)
{
    const struct relay_event *event = step->event;
    struct session *session = session_of(step->relay, event->from);
    struct lane *lane = session ? &session->lanes[event->urgent] : NULL;
    Up__Frame frame = UP__FRAME__INIT;
    Up__Deliver deliver = UP__DELIVER__INIT;
    Up__Delivery *list = NULL;

    if (!session || !lane->busy)
        return;
    lane->busy = false;
    lane->more = event->count > 0;
    list = arena_alloc(step->arena, (event->count + 1) * sizeof *list);
    deliver.deliveries = arena_alloc(step->arena, (event->count + 1) * sizeof(void *));
    if (!list || !deliver.deliveries) {
        step->no_memory = true;
        return;
    }
    for (size_t i = 0;
         i < event->count && session->credit > 0 && session->out_count < UP_CREDIT_MAX; i++) {
        up__delivery__init(&list[i]);
        list[i].number = event->mail[i].number;
        memcpy(&list[i].envelope.data, &event->mail[i].envelope.data, sizeof(void *));
        list[i].envelope.len = event->mail[i].envelope.len;
        deliver.deliveries[deliver.n_deliveries++] = &list[i];
        session->out[session->out_count++] = event->mail[i].number;
        session->credit--;
        lane->cursor = event->mail[i].number;
    }
    if (deliver.n_deliveries > 0) {
        frame.body_case = UP__FRAME__BODY_DELIVER;
        frame.deliver = &deliver;
        send_frame(step, session->id, &frame);
    }
    pump(step, session);
}

static void on_prekeys(struct step *step)
{
    Up__Frame frame = UP__FRAME__INIT;
    Up__Prekeys none;
    ProtobufCMessage *message = NULL;
    char member[UP_MEMBER_LEN_MAX + 1] = "";

    if (!session_of(step->relay, step->event->from))
        return;
    if (step->event->member && strlen(step->event->member) <= UP_MEMBER_LEN_MAX)
        memcpy(member, step->event->member, strlen(step->event->member));
    up__prekeys__init(&none);
    none.member = member;
    frame.body_case = UP__FRAME__BODY_PREKEYS;
    frame.prekeys = &none;
    if (step->event->bytes.len > 0 && message_unpack(&up__prekeys__descriptor, step->event->bytes,
                                                     step->arena, &message) == UP_OK)
        frame.prekeys = (Up__Prekeys *)message;
    send_frame(step, step->event->from, &frame);
}

static void on_notices(struct step *step)
{
    const struct relay_event *event = step->event;
    struct session *session = session_of(step->relay, event->from);
    Up__Frame frame = UP__FRAME__INIT;
    Up__Expired expired = UP__EXPIRED__INIT;
    Up__ExpiredEnvelope *list = NULL;
    struct relay_action *action = NULL;

    if (!session || event->count == 0)
        return;
    list = arena_alloc(step->arena, event->count * sizeof *list);
    expired.envelopes = arena_alloc(step->arena, event->count * sizeof(void *));
    if (!list || !expired.envelopes) {
        step->no_memory = true;
        return;
    }
    for (size_t i = 0; i < event->count; i++) {
        const uint8_t *id = event->notices[i].id.bytes;
        const char *recipient = event->notices[i].recipient.text;

        up__expired_envelope__init(&list[i]);
        memcpy(&list[i].envelope_id.data, &id, sizeof id);
        list[i].envelope_id.len = 16;
        memcpy(&list[i].recipient, &recipient, sizeof recipient);
        expired.envelopes[i] = &list[i];
    }
    expired.n_envelopes = event->count;
    frame.body_case = UP__FRAME__BODY_EXPIRED;
    frame.expired = &expired;
    send_frame(step, session->id, &frame);
    action = act(step, RELAY_NOTICES_DONE, session->id, session->member);
    action->notices = event->notices;
    action->count = event->count;
}

static void on_roster(struct step *step)
{
    const Up__Roster *content = NULL;

    step->relay->roster = step->event->roster;
    content = roster_content(step->relay->roster);
    for (size_t i = 0; i < step->relay->session_max; i++) {
        struct session *session = &step->relay->sessions[i];

        if (session->id != 0 && !roster_find_active(step->relay->roster, session->member)) {
            refuse(step, session->member, "not-in-roster");
            session_end(step, session, UP__FAILURE__CODE__NOT_IN_ROSTER,
                        "this member is no longer in the roster");
        }
    }
    for (size_t i = 0; i < content->n_members; i++) {
        if (content->members[i]->status == UP__MEMBER__STATUS__REVOKED)
            (void)act(step, RELAY_PURGE, 0, content->members[i]->id);
    }
}

enum up_err relay_step(struct relay *relay, const struct relay_event *event, struct arena *arena,
                       struct relay_actions *ret_actions)
{
    struct step step = {.relay = relay, .event = event, .arena = arena};
    struct session *closed = NULL;

    switch (event->kind) {
    case RELAY_FRAME:
        on_frame(&step);
        break;
    case RELAY_CLOSED:
        closed = session_of(relay, event->from);
        if (closed)
            memset(closed, 0, sizeof *closed);
        break;
    case RELAY_STORED:
        on_stored(&step);
        break;
    case RELAY_LOADED:
        on_loaded(&step);
        break;
    case RELAY_PREKEYS:
        on_prekeys(&step);
        break;
    case RELAY_NOTICES:
        on_notices(&step);
        break;
    case RELAY_ROSTER:
        on_roster(&step);
        break;
    }
    if (step.no_memory)
        return UP_NO_MEMORY;
    *ret_actions = step.actions;
    return UP_OK;
}
