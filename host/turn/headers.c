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

const pb_header *host_turn_headers(pb_turn *turn, size_t *count)
{
    *count = turn->core->header_count;
    return turn->core->headers;
}
