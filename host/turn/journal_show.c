/* journal_show.c - what GET /v1/turns/{id} tells of a kept turn: how it stands, and once it ended
 * its whole reply, put together from its events.
 */
#include "turn/journal.h"

#include "base/time.h"

/* A turn that ended is read to its end in one go; one that runs is not waited for. */
struct reading {
    pb_sink base;
    pb_reply reply;
    pb_reply written; /* its `text`: the members, which must outlive the scope of the last event */
    const struct journal_state *state;
    bool alone;
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

static pb_status write_reply(struct reading *reading, const pb_turn_result *result)
{
    const pb_launched *about = &reading->state->about;
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    pb_turn_info info = {.size = sizeof info,
                         .id = about->id,
                         .pipeline = about->pipeline,
                         .request_id = about->request_id,
                         .conversation = about->conversation,
                         .reply = about->reply};

    if (reading->alone)
        pb_reply_write_members(&writer, &reading->reply, &info, result);
    else
        pb_reply_write_content(&writer, &reading->reply, &info, result);
    return buf.failed ? (pb_status)PB_NO_MEMORY
                      : pb_reply_add(&reading->written, &reading->written.text, pb_buf_str(&buf));
}

static pb_status note(pb_sink *sink, const pb_event *event)
{
    struct reading *reading = (struct reading *)(void *)sink;

    if (event->type != PB_EVENT_DONE)
        return pb_reply_note(&reading->reply, event);
    return write_reply(reading, event->result);
}

static void write_kept(struct reading *reading, const pb_principal *principal,
                       pb_json_writer *writer)
{
    pb_follow_spec spec = {
        .size = sizeof spec, .id = reading->state->about.id, .principal = principal};
    const pb_reply_text *text = &reading->written.text;

    if (!pb_str_is(reading->state->status, "running"))
        (void)host_turn_follow(&spec, &reading->base);
    if (text->size)
        pb_jw_raw(writer, pb_reply_str(text));
    else if (reading->alone)
        write_head(reading->state, writer);
    pb_error_clear();
}

pb_status journal_show(pb_str id, const pb_principal *principal, pb_str explanation, pb_buf *out)
{
    pb_json_writer writer = pb_json_writer_make(out);
    struct journal_state state;
    struct reading reading = {.base = {.size = sizeof(pb_sink), .emit = note},
                              .reply = pb_reply_make(0),
                              .written = pb_reply_make(0),
                              .state = &state,
                              .alone = !explanation.size};
    pb_status status = journal_look_up(id, principal, &state);

    if (status != PB_OK && reading.alone)
        return status;
    if (reading.alone) {
        pb_jw_open(&writer, '{');
    } else { /* an object that is opened again */
        pb_buf_add(out, pb_str_slice(explanation, 0, explanation.size - 1));
        writer.comma = explanation.size > 2;
    }
    if (status == PB_OK)
        write_kept(&reading, principal, &writer);
    pb_jw_close(&writer, '}');
    pb_reply_end(&reading.reply);
    pb_reply_end(&reading.written);
    pb_error_clear();
    return pb_buf_status(out);
}
