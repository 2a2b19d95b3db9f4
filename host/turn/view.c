/* view.c - what stages read and change of a turn: messages, parameters, variables; branches.
 *
 * A state is four pointers to immutable things. A change builds a new array or a new top level of
 * an object beside the old one, in the core's own arena, so that a branch starts as a copy of four
 * pointers and going back to an earlier state is an assignment.
 */
#include "turn/turn.h"

#include "base/scope.h"
#include "plugin/contract.h"
#include "plugin/instances.h"
#include <stdio.h>

static const pb_json no_params = {.type = PB_JSON_OBJECT};

static void *keep(struct turn_core *core, size_t size)
{
    void *memory = arena_alloc(&core->kept, size);

    if (!memory)
        pb_fail(PB_NO_MEMORY, "this turn needs more memory than is allowed");
    return memory;
}

pb_status turn_check_write(const struct pb_turn *turn)
{
    const struct pb_turn *running = turn_current();
    char what[120];

    if (!contract_enabled() || !running || !instance_running())
        return PB_OK;
    for (const struct pb_turn *at = running->of; at; at = at->of) {
        if (at != turn)
            continue;
        (void)snprintf(what, sizeof what, "wrote to the turn outside its branch %d: use the view it "
                                          "was given",
                       (int)running->info.branch);
        contract_note(10, instance_running(), what);
        return pb_fail(PB_INTERNAL, "a branch wrote to the turn outside it");
    }
    return PB_OK;
}

const pb_turn_info *host_turn_info(pb_turn *turn)
{
    return &turn->info;
}

const pb_message *const *host_turn_messages(pb_turn *turn, size_t *count)
{
    *count = turn->state.message_count;
    return turn->state.messages;
}

/* Is it one of the turn's own, which need no copy? They mostly come in the order they stand in. */
static bool is_own(const struct turn_state *state, const pb_message *message, size_t *hint)
{
    for (size_t i = *hint; i < state->message_count; i++)
        if (state->messages[i] == message) {
            *hint = i + 1;
            return true;
        }
    return false;
}

pb_status host_turn_set_messages(pb_turn *turn, const pb_message *const *messages, size_t count)
{
    const pb_message **kept;
    size_t hint = 0;

    if (turn_check_write(turn) != PB_OK)
        return PB_INTERNAL;
    if (count > SIZE_MAX / sizeof *kept - 1 ||
        !(kept = keep(turn->core, (count + 1) * sizeof *kept)))
        return PB_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        kept[i] = messages[i];
        if (is_own(&turn->state, messages[i], &hint))
            continue;
        pb_message *copy = keep(turn->core, sizeof *copy);
        if (!copy)
            return PB_NO_MEMORY;
        size_t size = messages[i]->size < sizeof *copy ? messages[i]->size : sizeof *copy;
        memcpy(copy, messages[i], size);
        copy->size = (uint32_t)size;
        kept[i] = copy;
    }
    turn->state.messages = kept;
    turn->state.message_count = count;
    return PB_OK;
}

/* --- objects ---------------------------------------------------------------------------------- */

static pb_json *add_copy(struct turn_core *core, pb_json *object, const pb_json *member)
{
    pb_json *copy = keep(core, sizeof *copy);

    if (!copy)
        return NULL;
    *copy = *member;
    copy->next = NULL;
    if (object->last)
        object->last->next = copy;
    else
        object->child = copy;
    object->last = copy;
    object->count++;
    return copy;
}

/* *object with `name` set to `value`, or without it when value is NULL. */
static pb_status with_member(struct turn_core *core, const pb_json **object, pb_str name,
                             const pb_json *value)
{
    pb_json *changed = keep(core, sizeof *changed), *member;
    char *key;

    if (!changed)
        return PB_NO_MEMORY;
    changed->type = PB_JSON_OBJECT;
    for (const pb_json *at = *object ? (*object)->child : NULL; at; at = at->next)
        if (!pb_str_equal(at->key, name) && !add_copy(core, changed, at))
            return PB_NO_MEMORY;
    if (value) {
        if (!(member = add_copy(core, changed, value)) || !(key = keep(core, name.size + 1)))
            return PB_NO_MEMORY;
        if (name.size)
            memcpy(key, name.data, name.size);
        member->key = (pb_str){key, name.size};
    }
    *object = changed;
    return PB_OK;
}

static const pb_json *member_of(const pb_json *object, pb_str name)
{
    for (const pb_json *at = object ? object->child : NULL; at; at = at->next)
        if (pb_str_equal(at->key, name))
            return at;
    return NULL;
}

const pb_json *host_turn_params(pb_turn *turn)
{
    return turn->state.params;
}

pb_status host_turn_set_param(pb_turn *turn, pb_str name, const pb_json *value)
{
    pb_status status = turn_check_write(turn);
    return status == PB_OK ? with_member(turn->core, &turn->state.params, name, value) : status;
}

const pb_json *host_turn_variable(pb_turn *turn, pb_str name)
{
    return member_of(turn->state.variables, name);
}

pb_status host_turn_set_variable(pb_turn *turn, pb_str name, const pb_json *value)
{
    pb_status status = turn_check_write(turn);
    return status == PB_OK ? with_member(turn->core, &turn->state.variables, name, value) : status;
}

const pb_passages *host_turn_passages(pb_turn *turn)
{
    return turn->state.passages;
}

pb_status host_turn_set_passages(pb_turn *turn, const pb_passages *passages)
{
    pb_status status = turn_check_write(turn);
    pb_passages *copy = status == PB_OK ? keep(turn->core, sizeof *copy) : NULL;

    if (status != PB_OK)
        return status;
    if (!copy)
        return PB_NO_MEMORY;
    *copy = (pb_passages){.size = sizeof *copy, .items = passages->items, .count = passages->count};
    turn->state.passages = copy;
    return PB_OK;
}

pb_document *host_turn_document(pb_turn *turn)
{
    return turn->core->document;
}

void host_turn_set_finish(pb_turn *turn, int32_t finish)
{
    turn->core->finish = finish;
}

/* `out` comes from a plugin that may know fewer members. */
void host_turn_so_far(pb_turn *turn, pb_turn_result *out)
{
    const struct turn_core *core = turn->core;
    pb_turn_result result = {.finish = core->finish,
                             .fallback = core->other_answered,
                             .usage = core->usage,
                             .model = core->model,
                             .total = core->started ? trace_now() - core->started : 0,
                             .first_text = core->first_text,
                             .stop = core->stop};

    if (core->llm)
        result.llm = core->llm->name;
    result.size = out->size < sizeof result ? out->size : (uint32_t)sizeof result;
    memcpy(out, &result, result.size);
}

/* Rule 1, while contracts are checked: what stages read is gone with the turn, wherever its maker has
 * it from. */
static pb_status lend_messages(struct pb_turn *turn)
{
    struct turn_state *state = &turn->state;
    const pb_message **lent = keep(turn->core, (state->message_count + 1) * sizeof *lent);

    for (size_t i = 0; lent && i < state->message_count; i++) {
        const pb_message *from = state->messages[i];
        pb_message *copy = keep(turn->core, sizeof *copy);
        char *text = keep(turn->core, from->text.size + 1);
        if (!copy || !text)
            return PB_NO_MEMORY;
        memcpy(copy, from, from->size < sizeof *copy ? from->size : sizeof *copy);
        if (from->text.size)
            memcpy(text, from->text.data, from->text.size);
        if (from->text.data)
            copy->text.data = text;
        lent[i] = copy;
    }
    state->messages = lent;
    return lent ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

pb_status turn_state_init(struct pb_turn *turn, const pb_turn_spec *spec)
{
    if (spec->params && spec->params->type != PB_JSON_OBJECT)
        return pb_fail_at(PB_INVALID, "/params", "the parameters must be an object");
    if (spec->variables && spec->variables->type != PB_JSON_OBJECT)
        return pb_fail_at(PB_INVALID, "/variables", "the variables must be an object");
    turn->state = (struct turn_state){.messages = spec->messages,
                                      .message_count = spec->message_count,
                                      .params = spec->params ? spec->params : &no_params,
                                      .variables = spec->variables};
    turn->core->document = spec->document;
    return contract_enabled() ? lend_messages(turn) : PB_OK;
}

/* --- branches --------------------------------------------------------------------------------- */

/* Events of a branch wait for those of the others to be on their way, and carry its index; of branches within branches, the outermost one's. */
static pb_status tag_emit(pb_sink *sink, const pb_event *event)
{
    struct pb_turn *turn = list_entry(sink, struct pb_turn, tag);
    pb_event tagged = {0};

    turn->core->emitted++;
    memcpy(&tagged, event, event->size < sizeof tagged ? event->size : sizeof tagged);
    tagged.size = sizeof tagged;
    tagged.branch = turn->info.branch;
    void *running = task_local()->turn;
    task_local()->turn = turn->of; /* the sinks below belong to stages outside the branch */
    pb_status status = turn_speak(turn->core, sink->below, &tagged);
    task_local()->turn = running;
    return status;
}

pb_status host_turn_branch(pb_turn *turn, int32_t index, pb_sink *sink, pb_turn **out)
{
    struct turn_core *core = turn->core;
    struct pb_turn *branch = keep(core, sizeof *branch);
    size_t limit = turn_limits_now()->memory;

    if (!branch)
        return PB_NO_MEMORY;
    branch->info = turn->info;
    branch->info.branch = index;
    branch->core = core;
    branch->of = turn;
    branch->state = turn->state;
    if (sink) {
        sink->below = turn->sink;
        branch->tag.below = sink;
    } else {
        branch->tag.below = turn->sink;
    }
    branch->tag.size = sizeof branch->tag;
    branch->tag.emit = tag_emit;
    branch->sink = &branch->tag;
    /* What the turn has used already is not there for the branch. */
    if (limit)
        limit = limit > turn->arena.total ? limit - turn->arena.total : 1;
    arena_init(&branch->arena, limit);
    list_append(&core->views, &branch->link);
    *out = branch;
    return PB_OK;
}

pb_status host_turn_keep(pb_turn *turn, pb_turn *branch)
{
    if (turn->core != branch->core)
        return pb_fail(PB_INTERNAL, "a branch of another turn cannot be kept");
    turn->state = branch->state;
    return PB_OK;
}
