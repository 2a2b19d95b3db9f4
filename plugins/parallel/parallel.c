/* parallel - runs lists of stages side by side, each on a view of the turn, then goes on.
 *
 * Reads of a branch fall through to the turn, its writes stay in the branch until `keep` takes them
 * over: as a whole, so the last one kept wins. Events carry the branch's index, counted from 1 in
 * the order of the file.
 *
 *     join: all    waits for all of them; what they emit reaches the client (unless quiet)
 *     join: first  the first that speaks, or ends well without a word, is the answer: at that
 *                  moment the others are cancelled
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
            .help =
                "Nothing that the branches say reaches the client; only what they write counts."),
    PB_BOOL(struct parallel, required, .def = "true",
            .help = "A branch that fails ends the others and fails the turn; else it is left out."),
    PB_LIST(struct parallel, keep, PB_KIND_STR,
            .help =
                "Branches whose messages, parameters and variables the turn takes over, in this "
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
    pb_duration retry_after;
    pb_str sentence; /* of its failure: what is joined later writes over the task's error */
};

struct group {
    const struct parallel *parallel;
    struct branch *branches;
    size_t count;
    struct branch *decisive; /* what it comes to is what all comes to; or NULL */
};

/* From here on the others cannot change the outcome. */
static void decide(struct branch *branch)
{
    struct group *group = branch->group;

    if (group->decisive)
        return;
    group->decisive = branch;
    for (size_t i = 0; i < group->count; i++)
        if (&group->branches[i] != branch && group->branches[i].task)
            pb_task_cancel(group->branches[i].task);
}

static pb_status too_late(void)
{
    return pb_fail(PB_CANCELLED, "another branch has decided");
}

static pb_status branch_emit(pb_sink *sink, const pb_event *event)
{
    struct branch *branch = (struct branch *)sink;
    struct group *group = branch->group;

    if (group->parallel->quiet && event->type != PB_EVENT_USAGE)
        return PB_OK;
    if (group->parallel->join == JOIN_FIRST && pb_event_speaks(event)) {
        decide(branch);
        if (group->decisive != branch)
            return too_late();
    }
    return pb_pass(sink, event);
}

static pb_status branch_run(void *arg)
{
    struct branch *branch = arg;
    const struct group *group = branch->group;

    if (group->decisive) /* it has not begun yet: it shall not do anything that counts */
        return too_late();
    pb_status status = pb_run_pipeline(branch->pipeline, branch->view, NULL);
    if (group->parallel->join == JOIN_FIRST ? status == PB_OK
                                            : status != PB_OK && group->parallel->required)
        decide(branch);
    return status;
}

static void note_failure(struct branch *branch, pb_status status)
{
    const pb_error *error = pb_error_last();

    branch->status = status;
    branch->retry_after = error->retry_after;
    branch->sentence = pb_copy(error->sentence);
}

/* Begins all; one that cannot be begun has failed. */
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
        pb_status status = pb_turn_branch(turn, (int32_t)i + 1, &branch->base, &branch->view);
        if (status != PB_OK)
            return status;
    }
    for (size_t i = 0; i < group->count; i++) {
        struct branch *branch = &group->branches[i];
        pb_status status = pb_spawn(branch_run, branch, &branch->task);
        if (status == PB_OK)
            continue;
        note_failure(branch, status);
        if (parallel->join == JOIN_ALL && parallel->required)
            decide(branch);
    }
    return PB_OK;
}

static bool has_lost(const struct branch *branch)
{
    const struct branch *decisive = branch->group->decisive;

    return decisive && decisive != branch;
}

/* Waits for all of them. */
static void join(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        struct branch *branch = &group->branches[i];
        pb_status status = branch->task ? pb_join(branch->task) : (pb_status)PB_OK;
        branch->task = NULL;
        if (status != PB_OK)
            note_failure(branch, status);
        if (branch->status != PB_OK && branch->status != PB_CANCELLED && !has_lost(branch))
            pb_log(PB_WARN, "branch '%.*s' failed (%s: %.*s)", PB_ARG(branch->name),
                   pb_status_name(branch->status), PB_ARG(branch->sentence));
    }
}

/* What all comes to: the decisive one's end; else the first failure, when nothing good came. */
static pb_status outcome(const struct group *group)
{
    const struct branch *failed = NULL;
    size_t good = 0;

    for (size_t i = 0; i < group->count; i++) {
        const struct branch *branch = &group->branches[i];
        if (branch->status == PB_OK)
            good++;
        else if (!failed || branch->status == PB_CANCELLED)
            failed = branch;
    }
    if (group->decisive)
        failed = group->decisive->status == PB_OK ? NULL : group->decisive;
    else if (good && failed && failed->status != PB_CANCELLED)
        failed = NULL; /* not required */
    if (!failed) {
        pb_error_clear();
        return PB_OK;
    }
    if (failed->status == PB_CANCELLED)
        return pb_fail(PB_CANCELLED, "%.*s", PB_ARG(failed->sentence));
    return pb_fail_retry(failed->status, failed->retry_after, "branch '%.*s': %.*s",
                         PB_ARG(failed->name), PB_ARG(failed->sentence));
}

static pb_status keep(const struct group *group, pb_turn *turn)
{
    pb_list names = group->parallel->keep;
    pb_status status = PB_OK;

    if (group->decisive)
        return pb_turn_keep(turn, group->decisive->view);
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

    group.branches = PB_NEW_ARRAY(struct branch, group.count);
    if (!group.branches)
        return PB_NO_MEMORY;
    pb_status status = begin(&group, turn);
    if (status != PB_OK)
        return status;
    join(&group);
    status = outcome(&group);
    if (status == PB_OK)
        status = keep(&group, turn);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

static bool is_branch(const struct parallel *parallel, pb_str name)
{
    for (size_t i = 0; i < parallel->branches.count; i++)
        if (pb_str_equal(parallel->branches.keys[i], name))
            return true;
    return false;
}

static void parallel_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct parallel *parallel = self;
    char field[32];

    if (!parallel->branches.count)
        pb_problem(diagnostics, "branches", "there is no branch; give at least two");
    if (parallel->branches.count == 1)
        pb_warning(diagnostics, "branches", "there is one branch only, so nothing beside it");
    for (size_t i = 0; i < parallel->keep.count; i++) {
        pb_str name = PB_ITEM(parallel->keep, pb_str, i);
        (void)snprintf(field, sizeof field, "keep[%zu]", i);
        if (!is_branch(parallel, name))
            pb_problem(diagnostics, field, "no branch is named '%.*s'", PB_ARG(name));
    }
    if (parallel->join == JOIN_FIRST && parallel->keep.count)
        pb_warning(diagnostics, "keep", "with join: first the winner is kept, whichever it is");
    if (parallel->join == JOIN_FIRST && !parallel->required)
        pb_warning(diagnostics, "required", "with join: first one good branch is enough anyway");
}

PB_PLUGIN("parallel", "0.1.0", "Apache-2.0", "Runs lists of stages side by side.",
          PB_STAGE("parallel", struct parallel, parallel_options, .check = parallel_check,
                   .run = parallel_run));
