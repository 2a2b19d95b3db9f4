/* messages.c - the turn's messages as tables, and tables as messages.
 *
 * A table that came from a message remembers it: put back unchanged it is the same message, with its
 * images and in its client's own words; with another text it keeps all but the old text.
 */
#include "script.h"

static const char origins[] = "origins"; /* registry: table → pb_message, for as long as the table lives */

static const char *const roles[] = {"system", "user", "assistant", "tool"};
static const char *const part_types[] = {"text", "image", "file", "audio", "thinking"};

void messages_open(lua_State *lua)
{
    lua_newtable(lua);
    lua_createtable(lua, 0, 1);
    lua_pushstring(lua, "k");
    lua_setfield(lua, -2, "__mode");
    lua_setmetatable(lua, -2);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, origins);
}

static void set_text(lua_State *lua, const char *name, pb_str text)
{
    if (text.data) {
        value_push_text(lua, text);
        lua_setfield(lua, -2, name);
    }
}

static void push_parts(lua_State *lua, const pb_message *message)
{
    lua_createtable(lua, (int)message->part_count, 0);
    for (size_t i = 0; i < message->part_count; i++) {
        const pb_part *part = message->parts[i];
        lua_createtable(lua, 0, 4);
        if (part->type >= 0 && (size_t)part->type < sizeof part_types / sizeof *part_types)
            set_text(lua, "type", pb_str_of(part_types[part->type]));
        set_text(lua, "text", part->text);
        set_text(lua, "mime", part->mime);
        set_text(lua, "name", part->name);
        set_text(lua, "url", part->url);
        lua_rawseti(lua, -2, (lua_Integer)i + 1);
    }
    lua_setfield(lua, -2, "parts");
}

static void push_tool_calls(lua_State *lua, const pb_message *message)
{
    lua_createtable(lua, (int)message->tool_call_count, 0);
    for (size_t i = 0; i < message->tool_call_count; i++) {
        const pb_tool_call *call = message->tool_calls[i];
        lua_createtable(lua, 0, 3);
        set_text(lua, "id", call->id);
        set_text(lua, "name", call->name);
        set_text(lua, "arguments", call->arguments);
        lua_rawseti(lua, -2, (lua_Integer)i + 1);
    }
    lua_setfield(lua, -2, "tool_calls");
}

static void push_message(lua_State *lua, const pb_message *message)
{
    lua_createtable(lua, 0, 3);
    if (message->role >= 0 && (size_t)message->role < sizeof roles / sizeof *roles)
        set_text(lua, "role", pb_str_of(roles[message->role]));
    set_text(lua, "text", message->text);
    set_text(lua, "name", message->name);
    set_text(lua, "tool_call_id", message->tool_call_id);
    if (message->part_count)
        push_parts(lua, message);
    if (message->tool_call_count)
        push_tool_calls(lua, message);
    lua_rawgetp(lua, LUA_REGISTRYINDEX, origins);
    lua_pushvalue(lua, -2);
    lua_pushlightuserdata(lua, (void *)(uintptr_t)message);
    lua_rawset(lua, -3);
    lua_pop(lua, 1);
}

void messages_push(lua_State *lua)
{
    size_t count;
    const pb_message *const *messages = pb_turn_messages(script_of(lua)->script->turn, &count);

    lua_createtable(lua, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        push_message(lua, messages[i]);
        lua_rawseti(lua, -2, (lua_Integer)i + 1);
    }
}

/* --- back ---------------------------------------------------------------------------------------- */

static const pb_message *origin(lua_State *lua, int index)
{
    lua_rawgetp(lua, LUA_REGISTRYINDEX, origins);
    lua_pushvalue(lua, index);
    lua_rawget(lua, -2);
    const pb_message *message = lua_touserdata(lua, -1);
    lua_pop(lua, 2);
    return message;
}

/* A member that is text or nil; borrowed from the table. */
static pb_str text_of(lua_State *lua, int index, const char *name)
{
    size_t size = 0;
    const char *text = NULL;
    int type = lua_getfield(lua, index, name);

    if (type == LUA_TSTRING)
        text = lua_tolstring(lua, -1, &size);
    else if (type != LUA_TNIL)
        luaL_error(lua, "'%s' of a message is text, not a %s value", name,
                   lua_typename(lua, type));
    lua_pop(lua, 1);
    return pb_str_make(text, size);
}

static int32_t role_of(lua_State *lua, int index)
{
    pb_str name = text_of(lua, index, "role");

    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (pb_str_is(name, roles[i]))
            return (int32_t)i;
    return luaL_error(lua, "'role' of a message is system, user, assistant or tool");
}

static pb_str keep(lua_State *lua, pb_str text)
{
    pb_str copy = pb_copy(text);

    if (text.data && !copy.data)
        raise_status(lua, PB_NO_MEMORY);
    return copy;
}

/* The parts with one text, the new one, in place of the old ones. */
static void replace_text(lua_State *lua, pb_message *message)
{
    const pb_part **parts = PB_NEW_ARRAY(const pb_part *, message->part_count + 1);
    pb_part *text = PB_NEW(pb_part);
    size_t count = 0;

    if (!parts || !text) {
        raise_status(lua, PB_NO_MEMORY);
        return;
    }
    *text = (pb_part){.size = sizeof *text, .type = PB_PART_TEXT, .text = message->text};
    if (message->text.size)
        parts[count++] = text;
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i]->type != PB_PART_TEXT)
            parts[count++] = message->parts[i];
    message->parts = parts;
    message->part_count = count;
}

static pb_message *changed(lua_State *lua, const pb_message *from, pb_str text)
{
    pb_message *message = pb_message_new(PB_ROLE_USER, (pb_str){0});

    if (!message)
        raise_status(lua, PB_NO_MEMORY);
    if (from)
        memcpy(message, from, from->size < sizeof *message ? from->size : sizeof *message);
    message->size = sizeof *message;
    message->source = NULL;
    message->dialect = (pb_str){0};
    message->text = keep(lua, text);
    if (message->part_count)
        replace_text(lua, message);
    return message;
}

/* The table at `index` as a message. */
static const pb_message *message_of(lua_State *lua, int index)
{
    if (lua_type(lua, index) != LUA_TTABLE)
        luaL_error(lua, "a message is a table like {role = \"user\", text = \"…\"}");
    const pb_message *from = origin(lua, index);
    int32_t role = role_of(lua, index);
    pb_str text = text_of(lua, index, "text"), name = text_of(lua, index, "name");
    pb_str call = text_of(lua, index, "tool_call_id");

    if (from && from->role == role && pb_str_equal(from->text, text) &&
        pb_str_equal(from->name, name) && pb_str_equal(from->tool_call_id, call))
        return from;
    pb_message *message = changed(lua, from, text);
    message->role = role;
    message->name = keep(lua, name);
    message->tool_call_id = keep(lua, call);
    return message;
}

static void set_all(lua_State *lua, const pb_message *const *messages, size_t count)
{
    pb_status status = pb_turn_set_messages(script_of(lua)->script->turn, messages, count);

    if (status != PB_OK)
        raise_status(lua, status);
}

void messages_set(lua_State *lua, int index)
{
    luaL_checktype(lua, index, LUA_TTABLE);
    size_t count = lua_rawlen(lua, index);
    const pb_message **messages = PB_NEW_ARRAY(const pb_message *, count + 1);

    if (!messages)
        raise_status(lua, PB_NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(lua, index, (lua_Integer)i + 1);
        messages[i] = message_of(lua, lua_gettop(lua));
        lua_pop(lua, 1);
    }
    set_all(lua, messages, count);
}

void messages_set_question(lua_State *lua, int index)
{
    size_t count, size;
    const char *text = luaL_checklstring(lua, index, &size);
    const pb_message *const *messages = pb_turn_messages(script_of(lua)->script->turn, &count);
    const pb_message **all = PB_NEW_ARRAY(const pb_message *, count + 1);
    size_t at = count;

    if (!all)
        raise_status(lua, PB_NO_MEMORY);
    if (count)
        memcpy(all, messages, count * sizeof *all);
    while (at && all[at - 1]->role != PB_ROLE_USER)
        at--;
    if (at)
        all[at - 1] = changed(lua, all[at - 1], pb_str_make(text, size));
    else
        all[count++] = changed(lua, NULL, pb_str_make(text, size));
    set_all(lua, all, count);
}
