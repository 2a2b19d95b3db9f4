/* metatables.c - setmetatable for scripts that may be hostile.
 *
 * Objects get a copy of the metamethods that the script's table has, kept as long as that table lives: so
 * what could run where no hook comes (__gc), or loop within one instruction (a __call that is no
 * function), cannot be put there afterwards. Setting the same table again brings the copy up to date;
 * getmetatable gives the script's own table.
 */
#include "script.h"

static const char copies[] = "copies"; /* registry: the script's table → the copy; weak keys */

static const char *const metamethods[] = {
    "__index", "__newindex", "__call", "__tostring", "__name", "__len",  "__eq",   "__lt",
    "__le",    "__concat",   "__add",  "__sub",      "__mul",  "__div",  "__mod",  "__pow",
    "__unm",   "__idiv",     "__band", "__bor",      "__bxor", "__bnot", "__shl",  "__shr",
    "__close", "__mode",     "__pairs", NULL};

/* Pushes the member of the table at 2, raw. */
static int push_member(lua_State *lua, const char *name)
{
    lua_pushstring(lua, name);
    return lua_rawget(lua, 2);
}

/* Pushes the copy of the table at 2, an old one or an empty one. */
static void push_copy(lua_State *lua)
{
    lua_rawgetp(lua, LUA_REGISTRYINDEX, copies);
    lua_pushvalue(lua, 2);
    if (lua_rawget(lua, -2) == LUA_TNIL) {
        lua_pop(lua, 1);
        lua_newtable(lua);
        lua_pushvalue(lua, 2);
        lua_pushvalue(lua, -2);
        lua_rawset(lua, -4);
    }
    lua_remove(lua, -2);
}

static int set(lua_State *lua)
{
    int type = lua_type(lua, 2);

    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_argexpected(lua, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    lua_settop(lua, 2);
    if (lua_getmetatable(lua, 1)) {
        lua_getfield(lua, -1, "__locked");
        if (!lua_isnil(lua, -1))
            return luaL_error(lua, "cannot change a protected metatable");
        lua_settop(lua, 2);
    }
    if (type == LUA_TTABLE) {
        if (push_member(lua, "__gc") != LUA_TNIL)
            return luaL_error(lua, "a metatable with '__gc' is refused");
        type = push_member(lua, "__call");
        if (type != LUA_TNIL && type != LUA_TFUNCTION)
            return luaL_error(lua, "'__call' of a metatable is a function");
        lua_settop(lua, 2);
        push_copy(lua);
        for (const char *const *name = metamethods; *name; name++) {
            lua_pushstring(lua, *name);
            push_member(lua, *name);
            lua_rawset(lua, 3);
        }
        lua_pushstring(lua, "__locked");
        push_member(lua, "__metatable");
        lua_pushstring(lua, "__metatable");
        if (push_member(lua, "__metatable") == LUA_TNIL)
            lua_copy(lua, 2, -1);
        lua_rawset(lua, 3);
        lua_rawset(lua, 3);
    }
    lua_setmetatable(lua, 1);
    lua_settop(lua, 1);
    return 1;
}

void metatables_lock(lua_State *lua)
{
    lua_pushboolean(lua, 0);
    lua_setfield(lua, -2, "__metatable");
    lua_pushboolean(lua, 1);
    lua_setfield(lua, -2, "__locked");
}

void metatables_open(lua_State *lua)
{
    lua_newtable(lua);
    lua_createtable(lua, 0, 1);
    lua_pushstring(lua, "k");
    lua_setfield(lua, -2, "__mode");
    lua_setmetatable(lua, -2);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, copies);
    lua_pushcfunction(lua, set);
    lua_setglobal(lua, "setmetatable");
    lua_pushliteral(lua, "");
    lua_getmetatable(lua, -1); /* of all texts */
    metatables_lock(lua);
    lua_pop(lua, 2);
}
