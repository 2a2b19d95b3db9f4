/* database.c - calls of databases: each a span; $tenant is bound here, not by whoever asks.
 *
 * While contracts are checked, a statement that touches a table with tenants must name $tenant or
 * say that it is about all of them. Which tables have tenants is learnt from their migrations.
 */
#include "turn/database.h"

#include "plugin/contract.h"
#include "plugin/instances.h"
#include "turn/turn.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { FEW = 8 };

static const pb_database *interface_of(const pb_instance *database)
{
    return (const pb_database *)(const void *)database->interface;
}

/* --- tenants ---------------------------------------------------------------------------------- */

static struct {
    pb_str *names; /* parts of the migrations' texts, which are static */
    size_t count;
} tables;

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Is `word` in `text`, not as a part of a longer one? */
static bool has_word(pb_str text, pb_str word)
{
    for (size_t at = 0; at + word.size <= text.size; at++)
        if (memcmp(text.data + at, word.data, word.size) == 0 &&
            (at == 0 || !is_word(text.data[at - 1])) &&
            (at + word.size == text.size || !is_word(text.data[at + word.size])))
            return true;
    return false;
}

void database_learn_table(const char *create)
{
    static const char *const forms[] = {"CREATE TABLE IF NOT EXISTS ", "CREATE TABLE "};
    pb_str name = {0};

    for (size_t i = 0; i < 2 && !name.data; i++)
        if (pb_str_starts(pb_str_of(create), pb_str_of(forms[i])))
            name.data = create + strlen(forms[i]);
    if (!name.data || !has_word(pb_str_of(create), pb_lit("tenant")))
        return;
    while (is_word(name.data[name.size]))
        name.size++;
    for (size_t i = 0; i < tables.count; i++)
        if (pb_str_equal(tables.names[i], name))
            return;
    pb_str *names = realloc(tables.names, (tables.count + 1) * sizeof *names);
    if (!names)
        return;
    names[tables.count++] = name;
    tables.names = names;
}

void database_forget_tables(void)
{
    free(tables.names);
    tables.names = NULL;
    tables.count = 0;
}

static pb_status check_tenant(const pb_instance *database, const pb_statement *statement)
{
    char what[300];

    if (statement->flags & PB_ALL_TENANTS || has_word(statement->sql, pb_lit("$tenant")))
        return PB_OK;
    for (size_t i = 0; i < tables.count; i++) {
        if (!has_word(statement->sql, tables.names[i]))
            continue;
        (void)snprintf(what, sizeof what,
                       "asked table '%.*s' of database '%.*s' without naming $tenant",
                       PB_ARG(tables.names[i]), PB_ARG(database->name));
        if (instance_running())
            return contract_breach(11, instance_running(), what);
        return pb_fail(PB_INTERNAL, "contract 11: the host %s", what);
    }
    return PB_OK;
}

/* --- calls ------------------------------------------------------------------------------------ */

/* The statements as this host knows them, with the tenant of whoever asks. */
static pb_status bind_tenant(const pb_instance *database, const pb_statement *from, size_t count,
                      pb_statement *to)
{
    const pb_principal *principal = task_local()->principal;
    const char *at = (const char *)from;
    pb_status status = PB_OK;

    for (size_t i = 0; i < count && status == PB_OK; i++) {
        const pb_statement *one = (const pb_statement *)(const void *)at;
        memset(&to[i], 0, sizeof to[i]);
        memcpy(&to[i], one, one->size < sizeof to[i] ? one->size : sizeof to[i]);
        to[i].size = sizeof to[i];
        at += one->size;
        if (principal)
            to[i].tenant = principal->tenant;
        if (contract_enabled())
            status = check_tenant(database, &to[i]);
    }
    return status;
}

static struct pb_span *span_of(const pb_instance *database)
{
    struct pb_turn *turn = turn_current();

    return turn ? trace_span(turn->core->trace, pb_lit("database"), database->name) : NULL;
}

static pb_status run(pb_instance *database, const pb_statement *statements, size_t count,
                     pb_rows *out)
{
    const pb_database *interface = interface_of(database);
    struct pb_span *span = span_of(database);
    void *before = instance_enter(database);
    struct contract_call guard;

    contract_begin(&guard, database);
    pb_status status = count == 1
                           ? interface->query(database->self, statements, out)
                           : interface->batch(database->self, statements, count, out);

    status = contract_end(&guard, status);
    instance_leave(before);
    trace_span_end(span, status);
    return status;
}

pb_status host_db_batch(pb_instance *database, const pb_statement *statements, size_t count,
                        pb_rows *out)
{
    pb_statement few[FEW], *bound = few;

    if (count == 0)
        return PB_OK;
    if (count > FEW && !(bound = PB_NEW_ARRAY(pb_statement, count)))
        return PB_NO_MEMORY;
    pb_status status = bind_tenant(database, statements, count, bound);
    return status == PB_OK ? run(database, bound, count, out) : status;
}

/* What the caller of a transaction wants done is the caller's doing, not the database's. */
struct transaction {
    pb_status (*fn)(void *arg);
    void *arg;
    void *instance; /* that called */
};

static pb_status run_inside(void *arg)
{
    const struct transaction *transaction = arg;
    void *before = instance_enter(transaction->instance);
    pb_status status = transaction->fn(transaction->arg);

    instance_leave(before);
    return status;
}

pb_status host_db_transaction(pb_instance *database, pb_status (*fn)(void *), void *arg)
{
    struct transaction transaction = {fn, arg, instance_running()};
    struct pb_span *span = span_of(database);
    void *before = instance_enter(database);
    pb_status status =
        interface_of(database)->transaction(database->self, run_inside, &transaction);

    instance_leave(before);
    trace_span_end(span, status);
    return status;
}

int32_t host_db_dialect(pb_instance *database)
{
    return interface_of(database)->dialect(database->self);
}

pb_status host_db_backup(pb_instance *database, pb_str path)
{
    void *before = instance_enter(database);
    pb_status status =
        contract_status(database, interface_of(database)->backup(database->self, path));

    instance_leave(before);
    return status;
}

pb_status host_db_restore(pb_instance *database, pb_str path)
{
    void *before = instance_enter(database);
    pb_status status =
        contract_status(database, interface_of(database)->restore(database->self, path));

    instance_leave(before);
    return status;
}
