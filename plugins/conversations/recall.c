/* recall.c - what of a conversation a model gets to see.
 *
 * Read by key from the newest back, a page at a time, until the limits are reached, so the cost
 * does not depend on how long the conversation is. It is cut between exchanges only: an exchange is
 * what the user says and all that follows until the user speaks again, tools and their results
 * included.
 */
#include "recent.h"

enum { PAGE = 64 };

/* Rows, newest first; the oldest `open` of them are an exchange whose beginning was not read yet.
 */
struct reading {
    const struct recall *recall;
    struct recall_row *rows;
    size_t count, room, taken; /* `taken` rows are in for good */
    int64_t tokens, open_tokens, exchanges;
    bool needed; /* the newest exchange holds the call that is answered now */
    bool full;
};

static pb_status add_row(struct reading *reading, const struct recall_row *row)
{
    if (reading->count == reading->room) {
        size_t room = reading->room ? reading->room * 2 : PAGE;
        struct recall_row *grown = (struct recall_row *)pb_grow(
            reading->rows, reading->room * sizeof *grown, room * sizeof *grown);
        if (!grown)
            return PB_NO_MEMORY;
        reading->rows = grown;
        reading->room = room;
    }
    reading->rows[reading->count++] = *row;
    return PB_OK;
}

/* The estimate, or for a plain reply what its model counted. */
static int64_t tokens_of(const struct recall_row *row)
{
    if (row->output_tokens > 0 && !row->extra.size)
        return row->output_tokens + 4;
    return exchange_tokens(row->text.size, row->extra);
}

/* The open exchange has its beginning: does it fit? */
static void close_exchange(struct reading *reading)
{
    const struct recall *recall = reading->recall;
    int64_t tokens = reading->tokens + reading->open_tokens;

    if (recall->max_tokens && tokens > recall->max_tokens &&
        !(reading->needed && !reading->exchanges)) {
        reading->full = true;
        return;
    }
    reading->tokens = tokens;
    reading->open_tokens = 0;
    reading->taken = reading->count;
    reading->full = ++reading->exchanges >= recall->turns;
}

/* One row, older than all before it. */
static pb_status take_row(void *arg, const struct recall_row *row)
{
    struct reading *reading = (struct reading *)arg;
    pb_status status = add_row(reading, row);

    if (status != PB_OK)
        return status;
    reading->open_tokens += tokens_of(row);
    if (row->role == PB_ROLE_USER)
        close_exchange(reading);
    else if (reading->recall->max_tokens && !(reading->needed && !reading->exchanges))
        reading->full = reading->tokens + reading->open_tokens > reading->recall->max_tokens;
    return reading->full ? (pb_status)PB_DECLINED : (pb_status)PB_OK;
}

static pb_status take_page(struct reading *reading, const pb_rows *rows)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < rows->count && status == PB_OK; i++) {
        struct recall_row row = {
            pb_cell(rows, i, 0)->integer, (int32_t)pb_cell(rows, i, 1)->integer,
            pb_cell(rows, i, 5)->integer, pb_cell(rows, i, 2)->text, pb_cell(rows, i, 3)->text};
        status = take_row(reading, &row);
    }
    return status == PB_DECLINED ? (pb_status)PB_OK : status;
}

/* What this worker remembers; *before is the oldest of it. */
static pb_status take_remembered(struct claim *claim, struct reading *reading, int64_t *before)
{
    const struct recent_entry *entry = recent_find(claim->recent, claim);
    pb_status status =
        entry ? recent_rows(entry, &claim->pins, take_row, reading) : (pb_status)PB_OK;

    if (reading->count)
        *before = reading->rows[reading->count - 1].seq;
    return status == PB_DECLINED ? (pb_status)PB_OK : status;
}

static pb_status read_back(struct claim *claim, struct reading *reading)
{
    int64_t before = claim->first;
    bool wanted = reading->recall->turns > 0 || reading->needed;
    pb_status status = wanted ? take_remembered(claim, reading, &before) : (pb_status)PB_OK;
    bool known = reading->count > 0, more = before > 1 && wanted;

    while (more && !reading->full && status == PB_OK) {
        pb_rows rows;
        pb_value values[] = {pb_value_int(claim->key), pb_value_int(before), pb_value_int(PAGE),
                             id_value(claim->turn)};
        status =
            pb_db_query(claim->database, sql_recall, values, sizeof values / sizeof *values, &rows);
        if (status != PB_OK)
            return status;
        status = take_page(reading, &rows);
        more = rows.count == PAGE;
        if (more)
            before = pb_cell(&rows, rows.count - 1, 0)->integer;
    }
    if (status == PB_OK && !known && wanted)
        recent_fill(claim->recent, claim, reading->rows, reading->count);
    if (status == PB_OK && !more && !reading->full && reading->count > reading->taken)
        close_exchange(reading); /* a conversation that does not begin with the user */
    return status;
}

/* --- putting it together ---------------------------------------------------------------------- */

static pb_status add_system(pb_turn *turn, struct messages *out, int64_t *tokens)
{
    size_t count = 0;
    const pb_message *const *messages = pb_turn_messages(turn, &count);
    pb_status status = PB_OK;

    for (size_t i = 0; i < count && status == PB_OK; i++)
        if (messages[i]->role == PB_ROLE_SYSTEM) {
            *tokens += exchange_tokens(messages[i]->text.size, pb_str_make(NULL, 0));
            status = messages_add(out, messages[i]);
        }
    return status;
}

static int64_t fresh_tokens(const struct claim *claim)
{
    int64_t tokens = 0;

    for (size_t i = 0; i < claim->fresh_count; i++) {
        const pb_message *message = claim->fresh[i];
        tokens += exchange_tokens(message->text.size, pb_str_make(NULL, 0)) +
                  1000 * (int64_t)message->part_count;
    }
    return tokens;
}

pb_status recall_into(const struct recall *recall, struct claim *claim, pb_turn *turn)
{
    struct messages all;
    struct reading reading;

    memset(&all, 0, sizeof all);
    memset(&reading, 0, sizeof reading);
    reading.recall = recall;
    reading.needed = claim->fresh_count && claim->fresh[0]->role == PB_ROLE_TOOL;
    reading.tokens = fresh_tokens(claim);
    pb_status status = add_system(turn, &all, &reading.tokens);
    if (status == PB_OK)
        status = read_back(claim, &reading);
    for (size_t i = reading.taken; i-- && status == PB_OK;)
        status = exchange_expand(reading.rows[i].role, reading.rows[i].text, reading.rows[i].extra,
                                 &all);
    size_t fresh = all.count;
    for (size_t i = 0; i < claim->fresh_count && status == PB_OK; i++)
        status = messages_add(&all, claim->fresh[i]);
    if (status == PB_OK)
        status = exchange_mend(&all, fresh);
    return status == PB_OK ? pb_turn_set_messages(turn, all.items, all.count) : status;
}
