/* events.c - turn.next with a function that sees what streams back, turn.emit and turn.custom.
 *
 * The function is called on the task that emits, which may be another than the stage's: there it runs
 * on a Lua thread of its own. What it emits goes below it, never back to itself.
 */
#include "script.h"

struct script_sink {
    pb_sink base;
    struct script *script;
    int function; /* a reference in Lua's registry */
};

static const char *const event_types[] = {
    [PB_EVENT_TEXT] = "text",     [PB_EVENT_THINKING] = "thinking",
    [PB_EVENT_TOOL_CALL] = "tool_call", [PB_EVENT_TOOL_RESULT] = "tool_result",
    [PB_EVENT_SOURCE] = "source", [PB_EVENT_USAGE] = "usage",
    [PB_EVENT_FINISH] = "finish", [PB_EVENT_STAGE] = "stage",
    [PB_EVENT_CUSTOM] = "custom", [PB_EVENT_DONE] = "done"};
static const char *const finishes[] = {"none", "stop", "length", "tool_calls", "filter"};

static void set_text(lua_State *lua, const char *name, pb_str text)
{
    if (text.data) {
        value_push_text(lua, text);
        lua_setfield(lua, -2, name);
    }
}

static void set_number(lua_State *lua, const char *name, int64_t value)
{
    lua_pushinteger(lua, value);
    lua_setfield(lua, -2, name);
}

static void set_finish(lua_State *lua, int32_t finish)
{
    if (finish > PB_FINISH_NONE && (size_t)finish < sizeof finishes / sizeof *finishes)
        set_text(lua, "finish", pb_str_of(finishes[finish]));
}

static void set_usage(lua_State *lua, const pb_usage *usage)
{
    lua_createtable(lua, 0, 6);
    set_number(lua, "calls", usage->calls);
    set_number(lua, "input_tokens", usage->input_tokens);
    set_number(lua, "output_tokens", usage->output_tokens);
    set_number(lua, "cached_tokens", usage->cached_tokens);
    set_number(lua, "reasoning_tokens", usage->reasoning_tokens);
    lua_pushnumber(lua, usage->cost);
    lua_setfield(lua, -2, "cost");
    lua_setfield(lua, -2, "usage");
}

static void push_event(lua_State *lua, const pb_event *event)
{
    bool known = event->type > 0 && (size_t)event->type < sizeof event_types / sizeof *event_types;

    lua_createtable(lua, 0, 6);
    set_text(lua, "type", pb_str_of(known ? event_types[event->type] : "unknown"));
    set_text(lua, "text", event->text);
    set_text(lua, "id", event->id);
    set_text(lua, "name", event->name);
    set_number(lua, "branch", event->branch);
    if (event->type == PB_EVENT_TOOL_CALL)
        set_number(lua, "index", event->index);
    if (event->type == PB_EVENT_FINISH)
        set_finish(lua, event->finish);
    if (event->usage)
        set_usage(lua, event->usage);
    if (event->data) {
        value_push(lua, event->data);
        lua_setfield(lua, -2, "data");
    }
}

/* --- the sink ------------------------------------------------------------------------------------ */

struct seen {
    const struct script_sink *sink;
    const pb_event *event;
};

/* In a protected call: what the function says of the event: true, false, or another text. */
static int observe(lua_State *lua)
{
    const struct seen *seen = lua_touserdata(lua, 1);

    lua_rawgeti(lua, LUA_REGISTRYINDEX, seen->sink->function);
    push_event(lua, seen->event);
    lua_call(lua, 1, 1);
    switch (lua_type(lua, -1)) {
    case LUA_TNIL:
    case LUA_TBOOLEAN:
        return 1;
    case LUA_TSTRING:
        if (seen->event->type == PB_EVENT_TEXT || seen->event->type == PB_EVENT_THINKING)
            return 1;
        return raise_text(lua, "only of text and thinking another text may be returned");
    default:
        lua_pushfstring(lua, "the function of turn.next returns nothing, true, false or a text, "
                             "not a %s value",
                        luaL_typename(lua, -1));
        return raise_text(lua, lua_tostring(lua, -1));
    }
}

static pb_status pass(struct script_thread *thread, pb_sink *sink, const pb_event *event)
{
    lua_State *lua = thread->lua;
    pb_event other = {0};
    pb_status status = PB_OK;

    if (lua_type(lua, -1) == LUA_TSTRING) {
        memcpy(&other, event, event->size < sizeof other ? event->size : sizeof other);
        other.size = sizeof other;
        other.data = NULL; /* what is known of the tokens of the old text */
        other.text.data = lua_tolstring(lua, -1, &other.text.size);
        event = other.text.size ? &other : NULL;
    } else if (lua_type(lua, -1) == LUA_TBOOLEAN && !lua_toboolean(lua, -1)) {
        event = NULL;
    }
    if (event) {
        script_pause(thread);
        status = pb_pass(sink, event);
        script_resume(thread);
    }
    return status;
}

static pb_status sink_emit(pb_sink *base, const pb_event *event)
{
    struct script_sink *sink = (struct script_sink *)base;
    struct script_thread *thread = thread_enter(sink->script);
    struct seen seen = {sink, event};
    pb_status status;

    if (!thread)
        return pb_fail(PB_NO_MEMORY, "%.*s: there is no memory for another Lua thread",
                       PB_ARG(sink->script->own->chunk));
    thread->sink = base;
    lua_pushcfunction(thread->lua, observe);
    lua_pushlightuserdata(thread->lua, &seen);
    int code = lua_pcall(thread->lua, 1, 1, 0);
    status = code == LUA_OK ? pass(thread, base, event) : failure_status(thread, code);
    thread_leave(thread);
    return status;
}

/* --- functions of `turn` ------------------------------------------------------------------------- */

static void push_result(lua_State *lua)
{
    pb_turn_result result;

    pb_turn_so_far(script_of(lua)->script->turn, &result);
    lua_createtable(lua, 0, 5);
    set_finish(lua, result.finish);
    set_text(lua, "llm", result.llm);
    set_text(lua, "model", result.model);
    set_text(lua, "stop", result.stop);
    set_usage(lua, &result.usage);
}

int events_next(lua_State *lua)
{
    struct script_thread *thread = script_of(lua);
    struct script *script = thread->script;
    struct script_sink sink = {.base = {.size = sizeof(pb_sink), .emit = sink_emit}, .script = script};
    bool observed = !lua_isnoneornil(lua, 1);
    pb_status status;

    if (thread->sink)
        return luaL_error(lua, "turn.next cannot be called within its own function");
    if (observed) {
        luaL_checktype(lua, 1, LUA_TFUNCTION);
        lua_settop(lua, 1);
        sink.function = luaL_ref(lua, LUA_REGISTRYINDEX);
    }
    script_pause(thread);
    status = observed ? pb_run_next_with(script->next, script->turn, &sink.base)
                      : pb_run_next(script->next, script->turn);
    script_resume(thread);
    if (observed)
        luaL_unref(lua, LUA_REGISTRYINDEX, sink.function);
    if (status != PB_OK || script->ended != PB_OK)
        return raise_status(lua, status);
    push_result(lua);
    return 1;
}

static int emit(lua_State *lua, const pb_event *event)
{
    struct script_thread *thread = script_of(lua);

    script_pause(thread);
    pb_status status = thread->sink ? pb_pass(thread->sink, event)
                                    : pb_emit(thread->script->turn, event);
    script_resume(thread);
    return status == PB_OK ? 0 : raise_status(lua, status);
}

int events_emit(lua_State *lua)
{
    pb_event event = pb_event_make(PB_EVENT_TEXT);

    event.text.data = luaL_checklstring(lua, 1, &event.text.size);
    return event.text.size ? emit(lua, &event) : 0;
}

static int emit_custom(lua_State *lua)
{
    pb_event event = pb_event_make(PB_EVENT_CUSTOM);

    event.name.data = luaL_checklstring(lua, 1, &event.name.size);
    event.data = value_tree(lua, 2);
    emit(lua, &event);
    lua_pushnil(lua);
    return 1;
}

int events_custom(lua_State *lua)
{
    luaL_checkstring(lua, 1);
    lua_settop(lua, 2);
    value_scoped(lua, emit_custom, 2);
    return 0;
}
