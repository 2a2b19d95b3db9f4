/* Scripts that are hostile, or only wrong: each ends, with a sentence, and the next turn is fine. */
#include "kit.h"

START_TEST(what_is_not_there)
{
    answers(say("for _, name in ipairs{'os', 'io', 'package', 'debug', 'require', 'load', 'loadfile',\n"
                "  'dofile', 'loadstring', 'collectgarbage', 'coroutine', 'warn'} do\n"
                "  assert(_G[name] == nil, name)\n"
                "end\n"
                "assert(string.dump == nil)\n"
                "turn.emit('none')"),
            "none");
    answers(say("local C = {} C.__index = C function C.name() return 'c' end\n"
                "local c = setmetatable({}, C) assert(c.name() == 'c' and getmetatable(c) == C)\n"
                "C.__tostring = function() return 'text' end setmetatable({}, C)\n"
                "assert(tostring(c) == 'text' and setmetatable(c, nil) == c and getmetatable(c) == nil)\n"
                "setmetatable(c, {__metatable = 'mine', __call = function() return 7 end})\n"
                "assert(c() == 7 and getmetatable(c) == 'mine' and not pcall(setmetatable, c, {}))\n"
                "assert(getmetatable('') == false and getmetatable(turn) == false)\n"
                "assert(not pcall(setmetatable, turn, {}) and not pcall(setmetatable, json.array{}, {}))\n"
                "turn.emit('well')"),
            "well");
    fails(say("setmetatable({}, {__gc = function() while true do end end})"), PB_INTERNAL,
          "script:1: a metatable with '__gc' is refused");
}
END_TEST

START_TEST(time_is_bounded)
{
    static const char *const endless[] = {
        "while true do end",
        "while true do pcall(error) end",
        "local function f() while true do end end while true do pcall(f) end",
        "local function f() pcall(f) f() end f()",
        "turn.next(function() while true do end end)",
        "turn.next(function() while true do pcall(turn.emit, '') end end)",
        "for _ in string.gmatch(('a'):rep(1e5), '()') do while true do end end",
        /* patterns */
        "string.find(('a'):rep(3000), ('.-'):rep(20) .. 'b')",
        "string.match(('a'):rep(3000), ('a*'):rep(20) .. 'b')",
        "string.gsub(('a'):rep(3000), ('a?'):rep(60) .. ('a'):rep(60) .. 'b', '')",
        "for _ in string.gmatch(('('):rep(50000), '%b()') do end",
        /* loops of the library */
        "table.sort({3, 1, 2}, function() while true do end end)",
        "table.move({}, 1, 1 << 60, 2)",
        "table.insert(setmetatable({}, {__len = function() return 1 << 60 end}), 1, 1)",
        "table.remove(setmetatable({}, {__len = function() return 1 << 60 end}), 1)",
        "table.sort(setmetatable({}, {__len = function() return 1 << 60 end, __index = rawlen}))",
        "table.concat(setmetatable({}, {__index = rawlen}), '', 1, 1 << 60)",
        "local t = setmetatable({}, {__index = function() return '' end}) table.concat(t, '', 1, 1 << 60)",
        "local long = ('x'):rep(1e6) while true do local y = long .. 'a' < long .. 'b' end",
        "local t = {} for i = 1, 20000 do t[i] = i end\n"
        "while true do table.sort(t, function(a, b) return true end) end",
    };

    for (size_t i = 0; i < sizeof endless / sizeof *endless; i++) {
        const pb_outcome *reply = say_with(endless[i], ", time: 20ms, memory: 16MiB");
        ck_assert_msg(reply->status == PB_TIMEOUT &&
                          pb_str_contains(reply->sentence, pb_lit("the script ran longer than 0.02 s")),
                      "%s\n%s: %.*s", endless[i], pb_status_name(reply->status),
                      PB_ARG(reply->sentence));
    }
    fails(say_with("local x = 1\n\nwhile true do end", ", time: 5ms"), PB_TIMEOUT,
          "script:3: the script ran longer than 0.005 s");
}
END_TEST

START_TEST(waiting_does_not_count)
{
    shut();
    open_with("turn.next() turn.emit('!')", ", time: 5ms", NULL);
    pb_script(harness, "main", PB_STEP_WAIT(60 * PB_SECOND), PB_STEP_TEXT("late"), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "Hello");
    answers(reply, "late!");
    ck_assert_int_ge(reply->elapsed, 60 * PB_SECOND);
}
END_TEST

START_TEST(a_long_script_lets_others_run)
{
    /* It asks whether others want to run: there it learns of the limit that the stage above set. */
    harness = pb_harness_new("pipelines: {p: {stages: [timeout: {after: 50ms},\n"
                             "  lua: {script: 'while true do pcall(error) end', time: 60s}]}}\n",
                             &patchbay_plugin_lua);
    pb_harness_virtual_time(harness, false);
    fails(pb_harness_say(harness, "Hello"), PB_TIMEOUT, "the reply was not complete after 0.05 s");
}
END_TEST

START_TEST(memory_is_bounded)
{
    static const char *const greedy[] = {
        "\nlocal s = 'x'\n while true do s = s .. s end",
        "\nlocal t = {}\n for i = 1, 1e9 do t[i] = i end",
        "\nlocal t = {}\n for i = 1, 1e9 do t[i] = {} end",
        "\n\nlocal function f(n) return 1 + f(n + 1) end f(1)",
        "\n\ntable.unpack({}, 1, 900000)",
        "\n\nlocal t = {} for i = 1, 1e5 do t[i] = 'xxxxxxxxxx' end table.concat(t, ('y'):rep(1000))",
        "\n\nstring.format(('%99d'):rep(100000), table.unpack({}))",
        "\n\nstring.gsub(('x'):rep(100000), '', ('y'):rep(100000))",
        "\n\nstring.pack('!16c2000000000', '')",
    };

    for (size_t i = 0; i < sizeof greedy / sizeof *greedy; i++) {
        const pb_outcome *reply = say_with(greedy[i], ", memory: 512KiB, time: 10s");
        bool own = pb_str_contains(reply->sentence, pb_lit("stack overflow")) ||
                   pb_str_contains(reply->sentence, pb_lit("too many results")) ||
                   pb_str_contains(reply->sentence, pb_lit("bad argument"));
        ck_assert_msg(own || reply->status == PB_NO_MEMORY, "%s\n%s: %.*s", greedy[i],
                      pb_status_name(reply->status), PB_ARG(reply->sentence));
        ck_assert_msg(pb_str_contains(reply->sentence, pb_lit("script:3: ")), "%s\n%.*s", greedy[i],
                      PB_ARG(reply->sentence));
    }
    fails(say("('x'):rep(1 << 40)"), PB_INTERNAL, "larger than the script's memory");
    fails(say("('x'):rep(1 << 62, 'yy')"), PB_INTERNAL, "larger than the script's memory");
    answers(say("local ok = pcall(function() local s = 'x' while true do s = s .. s end end)\n"
                "assert(not ok) turn.emit('caught')"),
            "caught");
}
END_TEST

START_TEST(the_stack_is_bounded)
{
    static const char *const deep[] = {
        "local function f() pcall(f) end f() turn.emit('back')",
        "local function f(x) return (x:gsub('.', f)) end pcall(f, 'x') turn.emit('back')",
        "local function f(x) table.concat(setmetatable({}, {__len = f, __index = f})) return 1 end\n"
        "pcall(f) turn.emit('back')",
        "local t = setmetatable({}, {}) getmetatable(t).__tostring = function(x) return tostring(x) end\n"
        "pcall(tostring, t) turn.emit('back')",
        "local t = setmetatable({}, {}) getmetatable(t).__index = function(x, k) return x[k .. 'x'] end\n"
        "pcall(function() return t.x end) turn.emit('back')",
        "local t = setmetatable({}, {}) getmetatable(t).__eq = function(a, b) return a == b end\n"
        "pcall(function() return t == setmetatable({}, getmetatable(t)) end) turn.emit('back')",
        "pcall(string.find, ('a'):rep(1000), ('a?'):rep(1000)) turn.emit('back')",
        "pcall(string.find, ('a'):rep(1000), ('('):rep(1000)) turn.emit('back')",
        "local t = {} t.t = t pcall(json.encode, t) turn.emit('back')",
        "local t = {} for i = 1, 60 do t = {t, t} end pcall(json.encode, t) turn.emit('back')",
        "pcall(json.decode, ('['):rep(100000)) turn.emit('back')",
        "local meta = {} local t = setmetatable({}, meta)\n"
        "meta.__call = t pcall(t) assert(not pcall(setmetatable, t, meta)) turn.emit('back')",
    };

    for (size_t i = 0; i < sizeof deep / sizeof *deep; i++)
    {
        const pb_outcome *reply = say_with(deep[i], ", time: 10s");
        ck_assert_msg(reply->status == PB_OK && pb_str_is(reply->text, "back"), "%s\n%.*s", deep[i],
                      PB_ARG(reply->sentence));
    }
    fails(say("local function f() local ok, why = pcall(f) if not ok then error(why, 0) end end f()"),
          PB_INTERNAL, "too many calls within calls");
    fails(say("\n json.encode({json})"), PB_INTERNAL, "script:2: a function or an object has no JSON");
    fails(say("local t = {} t[1] = t turn.variables.x = t"), PB_INTERNAL, "nested too deeply");
    fails(say("turn.variables.x = print"), PB_INTERNAL, "a function or an object has no JSON");
    fails(say("turn.variables.x = {1, 2, x = 3}"), PB_INTERNAL, "a table is a list from 1 on");
    fails(say("turn.variables.x = 1 / 0"), PB_INTERNAL, "an infinite number");
}
END_TEST

START_TEST(an_error_with_long_words_is_cut)
{
    const pb_outcome *reply = say("error(('\\xC3\\xA9'):rep(5000), 0)");

    ck_assert_int_eq(reply->status, PB_INTERNAL);
    ck_assert_uint_le(reply->sentence.size, 600);
    ck_assert_uint_eq(reply->sentence.size % 2, 0); /* not within a character */
}
END_TEST

START_TEST(wrong_scripts_do_not_start)
{
    static const pb_plugin *const plugins[] = {&patchbay_plugin_lua, NULL};
    char folder[] = "script-XXXXXX", yaml[400], path[200];
    const char *where = getenv("TMPDIR");

    pb_harness_refuse("pipelines: {p: {stages: [lua: {script: \"local x = 1\\n\\nlocal y = = 2\"}]}}",
                      plugins, (const char *const[]){"script:3: unexpected symbol near '='", NULL});
    pb_harness_refuse("pipelines: {p: {stages: [lua: {}]}}", plugins,
                      (const char *const[]){"give 'script', or 'file'", NULL});
    pb_harness_refuse("pipelines: {p: {stages: [lua: {script: x(), file: x.lua}]}}", plugins,
                      (const char *const[]){"exclude each other", NULL});
    pb_harness_refuse("pipelines: {p: {stages: [lua: {file: /no/such.lua}]}}", plugins,
                      (const char *const[]){"the script '/no/such.lua' cannot be read", NULL});
    pb_harness_refuse("pipelines: {p: {stages: [lua: {script: \"\\x1bLua\"}]}}", plugins,
                      (const char *const[]){"attempt to load a binary chunk", NULL});
    (void)snprintf(path, sizeof path, "%s/%s.lua", where, folder);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    (void)fprintf(file, "\xEF\xBB\xBFlocal x\nturn.emit(x.y)\n");
    ck_assert_int_eq(fclose(file), 0);
    (void)snprintf(yaml, sizeof yaml, "pipelines: {p: {stages: [lua: {file: %s}]}}", path);
    harness = pb_harness_new(yaml, &patchbay_plugin_lua);
    fails(pb_harness_say(harness, "Hello"), PB_INTERNAL, "script-XXXXXX.lua:2: attempt to index");
    shut();
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    (void)fprintf(file, "local x\n\nx x\n");
    ck_assert_int_eq(fclose(file), 0);
    pb_harness_refuse(yaml, plugins,
                      (const char *const[]){"script-XXXXXX.lua:3: syntax error near 'x'", NULL});
}
END_TEST

START_TEST(a_deeply_nested_script_does_not_start)
{
    static char yaml[9000];
    static const pb_plugin *const plugins[] = {&patchbay_plugin_lua, NULL};
    size_t at = (size_t)sprintf(yaml, "pipelines: {p: {stages: [lua: {script: \"local x = ");

    memset(yaml + at, '(', 4000);
    (void)strcpy(yaml + at + 4000, "\"}]}}");
    pb_harness_refuse(yaml, plugins, (const char *const[]){"C stack overflow", NULL});
}
END_TEST

int main(void)
{
    const TTest *const bounds[] = {what_is_not_there,
                                          time_is_bounded,
                                          waiting_does_not_count,
                                          a_long_script_lets_others_run,
                                          memory_is_bounded,
                                          the_stack_is_bounded,
                                          an_error_with_long_words_is_cut,
                                          wrong_scripts_do_not_start,
                                          a_deeply_nested_script_does_not_start,
                                          NULL};

    return suite_run_cases("lua bounds",
                           (TCase *const[]){suite_case("bounds", NULL, shut, bounds), NULL});
}
