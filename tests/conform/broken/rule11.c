/* Rule 11: a statement on a table with tenants that does not name $tenant. configs: rule11.yaml */
#include "broken.h"

#include <patchbay/database.h>

struct asker {
    pb_instance *database;
};

static const pb_field options[] = {
    PB_REF(struct asker, database, "database", .required = 1, .help = "Where notes are."), PB_END};

static const char *const first[] = {
    "CREATE TABLE broken_notes (tenant TEXT NOT NULL, text TEXT NOT NULL)", NULL};
static const pb_migration steps[] = {
    {.size = sizeof(pb_migration), .number = 1, .statements = first}};

static pb_status start(void *self)
{
    const struct asker *asker = self;
    return pb_db_migrate(asker->database, "broken", steps, 1);
}

static pb_status run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct asker *asker = self;
    pb_statement all = pb_statement_make(pb_lit("SELECT text FROM broken_notes"), NULL, 0);
    pb_rows rows = {.size = sizeof rows};

    pb_status status = pb_db_run(asker->database, &all, &rows);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

PB_PLUGIN("broken", "1.0.0", "Apache-2.0", "Breaks a rule.",
          PB_STAGE("subject", struct asker, options, .start = start, .run = run));
