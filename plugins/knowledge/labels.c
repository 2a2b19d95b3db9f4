/* labels.c - who may see what: "public", "owner:<principal>", "group:<role>". Whoever asks has a
 * label each for all, for oneself and for each role; a document is seen by those who share one with
 * it. */
#include "knowledge.h"

bool is_admin(const pb_principal *principal)
{
    for (uint32_t i = 0; principal && i < principal->role_count; i++)
        if (pb_str_is(principal->roles[i], "admin"))
            return true;
    return false;
}

pb_status asker_of(const pb_principal *principal, struct asker *out)
{
    uint32_t roles = principal ? principal->role_count : 0;
    pb_str *labels = PB_NEW_ARRAY(pb_str, roles + 2);

    memset(out, 0, sizeof *out);
    if (!labels)
        return PB_NO_MEMORY;
    labels[out->count++] = pb_lit("public");
    if (principal)
        labels[out->count++] = pb_printf("owner:%.*s", PB_ARG(principal->id));
    for (uint32_t i = 0; i < roles; i++)
        labels[out->count++] = pb_printf("group:%.*s", PB_ARG(principal->roles[i]));
    out->id = principal ? principal->id : pb_lit("");
    out->all = is_admin(principal);
    out->labels = labels;
    out->json = words_text(&(pb_list){labels, out->count});
    return out->json.data ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

static bool is_label(pb_str label)
{
    return pb_str_is(label, "public") || pb_str_is(label, "owner") ||
           (pb_str_starts(label, pb_lit("owner:")) && label.size > 6) ||
           (pb_str_starts(label, pb_lit("group:")) && label.size > 6);
}

pb_str access_for(pb_str access, pb_str owner)
{
    pb_list labels;

    if (words_list(access, &labels) != PB_OK)
        return pb_str_make(NULL, 0);
    for (size_t i = 0; i < labels.count; i++)
        if (pb_str_is(PB_ITEM(labels, pb_str, i), "owner"))
            PB_ITEM(labels, pb_str, i) = pb_printf("owner:%.*s", PB_ARG(owner));
    return words_text(&labels);
}

pb_status access_read(const pb_json *json, pb_str owner, pb_str *text)
{
    pb_status status = words_read(json, "/access", text);

    if (status != PB_OK || !text->data)
        return status;
    for (const pb_json *at = json->child; at; at = at->next)
        if (!is_label(pb_str_trim(at->text)))
            return pb_fail_at(PB_INVALID, "/access",
                              "must be a list of \"public\", \"owner\", \"owner:<principal>\" and "
                              "\"group:<role>\"");
    *text = access_for(*text, owner);
    return text->data ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}
