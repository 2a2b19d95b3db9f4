/* json_fault.c - says where and why a text is not JSON.
 *
 * simdjson finds out fast that a text is wrong, but not where. This scanner runs only then, without
 * recursion: one bit a level remembers whether an object or an array is open.
 */
#include "base/json.h"
#include "base/str.h"

struct scan {
    const char *at, *end;
    const char *why;
    uint64_t objects; /* bit n: level n is an object */
    unsigned depth;
    bool too_deep;
};

static bool fault(struct scan *scan, const char *why)
{
    scan->why = why;
    return false;
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t'))
        scan->at++;
}

static bool digit(const char *at, const char *end)
{
    return at < end && *at >= '0' && *at <= '9';
}

size_t json_number_size(pb_str text)
{
    const char *at = text.data, *end = at + text.size;

    if (at < end && *at == '-')
        at++;
    if (!digit(at, end))
        return 0;
    if (*at++ != '0')
        while (digit(at, end))
            at++;
    if (at < end && *at == '.') {
        if (!digit(++at, end))
            return 0;
        while (digit(at, end))
            at++;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        if (!digit(at, end))
            return 0;
        while (digit(at, end))
            at++;
    }
    return (size_t)(at - text.data);
}

static int hex4(const char *at, const char *end)
{
    int value = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int c = (unsigned char)at[i], lower = c | 32;
        if (c >= '0' && c <= '9')
            value = value * 16 + c - '0';
        else if (lower >= 'a' && lower <= 'f')
            value = value * 16 + lower - 'a' + 10;
        else
            return -1;
    }
    return value;
}

/* At the backslash. */
static bool escape(struct scan *scan)
{
    const char *at = scan->at;

    if (scan->end - at < 2 || !strchr("\"\\/bfnrtu", at[1]) || !at[1])
        return fault(scan, "no such escape in a string; \\\\ writes a backslash");
    if (at[1] != 'u') {
        scan->at += 2;
        return true;
    }
    int unit = hex4(at + 2, scan->end);
    if (unit < 0)
        return fault(scan, "\\u needs four hexadecimal digits");
    scan->at += 6;
    if (unit < 0xD800 || unit > 0xDFFF)
        return true;
    bool pair = unit < 0xDC00 && scan->end - scan->at >= 6 && memcmp(scan->at, "\\u", 2) == 0;
    int low = pair ? hex4(scan->at + 2, scan->end) : -1;
    scan->at += 6;
    if (low >= 0xDC00 && low <= 0xDFFF)
        return true;
    scan->at = at;
    return fault(scan, "half of a surrogate pair");
}

static bool string(struct scan *scan)
{
    const char *begin = scan->at++;

    while (scan->at < scan->end) {
        unsigned char c = (unsigned char)*scan->at;
        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c == '\\') {
            if (!escape(scan))
                return false;
        } else if (c < 0x20) {
            return fault(scan, "a control character in a string must be escaped");
        } else {
            size_t size = utf8_sequence(scan->at, (size_t)(scan->end - scan->at));
            if (!size)
                return fault(scan, "invalid UTF-8");
            scan->at += size;
        }
    }
    scan->at = begin;
    return fault(scan, "a string is not closed");
}

static bool word(struct scan *scan, const char *text)
{
    size_t size = strlen(text);

    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, text, size) != 0)
        return fault(scan, "expected a value");
    scan->at += size;
    return true;
}

static bool number(struct scan *scan)
{
    size_t size = json_number_size(pb_str_make(scan->at, (size_t)(scan->end - scan->at)));

    if (!size)
        return fault(scan, "a number is malformed");
    if (*scan->at == '0' && size == 1 && digit(scan->at + 1, scan->end))
        return fault(scan, "a number must not start with a zero");
    scan->at += size;
    return true;
}

/* A value's beginning: the whole of a scalar, the bracket of a container. *opened: it has children
 * to come. */
static bool begin_value(struct scan *scan, bool *opened)
{
    *opened = false;
    if (scan->at == scan->end)
        return fault(scan, "the text ends where a value is expected");
    char c = *scan->at;
    if (c == '{' || c == '[') {
        if (scan->depth == JSON_DEPTH) {
            scan->too_deep = true;
            return fault(scan, "nested deeper than 64 levels");
        }
        uint64_t bit = (uint64_t)1 << scan->depth++;
        scan->objects = c == '{' ? scan->objects | bit : scan->objects & ~bit;
        scan->at++;
        skip_space(scan);
        *opened = scan->at == scan->end || *scan->at != (c == '{' ? '}' : ']');
        if (!*opened) {
            scan->at++;
            scan->depth--;
        }
        return true;
    }
    if (c == '"')
        return string(scan);
    if (c == '-' || (c >= '0' && c <= '9'))
        return number(scan);
    return word(scan, c == 't' ? "true" : c == 'f' ? "false" : "null");
}

static bool in_object(const struct scan *scan)
{
    return scan->depth && (scan->objects >> (scan->depth - 1) & 1);
}

static bool name(struct scan *scan)
{
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != '"')
        return fault(scan, "expected a member's name in double quotes");
    if (!string(scan))
        return false;
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != ':')
        return fault(scan, "expected ':'");
    scan->at++;
    return true;
}

/* Behind a value: closes what ends here. *more: a comma follows. */
static bool end_value(struct scan *scan, bool *more)
{
    for (*more = false; scan->depth; scan->at++, scan->depth--) {
        skip_space(scan);
        bool object = in_object(scan);
        char c = scan->at < scan->end ? *scan->at : 0;
        if (c == ',') {
            scan->at++;
            *more = true;
            return true;
        }
        if (c != (object ? '}' : ']'))
            return fault(scan, object ? "expected ',' or '}'" : "expected ',' or ']'");
    }
    return true;
}

static bool run(struct scan *scan)
{
    bool opened, more = true;

    while (more) {
        if (in_object(scan) && !name(scan))
            return false;
        skip_space(scan);
        if (!begin_value(scan, &opened))
            return false;
        if (!opened && !end_value(scan, &more))
            return false;
    }
    skip_space(scan);
    return scan->at == scan->end || fault(scan, "more text behind the end");
}

struct json_fault json_fault_find(pb_str text)
{
    static const char none[1] = "";
    const char *begin = text.data ? text.data : none;
    struct scan scan = {.at = begin, .end = begin + text.size};
    struct json_fault found = {.line = 1, .column = 1};

    if (run(&scan))
        return found;
    found.sentence = scan.why;
    found.too_deep = scan.too_deep;
    found.offset = (size_t)(scan.at - begin);
    for (const char *at = begin; at < scan.at; at++) {
        found.line += *at == '\n';
        found.column = *at == '\n' ? 1 : found.column + 1;
    }
    return found;
}
