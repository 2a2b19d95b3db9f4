/* turn.c - the global `turn`: fields are read when they are asked for, so that they are never stale.
 *
 * A name that is none is an error, not nil: a misspelt field is found at its first use.
 */
#include "script.h"

static pb_turn *turn_of(lua_State *lua)
{
    return script_of(lua)->script->turn;
}

/* Trees that the turn keeps must be made in memory of the stage, which a sink does not run in. */
static void want_stage(lua_State *lua, const char *what)
{
    if (script_of(lua)->sink)
        luaL_error(lua, "%s cannot be set within the function of turn.next: keep it in a local until "
                        "turn.next has returned",
                   what);
}

static pb_str check_text(lua_State *lua, int index)
{
    size_t size;
    const char *text = luaL_checklstring(lua, index, &size);

    return pb_str_make(text, size);
}

/* --- variables and parameters -------------------------------------------------------------------- */

static int variable_get(lua_State *lua)
{
    value_push(lua, pb_turn_variable(turn_of(lua), check_text(lua, 2)));
    return 1;
}

static int variable_set(lua_State *lua)
{
    want_stage(lua, "a variable");
    pb_str name = pb_copy(check_text(lua, 2));
    const pb_json *value = value_tree(lua, 3);
    pb_status status = name.data ? pb_turn_set_variable(turn_of(lua), name, value)
                                 : (pb_status)PB_NO_MEMORY;

    return status == PB_OK ? 0 : raise_status(lua, status);
}

static int param_get(lua_State *lua)
{
    value_push(lua, pb_json_member(pb_turn_params(turn_of(lua)), check_text(lua, 2)));
    return 1;
}

static int param_set(lua_State *lua)
{
    want_stage(lua, "a parameter");
    pb_str name = pb_copy(check_text(lua, 2));
    const pb_json *value = value_tree(lua, 3);
    pb_status status = name.data ? pb_turn_set_param(turn_of(lua), name, value)
                                 : (pb_status)PB_NO_MEMORY;

    return status == PB_OK ? 0 : raise_status(lua, status);
}

/* An empty table whose members are got and set by these. */
static void push_proxy(lua_State *lua, lua_CFunction get, lua_CFunction set)
{
    lua_newtable(lua);
    lua_createtable(lua, 0, 4);
    lua_pushcfunction(lua, get);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, set);
    lua_setfield(lua, -2, "__newindex");
    metatables_lock(lua);
    lua_setmetatable(lua, -2);
}

/* --- what a turn knows --------------------------------------------------------------------------- */

static void set_text(lua_State *lua, const char *name, pb_str text)
{
    value_push_text(lua, text);
    lua_setfield(lua, -2, name);
}

static void set_texts(lua_State *lua, const char *name, const pb_str *texts, size_t count)
{
    lua_createtable(lua, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        value_push_text(lua, texts[i]);
        lua_rawseti(lua, -2, (lua_Integer)i + 1);
    }
    lua_setfield(lua, -2, name);
}

static void push_principal(lua_State *lua, const pb_principal *principal)
{
    lua_createtable(lua, 0, 6);
    set_text(lua, "id", principal->id);
    set_text(lua, "tenant", principal->tenant);
    set_text(lua, "name", principal->name);
    set_text(lua, "scheme", principal->scheme);
    set_texts(lua, "roles", principal->roles, principal->role_count);
    set_texts(lua, "scopes", principal->scopes, principal->scope_count);
}

static bool push_info_text(lua_State *lua, const pb_turn_info *info, const char *name)
{
    const struct {
        const char *name;
        pb_str text;
    } texts[] = {{"id", info->id},
                 {"pipeline", info->pipeline},
                 {"conversation", info->conversation},
                 {"reply", info->reply},
                 {"replaces", info->replaces},
                 {"request_id", info->request_id},
                 {"dialect", info->dialect},
                 {"remote", info->remote}};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i].name, name) == 0) {
            value_push_text(lua, texts[i].text);
            return true;
        }
    return false;
}

static int turn_get(lua_State *lua)
{
    const char *name = luaL_checkstring(lua, 2);
    const pb_turn_info *info = pb_turn_info_of(turn_of(lua));

    lua_pushvalue(lua, 2);
    if (lua_rawget(lua, lua_upvalueindex(1)) != LUA_TNIL || push_info_text(lua, info, name))
        return 1;
    if (strcmp(name, "question") == 0) {
        const pb_message *question = pb_turn_question(turn_of(lua));
        value_push_text(lua, question ? question->text : (pb_str){0});
    } else if (strcmp(name, "messages") == 0) {
        messages_push(lua);
    } else if (strcmp(name, "metadata") == 0) {
        value_push(lua, info->metadata);
    } else if (strcmp(name, "principal") == 0) {
        push_principal(lua, info->principal);
    } else if (strcmp(name, "branch") == 0) {
        lua_pushinteger(lua, info->branch);
    } else if (strcmp(name, "stream") == 0) {
        lua_pushboolean(lua, info->stream != 0);
    } else {
        return luaL_error(lua, "turn has no field '%s'", name);
    }
    return 1;
}

static int turn_set(lua_State *lua)
{
    const char *name = luaL_checkstring(lua, 2);

    if (strcmp(name, "messages") == 0) {
        want_stage(lua, "turn.messages");
        messages_set(lua, 3);
    } else if (strcmp(name, "question") == 0) {
        want_stage(lua, "turn.question");
        messages_set_question(lua, 3);
    } else {
        return luaL_error(lua, "turn.%s cannot be set", name);
    }
    return 0;
}

static int turn_set_header(lua_State *lua)
{
    pb_status status = pb_turn_set_header(turn_of(lua), check_text(lua, 1), check_text(lua, 2));

    return status == PB_OK ? 0 : raise_status(lua, status);
}

void turn_open(lua_State *lua)
{
    static const luaL_Reg functions[] = {{"next", events_next},
                                         {"emit", events_emit},
                                         {"custom", events_custom},
                                         {"set_header", turn_set_header},
                                         {NULL, NULL}};

    push_proxy(lua, turn_get, turn_set);
    lua_getmetatable(lua, -1);
    luaL_newlib(lua, functions);
    push_proxy(lua, variable_get, variable_set);
    lua_setfield(lua, -2, "variables");
    push_proxy(lua, param_get, param_set);
    lua_setfield(lua, -2, "params");
    lua_pushcclosure(lua, turn_get, 1);
    lua_setfield(lua, -2, "__index");
    lua_pop(lua, 1);
    lua_setglobal(lua, "turn");
}
