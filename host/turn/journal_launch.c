/* journal_launch.c - pb_turn_launch: the row of a turn is durable before it begins, and a key finds
 * the turn that it began.
 */
#include "turn/journal.h"

#include "base/scope.h"
#include <patchbay/cluster.h>
#include <stdlib.h>

static const pb_principal nobody = {
    .size = sizeof nobody, .id = PB_LIT("nobody"), .tenant = PB_LIT("default")};

struct launch {
    const pb_turn_spec *spec;
    const pb_principal *principal;
    pb_instance *database;
    pb_launched *out;
    uint8_t key_hash[32];
};

static pb_value hash_value(const struct launch *launch)
{
    return launch->spec->key.size ? pb_value_bytes(launch->key_hash, sizeof launch->key_hash)
                                  : pb_value_null();
}

/* PB_OK: that turn. PB_DECLINED: nobody used the key. */
static pb_status find_known(struct launch *launch)
{
    pb_value values[] = {pb_value_text(launch->principal->id), hash_value(launch)};
    pb_statement statement = pb_statement_make(journal_sql[SQL_KNOWN], values, 2);
    struct journal_state state;
    pb_rows rows;

    statement.tenant = launch->principal->tenant;
    pb_status status = pb_db_run(launch->database, &statement, &rows);
    if (status != PB_OK)
        return status;
    if (rows.count == 0)
        return PB_DECLINED;
    if (!pb_str_equal(pb_cell(&rows, 0, rows.columns - 1)->text, launch->spec->digest))
        return pb_fail(
            PB_UNPROCESSABLE,
            "this Idempotency-Key was used before with another request; a key stands for "
            "one request");
    journal_read_about(rows.cells, &state);
    *launch->out = state.about;
    launch->out->known = 1;
    return PB_OK;
}

static pb_value uuid_value(pb_str text, uint8_t bytes[16])
{
    return text.size && pb_uuid_bytes(text, bytes) ? pb_value_bytes(bytes, 16) : pb_value_null();
}

/* PB_DECLINED: somebody was faster with the same key. */
static pb_status insert(const struct launch *launch, struct journal_turn *journal)
{
    const pb_turn_info *info = &journal->turn->info;
    uint8_t uuid[16], conversation[16], reply[16];
    pb_value values[] = {
        pb_value_text(launch->principal->id),
        uuid_value(info->id, uuid),
        hash_value(launch),
        pb_value_bytes(launch->spec->digest.data, launch->spec->digest.size),
        pb_value_text(info->pipeline),
        uuid_value(info->conversation, conversation),
        uuid_value(info->reply, reply),
        pb_value_text(info->request_id),
        pb_value_text(pb_node_id()),
        pb_value_int(info->created),
    };
    pb_statement statement =
        pb_statement_make(journal_sql[SQL_TURN_INSERT], values, sizeof values / sizeof *values);
    pb_rows rows;

    statement.tenant = launch->principal->tenant;
    pb_status status = pb_db_run(launch->database, &statement, &rows);
    if (status == PB_OK && rows.count == 0)
        return PB_DECLINED;
    if (status == PB_OK) {
        journal->row = pb_cell(&rows, 0, 0)->integer;
        return PB_OK;
    }
    return status;
}

/* Nothing runs, so nothing shall be found; a row that stays is ended by the next sweep. */
static void take_back(const struct launch *launch, const struct journal_turn *journal)
{
    pb_error error = *pb_error_last();
    pb_str sentence = pb_copy(error.sentence);
    uint8_t uuid[16];
    pb_value values[] = {uuid_value(journal->turn->info.id, uuid)};
    pb_statement statement = pb_statement_make(journal_sql[SQL_TURN_TAKE_BACK], values, 1);

    statement.tenant = launch->principal->tenant;
    (void)pb_db_run(launch->database, &statement, NULL);
    (void)pb_fail_retry(error.status, error.retry_after, "%.*s", PB_ARG(sentence));
}

static pb_status make(const struct launch *launch, struct journal_turn **out)
{
    struct journal_turn *journal = calloc(1, sizeof *journal);

    if (!journal)
        return pb_fail(PB_NO_MEMORY, "there is no memory for another turn");
    journal->database = launch->database;
    journal->last = &journal->first;
    journal->reply = pb_reply_make(0);
    list_init(&journal->followers);
    arena_init(&journal->arena, turn_limits_now()->memory);
    struct arena *before = scope_arena_swap(&journal->arena);
    pb_status status = journal_copy(launch->spec, &journal->spec);
    scope_arena_swap(before);
    if (status == PB_OK)
        status = host_turn_new(&journal->spec, &journal->turn);
    if (status == PB_OK)
        *out = journal;
    else
        journal_free(journal);
    return status;
}

static void tell(const struct journal_turn *journal, pb_launched *out)
{
    const pb_turn_info *info = &journal->turn->info;

    *out = (pb_launched){.size = sizeof *out,
                         .id = pb_copy(info->id),
                         .conversation = pb_copy(info->conversation),
                         .reply = pb_copy(info->reply),
                         .pipeline = info->pipeline,
                         .created = info->created,
                         .request_id = pb_copy(info->request_id)};
}

/* Shielded: what has a row runs, also when the client leaves in this moment. */
static pb_status begin(void *arg)
{
    struct launch *launch = arg;
    struct journal_turn *journal = NULL;
    pb_status status = make(launch, &journal);

    if (status != PB_OK)
        return status;
    journal_add(journal); /* before its row, which a sweep would find without a turn */
    status = insert(launch, journal);
    tell(journal, launch->out);
    if (status == PB_OK)
        status = journal_run(journal);
    if (status == PB_OK)
        return PB_OK;
    if (status != PB_DECLINED)
        take_back(launch, journal);
    journal_free(journal);
    return status == PB_DECLINED ? find_known(launch) : status;
}

pb_status host_turn_launch(const pb_turn_spec *asked, pb_launched *out)
{
    pb_turn_spec spec = {0};
    pb_launched launched = {.size = sizeof launched};
    struct launch launch = {.spec = &spec, .out = &launched};
    pb_status status = journal_database(&launch.database);

    if (status != PB_OK)
        return status;
    memcpy(&spec, asked, asked->size < sizeof spec ? asked->size : sizeof spec);
    launch.principal = spec.principal ? spec.principal : &nobody;
    status = PB_DECLINED;
    if (spec.key.size) {
        pb_sha256((pb_bytes){(const uint8_t *)spec.key.data, spec.key.size}, launch.key_hash);
        status = find_known(&launch);
    }
    if (status == PB_DECLINED)
        status = host_shield(begin, &launch);
    if (status == PB_DECLINED) /* the key was used and given free in the same moment */
        status = pb_fail_retry(PB_UNAVAILABLE, PB_SECOND, "this Idempotency-Key is just in use");
    if (status == PB_OK) {
        uint32_t size = out->size < sizeof launched ? out->size : (uint32_t)sizeof launched;
        memcpy(out, &launched, size);
        out->size = size;
    }
    return status;
}
