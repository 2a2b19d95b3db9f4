/* kinds.c - see kinds.h. */
#include "plugin/kinds.h"

#include <patchbay/auth.h>
#include <patchbay/blob_store.h>
#include <patchbay/cache.h>
#include <patchbay/classifier.h>
#include <patchbay/database.h>
#include <patchbay/draft/exporter.h>
#include <patchbay/draft/speech.h>
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

#define KIND(kind, plural, number, type)                                                           \
    .name = kind, .section = plural, .revision = number, .size = sizeof(type)
#define REQUIRED(type, member) {#member, (uint32_t)offsetof(type, member)}

const struct kind kinds[] = {
    {KIND("database", "databases", PB_DATABASE_REVISION, pb_database),
     .required = {REQUIRED(pb_database, query), REQUIRED(pb_database, batch),
      REQUIRED(pb_database, transaction), REQUIRED(pb_database, dialect),
      REQUIRED(pb_database, backup), REQUIRED(pb_database, restore)}},
    {KIND("cache", "caches", PB_CACHE_REVISION, pb_cache),
     .required = {REQUIRED(pb_cache, get), REQUIRED(pb_cache, set), REQUIRED(pb_cache, add),
      REQUIRED(pb_cache, increment), REQUIRED(pb_cache, take), REQUIRED(pb_cache, remove),
      REQUIRED(pb_cache, remove_tag)}},
    {KIND("blob_store", "blob_stores", PB_BLOB_STORE_REVISION, pb_blob_store),
     .required = {REQUIRED(pb_blob_store, put), REQUIRED(pb_blob_store, get),
      REQUIRED(pb_blob_store, remove)}},
    {KIND("embedder", "embedders", PB_EMBEDDER_REVISION, pb_embedder),
     .required = {REQUIRED(pb_embedder, embed), REQUIRED(pb_embedder, dimensions),
      REQUIRED(pb_embedder, model)}},
    {KIND("vector_store", "vector_stores", PB_VECTOR_STORE_REVISION, pb_vector_store),
     .required = {REQUIRED(pb_vector_store, put), REQUIRED(pb_vector_store, search),
      REQUIRED(pb_vector_store, get), REQUIRED(pb_vector_store, relabel),
      REQUIRED(pb_vector_store, remove), REQUIRED(pb_vector_store, count)}},
    {KIND("retriever", "retrievers", PB_RETRIEVER_REVISION, pb_retriever),
     .required = {REQUIRED(pb_retriever, retrieve)}},
    {KIND("reranker", "rerankers", PB_RERANKER_REVISION, pb_reranker),
     .required = {REQUIRED(pb_reranker, rerank)}},
    {KIND("classifier", "classifiers", PB_CLASSIFIER_REVISION, pb_classifier),
     .required = {REQUIRED(pb_classifier, classify)}},
    {KIND("extractor", "extractors", PB_EXTRACTOR_REVISION, pb_extractor),
     .required = {REQUIRED(pb_extractor, accepts), REQUIRED(pb_extractor, extract)}},
    {KIND("source", "sources", PB_SOURCE_REVISION, pb_source),
     .required = {REQUIRED(pb_source, list), REQUIRED(pb_source, fetch)}},
    {KIND("speech", "speech", PB_SPEECH_REVISION, pb_speech),
     .required = {REQUIRED(pb_speech, transcribe), REQUIRED(pb_speech, synthesize),
      REQUIRED(pb_speech, detect)},
     .any = true,
     .draft = true},
    {KIND("llm", "llms", PB_LLM_REVISION, pb_llm), .required = {REQUIRED(pb_llm, generate)}},
    {KIND("auth", "auth", PB_AUTH_REVISION, pb_auth), .required = {REQUIRED(pb_auth, authenticate)}},
    {KIND("tool", "tools", PB_TOOL_REVISION, pb_tool),
     .required = {REQUIRED(pb_tool, list), REQUIRED(pb_tool, call)}},
    {KIND("exporter", "exporters", PB_EXPORTER_REVISION, pb_exporter),
     .required = {REQUIRED(pb_exporter, span), REQUIRED(pb_exporter, audit)},
     .any = true,
     .draft = true},
    {KIND("service", "services", PB_SERVICE_REVISION, pb_service)},
    {KIND("stage", NULL, PB_STAGE_REVISION, pb_stage), .required = {REQUIRED(pb_stage, run)}},
    {KIND("transport", "transports", PB_TRANSPORT_REVISION, pb_transport),
     .required = {REQUIRED(pb_transport, start)},
     .last = true},
    {.name = NULL},
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
