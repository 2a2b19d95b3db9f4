/* strings.c - string.find, match, gmatch, gsub and rep, bounded.
 *
 * They take and give what the manual of Lua 5.4 says; other functions of `string` are Lua's own.
 */
#include "script.h"

/* The texts of a call: (subject, pattern, init). `at` is where to begin, NULL behind the end. */
struct texts {
    const char *subject, *subject_end, *pattern, *pattern_end, *at;
    bool anchored;
};

static struct texts texts_of(lua_State *lua, int init)
{
    struct texts texts;
    size_t size, pattern_size;
    texts.subject = luaL_checklstring(lua, 1, &size);
    texts.pattern = luaL_checklstring(lua, 2, &pattern_size);
    lua_Integer from = init ? luaL_optinteger(lua, init, 1) : 1;

    if (from < 0)
        from = (lua_Integer)size + from + 1;
    if (from < 1)
        from = 1;
    texts.subject_end = texts.subject + size;
    texts.pattern_end = texts.pattern + pattern_size;
    texts.at = (size_t)from <= size + 1 ? texts.subject + from - 1 : NULL;
    texts.anchored = pattern_size > 0 && texts.pattern[0] == '^';
    return texts;
}

static void begin(struct matcher *m, lua_State *lua, const struct texts *texts)
{
    m->lua = lua;
    m->steps = 0;
    m->subject = texts->subject;
    m->subject_end = texts->subject_end;
    m->pattern_end = texts->pattern_end;
}

/* The capture, or the whole match (from `start` to `end`) when there is none. */
static void push_capture(struct matcher *m, int which, const char *start, const char *end)
{
    const struct capture *capture = &m->captures[which];

    if (which >= m->count && which > 0)
        luaL_error(m->lua, "invalid capture index %%%d", which + 1);
    else if (which >= m->count)
        lua_pushlstring(m->lua, start, (size_t)(end - start));
    else if (capture->size == CAPTURE_PLACE)
        lua_pushinteger(m->lua, capture->start - m->subject + 1);
    else if (capture->size == CAPTURE_OPEN)
        luaL_error(m->lua, "malformed pattern (a '(' without its ')')");
    else
        lua_pushlstring(m->lua, capture->start, (size_t)capture->size);
}

/* All captures; with `whole` the match where there is none. */
static int push_captures(struct matcher *m, const char *start, const char *end, bool whole)
{
    int count = m->count ? m->count : whole;

    luaL_checkstack(m->lua, count, "too many captures");
    for (int i = 0; i < count; i++)
        push_capture(m, i, start, end);
    return count;
}

/* The first match at or behind texts->at: its end, and its beginning in *start; or NULL. */
static const char *search(struct matcher *m, const struct texts *texts, const char **start)
{
    for (const char *at = texts->at; at && at <= m->subject_end; at++) {
        const char *end = pattern_match(m, at, texts->pattern + texts->anchored);
        if (end) {
            *start = at;
            return end;
        }
        if (texts->anchored)
            break;
        if (++m->steps % PATTERN_STEPS == 0)
            script_bound(m->lua);
    }
    return NULL;
}

static int plain_find(lua_State *lua, const struct texts *texts)
{
    size_t size = (size_t)(texts->pattern_end - texts->pattern);
    const char *found = size ? memmem(texts->at, (size_t)(texts->subject_end - texts->at),
                                      texts->pattern, size)
                             : texts->at;

    if (!found) {
        lua_pushnil(lua);
        return 1;
    }
    lua_pushinteger(lua, found - texts->subject + 1);
    lua_pushinteger(lua, found - texts->subject + (lua_Integer)size);
    return 2;
}

static int find(lua_State *lua)
{
    struct texts texts = texts_of(lua, 3);
    struct matcher m;
    const char *start = NULL, *end;

    if (texts.at && lua_toboolean(lua, 4))
        return plain_find(lua, &texts);
    begin(&m, lua, &texts);
    end = search(&m, &texts, &start);
    if (!end) {
        lua_pushnil(lua);
        return 1;
    }
    lua_pushinteger(lua, start - texts.subject + 1);
    lua_pushinteger(lua, end - texts.subject);
    return 2 + push_captures(&m, start, end, false);
}

static int match(lua_State *lua)
{
    struct texts texts = texts_of(lua, 3);
    struct matcher m;
    const char *start = NULL, *end;

    begin(&m, lua, &texts);
    end = search(&m, &texts, &start);
    if (end)
        return push_captures(&m, start, end, true);
    lua_pushnil(lua);
    return 1;
}

/* Upvalues: subject, pattern, where to go on (from 0), and where the last match ended, or -1. */
static int gmatch_next(lua_State *lua)
{
    struct texts texts;
    struct matcher m;
    const char *start = NULL, *end;
    lua_Integer from = lua_tointeger(lua, lua_upvalueindex(3));
    lua_Integer last = lua_tointeger(lua, lua_upvalueindex(4));

    lua_settop(lua, 0);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_pushvalue(lua, lua_upvalueindex(2));
    texts = texts_of(lua, 0);
    texts.anchored = false; /* '^' is a character here: as an anchor it would end the loop at once */
    texts.at = from <= texts.subject_end - texts.subject ? texts.subject + from : NULL;
    begin(&m, lua, &texts);
    while ((end = search(&m, &texts, &start)) && end - texts.subject == last && end == start)
        texts.at = start + 1; /* an empty match where the last one ended is none */
    if (!end)
        return 0;
    lua_pushinteger(lua, end - texts.subject);
    lua_copy(lua, -1, lua_upvalueindex(3));
    lua_replace(lua, lua_upvalueindex(4));
    return push_captures(&m, start, end, true);
}

static int gmatch(lua_State *lua)
{
    struct texts texts = texts_of(lua, 3);

    lua_settop(lua, 2);
    lua_pushinteger(lua, texts.at ? texts.at - texts.subject : LUA_MAXINTEGER);
    lua_pushinteger(lua, -1);
    lua_pushcclosure(lua, gmatch_next, 4);
    return 1;
}

/* --- gsub ---------------------------------------------------------------------------------------- */

struct replacing {
    struct matcher m;
    luaL_Buffer out;
    int type; /* of the third argument */
};

/* The replacement is text: %0 to %9 are captures, %% is %. */
static void add_text(struct replacing *r, const char *start, const char *end)
{
    size_t size;
    const char *text = lua_tolstring(r->m.lua, 3, &size);

    for (const char *at = text; at < text + size; at++) {
        if (*at != '%') {
            luaL_addchar(&r->out, *at);
        } else if (++at < text + size && *at == '%') {
            luaL_addchar(&r->out, '%');
        } else if (at < text + size && *at == '0') {
            luaL_addlstring(&r->out, start, (size_t)(end - start));
        } else if (at < text + size && *at >= '1' && *at <= '9') {
            push_capture(&r->m, *at - '1', start, end);
            luaL_tolstring(r->m.lua, -1, NULL);
            lua_remove(r->m.lua, -2);
            luaL_addvalue(&r->out);
        } else {
            luaL_error(r->m.lua, "invalid use of '%%' in the replacement");
        }
    }
}

/* The replacement is a table or a function: false or nil keeps what matched. */
static bool add_value(struct replacing *r, const char *start, const char *end)
{
    lua_State *lua = r->m.lua;

    if (r->type == LUA_TFUNCTION) {
        lua_pushvalue(lua, 3);
        lua_call(lua, push_captures(&r->m, start, end, true), 1);
    } else {
        push_capture(&r->m, 0, start, end);
        lua_gettable(lua, 3);
    }
    if (!lua_toboolean(lua, -1)) {
        lua_pop(lua, 1);
        luaL_addlstring(&r->out, start, (size_t)(end - start));
        return false;
    }
    if (!lua_isstring(lua, -1))
        luaL_error(lua, "invalid replacement value (a %s)", luaL_typename(lua, -1));
    luaL_addvalue(&r->out);
    return true;
}

static int gsub(lua_State *lua)
{
    struct texts texts = texts_of(lua, 0);
    struct replacing r = {.type = lua_type(lua, 3)};
    lua_Integer most = luaL_optinteger(lua, 4, LUA_MAXINTEGER), count = 0;
    const char *at = texts.subject, *last = NULL;

    luaL_argexpected(lua, r.type == LUA_TNUMBER || r.type == LUA_TSTRING || r.type == LUA_TTABLE ||
                              r.type == LUA_TFUNCTION,
                     3, "string/function/table");
    if (r.type == LUA_TNUMBER)
        lua_tolstring(lua, 3, NULL); /* becomes text */
    lua_settop(lua, 3);
    begin(&r.m, lua, &texts);
    luaL_buffinit(lua, &r.out);
    while (count < most) {
        const char *end = pattern_match(&r.m, at, texts.pattern + texts.anchored);
        if (end && end != last) {
            count++;
            if (r.type == LUA_TTABLE || r.type == LUA_TFUNCTION)
                add_value(&r, at, end);
            else
                add_text(&r, at, end);
            at = last = end;
        } else if (at < texts.subject_end) {
            luaL_addchar(&r.out, *at++);
        } else {
            break;
        }
        if (texts.anchored)
            break;
        if (++r.m.steps % PATTERN_STEPS == 0)
            script_bound(lua);
    }
    luaL_addlstring(&r.out, at, (size_t)(texts.subject_end - at));
    luaL_pushresult(&r.out);
    lua_pushinteger(lua, count);
    return 2;
}

/* --- rep ----------------------------------------------------------------------------------------- */

static int rep(lua_State *lua)
{
    size_t size, between;
    const char *text = luaL_checklstring(lua, 1, &size);
    lua_Integer count = luaL_checkinteger(lua, 2);
    const char *separator = luaL_optlstring(lua, 3, "", &between);
    size_t unit = size + between;
    luaL_Buffer out;

    if (count <= 0 || unit == 0) {
        lua_pushliteral(lua, "");
        return 1;
    }
    if ((uint64_t)count > (uint64_t)script_of(lua)->script->own->memory / unit + 1)
        return luaL_error(lua, "the text would be larger than the script's memory");
    size_t total = unit * (size_t)count - between;
    char *room = luaL_buffinitsize(lua, &out, total + between);
    memcpy(room, text, size);
    memcpy(room + size, separator, between);
    for (size_t done = unit; done < total;) { /* doubles what is there */
        size_t more = done < total - done ? done : total - done;
        memcpy(room + done, room, more);
        done += more;
    }
    luaL_pushresultsize(&out, total);
    return 1;
}

void strings_open(lua_State *lua)
{
    static const luaL_Reg functions[] = {{"find", find}, {"match", match}, {"gmatch", gmatch},
                                         {"gsub", gsub}, {"rep", rep},     {NULL, NULL}};

    lua_getglobal(lua, LUA_STRLIBNAME);
    luaL_setfuncs(lua, functions, 0);
    lua_pop(lua, 1);
}
