/* pattern.c - Lua's patterns, by a matcher that looks at the clock.
 *
 * The one in Lua's library cannot be stopped, and a pattern like ".-.-.-x" takes for ever on a text of
 * a few kilobytes. Patterns mean here what the manual of Lua 5.4 says in section 6.4.1.
 */
#include "script.h"

#include <ctype.h>

static const char *match(struct matcher *m, const char *at, const char *pattern);

static void step(struct matcher *m)
{
    if (++m->steps % PATTERN_STEPS == 0)
        script_bound(m->lua);
}

static int malformed(struct matcher *m, const char *how)
{
    return luaL_error(m->lua, "malformed pattern (%s)", how);
}

/* --- one character ------------------------------------------------------------------------------- */

static bool in_class(unsigned char c, unsigned char class)
{
    bool in;

    switch (tolower(class)) {
    case 'a': in = isalpha(c) != 0; break;
    case 'c': in = iscntrl(c) != 0; break;
    case 'd': in = isdigit(c) != 0; break;
    case 'g': in = isgraph(c) != 0; break;
    case 'l': in = islower(c) != 0; break;
    case 'p': in = ispunct(c) != 0; break;
    case 's': in = isspace(c) != 0; break;
    case 'u': in = isupper(c) != 0; break;
    case 'w': in = isalnum(c) != 0; break;
    case 'x': in = isxdigit(c) != 0; break;
    case 'z': in = c == 0; break;
    default: return c == class; /* an escaped character */
    }
    return isupper(class) ? !in : in;
}

/* Where the set that begins at `set` ('[') ends: behind its ']'. */
static const char *set_end(struct matcher *m, const char *set)
{
    const char *at = set + 1;

    if (at < m->pattern_end && *at == '^')
        at++;
    do { /* a ']' that comes first stands for itself */
        if (at >= m->pattern_end)
            malformed(m, "missing ']'");
        if (*at++ == '%' && at++ >= m->pattern_end)
            malformed(m, "missing ']'");
    } while (at >= m->pattern_end || *at != ']');
    return at + 1;
}

/* Is `c` in the set from `set` ('[') to `end` (behind its ']')? */
static bool in_set(unsigned char c, const char *set, const char *end)
{
    const char *at = set + 1, *last = end - 1;
    bool found = true;

    if (*at == '^') {
        found = false;
        at++;
    }
    while (at < last) {
        if (*at == '%') {
            if (in_class(c, (unsigned char)at[1]))
                return found;
            at += 2;
        } else if (at + 2 < last && at[1] == '-') {
            if ((unsigned char)at[0] <= c && c <= (unsigned char)at[2])
                return found;
            at += 3;
        } else if ((unsigned char)*at++ == c) {
            return found;
        }
    }
    return !found;
}

/* Behind the single character class at `item`. */
static const char *item_end(struct matcher *m, const char *item)
{
    if (*item == '[')
        return set_end(m, item);
    if (*item != '%')
        return item + 1;
    if (item + 1 >= m->pattern_end)
        malformed(m, "ends with '%'");
    return item + 2;
}

static bool fits(struct matcher *m, const char *at, const char *item, const char *end)
{
    if (at >= m->subject_end)
        return false;
    step(m);
    switch (*item) {
    case '.':
        return true;
    case '%':
        return in_class((unsigned char)*at, (unsigned char)item[1]);
    case '[':
        return in_set((unsigned char)*at, item, end);
    default:
        return *at == *item;
    }
}

/* --- more than one ------------------------------------------------------------------------------- */

/* `item` as often as it goes, but at least `least` times; then less and less often. */
static const char *longest(struct matcher *m, const char *at, const char *item, ptrdiff_t least)
{
    const char *end = item_end(m, item);
    ptrdiff_t count = 0;

    while (fits(m, at + count, item, end))
        count++;
    for (; count >= least; count--) {
        const char *found = match(m, at + count, end + 1);
        if (found)
            return found;
        step(m);
    }
    return NULL;
}

/* As seldom as it goes. */
static const char *shortest(struct matcher *m, const char *at, const char *item)
{
    const char *end = item_end(m, item);

    for (;;) {
        const char *found = match(m, at, end + 1);
        if (found)
            return found;
        if (!fits(m, at++, item, end))
            return NULL;
    }
}

/* %bxy: from x to the y that balances it. */
static const char *balanced(struct matcher *m, const char *at, const char *pair)
{
    ptrdiff_t open = 1;

    if (pair + 1 >= m->pattern_end)
        malformed(m, "missing arguments to '%b'");
    if (at >= m->subject_end || *at != pair[0])
        return NULL;
    for (at++; at < m->subject_end; at++) {
        step(m);
        if (*at == pair[1]) {
            if (--open == 0)
                return at + 1;
        } else if (*at == pair[0]) {
            open++;
        }
    }
    return NULL;
}

/* %f[set]: between a character that is not in the set and one that is; *behind is behind the set. */
static bool frontier(struct matcher *m, const char *at, const char *set, const char **behind)
{
    if (set >= m->pattern_end || *set != '[')
        malformed(m, "missing '[' after '%f'");
    *behind = set_end(m, set);
    unsigned char before = at == m->subject ? 0 : (unsigned char)at[-1];
    unsigned char here = at == m->subject_end ? 0 : (unsigned char)*at;
    return !in_set(before, set, *behind) && in_set(here, set, *behind);
}

/* --- captures ------------------------------------------------------------------------------------ */

static const char *open_capture(struct matcher *m, const char *at, const char *rest, ptrdiff_t kind)
{
    if (m->count >= PATTERN_CAPTURES)
        luaL_error(m->lua, "too many captures");
    m->captures[m->count++] = (struct capture){at, kind};
    const char *found = match(m, at, rest);
    if (!found)
        m->count--;
    return found;
}

static const char *close_capture(struct matcher *m, const char *at, const char *rest)
{
    int which = m->count - 1;

    while (which >= 0 && m->captures[which].size != CAPTURE_OPEN)
        which--;
    if (which < 0)
        malformed(m, "a ')' without its '('");
    m->captures[which].size = at - m->captures[which].start;
    const char *found = match(m, at, rest);
    if (!found)
        m->captures[which].size = CAPTURE_OPEN;
    return found;
}

/* %1: what the first capture caught, once more. */
static const char *again(struct matcher *m, const char *at, char digit)
{
    int which = digit - '1';

    if (which < 0 || which >= m->count || m->captures[which].size < 0)
        luaL_error(m->lua, "invalid capture index %%%c in the pattern", digit);
    size_t size = (size_t)m->captures[which].size;
    if ((size_t)(m->subject_end - at) < size || memcmp(at, m->captures[which].start, size) != 0)
        return NULL;
    return at + size;
}

/* --- the whole ----------------------------------------------------------------------------------- */

/* What begins with '%' and is no class: moves both on. 1: done, 0: it does not fit, -1: it is a class. */
static int special(struct matcher *m, const char **at, const char **pattern)
{
    const char *rest = *pattern + 2;
    char what = rest <= m->pattern_end && *pattern + 1 < m->pattern_end ? (*pattern)[1] : 0;

    if (what == 'b') {
        *at = balanced(m, *at, rest);
        *pattern = rest + 2;
    } else if (what == 'f') {
        return frontier(m, *at, rest, pattern);
    } else if (isdigit((unsigned char)what)) {
        *at = again(m, *at, what);
        *pattern = rest;
    } else {
        return -1;
    }
    return *at != NULL;
}

/* An item and what says how often. NULL with *on set: it fits once, the caller goes on behind it. */
static const char *repeated(struct matcher *m, const char *at, const char *item, const char **on)
{
    const char *end = item_end(m, item), *found;
    char often = end < m->pattern_end ? *end : 0;

    *on = NULL;
    if (often == '*' || often == '+')
        return longest(m, at, item, often == '+');
    if (often == '-')
        return shortest(m, at, item);
    if (often == '?') {
        found = fits(m, at, item, end) ? match(m, at + 1, end + 1) : NULL;
        return found ? found : match(m, at, end + 1);
    }
    if (fits(m, at, item, end))
        *on = end;
    return NULL;
}

static const char *go(struct matcher *m, const char *at, const char *pattern)
{
    while (pattern < m->pattern_end) {
        const char *on;
        int done = *pattern == '%' ? special(m, &at, &pattern) : -1;

        if (done == 0)
            return NULL;
        if (done == 1)
            continue;
        if (*pattern == '(') {
            bool place = pattern + 1 < m->pattern_end && pattern[1] == ')';
            return open_capture(m, at, pattern + 1 + place, place ? CAPTURE_PLACE : CAPTURE_OPEN);
        }
        if (*pattern == ')')
            return close_capture(m, at, pattern + 1);
        if (*pattern == '$' && pattern + 1 == m->pattern_end)
            return at == m->subject_end ? at : NULL;
        const char *found = repeated(m, at, pattern, &on);
        if (!on)
            return found;
        at++;
        pattern = on;
    }
    return at;
}

static const char *match(struct matcher *m, const char *at, const char *pattern)
{
    if (m->depth++ >= PATTERN_DEPTH)
        luaL_error(m->lua, "the pattern is too complex");
    const char *found = go(m, at, pattern);
    m->depth--;
    return found;
}

const char *pattern_match(struct matcher *matcher, const char *at, const char *pattern)
{
    matcher->depth = 0;
    matcher->count = 0;
    return match(matcher, at, pattern);
}
