/* journal_follow.c - pb_turn_follow: a launched turn's events as they stand in the database.
 *
 * A page is read in one statement with the row of the turn, so that "ended" and "no more events"
 * are of one moment. Waiting is by the writer where it is in this process, else by the bus, and
 * never longer than a second: what only wakes may be lost.
 */
#include "turn/journal.h"

#include "base/scope.h"
#include <patchbay/cluster.h>
#include <stdlib.h>

static const pb_duration look_again = PB_SECOND;

static pb_status unknown(void)
{
    return pb_fail(PB_NOT_FOUND,
                   "there is no kept turn with this id; only detached turns and those "
                   "with an Idempotency-Key are kept, and only for a time");
}

/* --- the row of a turn ------------------------------------------------------------------------ */

static pb_str uuid_of(const pb_value *value)
{
    return value->text.size == 16 ? pb_uuid_text(value->text.data) : (pb_str){0};
}

static void read_headers(pb_str text, pb_launched *out)
{
    const pb_json *json;
    pb_header *headers;

    if (!text.size || pb_json_parse(text, &json) != PB_OK ||
        !(headers = PB_NEW_ARRAY(pb_header, json->count)))
        return;
    for (const pb_json *at = json->child; at; at = at->next)
        headers[out->header_count++] = (pb_header){at->key, at->text};
    out->headers = headers;
}

void journal_read_about(const pb_value *row, struct journal_state *out)
{
    *out = (struct journal_state){
        .row = row[0].integer,
        .status = row[9].text,
        .node = row[10].text,
        .about = {.size = sizeof out->about,
                  .id = uuid_of(&row[1]),
                  .pipeline = row[3].text,
                  .conversation = uuid_of(&row[4]),
                  .reply = uuid_of(&row[5]),
                  .request_id = row[6].text,
                  .created = row[7].integer},
    };
    read_headers(row[8].text, &out->about);
}

pb_status journal_look_up(pb_str id, const pb_principal *principal, struct journal_state *out)
{
    pb_instance *database;
    uint8_t uuid[16] = {0};
    pb_rows rows;
    pb_value values[] = {pb_value_bytes(uuid, sizeof uuid)};
    pb_statement statement = pb_statement_make(journal_sql[SQL_TURN], values, 1);

    if (!principal || !pb_uuid_bytes(id, uuid))
        return unknown();
    pb_status status = journal_database(&database);
    if (status != PB_OK)
        return status == PB_UNSUPPORTED ? unknown() : status;
    statement.tenant = principal->tenant;
    if ((status = pb_db_run(database, &statement, &rows)) != PB_OK)
        return status;
    if (rows.count == 0 || !turn_is_owner(rows.cells[2].text, principal->tenant, principal))
        return unknown();
    journal_read_about(rows.cells, out);
    return PB_OK;
}

/* --- following -------------------------------------------------------------------------------- */

struct following {
    const pb_follow_spec *spec;
    pb_instance *database;
    pb_sink *sink;
    struct journal_state turn;
    pb_subscription *subscription; /* of a turn that runs elsewhere, or NULL */
    uint64_t after;
    bool told;    /* an event was handed on */
    bool ended;   /* that was the last */
    bool running; /* as the page says */
    bool headers; /* are known */
};

static pb_status hand_on(struct following *following, const pb_value *row)
{
    pb_event event;
    pb_scope *scope = pb_scope_begin();
    pb_status status = journal_event_read(row[4].text, (uint64_t)row[3].integer, &event);

    if (status == PB_OK) {
        following->after = event.number;
        following->told = true;
        status = pb_sink_emit(following->sink, &event);
    }
    if (status == PB_OK && event.type == PB_EVENT_DONE && event.result) {
        following->ended = true;
        status = event.result->status;
        if (event.result->error)
            scope_error_set(event.result->error);
    }
    pb_scope_end(scope);
    return status;
}

static pb_status hand_on_page(struct following *following, const pb_rows *rows)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < rows->count && status == PB_OK && !following->ended; i++)
        if (pb_cell(rows, i, 3)->type == PB_VALUE_INT)
            status = hand_on(following, pb_cell(rows, i, 0));
    return status;
}

static pb_status read_page(struct following *following, pb_rows *rows)
{
    pb_value values[] = {pb_value_int(following->turn.row),
                         pb_value_int((int64_t)following->after)};
    pb_statement statement = pb_statement_make(journal_sql[SQL_PAGE], values, 2);

    statement.tenant = following->spec->principal->tenant;
    pb_status status = pb_db_run(following->database, &statement, rows);
    if (status == PB_OK && rows->count == 0) /* too old: it was deleted meanwhile */
        status = unknown();
    if (status == PB_OK)
        following->running = pb_str_is(rows->cells[0].text, "running");
    return status;
}

/* The headers come with the first batch. They must outlive the page: it is read again after them.
 */
static bool take_headers(struct following *following, pb_scope **scope, const pb_value *row)
{
    pb_launched *about = following->spec->about;
    char *text;

    if (following->headers || row[3].type != PB_VALUE_INT)
        return false;
    following->headers = true;
    if (!about || about->size < sizeof *about || !row[2].text.size ||
        !(text = strndup(row[2].text.data, row[2].text.size)))
        return false;
    pb_scope_end(*scope);
    read_headers(pb_copy(pb_str_of(text)), about);
    *scope = pb_scope_begin();
    free(text);
    return true;
}

/* *more: there was a page, look for the next one. */
static pb_status follow_page(struct following *following, bool *more)
{
    uint64_t before = following->after;
    pb_scope *scope = pb_scope_begin();
    pb_rows rows;
    pb_status status = read_page(following, &rows);

    if (status == PB_OK && take_headers(following, &scope, rows.cells))
        status = read_page(following, &rows);
    if (status == PB_OK)
        status = hand_on_page(following, &rows);
    pb_scope_end(scope);
    *more = following->after != before;
    return status;
}

/* Does anybody still write? Its node may be gone, or be this one and not know of it. */
static bool has_writer(const struct following *following)
{
    pb_str node = following->turn.node;

    return pb_node_alive(node) &&
           (!pb_str_equal(node, pb_node_id()) || journal_find(following->turn.about.id));
}

static pb_status wait_for_more(struct following *following)
{
    struct journal_turn *here = journal_find(following->turn.about.id);
    const pb_bus_message *message;
    pb_status status;

    if (!has_writer(following))
        return journal_interrupt(following->database, following->turn.row, following->turn.node);
    if (here && here->written > following->after)
        return PB_OK;
    if (here)
        status = journal_wait(here, look_again);
    else if (following->subscription)
        status = pb_bus_wait(following->subscription, look_again, &message);
    else
        status = pb_sleep(look_again);
    if (status == PB_TIMEOUT && !pb_cancelled()) /* of the wait, not of the task */
        status = PB_OK;
    return status == PB_DECLINED ? PB_OK : status;
}

static pb_status follow(struct following *following)
{
    pb_status status = PB_OK;
    bool more;

    for (;;) {
        status = follow_page(following, &more);
        if (status != PB_OK || following->ended)
            return status;
        if (more)
            continue;
        if (!following->running)
            return PB_DECLINED;
        if ((status = wait_for_more(following)) != PB_OK)
            return status;
    }
}

/* Before the first look, so that no wake is missed in between. */
static pb_status subscribe(struct following *following)
{
    char topic[64];

    if (!pb_str_is(following->turn.status, "running") || journal_find(following->turn.about.id))
        return PB_OK;
    journal_topic(following->turn.about.id, topic);
    return pb_subscribe(pb_copy(pb_str_of(topic)), NULL, NULL, &following->subscription);
}

pb_status host_turn_follow(const pb_follow_spec *spec, pb_sink *sink)
{
    struct following following = {.spec = spec, .sink = sink, .after = spec->after};
    pb_status status = journal_look_up(spec->id, spec->principal, &following.turn);

    if (status != PB_OK)
        return status;
    if (spec->about) {
        uint32_t size = spec->about->size, whole = sizeof following.turn.about;
        memcpy(spec->about, &following.turn.about, size < whole ? size : whole);
        spec->about->size = size < whole ? size : whole;
    }
    following.headers = following.turn.about.header_count > 0;
    status = journal_database(&following.database);
    if (status == PB_OK)
        status = subscribe(&following);
    if (status == PB_OK)
        status = follow(&following);
    pb_unsubscribe(following.subscription);
    return status;
}
