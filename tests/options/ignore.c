/* ignore.c - linked into tests, so that a test of an option can be shown to notice it. With
 * PATCHBAY_IGNORE="timeouts.connect base_url,api_key,…" the option timeouts.connect of the table whose
 * outermost options are base_url, api_key, … is read as if nobody had written it. Without the variable
 * nothing is different. With PATCHBAY_TEST=NAME that test runs alone. The linker puts these functions around those of
 * the schema and of Check (--wrap).
 */
#include "config/schema_internal.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

pb_status __real_schema_read(const pb_field *fields, void *out, struct config_node *node,
                             const struct schema_context *context);
pb_status __wrap_schema_read(const pb_field *fields, void *out, struct config_node *node,
                             const struct schema_context *context);
struct schema_value __real_schema_value_get(struct schema_value value, const char *name);
struct schema_value __wrap_schema_value_get(struct schema_value value, const char *name);
void __real__tcase_add_test(TCase *group, const TTest *test, int signal, int exit_value, int start, int end);
void __wrap__tcase_add_test(TCase *group, const TTest *test, int signal, int exit_value, int start, int end);

void __wrap__tcase_add_test(TCase *group, const TTest *test, int signal, int exit_value, int start, int end)
{
    const char *only = getenv("PATCHBAY_TEST");

    if (!only || strcmp(only, test->name) == 0)
        __real__tcase_add_test(group, test, signal, exit_value, start, end);
}

static const struct config_node *root; /* of the reading in which the option is ignored */

/* Are these the names of its outermost options? */
static bool is_table(const pb_field *fields, const char *names)
{
    for (const pb_field *at = fields; at->kind != PB_KIND_END; at = pb_field_next(at)) {
        size_t size = strlen(pb_field_name(at));
        if (strncmp(names, pb_field_name(at), size) != 0)
            return false;
        names += size;
        if (*names == ',')
            names++;
        else if (*names != 0)
            return false;
    }
    return *names == 0;
}

pb_status __wrap_schema_read(const pb_field *fields, void *out, struct config_node *node,
                             const struct schema_context *context)
{
    const struct config_node *outer = root;
    const char *ignored = getenv("PATCHBAY_IGNORE");
    const char *names = ignored ? strchr(ignored, ' ') : NULL;

    root = names && is_table(fields, names + 1) ? node : NULL;
    pb_status status = __real_schema_read(fields, out, node, context);
    root = outer;
    return status;
}

/* Does `path`, which ends at `end`, lead to this map? Items of lists have no key; names in maps are
 * steps that the path does not have. */
static bool leads_to(const char *path, const char *end, const struct config_node *map)
{
    for (; map && map != root; map = map->parent) {
        size_t size = map->key.size;
        if (size == 0 || (size_t)(end - path) < size || memcmp(end - size, map->key.data, size) != 0)
            continue;
        if ((size_t)(end - path) == size)
            end = path;
        else if (end[-(ptrdiff_t)size - 1] == '.')
            end -= size + 1;
    }
    return map && end == path;
}

struct schema_value __wrap_schema_value_get(struct schema_value value, const char *name)
{
    struct schema_value found = __real_schema_value_get(value, name);

    if (!root || !found.node)
        return found;
    const char *path = getenv("PATCHBAY_IGNORE"), *end = strchr(path, ' ');
    size_t size = strlen(name);
    if ((size_t)(end - path) < size || memcmp(end - size, name, size) != 0)
        return found;
    end -= size;
    if (end > path && end[-1] != '.')
        return found;
    return leads_to(path, end > path ? end - 1 : end, value.node) ? (struct schema_value){0} : found;
}
