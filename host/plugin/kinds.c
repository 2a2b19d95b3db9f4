/* kinds.c - see kinds.h. A kind in draft has no function that must be there: its interface may
 * still change from release to release (sdk/VERSIONING.md). */
#include "plugin/kinds.h"

#include <patchbay/auth.h>
#include <patchbay/cache.h>
#include <patchbay/database.h>
#include <patchbay/llm.h>
#include <patchbay/service.h>
#include <patchbay/stage.h>
#include <patchbay/tool.h>
#include <patchbay/transport.h>

#define REQUIRED(type, member) {#member, (uint32_t)offsetof(type, member)}
#define DRAFT(kind, plural) {kind, plural, 1, sizeof(pb_interface), false, {{0}}}

const struct kind kinds[] = {
    {"database", "databases", PB_DATABASE_REVISION, sizeof(pb_database), false,
     {REQUIRED(pb_database, query), REQUIRED(pb_database, batch),
      REQUIRED(pb_database, transaction), REQUIRED(pb_database, dialect),
      REQUIRED(pb_database, backup), REQUIRED(pb_database, restore)}},
    {"cache", "caches", PB_CACHE_REVISION, sizeof(pb_cache), false,
     {REQUIRED(pb_cache, get), REQUIRED(pb_cache, set), REQUIRED(pb_cache, add),
      REQUIRED(pb_cache, increment), REQUIRED(pb_cache, take), REQUIRED(pb_cache, remove),
      REQUIRED(pb_cache, remove_tag)}},
    DRAFT("blob_store", "blob_stores"),
    DRAFT("embedder", "embedders"),
    DRAFT("vector_store", "vector_stores"),
    DRAFT("retriever", "retrievers"),
    DRAFT("reranker", "rerankers"),
    DRAFT("classifier", "classifiers"),
    DRAFT("extractor", "extractors"),
    DRAFT("source", "sources"),
    DRAFT("speech", "speech"),
    {"llm", "llms", PB_LLM_REVISION, sizeof(pb_llm), false, {REQUIRED(pb_llm, generate)}},
    {"auth", "auth", PB_AUTH_REVISION, sizeof(pb_auth), false, {REQUIRED(pb_auth, authenticate)}},
    {"tool", "tools", PB_TOOL_REVISION, sizeof(pb_tool), false,
     {REQUIRED(pb_tool, list), REQUIRED(pb_tool, call)}},
    DRAFT("exporter", "exporters"),
    DRAFT("notifier", "notifiers"),
    {"service", "services", PB_SERVICE_REVISION, sizeof(pb_service), false, {{0}}},
    {"stage", NULL, PB_STAGE_REVISION, sizeof(pb_stage), false, {REQUIRED(pb_stage, run)}},
    {"transport", "transports", PB_TRANSPORT_REVISION, sizeof(pb_transport), true,
     {REQUIRED(pb_transport, start)}},
    {0},
};

const struct kind *kind_find(pb_str name)
{
    for (const struct kind *kind = kinds; kind->name; kind++)
        if (pb_str_is(name, kind->name))
            return kind;
    return NULL;
}

const struct kind *kind_of_section(pb_str section)
{
    for (const struct kind *kind = kinds; kind->name; kind++)
        if (kind->section && pb_str_is(section, kind->section))
            return kind;
    return NULL;
}
