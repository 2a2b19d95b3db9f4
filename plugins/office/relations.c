/* relations.c - what a part of an OOXML package points to; see relations.h. */
#include "relations.h"
#include "xml.h"

static void on_relation(void *self, const char **attributes)
{
    struct relations *relations = self;
    struct job *job = relations->package->job;
    const char *id = xml_get(attributes, "Id"), *type = xml_get(attributes, "Type");
    const char *target = xml_get(attributes, "Target"), *mode = xml_get(attributes, "TargetMode");
    struct relation *relation = job_keep(job, sizeof *relation);

    if (!relation || !id || !type || !target || (mode && strcmp(mode, "External") == 0))
        return;
    const char *slash = strrchr(type, '/');
    relation->type = job_copy(job, pb_str_of(slash ? slash + 1 : type));
    relation->target = package_resolve(job, relations->base, pb_str_of(target));
    if (!relation->type.data || !relation->target.data)
        return;
    names_add(&relations->by_id, job, pb_str_of(id), relation);
    names_add(&relations->by_type, job, relation->type, relation);
}

pb_status relations_read(struct relations *relations, struct package *package, const char *base)
{
    static const struct xml_element elements[] = {{.name = "Relationship", .open = on_relation},
                                                  {.name = NULL}};
    struct job *job = package->job;
    const char *slash = strrchr(base, '/');
    size_t folder = slash ? (size_t)(slash - base) + 1 : 0, size = strlen(base) + 16;
    char *path = job_keep(job, size);

    *relations = (struct relations){.package = package, .base = base};
    if (!path)
        return job->status;
    (void)snprintf(path, size, "%.*s_rels/%s.rels", (int)folder, base, base + folder);
    struct xml_reader reader = {.self = relations, .elements = elements};
    return package_has(package, path) ? xml_read(package, path, &reader) : job->status;
}

void relations_fini(struct relations *relations)
{
    names_fini(&relations->by_id, relations->package->job);
    names_fini(&relations->by_type, relations->package->job);
}

const char *relations_target(struct relations *relations, const char *type)
{
    const struct relation *found = names_find(&relations->by_type, type);

    return found ? found->target.data : NULL;
}
