/* The functions that are written anew say what those of Lua say: each expression is evaluated by both. */
#include "kit.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

static const char *const expressions[] = {
    "string.find('hello world', 'o w')", "string.find('hello', 'l+')", "string.find('hello', 'xyz')",
    "string.find('hello', '')", "string.find('hello', '', 6)", "string.find('hello', '', 7)",
    "string.find('hello', 'l', -2)", "string.find('hello', 'l', -99)", "string.find('a.b', '.', 2, true)",
    "string.find('a+b', '+', 1, true)", "string.find('', '')", "string.find('', '', 1, true)",
    "string.find('abc', '^b')", "string.find('abc', '^b', 2)", "string.find('a$b', 'a$b')",
    "string.find('abc', 'c$')", "string.find('a\\0b', '\\0')", "string.find('a\\0b', '%z*b')",
    "string.find('key = value', '(%w+)%s*=%s*(%w+)')", "string.find('abc', '()b()')",
    "string.match('2024-11-21', '(%d+)-(%d+)-(%d+)')", "string.match('  trim  ', '^%s*(.-)%s*$')",
    "string.match('[[x]]', '%[%[(.*)%]%]')", "string.match('f(a(b)c)d', '%b()')",
    "string.match('THE (quick) fox', '%f[%a]%a+%f[%A]', 5)", "string.match('hello', '(h)(e)(l)%3')",
    "string.match('\"a\\'b\"', '([\"\\'])(.-)%1')", "string.match('x-1', '[%w-]+')",
    "string.match('x]y', '[]]')", "string.match('x^y', '[x^]+')", "string.match('abc', '[^a-b]')",
    "string.match('a-z', '[a%-z]+')", "string.match('az-', '[a-]+')", "string.match('ab12', '%a+%d?%d?%d?')",
    "string.match('aaa', 'a-')", "string.match('aaab', 'a-b')", "string.match('aXb', '%u')",
    "string.match('\\t x', '%c%s%l')", "string.match('0xFf', '%x+$')", "string.match('a,b', '%p')",
    "string.match('abc', '((a)(b))')", "string.match('', '.?')", "string.match('abc', '%', 1)",
    "string.match('abc', '[a')", "string.match('abc', '(a')", "string.match('abc', 'a)')",
    "string.match('abc', '%1')", "string.match('abc', '%b')", "string.match('abc', '%f')",
    "string.match('abc', '[%')", "string.match('abc', '[a-%')", "string.match('abc', 'b', 9)",
    "string.gsub('hello world', 'o', '0')", "string.gsub('hello', '', '-')", "string.gsub('abc', '%w', '%0%0')",
    "string.gsub('abc', '(a)(b)', '%2%1')", "string.gsub('abc', 'b', '%%')", "string.gsub('abc', '^a', 'x')",
    "string.gsub('aaa', '^a', 'x')", "string.gsub('aaa', 'a', 'b', 2)", "string.gsub('aaa', 'a', 'b', 0)",
    "string.gsub('aaa', 'a', 'b', -1)", "string.gsub('$name!', '%$(%w+)', {name = 'Ann'})",
    "string.gsub('$other!', '%$(%w+)', {name = 'Ann'})", "string.gsub('a1', '%d', function(d) return d + 1 end)",
    "string.gsub('abc', '.', function(c) if c == 'b' then return false end return c:upper() end)",
    "string.gsub('abc', '()', '%1')", "string.gsub('abc', 'b', 5)", "string.gsub('abc d', '%s*', '_')",
    "string.gsub('abc', 'b', '%9')", "string.gsub('abc', 'b', '%')", "string.gsub('abc', 'b', '%x')",
    "string.gsub('abc', 'b', function() return {} end)", "string.gsub('abc', 'b', true)",
    "string.gsub('abc', '', '')", "string.gsub('\\xC3\\xA9t\\xC3\\xA9', utf8.charpattern, '.')",
    "(function() local t = {} for k, v in string.gmatch('a=1, b=2', '(%w+)=(%w+)') do t[#t+1] = k .. v end"
    " return table.concat(t, ';') end)()",
    "(function() local t = {} for w in string.gmatch('one two', '%a*') do t[#t+1] = w end"
    " return table.concat(t, ';') end)()",
    "(function() local t = {} for p in string.gmatch('abc', '()') do t[#t+1] = p end"
    " return table.concat(t, ';') end)()",
    "(function() local t = {} for w in string.gmatch('abcabc', 'b', 4) do t[#t+1] = w end"
    " return table.concat(t, ';') end)()",
    "(function() local t = {} for w in string.gmatch('^a^a', '^a') do t[#t+1] = w end"
    " return table.concat(t, ';') end)()",
    "string.rep('ab', 3)", "string.rep('ab', 3, ', ')", "string.rep('', 5, '-')", "string.rep('x', 0)",
    "string.rep('x', -1)", "string.rep('x', 1, 'yy')", "string.rep('abc', 100, '12345'):len()",
    "table.concat({1, 2, 3}, '-')",
    "(function() local t = {5, 2, 8, 1, 9, 3, 7} table.sort(t) return table.concat(t, ' ') end)()",
    "(function() local t = {'b', 'a', 'c'} table.sort(t, function(a, b) return a > b end)"
    " return table.concat(t) end)()",
    "(function() local t = {1, 2, 3} table.insert(t, 4) table.insert(t, 1, 0) return table.concat(t) end)()",
    "(function() local t = {1, 2, 3} local x = table.remove(t, 1) local y = table.remove(t)"
    " return x, y, table.concat(t) end)()",
    "table.remove({})", "table.remove({}, 0)", "table.remove({1}, 2)", "select('#', table.remove({1, 2}, 3))",
    "(function() return table.concat(table.move({1, 2, 3, 4}, 2, 4, 1), ' ') end)()",
    "(function() return table.concat(table.move({1, 2, 3}, 1, 3, 2), ' ') end)()",
    "(function() return table.concat(table.move({1, 2, 3}, 2, 3, 1, {9}), ' ') end)()",
};

/* What both say of an expression; of errors only that it is one: words differ. */
static const char show[] = "local function show(...)\n"
                           "  local out = {}\n"
                           "  for i = 1, select('#', ...) do\n"
                           "    local v = select(i, ...)\n"
                           "    out[i] = type(v) .. ':' .. tostring(v)\n"
                           "  end\n"
                           "  return table.concat(out, ', ')\n"
                           "end\n"
                           "local ok, said = pcall(function() return show(%s) end)\n"
                           "if not ok then said = 'error' end\n";

START_TEST(both_say_the_same)
{
    static char script[40000], one[2000], expected[400];
    lua_State *lua = luaL_newstate();
    size_t at = 0, count = sizeof expressions / sizeof *expressions;

    luaL_openlibs(lua);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(one, sizeof one, show, expressions[i]);
        at = (size_t)snprintf(script, sizeof script, "%s turn.emit(said)", one);
        ck_assert_uint_lt(at, sizeof script);
        (void)strcat(one, "return said");
        ck_assert_int_eq(luaL_dostring(lua, one), LUA_OK);
        (void)snprintf(expected, sizeof expected, "%s", lua_tostring(lua, -1));
        lua_settop(lua, 0);
        const pb_outcome *reply = say(script);
        ck_assert_msg(reply->status == PB_OK && pb_str_is(reply->text, expected),
                      "%s\nis '%.*s' (%.*s), not '%s'", expressions[i], PB_ARG(reply->text),
                      PB_ARG(reply->sentence), expected);
    }
    lua_close(lua);
}
END_TEST

START_TEST(a_sort_is_right)
{
    answers(say("local seed = 7\n"
                "local function random(n) seed = (seed * 1103515245 + 12345) % 2147483648 return seed % n end\n"
                "for size = 0, 70 do\n"
                "  local t, count = {}, {}\n"
                "  for i = 1, size do t[i] = {random(10), i} count[t[i]] = 1 end\n"
                "  table.sort(t, function(a, b) return a[1] < b[1] end)\n"
                "  for i = 1, size do count[t[i]] = count[t[i]] + 1 end\n"
                "  for i = 2, size do\n"
                "    local a, b = t[i - 1], t[i]\n"
                "    assert(a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]))\n"
                "  end\n"
                "  for _, n in pairs(count) do assert(n == 2) end\n"
                "  assert(#t == size)\n"
                "end\n"
                "turn.emit('sorted')"),
            "sorted");
}
END_TEST

START_TEST(json_goes_both_ways)
{
    answers(say("local t = json.decode('{\"a\": [1, 2.5, -3e2, true, false, null], \"b\": {}, \"c\": []}')\n"
                "assert(t.a[1] == 1 and math.type(t.a[1]) == 'integer' and t.a[2] == 2.5)\n"
                "assert(t.a[3] == -300 and t.a[4] == true and t.a[6] == json.null and #t.a == 6)\n"
                "assert(json.encode(t.b) == '{}' and json.encode(t.c) == '[]')\n"
                "assert(json.encode(t.a) == '[1,2.5,-300.0,true,false,null]' or\n"
                "       json.encode(t.a) == '[1,2.5,-300,true,false,null]')\n"
                "assert(json.encode({1, 2}) == '[1,2]' and json.encode({}) == '{}')\n"
                "assert(json.encode(json.array{}) == '[]' and json.encode(nil) == 'null')\n"
                "assert(json.encode('a\"\\n') == '\"a\\\\\"\\\\n\"')\n"
                "assert(json.encode(1 << 62) == '4611686018427387904')\n"
                "assert(json.encode(0.1) == '0.1')\n"
                "local ok, why = pcall(json.decode, '[1,')\n"
                "assert(not ok and why:find('^script:%d+: '), why)\n"
                "turn.emit(json.encode(json.decode('[\"\\\\u00e9\", 9007199254740993]')))"),
            "[\"\xC3\xA9\",9007199254740993]");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {both_say_the_same, a_sort_is_right, json_goes_both_ways, NULL};

    return suite_run_cases("lua strings",
                           (TCase *const[]){suite_case("strings", NULL, shut, tests), NULL});
}
