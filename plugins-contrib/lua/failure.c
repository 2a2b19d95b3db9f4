/* failure.c - errors of Lua and failures of the host, each as the other.
 *
 * A failure of the host is raised as a table {status = "unavailable", message = "…"}; one that nobody
 * catches leaves the stage as it came. Errors of Lua are text with their line.
 */
#include "script.h"

static const char failure_type[] = "failure";

/* Pushes {status, message, retry_after} with the metatable that tells it from other tables. */
static void push_failure(lua_State *lua, pb_status status, pb_str sentence, double retry_after)
{
    lua_createtable(lua, 0, 3);
    lua_pushstring(lua, pb_status_name(status));
    lua_setfield(lua, -2, "status");
    lua_pushlstring(lua, sentence.data ? sentence.data : "", sentence.size);
    lua_setfield(lua, -2, "message");
    if (retry_after > 0) {
        lua_pushnumber(lua, retry_after);
        lua_setfield(lua, -2, "retry_after");
    }
    luaL_setmetatable(lua, failure_type);
}

int raise_status(lua_State *lua, pb_status status)
{
    struct script *script = script_of(lua)->script;
    const pb_error *error = pb_error_last();

    if (status == PB_CANCELLED && script->ended == PB_OK)
        script->ended = status; /* final: nothing that it catches goes on */
    if (script->ended != PB_OK)
        script_bound(lua);
    push_failure(lua, status, error->sentence, (double)error->retry_after / (double)PB_SECOND);
    return lua_error(lua);
}

int raise_text(lua_State *lua, const char *sentence)
{
    int line = script_line(lua);

    lua_pushstring(lua, script_of(lua)->script->own->chunk.data);
    if (line)
        lua_pushfstring(lua, ":%d: %s", line, sentence);
    else
        lua_pushfstring(lua, ": %s", sentence);
    lua_concat(lua, 2);
    return lua_error(lua);
}

static pb_status named(const char *name)
{
    for (pb_status status = PB_INVALID; status <= PB_STATUS_LAST; status++)
        if (status != PB_CANCELLED && strcmp(pb_status_name(status), name) == 0)
            return status;
    return PB_OK;
}

static int failure_function(lua_State *lua)
{
    const char *name = luaL_checkstring(lua, 1);
    size_t size;
    const char *sentence = luaL_checklstring(lua, 2, &size);
    double retry_after = luaL_optnumber(lua, 3, 0);
    pb_status status = named(name);

    if (status == PB_OK)
        return luaL_argerror(lua, 1, lua_pushfstring(lua, "there is no status '%s'", name));
    push_failure(lua, status, pb_str_make(sentence, size), retry_after);
    return lua_error(lua);
}

/* As Lua's own, and notes where errors come from that cannot say so. */
static int error_function(lua_State *lua)
{
    int level = (int)luaL_optinteger(lua, 2, 1);

    lua_settop(lua, 1);
    if (lua_type(lua, 1) != LUA_TSTRING) {
        script_of(lua)->script->raised_at = script_line(lua);
    } else if (level > 0) {
        luaL_where(lua, level);
        lua_insert(lua, 1);
        lua_concat(lua, 2);
    }
    return lua_error(lua);
}

static int failure_text(lua_State *lua)
{
    lua_getfield(lua, 1, "message");
    return 1;
}

void failure_open(lua_State *lua)
{
    luaL_newmetatable(lua, failure_type);
    lua_pushcfunction(lua, failure_text);
    lua_setfield(lua, -2, "__tostring");
    metatables_lock(lua);
    lua_pop(lua, 1);
    lua_pushcfunction(lua, failure_function);
    lua_setglobal(lua, "fail");
    lua_pushcfunction(lua, error_function);
    lua_setglobal(lua, "error");
}

static bool is_failure(lua_State *lua)
{
    bool same = false;

    if (lua_type(lua, -1) == LUA_TTABLE && lua_getmetatable(lua, -1)) {
        same = luaL_getmetatable(lua, failure_type) == LUA_TTABLE && lua_rawequal(lua, -1, -2);
        lua_pop(lua, 2);
    }
    return same;
}

/* The beginning of a text, not cut within a character. */
static pb_str beginning(pb_str text)
{
    if (text.size > QUOTED) {
        text.size = QUOTED;
        while (text.size && ((unsigned char)text.data[text.size] & 0xC0) == 0x80)
            text.size--;
    }
    return text;
}

/* A string member of the table on top; it stays in the table. Raw: its metatable is ours. */
static pb_str member(lua_State *lua, const char *name)
{
    size_t size = 0;
    const char *data = NULL;

    lua_pushstring(lua, name);
    lua_rawget(lua, -2);
    if (lua_type(lua, -1) == LUA_TSTRING)
        data = lua_tolstring(lua, -1, &size);
    lua_pop(lua, 1);
    return pb_str_make(data, size);
}

static pb_status uncaught(lua_State *lua)
{
    pb_str sentence = member(lua, "message"), name = member(lua, "status");
    pb_status status = name.data ? named(name.data) : PB_OK;
    const pb_error *last = pb_error_last();

    if (status == PB_OK)
        return pb_fail(PB_INTERNAL, "the script changed the status of a failure to none");
    if (last->status == status && pb_str_equal(last->sentence, sentence))
        return status; /* of the host, and nothing has failed since */
    lua_pushstring(lua, "retry_after");
    lua_rawget(lua, -2);
    double after = lua_type(lua, -1) == LUA_TNUMBER ? lua_tonumber(lua, -1) : 0;
    lua_pop(lua, 1);
    sentence = beginning(sentence);
    return pb_fail_retry(status, after > 0 && after < 1e6 ? (pb_duration)(after * 1e9) : 0, "%.*s",
                         PB_ARG(sentence));
}

static pb_status ended(const struct script *script)
{
    if (!script->late)
        return script->ended;
    return pb_fail(PB_TIMEOUT, "%.*s:%d: the script ran longer than %.3g s",
                   PB_ARG(script->own->chunk), script->ended_at,
                   (double)script->own->time / (double)PB_SECOND);
}

/* In a protected call: reading may need memory. */
static int read_failure(lua_State *lua)
{
    const struct script *script = script_of(lua)->script;
    pb_status *status = lua_touserdata(lua, 1);
    size_t size;

    if (is_failure(lua)) {
        *status = uncaught(lua);
        return 0;
    }
    if (lua_type(lua, 2) != LUA_TSTRING) {
        *status = pb_fail(PB_INTERNAL, "%.*s:%d: an error that is no text but a %s value",
                          PB_ARG(script->own->chunk), script->raised_at, luaL_typename(lua, 2));
        return 0;
    }
    const char *text = lua_tolstring(lua, 2, &size);
    pb_str sentence = beginning(pb_str_make(text, size));
    *status = pb_fail(PB_INTERNAL, "%.*s", PB_ARG(sentence));
    return 0;
}

pb_status failure_status(struct script_thread *thread, int code)
{
    const struct script *script = thread->script;
    lua_State *lua = thread->lua;
    pb_status status = PB_INTERNAL;

    if (script->ended != PB_OK)
        return ended(script);
    if (code == LUA_ERRMEM)
        return pb_fail(PB_NO_MEMORY, "%.*s:%d: the script needs more than %lld bytes of memory",
                       PB_ARG(script->own->chunk), script->refused_at,
                       (long long)script->own->memory);
    lua_sethook(lua, NULL, 0, 0); /* nothing of the script runs any more on this thread */
    lua_pushcfunction(lua, read_failure);
    lua_insert(lua, -2);
    lua_pushlightuserdata(lua, &status);
    lua_insert(lua, -2);
    if (lua_pcall(lua, 2, 0, 0) != LUA_OK)
        status = pb_fail(PB_NO_MEMORY, "%.*s: the script left no memory to tell what failed",
                         PB_ARG(script->own->chunk));
    return status;
}
