/* parallel - runs lists of stages side by side, each on a view of the turn, then goes on.
 *
 * Reads of a branch fall through to the turn, its writes stay in the branch until `keep` takes them
 * over. Events carry the branch's index, counted from 1 in the order of the file.
 *
 *     join: all    waits for all of them; what they emit reaches the client (unless quiet)
 *     join: first  the first that speaks, or ends well without a word, is the answer: the others are
 *                  cancelled at once
 */
#include <patchbay/pipeline.h>

enum { JOIN_ALL, JOIN_FIRST };

struct parallel {
    pb_map branches; /* of pb_pipeline * */
    int32_t join;
    bool quiet;
    bool required;
    pb_list keep; /* of pb_str */
};

static const pb_field parallel_options[] = {
    PB_MAP(struct parallel, branches, PB_KIND_PIPELINE, .required = 1,
           .help = "Lists of stages by name; all begin at once."),
    PB_ENUM(struct parallel, join, .values = PB_VALUES("all", "first"), .def = "all",
            .help = "Wait for all, or let the first that answers win."),
    PB_BOOL(struct parallel, quiet, .def = "false",
            .help = "Nothing that the branches say reaches the client; only what they write counts."),
    PB_BOOL(struct parallel, required, .def = "true",
            .help = "A branch that fails fails the turn; else it is logged and left out."),
    PB_LIST(struct parallel, keep, PB_KIND_STR,
            .help = "Branches whose messages, parameters and variables the turn takes over, in this "
                    "order. With join: first the winner's are always taken."),
    PB_END,
};

struct group;

struct branch {
    pb_sink base;
    struct group *group;
    pb_pipeline *pipeline;
    pb_str name;
    pb_turn *view;
    pb_task *task;
    pb_status status;
};

struct group {
    const struct parallel *parallel;
    struct branch *branches;
    size_t count;
    struct branch *winner; /* join: first */
    pb_sink *out;
};

static void win(struct branch *branch)
{
    struct group *group = branch->group;

    group->winner = branch;
    for (size_t i = 0; i < group->count; i++)
        if (&group->branches[i] != branch && group->branches[i].task)
            pb_task_cancel(group->branches[i].task);
}

static pb_status branch_emit(pb_sink *sink, const pb_event *event)
{
    struct branch *branch = (struct branch *)sink;
    struct group *group = branch->group;

    if (group->parallel->quiet && event->type != PB_EVENT_USAGE)
        return PB_OK;
    if (group->parallel->join == JOIN_FIRST && event->type != PB_EVENT_STAGE &&
        event->type != PB_EVENT_USAGE) {
        if (!group->winner)
            win(branch);
        if (group->winner != branch)
            return pb_fail(PB_CANCELLED, "another branch answers");
    }
    return pb_sink_emit(group->out, event);
}

static pb_status branch_run(void *arg)
{
    struct branch *branch = arg;
    pb_status status = pb_run_pipeline(branch->pipeline, branch->view, NULL);

    if (status == PB_OK && branch->group->parallel->join == JOIN_FIRST && !branch->group->winner)
        win(branch);
    return status;
}

/* Begins all; those that cannot be begun have failed. */
static pb_status begin(struct group *group, pb_turn *turn)
{
    const struct parallel *parallel = group->parallel;

    for (size_t i = 0; i < group->count; i++) {
        struct branch *branch = &group->branches[i];
        branch->base.size = (uint32_t)sizeof(pb_sink);
        branch->base.emit = branch_emit;
        branch->group = group;
        branch->name = parallel->branches.keys[i];
        branch->pipeline = PB_ITEM(parallel->branches, pb_pipeline *, i);
        branch->status = pb_turn_branch(turn, (int32_t)i + 1, &branch->base, &branch->view);
        if (branch->status != PB_OK)
            return branch->status;
    }
    for (size_t i = 0; i < group->count; i++) {
        struct branch *branch = &group->branches[i];
        branch->status = pb_spawn(branch_run, branch, &branch->task);
    }
    return PB_OK;
}

/* Waits for all; what to make of their ends. */
static pb_status join(struct group *group)
{
    pb_status failed = PB_OK;
    pb_duration retry_after = 0;
    pb_str sentence = {NULL, 0}; /* of the first that failed: later ones write over the error */
    size_t good = 0;

    for (size_t i = 0; i < group->count; i++) {
        struct branch *branch = &group->branches[i];
        if (branch->task)
            branch->status = pb_join(branch->task);
        if (branch->status == PB_OK) {
            good++;
            continue;
        }
        if (group->winner && group->winner != branch)
            continue; /* it lost */
        if (failed == PB_OK) {
            failed = branch->status;
            retry_after = pb_error_last()->retry_after;
            sentence = pb_copy(pb_error_last()->sentence);
        }
        pb_log(PB_WARN, "branch '%.*s' failed: %.*s", PB_ARG(branch->name),
               PB_ARG(pb_error_last()->sentence));
    }
    if (group->winner)
        return group->winner->status;
    if (failed == PB_OK || failed == PB_CANCELLED)
        return failed;
    if (group->parallel->required || !good)
        return pb_fail_retry(failed, retry_after, "%.*s", PB_ARG(sentence));
    pb_error_clear();
    return PB_OK;
}

static pb_status keep(struct group *group, pb_turn *turn)
{
    pb_list names = group->parallel->keep;
    pb_status status = PB_OK;

    if (group->winner)
        return pb_turn_keep(turn, group->winner->view);
    for (size_t i = 0; status == PB_OK && i < names.count; i++)
        for (size_t j = 0; j < group->count; j++)
            if (group->branches[j].status == PB_OK &&
                pb_str_equal(group->branches[j].name, PB_ITEM(names, pb_str, i)))
                status = pb_turn_keep(turn, group->branches[j].view);
    return status;
}

static pb_status parallel_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct parallel *parallel = self;
    struct group group = {.parallel = parallel, .count = parallel->branches.count};

    group.out = pb_turn_sink(turn);
    group.branches = PB_NEW_ARRAY(struct branch, group.count);
    if (!group.branches)
        return PB_NO_MEMORY;
    pb_status status = begin(&group, turn);
    if (status == PB_OK)
        status = join(&group);
    if (status == PB_OK)
        status = keep(&group, turn);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

static void parallel_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct parallel *parallel = self;

    if (!parallel->branches.count)
        pb_problem(diagnostics, "branches", "there is no branch; give at least one");
    for (size_t i = 0; i < parallel->keep.count; i++) {
        pb_str name = PB_ITEM(parallel->keep, pb_str, i);
        bool known = false;
        char field[32];
        for (size_t j = 0; j < parallel->branches.count; j++)
            known = known || pb_str_equal(parallel->branches.keys[j], name);
        snprintf(field, sizeof field, "keep[%zu]", i);
        if (!known)
            pb_problem(diagnostics, field, "no branch is named '%.*s'", PB_ARG(name));
    }
}

PB_PLUGIN("parallel", "0.1.0", "Apache-2.0", "Runs lists of stages side by side.",
          PB_STAGE("parallel", struct parallel, parallel_options, .check = parallel_check,
                   .run = parallel_run));
