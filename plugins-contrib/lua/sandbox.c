/* sandbox.c - what a script may use: the language and string, table, math, utf8 and json.
 *
 * There is nothing that reads files, loads code or hides from the hook: what of Lua's own library loops
 * in C without an end (sorting, moving, patterns) is replaced, and so is setmetatable. Coroutines and xpcall are not there: their handlers nest where bounds cannot reach.
 */
#include "script.h"

/* Run first, in every state; its functions are bounded as those of a script are. */
static const char prelude[] =
    "local type, error, select = type, error, select\n"
    "local function list_(list)\n"
    "  if type(list) ~= 'table' then error('a table is expected, not a ' .. type(list), 3) end\n"
    "end\n"
    "local function number(what, value, otherwise)\n"
    "  if value == nil then value = otherwise end\n"
    "  value = math.tointeger(value)\n"
    "  if not value then error(what .. ' is no whole number', 3) end\n"
    "  return value\n"
    "end\n"
    "function table.insert(list, ...)\n"
    "  list_(list)\n"
    "  local size, count = #list, select('#', ...)\n"
    "  if count == 1 then\n"
    "    list[size + 1] = (...)\n"
    "  elseif count == 2 then\n"
    "    local at, value = ...\n"
    "    at = number('the place', at)\n"
    "    if at < 1 or at > size + 1 then error('the place is out of bounds', 2) end\n"
    "    for i = size, at, -1 do list[i + 1] = list[i] end\n"
    "    list[at] = value\n"
    "  else\n"
    "    error('table.insert takes two or three values', 2)\n"
    "  end\n"
    "end\n"
    "function table.remove(list, at)\n"
    "  list_(list)\n"
    "  local size = #list\n"
    "  at = number('the place', at, size)\n"
    "  if size + 1 ~= at and (at < 1 or at > size + 1) and not (size == 0 and at == 0) then\n"
    "    error('the place is out of bounds', 2)\n"
    "  end\n"
    "  local value = list[at]\n"
    "  for i = at, size - 1 do list[i] = list[i + 1] end\n"
    "  if at <= size then list[size] = nil else list[at] = nil end\n"
    "  return value\n"
    "end\n"
    "function table.move(from, first, last, at, to)\n"
    "  to = to or from\n"
    "  list_(from) list_(to)\n"
    "  first, last, at = number('first', first), number('last', last), number('the place', at)\n"
    "  if at > first and at <= last and to == from then\n"
    "    for i = last - first, 0, -1 do to[at + i] = from[first + i] end\n"
    "  else\n"
    "    for i = 0, last - first do to[at + i] = from[first + i] end\n"
    "  end\n"
    "  return to\n"
    "end\n"
    "local function less_(a, b) return a < b end\n"
    "function table.sort(list, less)\n" /* merges from below: bounded whatever `less` says */
    "  list_(list)\n"
    "  less = less or less_\n"
    "  local size, width, other = #list, 1, {}\n"
    "  while width < size do\n"
    "    for left = 1, size, 2 * width do\n"
    "      local middle, last = left + width, left + 2 * width - 1\n"
    "      if middle > size + 1 then middle = size + 1 end\n"
    "      if last > size then last = size end\n"
    "      local a, b = left, middle\n"
    "      for i = left, last do\n"
    "        if a < middle and (b > last or not less(list[b], list[a])) then\n"
    "          other[i] = list[a]; a = a + 1\n"
    "        else\n"
    "          other[i] = list[b]; b = b + 1\n"
    "        end\n"
    "      end\n"
    "    end\n"
    "    for i = 1, size do list[i] = other[i] end\n"
    "    width = 2 * width\n"
    "  end\n"
    "end\n";

/* --- compiling ----------------------------------------------------------------------------------- */

static int write_code(lua_State *lua, const void *piece, size_t size, void *arg)
{
    (void)lua;
    pb_buf_add(arg, pb_str_make(piece, size));
    return 0;
}

struct source {
    pb_str text;
    const char *name; /* as Lua wants it: "=script" */
    pb_buf code;
};

static int compile(lua_State *lua)
{
    struct source *source = lua_touserdata(lua, 1);

    if (luaL_loadbufferx(lua, source->text.data ? source->text.data : "", source->text.size,
                         source->name, "t") != LUA_OK)
        return lua_error(lua);
    lua_dump(lua, write_code, &source->code, 0);
    return 0;
}

pb_status script_compile(pb_str text, pb_str chunk, pb_str *out)
{
    pb_str name = pb_printf("=%.*s", PB_ARG(chunk));
    struct source source = {.text = text, .name = name.data};
    lua_State *lua = name.data ? luaL_newstate() : NULL;
    pb_status status;

    if (!lua)
        return pb_fail(PB_NO_MEMORY, "there is no memory to compile a script");
    lua_pushcfunction(lua, compile);
    lua_pushlightuserdata(lua, &source);
    if (lua_pcall(lua, 1, 0, 0) == LUA_OK) {
        *out = pb_buf_str(&source.code);
        status = pb_buf_status(&source.code);
    } else {
        status = pb_fail(PB_INVALID, "%s", lua_tostring(lua, -1));
    }
    lua_close(lua);
    return status;
}

pb_status script_compile_prelude(pb_str *out)
{
    return script_compile(pb_str_of(prelude), pb_str_of(&PRELUDE_NAME[1]), out);
}

/* --- opening ------------------------------------------------------------------------------------- */

/* For whoever writes the script: to the debug log only. */
static int print_function(lua_State *lua)
{
    int count = lua_gettop(lua);
    luaL_Buffer line;

    luaL_buffinit(lua, &line);
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&line, ' ');
        luaL_tolstring(lua, i, NULL);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    pb_detail("%s:%d: %s", script_of(lua)->script->own->chunk.data, script_line(lua),
              lua_tostring(lua, -1));
    return 0;
}

static void take_away(lua_State *lua, const char *const *names)
{
    for (; *names; names++) {
        lua_pushnil(lua);
        lua_setfield(lua, -2, *names);
    }
    lua_pop(lua, 1);
}

int sandbox_open(lua_State *lua)
{
    static const luaL_Reg libraries[] = {{LUA_GNAME, luaopen_base},
                                         {LUA_STRLIBNAME, luaopen_string},
                                         {LUA_TABLIBNAME, luaopen_table},
                                         {LUA_MATHLIBNAME, luaopen_math},
                                         {LUA_UTF8LIBNAME, luaopen_utf8}};
    static const char *const of_base[] = {"dofile", "loadfile", "load", "collectgarbage", "warn",
                                          "xpcall", NULL};
    static const char *const of_string[] = {"dump", NULL};
    const struct lua_stage *own = script_of(lua)->script->own;

    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
        lua_pop(lua, 1);
    }
    lua_pushglobaltable(lua);
    take_away(lua, of_base);
    lua_getglobal(lua, LUA_STRLIBNAME);
    take_away(lua, of_string);
    lua_pushcfunction(lua, print_function);
    lua_setglobal(lua, "print");
    metatables_open(lua);
    failure_open(lua);
    strings_open(lua);
    if (luaL_loadbufferx(lua, own->prelude.data, own->prelude.size, PRELUDE_NAME, "b") != LUA_OK)
        return lua_error(lua);
    lua_call(lua, 0, 0);
    value_open(lua);
    messages_open(lua);
    turn_open(lua);
    if (own->values) {
        value_push(lua, own->values);
        lua_setglobal(lua, "values");
    }
    if (luaL_loadbufferx(lua, own->code.data, own->code.size, "script", "b") != LUA_OK)
        return lua_error(lua);
    return 1;
}
