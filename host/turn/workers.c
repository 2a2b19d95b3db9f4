/* workers.c - see workers.h. An answer on the wire: "<bytes in all> <number> <node>\n" and its
 * first piece; the rest is asked for by "<number> <from> <node>", which only that node answers. */
#include "turn/workers.h"

#include "base/list.h"
#include "cluster/node.h"
#include "runtime/loop.h"

#include <stdio.h>
#include <stdlib.h>

enum { PIECE = NODE_ANSWER_SIZE - 256, KEPT_MOST = 16 };

#define KEPT_FOR (5 * PB_SECOND)

/* A long answer, for who has only its beginning. */
struct kept {
    struct list_link link;
    struct timer timer;
    unsigned long long number;
    size_t size;
    char text[];
};

static struct list_link all_kept = {&all_kept, &all_kept};
static size_t kept_count;
static unsigned long long last_number;

static void drop(struct kept *kept)
{
    timer_cancel(&kept->timer);
    list_remove(&kept->link);
    kept_count--;
    free(kept);
}

static void too_old(struct timer *timer)
{
    drop(list_entry(timer, struct kept, timer));
}

/* Memory is short: then only the beginning is known, and who asked leaves the answer out. */
static void keep(pb_str text)
{
    struct kept *kept = malloc(sizeof *kept + text.size);

    if (!kept)
        return;
    if (kept_count == KEPT_MOST)
        drop(list_entry(all_kept.next, struct kept, link));
    *kept = (struct kept){.number = last_number, .size = text.size};
    memcpy(kept->text, text.data, text.size);
    list_append(&all_kept, &kept->link);
    kept_count++;
    timer_arm(&kept->timer, KEPT_FOR, too_old);
}

pb_status workers_answer(pb_buf *text, pb_str *out)
{
    pb_str whole = pb_buf_str(text);
    pb_buf answer = {0};

    if (pb_buf_status(text) != PB_OK)
        return PB_NO_MEMORY;
    last_number++;
    if (whole.size > PIECE)
        keep(whole);
    pb_buf_printf(&answer, "%zu %llu %.*s\n", whole.size, last_number, PB_ARG(pb_node_id()));
    pb_buf_add(&answer, pb_str_slice(whole, 0, PIECE));
    *out = pb_buf_str(&answer);
    return pb_buf_status(&answer);
}

/* The question for a part of a long answer. */
static pb_status rest(pb_str question, pb_str *out)
{
    unsigned long long number = 0, from = 0;
    char node[64] = "";
    pb_buf text = {0};

    pb_buf_add(&text, question);
    pb_buf_byte(&text, 0);
    if (pb_buf_status(&text) != PB_OK ||
        sscanf(text.data, "%llu %llu %63s", &number, &from, node) != 3 ||
        !pb_str_is(pb_node_id(), node))
        return PB_DECLINED;
    for (struct list_link *at = all_kept.next; at != &all_kept; at = at->next) {
        struct kept *kept = list_entry(at, struct kept, link);
        if (kept->number != number || from > kept->size)
            continue;
        size_t size = kept->size - from < PIECE ? kept->size - from : PIECE;
        *out = pb_copy(pb_str_make(kept->text + from, size));
        return out->data ? PB_OK : PB_NO_MEMORY;
    }
    return PB_DECLINED;
}

void workers_setup(void)
{
    node_answers("workers.rest", rest);
}

void workers_fini(void)
{
    while (!list_empty(&all_kept))
        drop(list_entry(all_kept.next, struct kept, link));
}

/* --- asking ------------------------------------------------------------------------------------
 */

struct part {
    struct part *next;
    size_t size; /* of the whole */
    unsigned long long number;
    char node[64];
    pb_buf text; /* what came of it */
};

struct asking {
    struct part *first, **last;
    struct part *open; /* whose rest is asked for */
    bool one;
};

static bool note(void *arg, pb_str answer)
{
    struct asking *asking = arg;
    size_t head = pb_str_find(answer, '\n');
    struct part *part = PB_NEW(struct part);
    char line[160];

    if (!part || head >= answer.size || head >= sizeof line)
        return false;
    memcpy(line, answer.data, head);
    line[head] = 0;
    if (sscanf(line, "%zu %llu %63s", &part->size, &part->number, part->node) != 3)
        return false;
    pb_buf_add(&part->text, pb_str_slice(answer, head + 1, answer.size));
    *asking->last = part;
    asking->last = &part->next;
    return asking->one;
}

static bool note_rest(void *arg, pb_str answer)
{
    struct asking *asking = arg;

    pb_buf_add(&asking->open->text, answer);
    return true;
}

static bool complete(struct asking *asking, struct part *part, pb_duration until)
{
    asking->open = part;
    while (part->text.size < part->size && pb_buf_status(&part->text) == PB_OK) {
        pb_str question = pb_printf("%llu %zu %s", part->number, part->text.size, part->node);
        pb_duration left = until - pb_monotonic();
        if (left <= 0 || node_ask("workers.rest", question, left, note_rest, asking) == 0)
            return false;
    }
    return part->text.size == part->size && pb_buf_status(&part->text) == PB_OK;
}

size_t workers_ask(const struct workers_question *question)
{
    struct asking asking = {.last = &asking.first, .one = question->first};
    pb_duration until = pb_monotonic() + WORKERS_LIMIT;
    size_t count = 0;

    if (node_kind() == NODE_ALONE)
        return 0;
    (void)node_ask(question->topic, question->text, WORKERS_LIMIT, note, &asking);
    for (struct part *part = asking.first; part; part = part->next)
        if (complete(&asking, part, until)) {
            question->each(question->arg, pb_buf_str(&part->text));
            count++;
        }
    return count;
}

/* --- whose turn --------------------------------------------------------------------------------
 */

static bool is_admin(const pb_principal *principal)
{
    for (uint32_t i = 0; i < principal->role_count; i++)
        if (pb_str_is(principal->roles[i], "admin"))
            return true;
    return false;
}

pb_str workers_who_write(pb_str id, int64_t limit, const pb_principal *principal)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "id");
    pb_jw_str(&writer, id);
    pb_jw_key(&writer, "limit");
    pb_jw_int(&writer, limit);
    pb_jw_key(&writer, "tenant");
    pb_jw_str(&writer, principal->tenant);
    pb_jw_key(&writer, "principal");
    pb_jw_str(&writer, principal->id);
    pb_jw_key(&writer, "admin");
    pb_jw_bool(&writer, is_admin(principal));
    pb_jw_close(&writer, '}');
    return pb_buf_str(&buf);
}

pb_status workers_who_read(pb_str text, struct worker_who *out)
{
    static const pb_str admin = PB_LIT("admin");
    const pb_json *json = NULL;
    pb_status status = pb_json_parse(text, &json);

    if (status != PB_OK)
        return status;
    *out = (struct worker_who){
        .id = pb_json_text(pb_json_get(json, "id")),
        .limit = pb_json_int(pb_json_get(json, "limit"), 0),
        .principal = {.size = sizeof out->principal,
                      .tenant = pb_json_text(pb_json_get(json, "tenant")),
                      .id = pb_json_text(pb_json_get(json, "principal")),
                      .role_count = pb_json_bool(pb_json_get(json, "admin"), false),
                      .roles = &admin}};
    return PB_OK;
}
