/* glob.c - patterns of paths: name by name, so that no pattern takes more than the product of its
 * length and the path's. */
#include "folder.h"

enum { EXPANDED_MOST = 256 };

/* One character class: [abc], [a-z], [!x]. Returns its end, 0 for a '[' that stands for itself. */
static size_t class_match(pb_str pattern, char c, bool *matches)
{
    size_t at = 1;
    bool negated = at < pattern.size && (pattern.data[at] == '!' || pattern.data[at] == '^');
    bool found = false;

    at += negated;
    for (size_t first = at; at < pattern.size && (pattern.data[at] != ']' || at == first); at++) {
        unsigned char from = (unsigned char)pattern.data[at], to = from;
        if (at + 2 < pattern.size && pattern.data[at + 1] == '-' && pattern.data[at + 2] != ']') {
            to = (unsigned char)pattern.data[at + 2];
            at += 2;
        }
        found = found || ((unsigned char)c >= from && (unsigned char)c <= to);
    }
    if (at >= pattern.size)
        return 0;
    *matches = found != negated;
    return at + 1;
}

/* Does the next of the pattern match this character? Returns how long it is, or 0. */
static size_t one_match(pb_str pattern, char c)
{
    bool matches = false;
    size_t size = 0;

    if (!pattern.size)
        return 0;
    if (pattern.data[0] == '[' && (size = class_match(pattern, c, &matches)) > 0)
        return matches ? size : 0;
    if (pattern.data[0] == '\\' && pattern.size > 1)
        return pattern.data[1] == c ? 2 : 0;
    return pattern.data[0] == '?' || pattern.data[0] == c ? 1 : 0;
}

static bool name_match(pb_str pattern, pb_str name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, from = 0;

    while (n < name.size) {
        size_t size = 0;
        if (p < pattern.size && pattern.data[p] == '*') {
            star = ++p;
            from = n;
        } else if ((size = one_match(pb_str_slice(pattern, p, pattern.size), name.data[n])) > 0) {
            p += size;
            n++;
        } else if (star != SIZE_MAX) {
            p = star;
            n = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.size && pattern.data[p] == '*')
        p++;
    return p == pattern.size;
}

static pb_str first_name(pb_str path)
{
    return pb_str_slice(path, 0, pb_str_find(path, '/'));
}

static pb_str other_names(pb_str path)
{
    size_t slash = pb_str_find(path, '/');

    return slash < path.size ? pb_str_slice(path, slash + 1, path.size) : (pb_str){0};
}

bool glob_match(pb_str pattern, pb_str path)
{
    pb_str star = {0}, from = {0};
    bool starred = false;

    while (path.size) {
        pb_str want = first_name(pattern);
        if (pb_str_is(want, "**")) {
            starred = true;
            star = pattern = other_names(pattern);
            from = path;
            if (!pattern.size)
                return true;
        } else if (pattern.size && name_match(want, first_name(path))) {
            pattern = other_names(pattern);
            path = other_names(path);
        } else if (starred) {
            pattern = star;
            path = from = other_names(from);
        } else {
            return false;
        }
    }
    while (pb_str_is(first_name(pattern), "**"))
        pattern = other_names(pattern);
    return !pattern.size;
}

/* --- braces ------------------------------------------------------------------------------------
 */

struct expansion {
    pb_str *items;
    size_t count;
};

/* The end of the alternative that begins at `from`: the place of its ',' or '}'. */
static size_t alternative_end(pb_str text, size_t from)
{
    for (int depth = 0; from < text.size; from++) {
        char c = text.data[from];
        if (depth == 0 && (c == ',' || c == '}'))
            break;
        depth += (c == '{') - (c == '}');
    }
    return from;
}

static pb_status expand(struct expansion *out, pb_str pattern)
{
    size_t open = pb_str_find(pattern, '{'), close = open;

    if (open == pattern.size) {
        if (out->count == EXPANDED_MOST)
            return pb_fail(PB_INVALID, "the patterns write out to more than %d", EXPANDED_MOST);
        out->items[out->count++] = pattern;
        return PB_OK;
    }
    while (close < pattern.size && (close == open || pattern.data[close] != '}'))
        close = alternative_end(pattern, close + 1);
    if (close >= pattern.size)
        return pb_fail(PB_INVALID, "a '{' without its '}' in '%.*s'", PB_ARG(pattern));
    for (size_t at = open + 1; at <= close;) {
        size_t end = alternative_end(pattern, at);
        pb_str one =
            pb_printf("%.*s%.*s%.*s", (int)open, pattern.data, (int)(end - at), pattern.data + at,
                      (int)(pattern.size - close - 1), pattern.data + close + 1);
        pb_status status = one.data ? expand(out, one) : (pb_status)PB_NO_MEMORY;
        if (status != PB_OK)
            return status;
        at = end + 1;
    }
    return PB_OK;
}

pb_status glob_expand(const pb_list *patterns, pb_str **out, size_t *count)
{
    struct expansion expansion = {.items = PB_NEW_ARRAY(pb_str, EXPANDED_MOST)};

    if (!expansion.items)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < patterns->count; i++) {
        pb_status status = expand(&expansion, PB_ITEM(*patterns, pb_str, i));
        if (status != PB_OK)
            return status;
    }
    *out = expansion.items;
    *count = expansion.count;
    return PB_OK;
}
