/* migrate.c - `patchbay migrate`: brings the tables of all services up to date while no server
 * runs.
 *
 * The lock of run_dir is held meanwhile, so that none can start. Steps that are marked offline,
 * which a reload refuses, run here and only here.
 */
#include "app/control.h"
#include "app/load.h"
#include "app/worker.h"

#include "cluster/run_dir.h"
#include "plugin/instances.h"
#include "turn/database.h"
#include <stdio.h>
#include <unistd.h>

static pb_status report(void *unused)
{
    size_t applied = migrate_applied();

    (void)unused;
    if (applied)
        printf("%zu %s applied; the tables are up to date\n", applied,
               applied == 1 ? "step was" : "steps were");
    else
        printf("nothing to do; the tables are up to date\n");
    return PB_OK;
}

static void say_step(const char *database, const char *owner, int64_t number)
{
    printf("%s: %s, step %lld\n", database, owner, (long long)number);
}

int command_migrate(const struct invocation *invocation)
{
    struct worker_plan plan = {.main = report, .offline = true};
    static struct loaded loaded;
    int lock = -1;

    pb_status status = load_config_aloud(invocation, &loaded);
    if (status != PB_OK)
        return pb_status_exit(status);
    const char *run_dir = instances_host_options()->run_dir.data;
    status = run_dir_lock(run_dir, &lock);
    if (status == PB_OK && run_dir_workers_alive(run_dir))
        status = pb_fail(PB_CONFLICT,
                         "workers of a supervisor that is gone still run on %s; start "
                         "'patchbay serve' and stop it, then migrate",
                         run_dir);
    if (status == PB_OK) {
        migrate_allow_offline(true);
        migrate_each_step(say_step);
        instances_tables_only();
        status = worker_run(&plan);
    } else {
        fprintf(stderr, "patchbay: %.*s\n", PB_ARG(pb_error_last()->sentence));
    }
    if (lock >= 0)
        close(lock);
    return pb_status_exit(status);
}
