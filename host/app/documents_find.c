/* documents_find.c - from what was typed to a document's id, and pages of documents. */
#include "app/documents.h"

#include <patchbay/secret.h>

enum { PAGE = 100, LEAST = 4, NAMED = 8 };

pb_status documents_page(struct documents *documents, pb_str filter, pb_str *cursor,
                         const pb_json **out)
{
    const pb_json *json;
    pb_str path = pb_printf("/v1/documents?limit=%d%.*s%s%.*s", PAGE, PB_ARG(filter),
                            cursor->size ? "&cursor=" : "", PB_ARG(api_quoted(*cursor)));
    pb_status status = api_get(documents->invocation, path, &json);

    *out = NULL;
    if (status != PB_OK)
        return status;
    *out = pb_json_at(pb_json_get(json, "documents"), 0);
    *cursor = pb_json_text(pb_json_get(json, "next"));
    return PB_OK;
}

static bool is_end(pb_str id, pb_str typed)
{
    return typed.size >= LEAST && id.size >= typed.size &&
           pb_str_equal(pb_str_slice(id, id.size - typed.size, typed.size), typed);
}

pb_status documents_find(struct documents *documents, const char *typed, pb_str *id)
{
    pb_str wanted = pb_str_of(typed), cursor = {0};
    pb_buf others = {0};
    size_t count = 0;
    const pb_json *at;
    uint8_t uuid[16];

    *id = wanted;
    if (pb_uuid_bytes(wanted, uuid))
        return PB_OK;
    do {
        pb_status status = documents_page(documents, pb_lit(""), &cursor, &at);
        if (status != PB_OK)
            return status;
        for (; at; at = at->next) {
            pb_str its = pb_json_text(pb_json_get(at, "id"));
            pb_str name = pb_json_text(pb_json_get(at, "name"));
            if (!is_end(its, wanted) && !pb_str_equal(name, wanted))
                continue;
            *id = its;
            if (count++ < NAMED)
                pb_buf_printf(&others, "%s%.*s (%.*s)", count > 1 ? ", " : "",
                              PB_ARG(id_short(its)), PB_ARG(text_plain(name)));
        }
    } while (cursor.size);
    if (!count)
        return pb_fail(PB_NOT_FOUND,
                       "there is no document '%s'; patchbay documents list shows them", typed);
    if (count > 1)
        return pb_fail(PB_CONFLICT, "'%s' may be %zu documents: %.*s", typed, count,
                       PB_ARG(pb_buf_str(&others)));
    return PB_OK;
}
