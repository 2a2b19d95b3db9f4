/* state.c - the bounds of a script: memory by the allocator, time and stack by a hook.
 *
 * The hook comes at every call and every few instructions. A script that must end gets an error there;
 * one that catches it gets the next at its next instruction, so that every loop ends.
 */
#include "script.h"

#include <time.h>

/* The real clock, whatever the host's says: what is bounded is work, not waiting. */
static pb_duration now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (pb_duration)time.tv_sec * PB_SECOND + time.tv_nsec;
}

struct script_thread *script_of(lua_State *lua)
{
    return *(struct script_thread **)lua_getextraspace(lua);
}

int script_line(lua_State *lua)
{
    lua_Debug about;

    for (int level = 0; lua_getstack(lua, level, &about); level++)
        if (lua_getinfo(lua, "Sl", &about) && about.currentline > 0 &&
            strcmp(about.source, PRELUDE_NAME) != 0)
            return about.currentline;
    return 0;
}

/* --- memory -------------------------------------------------------------------------------------- */

/* Plain malloc: Lua gives back what it collects, which memory of a scope cannot. */
static void *allocate(void *arg, void *old, size_t old_size, size_t size)
{
    struct script *script = arg;
    size_t before = old ? old_size : 0;
    void *new;

    if (size == 0) {
        free(old);
        script->used -= before;
        return NULL;
    }
    if (size > before && size - before > (size_t)script->own->memory - script->used) {
        if (script->running)
            script->refused_at = script_line(script->running);
        return NULL;
    }
    new = realloc(old, size);
    if (new)
        script->used += size - before;
    return new;
}

/* --- time and stack ------------------------------------------------------------------------------ */

void script_pause(struct script_thread *thread)
{
    thread->script->spent += now() - thread->resumed;
}

void script_resume(struct script_thread *thread)
{
    thread->resumed = now();
    thread->script->running = thread->lua;
}

static void hook(lua_State *lua, lua_Debug *about);

/* Raises, now and at each instruction from now on. */
static void end(lua_State *lua, pb_status status)
{
    struct script *script = script_of(lua)->script;

    if (script->ended == PB_OK) {
        script->ended = status;
        script->ended_at = script_line(lua);
    }
    lua_sethook(lua, hook, LUA_MASKCALL | LUA_MASKCOUNT, 1);
    lua_pushnil(lua);
    lua_error(lua);
}

void script_bound(lua_State *lua)
{
    struct script_thread *thread = script_of(lua);
    struct script *script = thread->script;
    ptrdiff_t depth = thread->base - (const char *)__builtin_frame_address(0);
    pb_duration ran = now() - thread->resumed;

    if (script->ended != PB_OK)
        end(lua, script->ended);
    if (depth > SCRIPT_STACK)
        luaL_error(lua, "too many calls within calls of C functions");
    if (script->spent + ran > script->own->time) {
        script->late = true;
        end(lua, PB_TIMEOUT);
    }
    if (ran < SCRIPT_SLICE)
        return;
    script_pause(thread);
    pb_status status = pb_step();
    script_resume(thread);
    if (status != PB_OK)
        end(lua, status);
}

static void hook(lua_State *lua, lua_Debug *about)
{
    (void)about;
    script_bound(lua);
}

/* --- threads ------------------------------------------------------------------------------------- */

static void enter(struct script_thread *thread)
{
    thread->busy = true;
    thread->base = __builtin_frame_address(0);
    lua_sethook(thread->lua, hook, LUA_MASKCALL | LUA_MASKCOUNT, SCRIPT_INSTRUCTIONS);
    script_resume(thread);
}

/* Anchors a new Lua thread in the registry, under the address of `thread`. */
static int make_thread(lua_State *lua)
{
    struct script_thread *thread = lua_touserdata(lua, 1);

    thread->lua = lua_newthread(lua);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, thread);
    *(struct script_thread **)lua_getextraspace(thread->lua) = thread;
    return 0;
}

/* On the first thread, which waits in a C function of its own task meanwhile. Without the hook, which
 * could park: that thread's chain of jumps must be as it was before anything else runs. */
static bool call_make_thread(struct script *script, struct script_thread *thread)
{
    lua_State *lua = script->first.lua;

    if (!lua_checkstack(lua, LUA_MINSTACK))
        return false;
    lua_sethook(lua, NULL, 0, 0);
    lua_pushcfunction(lua, make_thread);
    lua_pushlightuserdata(lua, thread);
    bool made = lua_pcall(lua, 1, 0, 0) == LUA_OK;
    if (!made)
        lua_pop(lua, 1);
    lua_sethook(lua, hook, LUA_MASKCALL | LUA_MASKCOUNT, SCRIPT_INSTRUCTIONS);
    return made;
}

struct script_thread *thread_enter(struct script *script)
{
    struct script_thread *thread = script->first.next;

    while (thread && thread->busy)
        thread = thread->next;
    if (!thread) {
        thread = calloc(1, sizeof *thread);
        if (!thread)
            return NULL;
        thread->script = script;
        if (!call_make_thread(script, thread)) {
            free(thread);
            return NULL;
        }
        thread->next = script->first.next;
        script->first.next = thread;
    }
    enter(thread);
    return thread;
}

void thread_leave(struct script_thread *thread)
{
    script_pause(thread);
    lua_settop(thread->lua, 0);
    thread->busy = false;
}

pb_status script_open(struct script *script)
{
    lua_State *lua = lua_newstate(allocate, script);

    if (!lua)
        return pb_fail(PB_NO_MEMORY, "there is no memory for a Lua state");
    script->first.script = script;
    script->first.lua = lua;
    *(struct script_thread **)lua_getextraspace(lua) = &script->first;
    enter(&script->first);
    lua_pushcfunction(lua, sandbox_open);
    int code = lua_pcall(lua, 0, 1, 0);
    return code == LUA_OK ? (pb_status)PB_OK : failure_status(&script->first, code);
}

void script_close(struct script *script)
{
    struct script_thread *thread = script->first.next;

    if (script->first.lua)
        lua_close(script->first.lua);
    while (thread) {
        struct script_thread *next = thread->next;
        free(thread);
        thread = next;
    }
}
