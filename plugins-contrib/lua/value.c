/* value.c - JSON as Lua values and Lua values as JSON; the module `json`.
 *
 * Arrays carry a metatable, so that an empty one stays one; null is a value of its own, json.null.
 * Trees are made by code that raises nothing: memory of the host is not lost by a jump.
 */
#include "script.h"

static const char array_type[] = "array";

void value_push_text(lua_State *lua, pb_str text)
{
    if (text.data)
        lua_pushlstring(lua, text.data, text.size);
    else
        lua_pushnil(lua);
}

static void push_number(lua_State *lua, const pb_json *json)
{
    size_t at = json->text.size && json->text.data[0] == '-' ? 1 : 0;

    while (at < json->text.size && json->text.data[at] >= '0' && json->text.data[at] <= '9')
        at++;
    if (at == json->text.size && at <= 18)
        lua_pushinteger(lua, strtoll(json->text.data, NULL, 10));
    else
        lua_pushnumber(lua, pb_json_double(json, 0));
}

static void push_children(lua_State *lua, const pb_json *json)
{
    bool array = json->type == PB_JSON_ARRAY;
    lua_Integer at = 0;

    luaL_checkstack(lua, 4, "the value is nested too deeply");
    lua_createtable(lua, array ? (int)json->count : 0, array ? 0 : (int)json->count);
    if (array)
        luaL_setmetatable(lua, array_type);
    for (const pb_json *child = json->child; child; child = child->next) {
        if (array) {
            value_push(lua, child);
            lua_rawseti(lua, -2, ++at);
        } else {
            lua_pushlstring(lua, child->key.data ? child->key.data : "", child->key.size);
            value_push(lua, child);
            lua_rawset(lua, -3);
        }
    }
}

void value_push(lua_State *lua, const pb_json *json)
{
    switch (json ? json->type : UINT32_MAX) {
    case PB_JSON_NULL:
        lua_pushlightuserdata(lua, NULL);
        break;
    case PB_JSON_FALSE:
    case PB_JSON_TRUE:
        lua_pushboolean(lua, json->type == PB_JSON_TRUE);
        break;
    case PB_JSON_NUMBER:
        push_number(lua, json);
        break;
    case PB_JSON_STRING:
        lua_pushlstring(lua, json->text.data ? json->text.data : "", json->text.size);
        break;
    case PB_JSON_ARRAY:
    case PB_JSON_OBJECT:
        push_children(lua, json);
        break;
    default:
        lua_pushnil(lua);
    }
}

/* --- to a tree ----------------------------------------------------------------------------------- */

/* A walk over a value that raises nothing. */
struct walk {
    lua_State *lua;
    int64_t room;        /* bytes that the tree may still have */
    const char *problem; /* or NULL */
};

static pb_json *make(struct walk *walk, uint32_t type, pb_str text)
{
    walk->room -= (int64_t)(sizeof(pb_json) + text.size);
    if (walk->room < 0)
        walk->problem = "the value is too large";
    pb_json *json = walk->problem ? NULL : pb_json_new(type, text.size ? pb_copy(text) : pb_lit(""));
    if (!json && !walk->problem)
        walk->problem = "there is no memory for the value";
    return json;
}

static pb_json *make_number(struct walk *walk)
{
    char text[40];

    if (lua_isinteger(walk->lua, -1)) {
        (void)snprintf(text, sizeof text, "%lld", (long long)lua_tointeger(walk->lua, -1));
    } else {
        double value = lua_tonumber(walk->lua, -1);
        if (!isfinite(value)) {
            walk->problem = "an infinite number has no JSON";
            return NULL;
        }
        (void)snprintf(text, sizeof text, "%.15g", value);
        if (strtod(text, NULL) != value)
            (void)snprintf(text, sizeof text, "%.17g", value);
    }
    return make(walk, PB_JSON_NUMBER, pb_str_of(text));
}

static pb_json *tree(struct walk *walk, int depth);

/* How many entries has the table on top? */
static lua_Unsigned entries(lua_State *lua)
{
    lua_Unsigned count = 0;

    for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1))
        count++;
    return count;
}

static bool is_array(lua_State *lua)
{
    bool marked = false;

    if (lua_getmetatable(lua, -1)) {
        lua_rawgetp(lua, LUA_REGISTRYINDEX, array_type);
        marked = lua_rawequal(lua, -1, -2) != 0;
        lua_pop(lua, 2);
    }
    return marked || (lua_rawlen(lua, -1) > 0 && entries(lua) == lua_rawlen(lua, -1));
}

static pb_json *make_array(struct walk *walk, int depth)
{
    lua_State *lua = walk->lua;
    pb_json *array = make(walk, PB_JSON_ARRAY, (pb_str){0});
    lua_Unsigned size = lua_rawlen(lua, -1);

    for (lua_Unsigned i = 1; i <= size && !walk->problem; i++) {
        lua_rawgeti(lua, -1, (lua_Integer)i);
        pb_json_add(array, (pb_str){0}, tree(walk, depth + 1));
        lua_pop(lua, 1);
    }
    return array;
}

static pb_json *make_object(struct walk *walk, int depth)
{
    lua_State *lua = walk->lua;
    pb_json *object = make(walk, PB_JSON_OBJECT, (pb_str){0});

    lua_pushnil(lua);
    while (!walk->problem && lua_next(lua, -2)) {
        size_t size = 0;
        if (lua_type(lua, -2) != LUA_TSTRING) {
            walk->problem = "a table is a list from 1 on, or its keys are text";
        } else {
            const char *key = lua_tolstring(lua, -2, &size);
            pb_json *child = tree(walk, depth + 1);
            walk->room -= (int64_t)size;
            pb_json_add(object, pb_copy(pb_str_make(key, size)), child);
        }
        lua_pop(lua, 1);
    }
    if (walk->problem)
        lua_settop(lua, -2); /* the key; whoever raises the problem clears the rest */
    return object;
}

static pb_json *make_text(struct walk *walk)
{
    size_t size;
    const char *text = lua_tolstring(walk->lua, -1, &size);

    return make(walk, PB_JSON_STRING, pb_str_make(text, size));
}

/* The value on top; it stays there. */
static pb_json *tree(struct walk *walk, int depth)
{
    lua_State *lua = walk->lua;

    if (depth > SCRIPT_DEPTH || !lua_checkstack(lua, 6)) {
        walk->problem = "the value is nested too deeply";
        return NULL;
    }
    switch (lua_type(lua, -1)) {
    case LUA_TNIL:
        return make(walk, PB_JSON_NULL, (pb_str){0});
    case LUA_TBOOLEAN:
        return make(walk, lua_toboolean(lua, -1) ? PB_JSON_TRUE : PB_JSON_FALSE, (pb_str){0});
    case LUA_TNUMBER:
        return make_number(walk);
    case LUA_TSTRING:
        return make_text(walk);
    case LUA_TTABLE:
        return is_array(lua) ? make_array(walk, depth) : make_object(walk, depth);
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(lua, -1) == NULL)
            return make(walk, PB_JSON_NULL, (pb_str){0});
        break;
    default:
        break;
    }
    walk->problem = "a function or an object has no JSON";
    return NULL;
}

const pb_json *value_tree(lua_State *lua, int index)
{
    struct walk walk = {.lua = lua, .room = script_of(lua)->script->own->memory};
    int top = lua_gettop(lua);

    if (lua_isnil(lua, index))
        return NULL;
    lua_pushvalue(lua, index);
    pb_json *json = tree(&walk, 1);
    lua_settop(lua, top);
    if (walk.problem)
        raise_text(lua, walk.problem);
    return json;
}

/* --- the module ---------------------------------------------------------------------------------- */

void value_scoped(lua_State *lua, lua_CFunction work, int count)
{
    pb_scope *scope = pb_scope_begin();

    lua_pushcfunction(lua, work);
    lua_insert(lua, -count - 1);
    int code = lua_pcall(lua, count, 1, 0);
    pb_scope_end(scope);
    if (code != LUA_OK)
        lua_error(lua);
}

static int encode(lua_State *lua)
{
    const pb_json *json = value_tree(lua, 1);
    pb_buf text = {0};

    if (json)
        pb_json_write(&text, json);
    else
        pb_buf_add(&text, pb_lit("null"));
    if (text.failed)
        return raise_text(lua, "there is no memory for the text");
    lua_pushlstring(lua, text.data, text.size);
    return 1;
}

static int decode(lua_State *lua)
{
    size_t size;
    const char *text = luaL_checklstring(lua, 1, &size);
    const pb_json *json = NULL;

    if (pb_json_parse(pb_str_make(text, size), &json) != PB_OK) {
        lua_pushlstring(lua, pb_error_last()->sentence.data, pb_error_last()->sentence.size);
        pb_error_clear();
        return raise_text(lua, lua_tostring(lua, -1));
    }
    value_push(lua, json);
    return 1;
}

static int json_encode(lua_State *lua)
{
    luaL_checkany(lua, 1);
    lua_settop(lua, 1);
    value_scoped(lua, encode, 1);
    return 1;
}

static int json_decode(lua_State *lua)
{
    luaL_checkstring(lua, 1);
    lua_settop(lua, 1);
    value_scoped(lua, decode, 1);
    return 1;
}

static int json_array(lua_State *lua)
{
    if (lua_isnoneornil(lua, 1)) {
        lua_settop(lua, 0);
        lua_newtable(lua);
    }
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_settop(lua, 1);
    luaL_setmetatable(lua, array_type);
    return 1;
}

void value_open(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"encode", json_encode}, {"decode", json_decode}, {"array", json_array}, {NULL, NULL}};

    luaL_newmetatable(lua, array_type);
    metatables_lock(lua);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, array_type);
    luaL_newlib(lua, functions);
    lua_pushlightuserdata(lua, NULL);
    lua_setfield(lua, -2, "null");
    lua_setglobal(lua, "json");
}
