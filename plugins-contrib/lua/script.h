/* script.h - a stage whose work is a Lua script.
 *
 * Each turn has a Lua state of its own: nothing is left for the next turn, its memory is counted and
 * goes at once, and Lua's setjmp chain never crosses two tasks. A sink of the script may be called by
 * another task (a branch of `parallel`), so each call of Lua from C has a Lua thread of its own, too.
 * Lua's errors are jumps: they pass through the C functions here, never through a call of the host.
 */
#ifndef CONTRIB_LUA_SCRIPT_H
#define CONTRIB_LUA_SCRIPT_H

#include <patchbay/json.h>
#include <patchbay/stage.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

enum {
    SCRIPT_LONGEST = 1 << 20,   /* bytes of a file */
    SCRIPT_STACK = 48 * 1024,   /* of the task's stack: what C functions within the script may nest */
    SCRIPT_INSTRUCTIONS = 200,  /* between two looks at the clock */
    SCRIPT_SLICE = 250 * 1000,  /* nanoseconds after which others are asked whether they want to run */
    SCRIPT_DEPTH = 64,          /* of a value that becomes JSON */
    PATTERN_DEPTH = 100,        /* of captures and quantifiers in a pattern */
    PATTERN_CAPTURES = 32,
    PATTERN_STEPS = 1000,       /* between two looks at the clock */
    QUOTED = 400,               /* bytes of an error that a sentence quotes */
};

#define PRELUDE_NAME "=(table)" /* what Lua calls the chunk of sandbox.c: no line of the script */

/* The instance: filled from YAML; the last three by create. */
struct lua_stage {
    pb_str script;
    pb_str file;
    const pb_json *values;
    pb_duration time;
    int64_t memory;
    pb_str chunk;   /* what errors call it: "script", or the file's name */
    pb_str prelude; /* compiled */
    pb_str code;
};

/* A Lua thread, and who runs on it. */
struct script_thread {
    struct script *script;
    lua_State *lua;
    struct script_thread *next; /* of all threads of the script */
    pb_sink *sink;              /* within a call of the script's sink: this one; else NULL */
    const char *base;           /* where the stack was when Lua was entered */
    pb_duration resumed;        /* when it last began to run */
    bool busy;
};

/* A script at work on a turn. */
struct script {
    const struct lua_stage *own;
    pb_turn *turn;
    const pb_next *next;
    struct script_thread first;
    pb_duration spent;  /* running time of the threads that do not run now */
    size_t used;        /* bytes that Lua has */
    lua_State *running; /* the Lua thread that ran last */
    int refused_at;     /* the line where memory was refused last */
    int raised_at;      /* the line of the last error that was no text */
    pb_status ended;    /* not PB_OK: it must end with this, whatever it catches */
    int ended_at;       /* the line, of PB_TIMEOUT */
    bool late;          /* `ended` because of the option `time` */
};

/* --- state.c: bounds ----------------------------------------------------------------------------- */

/* PB_OK, or PB_NO_MEMORY with a sentence. */
pb_status script_open(struct script *script);
void script_close(struct script *script);

/* The thread that runs `lua`. */
struct script_thread *script_of(lua_State *lua);

/* A thread to call Lua on from this task; NULL when memory is short. Given back with thread_leave. */
struct script_thread *thread_enter(struct script *script);
void thread_leave(struct script_thread *thread);

/* Around calls of the host: the script does not run meanwhile. */
void script_pause(struct script_thread *thread);
void script_resume(struct script_thread *thread);

/* Ends the script by a Lua error when it has run too long, its task was told to end, or the stack is
 * short. May park. */
void script_bound(lua_State *lua);

/* Line of the script that runs, or 0. */
int script_line(lua_State *lua);

/* --- sandbox.c ----------------------------------------------------------------------------------- */

/* Compiles; `out` lives in the running scope. PB_INVALID: the sentence has the line. */
pb_status script_compile(pb_str text, pb_str chunk, pb_str *out);
pb_status script_compile_prelude(pb_str *out);
/* In a protected call: fills the globals and leaves the compiled script on the stack. */
int sandbox_open(lua_State *lua);

/* --- failure.c ----------------------------------------------------------------------------------- */

/* Raises what a call of the host failed with; a script may catch it and go on. */
int raise_status(lua_State *lua, pb_status status);
/* Raises this sentence with the line of the script, whatever C functions stand between. */
int raise_text(lua_State *lua, const char *sentence);
/* The globals `fail` and `error`. */
void failure_open(lua_State *lua);
/* The status of a protected call that gave `code`; its error object is on top. Sets the sentence. */
pb_status failure_status(struct script_thread *thread, int code);

/* --- value.c: JSON and Lua ----------------------------------------------------------------------- */

void value_open(lua_State *lua); /* the global `json` */
/* Pushes it; NULL is nil. Raises errors of memory. */
void value_push(lua_State *lua, const pb_json *json);
void value_push_text(lua_State *lua, pb_str text); /* nil for the absent string */
/* The value at `index` as a tree in the running scope, with strings of its own; raises what is no
 * JSON. nil gives NULL. */
const pb_json *value_tree(lua_State *lua, int index);
/* Calls `work` (a Lua function in C) with the `count` values on top in a scope of memory that ends
 * with it, however it ends; leaves its one result. */
void value_scoped(lua_State *lua, lua_CFunction work, int count);

/* --- turn.c, messages.c, events.c: what the script sees ------------------------------------------- */

void turn_open(lua_State *lua); /* the global `turn` */
void messages_open(lua_State *lua);
void messages_push(lua_State *lua);
void messages_set(lua_State *lua, int index);
void messages_set_question(lua_State *lua, int index);
int events_next(lua_State *lua);
int events_emit(lua_State *lua);
int events_custom(lua_State *lua);

/* --- metatables.c -------------------------------------------------------------------------------- */

void metatables_open(lua_State *lua); /* the global `setmetatable` */
/* The metatable on top is neither shown to the script nor changed by it. */
void metatables_lock(lua_State *lua);

/* --- pattern.c, strings.c ------------------------------------------------------------------------ */

struct capture {
    const char *start;
    ptrdiff_t size; /* CAPTURE_OPEN, CAPTURE_PLACE, or bytes */
};
enum { CAPTURE_OPEN = -1, CAPTURE_PLACE = -2 };

struct matcher {
    lua_State *lua;
    const char *subject, *subject_end, *pattern_end;
    int depth, count;
    unsigned steps;
    struct capture captures[PATTERN_CAPTURES];
};

/* Where the match of `pattern` that begins at `at` ends, or NULL. Raises malformed patterns. */
const char *pattern_match(struct matcher *matcher, const char *at, const char *pattern);

void strings_open(lua_State *lua); /* replaces functions of `string` that cannot be bounded */

#endif
