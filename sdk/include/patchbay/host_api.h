/* host_api.h - the table of functions that the host offers to plugins.
 *
 * Append-only: X(API level, result, name, arguments). Authors call the documented functions of the
 * other headers; those go through PB_CALL. Inside the host PB_CALL(name) is a direct call of
 * host_name; in a plugin it goes through the table that the loader stored.
 */
#ifndef PATCHBAY_HOST_API_H
#define PATCHBAY_HOST_API_H

#include <patchbay/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pb_scope pb_scope;
typedef struct pb_task pb_task;
typedef struct pb_signal pb_signal;
typedef struct pb_metric pb_metric;
struct pb_buf;
typedef struct pb_json pb_json;
typedef struct pb_turn pb_turn;
typedef struct pb_turn_info pb_turn_info;
typedef struct pb_turn_spec pb_turn_spec;
typedef struct pb_turn_result pb_turn_result;
typedef struct pb_message pb_message;
typedef struct pb_event pb_event;
typedef struct pb_usage pb_usage;
typedef struct pb_sink pb_sink;
typedef struct pb_next pb_next;
typedef struct pb_span pb_span;
typedef struct pb_pipeline pb_pipeline;
typedef struct pb_pipeline_info pb_pipeline_info;
typedef struct pb_llm_request pb_llm_request;
typedef struct pb_tool_list pb_tool_list;
typedef struct pb_credentials pb_credentials;
typedef struct pb_principal pb_principal;
typedef struct pb_diagnostics pb_diagnostics;
typedef struct pb_stats pb_stats;
typedef struct pb_operation pb_operation;
typedef struct pb_operation_match pb_operation_match;
typedef struct pb_call pb_call;
typedef struct pb_content pb_content;
typedef struct pb_http_spec pb_http_spec;
typedef struct pb_http pb_http;
typedef struct pb_header pb_header;
typedef struct pb_listen_spec pb_listen_spec;
typedef struct pb_listener pb_listener;
typedef struct pb_request pb_request;
typedef struct pb_statement pb_statement;
typedef struct pb_rows pb_rows;
typedef struct pb_migration pb_migration;
typedef struct pb_cache_options pb_cache_options;
typedef struct pb_bucket pb_bucket;
typedef struct pb_bus_message pb_bus_message;
typedef struct pb_subscription pb_subscription;
typedef struct pb_lease pb_lease;
typedef struct pb_shared_spec pb_shared_spec;
typedef struct pb_shared pb_shared;
typedef struct pb_follow_spec pb_follow_spec;
typedef struct pb_embed_request pb_embed_request;
typedef struct pb_vector_item pb_vector_item;
typedef struct pb_vector_put pb_vector_put;
typedef struct pb_vector_query pb_vector_query;
typedef struct pb_vector_selection pb_vector_selection;
typedef struct pb_passages pb_passages;
typedef struct pb_passage pb_passage;
typedef struct pb_retrieve_request pb_retrieve_request;
typedef struct pb_surround_request pb_surround_request;
typedef struct pb_classify_request pb_classify_request;
typedef struct pb_label pb_label;
typedef struct pb_labels pb_labels;
typedef struct pb_blob_info pb_blob_info;
typedef struct pb_blob pb_blob;
typedef struct pb_block pb_block;
typedef struct pb_blocks pb_blocks;
typedef struct pb_source_entry pb_source_entry;
typedef struct pb_source_page pb_source_page;
typedef struct pb_reader pb_reader;
typedef struct pb_writer pb_writer;
typedef struct pb_document pb_document;
typedef struct pb_process_spec pb_process_spec;
typedef struct pb_process_result pb_process_result;
typedef struct pb_launched pb_launched;
typedef struct pb_audio_format pb_audio_format;
typedef struct pb_transcribe_request pb_transcribe_request;
typedef struct pb_transcript pb_transcript;
typedef struct pb_synthesize_request pb_synthesize_request;
typedef struct pb_speech_about pb_speech_about;

#define PB_HOST_API(X)                                                                             \
    /* memory.h */                                                                                 \
    X(1, void *, alloc, (size_t size))                                                             \
    X(1, void *, grow, (void *memory, size_t old_size, size_t new_size))                           \
    X(1, pb_scope *, scope_begin, (void))                                                          \
    X(1, void, scope_end, (pb_scope * scope))                                                      \
    X(1, pb_status, fail, (pb_status status, pb_str sentence, pb_str pointer, pb_duration retry))  \
    X(1, const pb_error *, error, (void))                                                          \
    /* log.h */                                                                                    \
    X(1, bool, log_enabled, (int32_t level))                                                       \
    X(1, void, log, (int32_t level, pb_str line))                                                  \
    X(1, pb_metric *, metric_new, (int32_t kind, pb_str name, pb_str help, pb_str label))          \
    X(1, void, metric_add, (pb_metric * metric, pb_str label_value, double amount))                \
    /* task.h */                                                                                   \
    X(1, pb_status, sleep, (pb_duration duration))                                                 \
    X(1, pb_status, step, (void))                                                                  \
    X(1, pb_status, spawn, (pb_status(*fn)(void *), void *arg, pb_task **out))                     \
    X(1, pb_status, join, (pb_task * task))                                                        \
    X(1, void, task_cancel, (pb_task * task))                                                      \
    X(1, pb_status, offload, (pb_status(*fn)(void *), void *arg))                                  \
    X(1, pb_status, shield, (pb_status(*fn)(void *), void *arg))                                   \
    X(1, bool, cancelled, (void))                                                                  \
    X(1, int64_t, deadline_begin, (pb_duration limit))                                             \
    X(1, void, deadline_end, (int64_t deadline))                                                   \
    X(1, pb_duration, monotonic, (void))                                                           \
    X(1, pb_time, now, (void))                                                                     \
    /* json.h */                                                                                   \
    X(1, pb_status, json_parse, (pb_str text, const pb_json **out))                                \
    X(1, void, json_write, (struct pb_buf * buf, const pb_json *json))                             \
    X(1, void, json_quote, (struct pb_buf * buf, pb_str text))                                     \
    /* secret.h */                                                                                 \
    X(1, pb_status, random, (void *out, size_t size))                                              \
    X(1, void, sha256, (pb_bytes data, uint8_t out[32]))                                           \
    X(1, void, hmac_sha256, (pb_bytes key, pb_bytes data, uint8_t out[32]))                        \
    X(1, pb_str, uuid, (void))                                                                     \
    /* turn.h, pipeline.h */                                                                       \
    X(1, const pb_turn_info *, turn_info, (pb_turn * turn))                                        \
    X(1, const pb_message *const *, turn_messages, (pb_turn * turn, size_t * count))               \
    X(1, pb_status, turn_set_messages,                                                             \
      (pb_turn * turn, const pb_message *const *messages, size_t count))                           \
    X(1, const pb_json *, turn_params, (pb_turn * turn))                                           \
    X(1, pb_status, turn_set_param, (pb_turn * turn, pb_str name, const pb_json *value))           \
    X(1, const pb_json *, turn_variable, (pb_turn * turn, pb_str name))                            \
    X(1, pb_status, turn_set_variable, (pb_turn * turn, pb_str name, const pb_json *value))        \
    X(1, void, turn_set_finish, (pb_turn * turn, int32_t finish))                                  \
    X(1, pb_sink *, turn_sink, (pb_turn * turn))                                                   \
    X(1, pb_status, emit, (pb_turn * turn, const pb_event *event))                                 \
    X(1, pb_status, run_next, (const pb_next *next, pb_turn *turn))                                \
    X(1, pb_status, run_next_with, (const pb_next *next, pb_turn *turn, pb_sink *sink))            \
    X(1, pb_status, run_pipeline, (pb_pipeline * pipeline, pb_turn * turn, const pb_next *next))   \
    X(1, pb_status, run_pipeline_with,                                                             \
      (pb_pipeline * pipeline, pb_turn * turn, const pb_next *next, pb_sink *sink))                \
    X(1, pb_status, turn_branch, (pb_turn * turn, int32_t index, pb_sink * sink, pb_turn * *out))  \
    X(1, pb_status, turn_keep, (pb_turn * turn, pb_turn * branch))                                 \
    X(1, pb_span *, span_begin, (pb_str kind, pb_str name))                                        \
    X(1, void, span_note, (pb_span * span, pb_str name, pb_str value))                             \
    X(1, void, span_end, (pb_span * span, pb_status status))                                       \
    X(1, pb_status, turn_new, (const pb_turn_spec *spec, pb_turn **out))                           \
    X(1, pb_status, turn_run, (pb_turn * turn, pb_sink * sink))                                    \
    X(1, void, turn_free, (pb_turn * turn))                                                        \
    X(1, pb_status, turn_cancel, (pb_str id, const pb_principal *principal))                       \
    X(1, pb_pipeline *, pipeline_find, (pb_str name))                                              \
    X(1, const pb_pipeline_info *, pipeline_info, (pb_pipeline * pipeline))                        \
    /* plugin.h */                                                                                 \
    X(1, pb_str, instance_name, (pb_instance * instance))                                          \
    X(1, pb_str, instance_component, (pb_instance * instance))                                     \
    X(1, void, diagnose,                                                                           \
      (pb_diagnostics * diagnostics, int32_t warning, pb_str field, pb_str sentence))              \
    X(1, void, stat, (pb_stats * stats, pb_str name, double value))                                \
    /* llm.h, tool.h, auth.h */                                                                    \
    X(1, pb_status, llm_generate,                                                                  \
      (pb_instance * llm, const pb_llm_request *request, pb_sink *sink))                           \
    X(1, pb_status, tool_list, (pb_instance * tool, pb_tool_list * out))                           \
    X(1, pb_status, tool_call,                                                                     \
      (pb_instance * tool, pb_str name, const pb_json *arguments, const pb_json **out))            \
    X(1, pb_status, authenticate,                                                                  \
      (pb_instance * auth, const pb_credentials *credentials, pb_principal *out))                  \
    /* service.h */                                                                                \
    X(1, const pb_operation *, operation_at, (size_t index))                                       \
    X(1, pb_status, operation_route,                                                               \
      (pb_str method, pb_str path, const pb_operation **out, pb_operation_match *match))           \
    X(1, pb_status, operation_call,                                                                \
      (const pb_operation *operation, const pb_call *call, pb_content *out))                       \
    /* http.h */                                                                                   \
    X(1, pb_status, http_open, (const pb_http_spec *spec, pb_http **out))                          \
    X(1, int32_t, http_status, (pb_http * http))                                                   \
    X(1, pb_str, http_header, (pb_http * http, pb_str name))                                       \
    X(1, pb_status, http_read, (pb_http * http, pb_str * out))                                     \
    X(1, void, http_close, (pb_http * http))                                                       \
    /* http_server.h */                                                                            \
    X(1, pb_status, listen, (const pb_listen_spec *spec, pb_listener **out))                       \
    X(1, void, listener_close, (pb_listener * listener))                                           \
    X(1, pb_status, request_body, (pb_request * request, pb_str * out))                            \
    X(1, pb_status, respond,                                                                       \
      (pb_request * request, int32_t status, const pb_header *headers, size_t count,               \
       pb_str body))                                                                               \
    X(1, pb_status, respond_begin,                                                                 \
      (pb_request * request, int32_t status, const pb_header *headers, size_t count))              \
    X(1, pb_status, respond_write, (pb_request * request, pb_str bytes))                           \
    X(1, pb_status, respond_end, (pb_request * request))                                           \
    X(1, void, respond_heartbeat, (pb_request * request, pb_duration every, pb_str bytes))         \
    /* database.h */                                                                               \
    X(1, pb_status, db_batch,                                                                      \
      (pb_instance * database, const pb_statement *statements, size_t count, pb_rows *out))        \
    X(1, pb_status, db_transaction,                                                                \
      (pb_instance * database, pb_status(*fn)(void *), void *arg))                                 \
    X(1, int32_t, db_dialect, (pb_instance * database))                                            \
    X(1, pb_status, db_backup, (pb_instance * database, pb_str path))                              \
    X(1, pb_status, db_restore, (pb_instance * database, pb_str path))                             \
    X(1, pb_status, db_migrate,                                                                    \
      (pb_instance * database, pb_str owner, const pb_migration *migrations, size_t count))        \
    /* cache.h */                                                                                  \
    X(1, pb_status, cache_get, (pb_instance * cache, pb_str key, pb_bytes * out))                  \
    X(1, pb_status, cache_set,                                                                     \
      (pb_instance * cache, pb_str key, pb_bytes value, const pb_cache_options *options))          \
    X(1, pb_status, cache_add,                                                                     \
      (pb_instance * cache, pb_str key, pb_bytes value, const pb_cache_options *options))          \
    X(1, pb_status, cache_increment,                                                               \
      (pb_instance * cache, pb_str key, int64_t by, const pb_cache_options *options, int64_t *out)) \
    X(1, pb_status, cache_take, (pb_instance * cache, pb_str key, pb_bucket * bucket))             \
    X(1, pb_status, cache_remove, (pb_instance * cache, pb_str key))                               \
    X(1, pb_status, cache_remove_tag, (pb_instance * cache, pb_str tag))                           \
    /* cluster.h */                                                                                \
    X(1, void, publish, (pb_str topic, pb_str body))                                               \
    X(1, pb_status, subscribe,                                                                     \
      (pb_str topic, void (*fn)(void *, const pb_bus_message *), void *arg, pb_subscription **out)) \
    X(1, pb_status, bus_wait,                                                                      \
      (pb_subscription * subscription, pb_duration limit, const pb_bus_message **out))             \
    X(1, void, unsubscribe, (pb_subscription * subscription))                                      \
    X(1, pb_status, lease_take, (pb_str name, pb_duration ttl, pb_lease **out))                    \
    X(1, int64_t, lease_token, (const pb_lease *lease))                                            \
    X(1, bool, lease_held, (const pb_lease *lease))                                                \
    X(1, void, lease_release, (pb_lease * lease))                                                  \
    X(1, pb_status, shared_open, (const pb_shared_spec *spec, pb_shared **out))                    \
    X(1, void *, shared_memory, (pb_shared * shared))                                              \
    X(1, pb_status, shared_lock, (pb_shared * shared, uint32_t index))                             \
    X(1, void, shared_unlock, (pb_shared * shared, uint32_t index))                                \
    X(1, void, shared_close, (pb_shared * shared))                                                 \
    X(1, pb_str, node_id, (void))                                                                  \
    X(1, bool, node_alive, (pb_str id))                                                            \
    /* transport.h: turns that outlive their connection; reply headers */                          \
    X(1, pb_status, turn_launch, (const pb_turn_spec *spec, pb_launched *out))                     \
    X(1, pb_status, turn_follow, (const pb_follow_spec *spec, pb_sink *sink))                      \
    X(1, pb_status, turn_set_header, (pb_turn * turn, pb_str name, pb_str value))                  \
    X(1, const pb_header *, turn_headers, (pb_turn * turn, size_t *count))                         \
    /* http_server.h */                                                                            \
    X(1, void, respond_overdue,                                                                    \
      (pb_request * request, pb_duration after, void (*fn)(void *), void *arg))                    \
    /* task.h: threads of a plugin */                                                              \
    X(1, pb_signal *, signal_new, (void))                                                          \
    X(1, pb_status, signal_wait, (pb_signal * signal, int32_t always))                             \
    X(1, void, signal_raise, (pb_signal *const *signals, size_t count))                            \
    X(1, const pb_task *, task_running, (void))                                                    \
    /* turn.h: how it stands */                                                                    \
    X(1, void, turn_so_far, (pb_turn * turn, pb_turn_result * out))                                \
    /* passages of a turn, documents */                                                            \
    X(1, const pb_passages *, turn_passages, (pb_turn * turn))                                     \
    X(1, pb_status, turn_set_passages, (pb_turn * turn, const pb_passages *passages))              \
    X(1, pb_document *, turn_document, (pb_turn * turn))                                           \
    X(1, pb_status, embed,                                                                         \
      (pb_instance * embedder, const pb_embed_request *request, float *out))                       \
    X(1, size_t, embed_dimensions, (pb_instance * embedder))                                       \
    X(1, pb_str, embed_model, (pb_instance * embedder))                                            \
    X(1, size_t, embed_tokens, (pb_instance * embedder, pb_str text))                              \
    X(1, pb_status, vectors_put, (pb_instance * store, const pb_vector_put *put))                  \
    X(1, pb_status, vectors_search,                                                                \
      (pb_instance * store, const pb_vector_query *query, pb_passages *out))                       \
    X(1, pb_status, vectors_get,                                                                   \
      (pb_instance * store, const pb_vector_selection *selection, pb_passages *out))               \
    X(1, pb_status, vectors_relabel,                                                               \
      (pb_instance * store, const pb_vector_put *labels, const pb_json *metadata))                 \
    X(1, pb_status, vectors_remove,                                                                \
      (pb_instance * store, const pb_vector_selection *selection, int64_t *removed))               \
    X(1, pb_status, vectors_count,                                                                 \
      (pb_instance * store, const pb_vector_selection *selection, int64_t *out))                   \
    X(1, pb_status, blob_put,                                                                      \
      (pb_instance * store, pb_str key, pb_str type, pb_reader *reader))                           \
    X(1, pb_status, blob_get,                                                                      \
      (pb_instance * store, pb_str key, pb_blob_info *info, pb_writer *writer))                    \
    X(1, pb_status, blob_remove, (pb_instance * store, pb_str key))                                \
    X(1, pb_status, blob_url,                                                                      \
      (pb_instance * store, pb_str key, pb_time expiry, pb_str * out))                             \
    X(1, bool, extractor_accepts, (pb_instance * extractor, const pb_blob *blob))                  \
    X(1, pb_status, extract,                                                                       \
      (pb_instance * extractor, const pb_blob *blob, pb_blocks *out))                              \
    X(1, pb_status, source_list, (pb_instance * source, pb_str cursor, pb_source_page * out))      \
    X(1, pb_status, source_fetch, (pb_instance * source, pb_str id, pb_writer * writer))           \
    X(1, pb_status, source_watch,                                                                  \
      (pb_instance * source, pb_status(*changed)(void *, const pb_source_entry *), void *arg))     \
    X(1, pb_status, retrieve,                                                                      \
      (pb_instance * retriever, const pb_retrieve_request *request, pb_passages *out))             \
    X(1, pb_status, surround,                                                                      \
      (pb_instance * retriever, const pb_surround_request *request, pb_passages *out))             \
    X(1, pb_status, rerank,                                                                        \
      (pb_instance * reranker, pb_str query, const pb_passages *in, pb_passages *out))             \
    X(1, pb_status, classify,                                                                      \
      (pb_instance * classifier, const pb_classify_request *request, pb_labels *out))              \
    /* process.h */                                                                                \
    X(1, pb_status, process_run, (const pb_process_spec *spec, pb_process_result *out))            \
    /* http_server.h: a body that is read piece by piece */                                        \
    X(1, pb_status, request_read, (pb_request * request, pb_bytes * out))                          \
    X(1, pb_status, retriever_version,                                                             \
      (pb_instance * retriever, const pb_retrieve_request *request, pb_str *out))                  \
    X(1, void, sha256_part, (void *state, pb_bytes data, uint8_t out[32]))                         \
    /* auth.h */                                                                                   \
    X(1, const pb_principal *, principal, (void))                                                  \
    X(1, pb_status, run_as,                                                                        \
      (const pb_principal *principal, pb_status(*fn)(void *), void *arg))                          \
    /* llm.h, service.h */                                                                         \
    X(1, void, llm_ignore, (pb_str name))                                                          \
    X(1, pb_status, operation_schema,                                                              \
      (const pb_operation *operation, uint32_t what, pb_str *out))                                 \
    /* draft/speech.h */                                                                           \
    X(1, pb_status, transcribe,                                                                    \
      (pb_instance * speech, const pb_transcribe_request *request, pb_transcript *out))            \
    X(1, pb_status, synthesize,                                                                    \
      (pb_instance * speech, const pb_synthesize_request *request, pb_writer *writer))             \
    X(1, pb_status, speech_detect,                                                                 \
      (pb_instance * speech, const int16_t *samples, size_t count, double *out))                   \
    X(1, void, speech_about, (pb_instance * speech, pb_speech_about * out))                        \
    /* plugin.h */                                                                                 \
    X(1, pb_str, hint, (pb_str word, const pb_str *words, size_t count))                           \
    X(1, void *, common, (size_t size))

struct pb_host {
    uint32_t size;  /* bytes of this table in the running host */
    uint32_t level; /* its API level */
#define PB_HOST_MEMBER(level, result, name, arguments) result(*name) arguments;
    PB_HOST_API(PB_HOST_MEMBER)
#undef PB_HOST_MEMBER
};

#ifdef PB_HOST_BUILD
#define PB_HOST_DECLARE(level, result, name, arguments) result host_##name arguments;
PB_HOST_API(PB_HOST_DECLARE)
#undef PB_HOST_DECLARE
#define PB_CALL(name) host_##name
#else
/* Defined once in a plugin, by PB_PLUGIN. */
extern PB_HIDDEN const pb_host *pb_host_table;
#define PB_CALL(name) pb_host_table->name
#endif

#ifdef __cplusplus
}
#endif

#endif
