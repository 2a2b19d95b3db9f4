/* robots.c - robots.txt (RFC 9309): the rules of the groups that name us, else of those for
 * everybody; the longest rule that matches decides, "allow" where two are as long. */
#include "web.h"

#include <stdlib.h>

enum { TEXT_MOST = 500 * 1024, RULES_MOST = 2000, RULE_MOST = 1024, SITEMAPS_MOST = 16 };

struct rule {
    char *pattern;
    size_t size;
    bool allow;
};

struct robots {
    struct rule *rules;
    size_t count;
    char *sitemaps[SITEMAPS_MOST];
    size_t sitemap_count;
    double delay; /* seconds */
    bool away;    /* it could not be had: nothing is allowed */
};

struct robots *robots_plain(bool away)
{
    struct robots *robots = calloc(1, sizeof *robots);

    if (robots)
        robots->away = away;
    return robots;
}

void robots_free(struct robots *robots)
{
    if (!robots)
        return;
    for (size_t i = 0; i < robots->count; i++)
        free(robots->rules[i].pattern);
    for (size_t i = 0; i < robots->sitemap_count; i++)
        free(robots->sitemaps[i]);
    free(robots->rules);
    free(robots);
}

pb_duration robots_delay(const struct robots *robots)
{
    double most = 60;

    return (pb_duration)((robots->delay < most ? robots->delay : most) * (double)PB_SECOND);
}

bool robots_away(const struct robots *robots)
{
    return robots->away;
}

pb_str robots_sitemap(const struct robots *robots, size_t index)
{
    return pb_str_of(index < robots->sitemap_count ? robots->sitemaps[index] : NULL);
}

/* --- reading ------------------------------------------------------------------------------------
 */

static void add_rule(struct robots *robots, pb_str pattern, bool allow)
{
    if (!pattern.size || pattern.size > RULE_MOST || robots->count == RULES_MOST)
        return; /* an empty rule says nothing */
    struct rule *rules = realloc(robots->rules, (robots->count + 1) * sizeof *rules);
    if (!rules)
        return;
    robots->rules = rules;
    char *own = strndup(pattern.data, pattern.size);
    if (own)
        rules[robots->count++] = (struct rule){own, pattern.size, allow};
}

/* One line as name and value; false for one without. */
static bool take_line(pb_str *text, pb_str *name, pb_str *value)
{
    size_t end = 0;

    while (end < text->size && text->data[end] != '\n' && text->data[end] != '\r')
        end++;
    pb_str line = pb_str_slice(*text, 0, end);
    *text = pb_str_slice(*text, end + 1, text->size);
    line.size = pb_str_find(line, '#');
    size_t colon = pb_str_find(line, ':');
    *name = pb_str_trim(pb_str_slice(line, 0, colon));
    *value = pb_str_trim(pb_str_slice(line, colon + 1, line.size));
    return colon < line.size && name->size;
}

/* The rules of the groups for `agent`; *named tells whether there is one. */
static void read_groups(struct robots *robots, pb_str text, pb_str agent, bool *named)
{
    bool ours = false, head = false;
    pb_str name, value;

    while (text.size) {
        if (!take_line(&text, &name, &value))
            continue;
        if (pb_str_same(name, pb_lit("user-agent"))) {
            if (!head)
                ours = false;
            head = true;
            size_t end = 0; /* "Patchbay/1.0" names Patchbay */
            while (end < value.size && !strchr("/ \t", value.data[end]))
                end++;
            ours = ours || pb_str_same(pb_str_slice(value, 0, end), agent);
            *named = *named || ours;
            continue;
        }
        bool allow = pb_str_same(name, pb_lit("allow"));
        bool known = allow || pb_str_same(name, pb_lit("disallow"));
        bool delay = pb_str_same(name, pb_lit("crawl-delay"));
        if (known || delay) /* other lines do not end the head of a group */
            head = false;
        if (ours && known)
            add_rule(robots, value, allow);
        if (ours && delay) {
            char number[32];
            (void)snprintf(number, sizeof number, "%.*s", PB_ARG(pb_str_slice(value, 0, 31)));
            double seconds = strtod(number, NULL);
            robots->delay = seconds > 0 ? seconds : 0;
        }
    }
}

static void read_sitemaps(struct robots *robots, pb_str text)
{
    pb_str name, value;

    while (text.size && robots->sitemap_count < SITEMAPS_MOST)
        if (take_line(&text, &name, &value) && pb_str_same(name, pb_lit("sitemap")) &&
            value.size <= URL_MOST) {
            char *own = value.size ? strndup(value.data, value.size) : NULL;
            if (own)
                robots->sitemaps[robots->sitemap_count++] = own;
        }
}

struct robots *robots_parse(pb_str text, pb_str agent)
{
    struct robots *robots = robots_plain(false);
    bool named = false;

    if (!robots)
        return NULL;
    if (pb_str_starts(text, pb_lit("\xEF\xBB\xBF")))
        text = pb_str_slice(text, 3, text.size);
    text = pb_str_slice(text, 0, TEXT_MOST);
    read_groups(robots, text, agent, &named);
    if (!named)
        read_groups(robots, text, pb_lit("*"), &named);
    read_sitemaps(robots, text);
    return robots;
}

/* --- asking --------------------------------------------------------------------------------------
 */

/* Does the pattern match the beginning of the path, or all of it where it ends with '$'? */
static bool matches(const struct rule *rule, pb_str path)
{
    size_t size = rule->size, p = 0, n = 0, star = SIZE_MAX, from = 0;
    bool whole = size && rule->pattern[size - 1] == '$';

    size -= whole;
    for (;;) {
        if (p == size && (!whole || n == path.size))
            return true;
        if (p < size && rule->pattern[p] == '*') {
            star = ++p;
            from = n;
        } else if (p < size && n < path.size && rule->pattern[p] == path.data[n]) {
            p++;
            n++;
        } else if (star != SIZE_MAX && from < path.size) {
            p = star;
            n = ++from;
        } else {
            return false;
        }
    }
}

pb_status robots_ask(const struct robots *robots, pb_str path, bool *allowed)
{
    size_t longest = 0;
    pb_status status = PB_OK;

    *allowed = !robots->away;
    for (size_t i = 0; i < robots->count && status == PB_OK; i++) {
        const struct rule *rule = &robots->rules[i];
        bool decides = rule->size > longest || (rule->size == longest && rule->allow);
        if (decides && matches(rule, path)) {
            longest = rule->size;
            *allowed = rule->allow;
        }
        status = pb_step();
    }
    return status;
}
