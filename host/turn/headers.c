/* headers.c - headers of the answer that stages set (RateLimit); the transport sends them with the
 * first bytes. All branches of a turn share them.
 */
#include "turn/turn.h"

static pb_str keep_text(struct turn_core *core, pb_str text)
{
    char *copy = arena_alloc(&core->kept, text.size + 1);

    if (copy && text.size)
        memcpy(copy, text.data, text.size);
    return (pb_str){copy, copy ? text.size : 0};
}

/* One that would end itself and begin another is refused here, where the stage can be named. */
static bool sound(pb_str name, pb_str value)
{
    for (size_t i = 0; i < name.size; i++)
        if ((unsigned char)name.data[i] <= ' ' || name.data[i] == ':' ||
            (unsigned char)name.data[i] >= 127)
            return false;
    for (size_t i = 0; i < value.size; i++)
        if ((unsigned char)value.data[i] < ' ' || value.data[i] == 127)
            return false;
    return name.size > 0;
}

static pb_header *place_of(struct turn_core *core, pb_str name)
{
    for (size_t i = 0; i < core->header_count; i++)
        if (pb_str_same(core->headers[i].name, name))
            return &core->headers[i];
    if (core->header_count == TURN_HEADERS)
        return NULL;
    if (!core->headers)
        core->headers = arena_alloc(&core->kept, TURN_HEADERS * sizeof *core->headers);
    return core->headers ? &core->headers[core->header_count] : NULL;
}

pb_status host_turn_set_header(pb_turn *turn, pb_str name, pb_str value)
{
    struct turn_core *core = turn->core;

    if (!sound(name, value))
        return pb_fail(PB_INVALID, "a header of the answer has bytes that it must not have");
    pb_header *header = place_of(core, name);
    if (!header && core->header_count == TURN_HEADERS)
        return pb_fail(PB_TOO_LARGE, "an answer has at most %d headers of stages", TURN_HEADERS);
    pb_header copy = {keep_text(core, name), keep_text(core, value)};
    if (!header || !copy.name.data || !copy.value.data)
        return pb_fail(PB_NO_MEMORY, "this turn needs more memory than is allowed");
    if (header == &core->headers[core->header_count])
        core->header_count++;
    *header = copy;
    return PB_OK;
}

/* --- what had no effect ----------------------------------------------------------------------- */

static const pb_str ignored_name = PB_LIT("Patchbay-Ignored");

enum { IGNORED_MOST = 1024 }; /* bytes: a name more is left out */

/* A client's own text: what cannot stand in a list in a header is percent-encoded. */
static void add_name(pb_buf *buf, pb_str name)
{
    for (size_t i = 0; i < name.size; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (c <= ' ' || c >= 127 || c == ',' || c == '%')
            pb_buf_printf(buf, "%%%02X", c);
        else
            pb_buf_byte(buf, (char)c);
    }
}

static bool lists(pb_str list, pb_str name)
{
    while (list.size) {
        pb_str item = pb_str_slice(list, 0, pb_str_find(list, ','));
        if (pb_str_equal(pb_str_trim(item), name))
            return true;
        list = pb_str_slice(list, item.size + 1, list.size);
    }
    return false;
}

void host_llm_ignore(pb_str name)
{
    struct pb_turn *turn = turn_current();
    pb_str list = {0};
    pb_buf item = {0}, all = {0};

    if (!turn)
        return;
    for (size_t i = 0; i < turn->core->header_count; i++)
        if (pb_str_same(turn->core->headers[i].name, ignored_name))
            list = turn->core->headers[i].value;
    add_name(&item, name);
    if (item.failed || lists(list, pb_buf_str(&item)) || list.size + item.size > IGNORED_MOST)
        return;
    pb_buf_add(&all, list);
    pb_buf_add(&all, list.size ? pb_lit(", ") : pb_lit(""));
    pb_buf_add(&all, pb_buf_str(&item));
    if (!all.failed && host_turn_set_header(turn, ignored_name, pb_buf_str(&all)) != PB_OK)
        pb_error_clear();
}

const pb_header *host_turn_headers(pb_turn *turn, size_t *count)
{
    *count = turn->core->header_count;
    return turn->core->headers;
}
