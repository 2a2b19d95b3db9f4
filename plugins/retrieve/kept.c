/* kept.c - what was found for a question, for a while: as JSON in a cache, under a key that says
 * who asked what of which version of the documents. What a person may not see is not found, so
 * nothing that was found for one is given to another. A cache that fails is done without. */
#include "retrieve.h"

#include <math.h>
#include <patchbay/secret.h>

static void add(pb_buf *buf, pb_str text)
{
    pb_buf_printf(buf, "%zu:", text.size);
    pb_buf_add(buf, text);
}

static void add_list(pb_buf *buf, const pb_str *list, size_t count)
{
    pb_buf_printf(buf, "list %zu ", count);
    for (size_t i = 0; i < count; i++)
        add(buf, list[i]);
}

static void add_json(pb_buf *buf, const pb_json *json)
{
    pb_buf one = {0};

    if (json)
        pb_json_write(&one, json);
    buf->failed = buf->failed || one.failed;
    add(buf, pb_buf_str(&one));
}

static void add_stage(pb_buf *buf, const struct retrieve *stage)
{
    pb_buf_printf(buf,
                  "top %lld of %lld mode %d weight %a least %a each %lld around %lld whole %d ",
                  (long long)stage->top_k, (long long)stage->candidates, (int)stage->mode,
                  stage->vector_weight, stage->min_score, (long long)stage->per_document,
                  (long long)stage->neighbours, (int)stage->whole_document);
    pb_buf_printf(buf, "tokens %lld ", (long long)stage->max_tokens);
    add(buf, pb_instance_name(stage->retriever));
    add(buf, stage->reranker ? pb_instance_name(stage->reranker) : (pb_str){0});
    add_json(buf, stage->filter);
}

static void add_principal(pb_buf *buf, const pb_principal *principal)
{
    add(buf, principal->tenant);
    add(buf, principal->id);
    add_list(buf, principal->roles, principal->role_count);
}

static pb_status write_key(struct search *search, char key[KEPT_KEY + 1])
{
    static const char digits[] = "0123456789abcdef";
    pb_buf buf = {0};
    pb_str version;
    uint8_t digest[32];
    pb_status status = pb_retriever_version(search->stage->retriever, &search->request, &version);

    if (status == PB_UNSUPPORTED) { /* then the ttl alone decides */
        pb_error_clear();
        status = PB_OK;
    }
    if (status != PB_OK)
        return status;
    add(&buf, version);
    add(&buf, search->query);
    add_principal(&buf, pb_turn_info_of(search->turn)->principal);
    add_stage(&buf, search->stage);
    add_list(&buf, search->request.collections, search->request.collection_count);
    add_list(&buf, search->request.documents, search->request.document_count);
    add_json(&buf, search->wishes[0]);
    add_json(&buf, search->wishes[1]);
    if (buf.failed)
        return PB_NO_MEMORY;
    pb_sha256((pb_bytes){(const uint8_t *)buf.data, buf.size}, digest);
    memcpy(key, "found:", 6);
    for (size_t i = 0; i < sizeof digest; i++) {
        key[6 + 2 * i] = digits[digest[i] >> 4];
        key[7 + 2 * i] = digits[digest[i] & 15];
    }
    key[KEPT_KEY] = 0;
    return PB_OK;
}

/* --- passages as JSON ---------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    size_t offset;
} texts[] = {{"id", offsetof(pb_passage, id)},
             {"text", offsetof(pb_passage, text)},
             {"document", offsetof(pb_passage, document)},
             {"document_id", offsetof(pb_passage, document_id)},
             {"heading", offsetof(pb_passage, heading)},
             {"url", offsetof(pb_passage, url)},
             {"title", offsetof(pb_passage, title)},
             {"collection", offsetof(pb_passage, collection)}},
  numbers[] = {{"line", offsetof(pb_passage, line)},
               {"lines", offsetof(pb_passage, lines)},
               {"index", offsetof(pb_passage, index)},
               {"tokens", offsetof(pb_passage, tokens)}},
  scores[] = {{"score", offsetof(pb_passage, score)},
              {"vector_score", offsetof(pb_passage, vector_score)},
              {"keyword_score", offsetof(pb_passage, keyword_score)}};

#define MEMBER(type, passage, offset) ((type *)(void *)((char *)(passage) + (offset)))
#define CONST_MEMBER(type, passage, offset)                                                        \
    (*(const type *)(const void *)((const char *)(passage) + (offset)))
#define COUNT(list) (sizeof(list) / sizeof *(list))

static void write_passage(pb_json_writer *writer, const pb_passage *passage)
{
    pb_jw_open(writer, '{');
    for (size_t i = 0; i < COUNT(texts); i++) {
        pb_str text = CONST_MEMBER(pb_str, passage, texts[i].offset);
        if (!text.data)
            continue;
        pb_jw_key(writer, texts[i].name);
        pb_jw_str(writer, text);
    }
    for (size_t i = 0; i < COUNT(numbers); i++) {
        pb_jw_key(writer, numbers[i].name);
        pb_jw_int(writer, CONST_MEMBER(int64_t, passage, numbers[i].offset));
    }
    for (size_t i = 0; i < COUNT(scores); i++) { /* NAN is null */
        pb_jw_key(writer, scores[i].name);
        pb_jw_double(writer, CONST_MEMBER(double, passage, scores[i].offset));
    }
    pb_jw_key(writer, "page");
    pb_jw_int(writer, passage->page);
    if (passage->metadata) {
        pb_jw_key(writer, "metadata");
        pb_jw_json(writer, passage->metadata);
    }
    pb_jw_close(writer, '}');
}

static const pb_passage *read_passage(const pb_json *json)
{
    pb_passage *passage = pb_passage_new((pb_str){0});

    if (!passage)
        return NULL;
    for (size_t i = 0; i < COUNT(texts); i++)
        *MEMBER(pb_str, passage, texts[i].offset) = pb_json_text(pb_json_get(json, texts[i].name));
    for (size_t i = 0; i < COUNT(numbers); i++)
        *MEMBER(int64_t, passage, numbers[i].offset) =
            pb_json_int(pb_json_get(json, numbers[i].name), 0);
    for (size_t i = 0; i < COUNT(scores); i++)
        *MEMBER(double, passage, scores[i].offset) =
            pb_json_double(pb_json_get(json, scores[i].name), (double)NAN);
    passage->page = (int32_t)pb_json_int(pb_json_get(json, "page"), 0);
    passage->metadata = pb_json_get(json, "metadata");
    return passage;
}

static pb_status read_passages(struct search *search, pb_bytes bytes)
{
    const pb_json *json;
    pb_status status = pb_json_parse(pb_str_make((const char *)bytes.data, bytes.size), &json);
    size_t count = 0;

    if (status != PB_OK)
        return status;
    search->items = PB_NEW_ARRAY(const pb_passage *, json->count + 1);
    if (!search->items)
        return PB_NO_MEMORY;
    for (const pb_json *at = json->child; at; at = at->next) {
        search->items[count] = read_passage(at);
        if (!search->items[count++])
            return PB_NO_MEMORY;
    }
    search->count = count;
    return PB_OK;
}

/* --- the cache ----------------------------------------------------------------------------------
 */

/* Said once a minute. A turn that is over is over. */
static pb_status do_without(struct search *search, pb_status status)
{
    struct retrieve *stage = search->stage;
    pb_duration now = pb_monotonic();

    if (status == PB_CANCELLED || status == PB_TIMEOUT)
        return status;
    if (!stage->warned || now - stage->warned >= 60 * PB_SECOND) {
        stage->warned = now;
        pb_log(PB_WARN, "what was found cannot be kept: %.*s", PB_ARG(pb_error_last()->sentence));
    }
    pb_error_clear();
    return PB_OK;
}

pb_status kept_get(struct search *search, char key[KEPT_KEY + 1])
{
    pb_bytes bytes;

    key[0] = 0;
    if (!search->stage->cache)
        return PB_NOT_FOUND;
    pb_status status = write_key(search, key);
    if (status == PB_OK)
        status = pb_cache_get(search->stage->cache, pb_str_of(key), &bytes);
    if (status == PB_OK)
        status = read_passages(search, bytes);
    pb_span_note(search->span, pb_lit("cache"), status == PB_OK ? pb_lit("hit") : pb_lit("miss"));
    if (status == PB_OK) {
        search->stage->hits++;
        return PB_OK;
    }
    if (status == PB_NOT_FOUND)
        pb_error_clear();
    else
        status = do_without(search, status);
    return status == PB_OK || status == PB_NOT_FOUND ? (pb_status)PB_NOT_FOUND : status;
}

pb_status kept_set(struct search *search, const char *key)
{
    pb_cache_options options = {.size = (uint32_t)sizeof options, .ttl = search->stage->ttl};
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    if (!key[0])
        return PB_OK;
    pb_jw_open(&writer, '[');
    for (size_t i = 0; i < search->count; i++)
        write_passage(&writer, search->items[i]);
    pb_jw_close(&writer, ']');
    if (buf.failed)
        return PB_NO_MEMORY;
    pb_status status = pb_cache_set(search->stage->cache, pb_str_of(key),
                                    (pb_bytes){(const uint8_t *)buf.data, buf.size}, &options);
    return status == PB_OK ? status : do_without(search, status);
}
