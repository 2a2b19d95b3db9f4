/* turn_operations.c - turns.get, turns.list, turns.cancel: of turns in whatever worker they are. */
#include "turn/host_operations.h"

#include "cluster/node.h"
#include "turn/journal.h"
#include "turn/turn.h"
#include "turn/workers.h"

#include <patchbay/transport.h>
#include <stdlib.h>

const pb_field turn_in_fields[] = {
    PB_STR(struct turn_in, id, .required = 1, .help = "The turn's id."), PB_END};

const pb_field turns_in_fields[] = {
    PB_INT(struct turns_in, limit, .def = "20", .min = 1, .max = 100, .help = "How many at most."),
    PB_STR(struct turns_in, cursor, .max_length = 64, .alias = "before",
           .help = "`next` of the page before: only turns that began before the one with this id."),
    PB_END};

static pb_status turn_unknown(void)
{
    return pb_fail(PB_NOT_FOUND, "there is no turn with this id; only the last ones are kept");
}

/* --- get ---------------------------------------------------------------------------------------
 */

static bool write_trace(pb_str id, const pb_principal *principal, pb_buf *buf)
{
    const struct trace *trace = trace_find(id);
    pb_json_writer writer = pb_json_writer_make(buf);

    if (!trace || !turn_is_owner(trace->owner, trace->tenant, principal))
        return false;
    trace_write(trace, true, &writer);
    return true;
}

static pb_status answer_get(pb_str question, pb_str *out)
{
    struct worker_who who;
    pb_buf buf = {0};

    if (workers_who_read(question, &who) != PB_OK || !write_trace(who.id, &who.principal, &buf))
        return PB_DECLINED;
    return workers_answer(&buf, out);
}

static void take_answer(void *arg, pb_str answer)
{
    pb_buf *buf = arg;

    if (!buf->size)
        pb_buf_add(buf, answer);
}

pb_status turns_get(void *self, const pb_call *call, const void *in, pb_content *out)
{
    const struct turn_in *input = in;
    pb_buf buf = {0}, whole = {0};

    (void)self;
    if (input->id.size != 36)
        return turn_unknown();
    if (!write_trace(input->id, call->principal, &buf))
        (void)workers_ask(
            &(struct workers_question){.topic = "turns.get",
                                       .text = workers_who_write(input->id, 0, call->principal),
                                       .first = true,
                                       .each = take_answer,
                                       .arg = &buf});
    if (journal_show(input->id, call->principal, pb_buf_str(&buf), &whole) != PB_OK)
        return turn_unknown();
    return operation_answer(out, &whole);
}

/* --- cancel ------------------------------------------------------------------------------------
 */

static pb_status answer_cancel(pb_str question, pb_str *out)
{
    struct worker_who who;
    pb_status status = workers_who_read(question, &who);

    if (status == PB_OK)
        status = turn_cancel_here(who.id, &who.principal);
    if (status != PB_OK && status != PB_CONFLICT)
        return PB_DECLINED;
    *out = status == PB_OK ? pb_lit("cancelled") : pb_lit("ended");
    return PB_OK;
}

static bool take_cancelled(void *arg, pb_str answer)
{
    *(pb_status *)arg = pb_str_is(answer, "cancelled") ? PB_OK : PB_CONFLICT;
    return true;
}

static pb_status cancel(pb_str id, const pb_principal *principal)
{
    struct journal_state state;
    pb_status status = turn_cancel_here(id, principal);

    if (status == PB_NOT_FOUND && principal && node_kind() != NODE_ALONE)
        (void)node_ask("turns.cancel", workers_who_write(id, 0, principal), WORKERS_LIMIT,
                       take_cancelled, &status);
    if (status == PB_NOT_FOUND && principal && id.size == 36 &&
        journal_look_up(id, principal, &state) == PB_OK)
        status = PB_CONFLICT; /* it ended in a process that is gone */
    if (status == PB_CONFLICT)
        return pb_fail(PB_CONFLICT, "the turn has ended already");
    return status == PB_NOT_FOUND ? turn_unknown() : status;
}

pb_status host_turn_cancel(pb_str id, const pb_principal *principal)
{
    pb_status status = cancel(id, principal);

    return status == PB_OK ? status
                           : pb_fail(PB_NOT_FOUND, "there is no running turn with this id");
}

pb_status turns_cancel(void *self, const pb_call *call, const void *in, pb_content *out)
{
    const struct turn_in *input = in;
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    pb_status status = cancel(input->id, call->principal);

    (void)self;
    if (status != PB_OK)
        return status;
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "id");
    pb_jw_str(&writer, input->id);
    pb_jw_key(&writer, "status");
    pb_jw_str(&writer, pb_lit("cancelled"));
    pb_jw_close(&writer, '}');
    out->status = 202;
    return operation_answer(out, &buf);
}

/* --- list --------------------------------------------------------------------------------------
 */

/* This worker's turns that began before `before`, newest first: a line each, of the id, a space,
 * and the object. One more than `limit`, to know whether there are more. */
static void write_lines(const struct worker_who *who, pb_buf *buf)
{
    int64_t count = 0;

    for (const struct trace *at = trace_newest(NULL); at && count <= who->limit;
         at = trace_newest(at)) {
        if (who->id.size && memcmp(at->id, who->id.data, 36) >= 0)
            continue;
        if (!turn_is_owner(at->owner, at->tenant, &who->principal))
            continue;
        pb_json_writer writer = pb_json_writer_make(buf);
        pb_buf_printf(buf, "%s ", at->id);
        trace_write(at, false, &writer);
        pb_buf_byte(buf, '\n');
        count++;
    }
}

static pb_status answer_list(pb_str question, pb_str *out)
{
    struct worker_who who;
    pb_buf buf = {0};

    if (workers_who_read(question, &who) != PB_OK || (who.id.size && who.id.size != 36))
        return PB_DECLINED;
    write_lines(&who, &buf);
    return buf.size ? workers_answer(&buf, out) : (pb_status)PB_DECLINED;
}

struct lines {
    pb_str *items;
    size_t count, room;
};

static void take_lines(void *arg, pb_str text)
{
    struct lines *lines = arg;

    while (text.size) {
        size_t end = pb_str_find(text, '\n'), unit = sizeof *lines->items;
        if (lines->count == lines->room) {
            size_t room = lines->room ? lines->room * 2 : 64;
            pb_str *items = pb_grow(lines->items, lines->room * unit, room * unit);
            if (!items)
                return;
            lines->items = items;
            lines->room = room;
        }
        if (end > 37)
            lines->items[lines->count++] = pb_str_slice(text, 0, end);
        text = pb_str_slice(text, end < text.size ? end + 1 : end, text.size);
    }
}

static int by_falling_id(const void *a, const void *b)
{
    const pb_str *x = a, *y = b;
    return memcmp(y->data, x->data, 36);
}

static void write_turns(const struct lines *lines, size_t limit, pb_json_writer *writer)
{
    size_t count = lines->count < limit ? lines->count : limit;

    pb_jw_open(writer, '{');
    pb_jw_key(writer, "turns");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < count; i++)
        pb_jw_raw(writer, pb_str_slice(lines->items[i], 37, lines->items[i].size));
    pb_jw_close(writer, ']');
    pb_jw_key(writer, "next");
    if (lines->count > limit)
        pb_jw_str(writer, pb_str_slice(lines->items[limit - 1], 0, 36));
    else
        pb_jw_null(writer);
    pb_jw_close(writer, '}');
}

pb_status turns_list(void *self, const pb_call *call, const void *in, pb_content *out)
{
    const struct turns_in *input = in;
    struct worker_who who = {
        .id = input->cursor, .limit = input->limit, .principal = *call->principal};
    struct lines lines = {0};
    uint8_t uuid[16];
    pb_buf own = {0}, buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    (void)self;
    if (input->cursor.data && !pb_uuid_bytes(input->cursor, uuid))
        return pb_fail_at(PB_INVALID, "/cursor", "must be the id of a turn");
    write_lines(&who, &own);
    take_lines(&lines, pb_buf_str(&own));
    (void)workers_ask(&(struct workers_question){
        .topic = "turns.list",
        .text = workers_who_write(input->cursor, input->limit, call->principal),
        .each = take_lines,
        .arg = &lines});
    if (lines.count)
        qsort(lines.items, lines.count, sizeof *lines.items, by_falling_id);
    write_turns(&lines, (size_t)input->limit, &writer);
    if (lines.count > (size_t)input->limit)
        out->next = pb_str_slice(lines.items[input->limit - 1], 0, 36);
    return operation_answer(out, &buf);
}

void turn_operations_setup(void)
{
    node_answers("turns.get", answer_get);
    node_answers("turns.cancel", answer_cancel);
    node_answers("turns.list", answer_list);
}
