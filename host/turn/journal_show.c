/* journal_show.c - what GET /v1/turns/{id} tells of a kept turn: how it stands, and once it ended
 * its whole reply, put together from its events.
 */
#include "turn/journal.h"

#include "base/time.h"

/* A turn that ended is read to its end in one go; one that runs is not waited for. */
struct reading {
    pb_sink base;
    pb_reply reply;
    pb_json_writer *writer;
    const struct journal_state *state;
    bool alone;
    bool written;
};

static void write_head(const struct journal_state *state, pb_json_writer *writer)
{
    char created[TIME_TEXT_SIZE];

    time_text(state->about.created, created);
    pb_jw_member(writer, "id", state->about.id);
    pb_jw_member(writer, "status", state->status);
    pb_jw_member(writer, "pipeline", state->about.pipeline);
    pb_jw_member(writer, "conversation", state->about.conversation);
    if (state->about.request_id.size)
        pb_jw_member(writer, "request_id", state->about.request_id);
    pb_jw_member(writer, "created", pb_str_of(created));
}

static void write_reply(struct reading *reading, const pb_turn_result *result)
{
    const pb_launched *about = &reading->state->about;
    pb_turn_info info = {.size = sizeof info,
                         .id = about->id,
                         .pipeline = about->pipeline,
                         .request_id = about->request_id,
                         .conversation = about->conversation,
                         .reply = about->reply};

    if (reading->alone)
        pb_reply_write_members(reading->writer, &reading->reply, &info, result);
    else
        pb_reply_write_content(reading->writer, &reading->reply, &info, result);
    reading->written = true;
}

static pb_status note(pb_sink *sink, const pb_event *event)
{
    struct reading *reading = (struct reading *)(void *)sink;

    if (event->type != PB_EVENT_DONE)
        return pb_reply_note(&reading->reply, event);
    write_reply(reading, event->result);
    return PB_OK;
}

pb_status journal_write(pb_str id, const pb_principal *principal, bool alone,
                        pb_json_writer *writer)
{
    struct journal_state state;
    struct reading reading = {.base = {.size = sizeof(pb_sink), .emit = note},
                              .reply = pb_reply_make(0),
                              .writer = writer,
                              .state = &state,
                              .alone = alone};
    pb_follow_spec spec = {.size = sizeof spec, .id = id, .principal = principal};
    pb_status status = journal_look_up(id, principal, &state);

    if (status != PB_OK)
        return status;
    if (!pb_str_is(state.status, "running"))
        (void)host_turn_follow(&spec, &reading.base);
    pb_error_clear();
    pb_reply_end(&reading.reply);
    if (reading.written)
        return PB_OK;
    if (alone)
        write_head(&state, writer);
    else
        pb_jw_member(writer, "conversation", state.about.conversation);
    return PB_OK;
}
