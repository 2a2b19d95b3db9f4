/* kinds.c - see kinds.h. A kind in draft has no function that must be there: its interface may
 * still change from release to release (sdk/VERSIONING.md). */
#include "plugin/kinds.h"

#include <patchbay/auth.h>
#include <patchbay/blob_store.h>
#include <patchbay/cache.h>
#include <patchbay/classifier.h>
#include <patchbay/database.h>
#include <patchbay/embedder.h>
#include <patchbay/extractor.h>
#include <patchbay/llm.h>
#include <patchbay/reranker.h>
#include <patchbay/retriever.h>
#include <patchbay/service.h>
#include <patchbay/source.h>
#include <patchbay/stage.h>
#include <patchbay/tool.h>
#include <patchbay/transport.h>
#include <patchbay/vector_store.h>

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
    {"blob_store", "blob_stores", PB_BLOB_STORE_REVISION, sizeof(pb_blob_store), false,
     {REQUIRED(pb_blob_store, put), REQUIRED(pb_blob_store, get),
      REQUIRED(pb_blob_store, remove)}},
    {"embedder", "embedders", PB_EMBEDDER_REVISION, sizeof(pb_embedder), false,
     {REQUIRED(pb_embedder, embed), REQUIRED(pb_embedder, dimensions),
      REQUIRED(pb_embedder, model)}},
    {"vector_store", "vector_stores", PB_VECTOR_STORE_REVISION, sizeof(pb_vector_store), false,
     {REQUIRED(pb_vector_store, put), REQUIRED(pb_vector_store, search),
      REQUIRED(pb_vector_store, get), REQUIRED(pb_vector_store, relabel),
      REQUIRED(pb_vector_store, remove), REQUIRED(pb_vector_store, count)}},
    {"retriever", "retrievers", PB_RETRIEVER_REVISION, sizeof(pb_retriever), false,
     {REQUIRED(pb_retriever, retrieve)}},
    {"reranker", "rerankers", PB_RERANKER_REVISION, sizeof(pb_reranker), false,
     {REQUIRED(pb_reranker, rerank)}},
    {"classifier", "classifiers", PB_CLASSIFIER_REVISION, sizeof(pb_classifier), false,
     {REQUIRED(pb_classifier, classify)}},
    {"extractor", "extractors", PB_EXTRACTOR_REVISION, sizeof(pb_extractor), false,
     {REQUIRED(pb_extractor, accepts), REQUIRED(pb_extractor, extract)}},
    {"source", "sources", PB_SOURCE_REVISION, sizeof(pb_source), false,
     {REQUIRED(pb_source, list), REQUIRED(pb_source, fetch)}},
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
