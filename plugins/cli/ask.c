/* ask.c - one question from the command line: runs the turn and prints what it says.
 *
 * Text streams as it comes; sources and tool calls follow it. With json the whole turn is printed
 * as the native API writes it. What goes wrong is one sentence on the error output.
 */
#include "cli.h"

struct ask {
    pb_sink base;
    const pb_cli_call *call;
    pb_turn *turn;
    struct output out;
    pb_reply reply; /* with json all of it, else what follows the text */
};

static pb_status print_json(struct ask *ask, const pb_turn_result *result)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_reply_write(&writer, &ask->reply, pb_turn_info_of(ask->turn), result);
    pb_buf_byte(&buf, '\n');
    return buf.failed ? (pb_status)PB_NO_MEMORY : output_write(&ask->out, pb_buf_str(&buf));
}

static void print_member(pb_buf *buf, const char *before, const pb_json *value)
{
    pb_str text = pb_json_text(value);

    if (pb_json_is(value, PB_JSON_NUMBER))
        text = value->text;
    if (text.size)
        pb_buf_printf(buf, "%s%.*s", before, PB_ARG(text));
}

/* "[1] sdk/README.md, A whole plugin, lines 7-41" */
static void print_source(pb_buf *buf, const pb_json *source)
{
    const pb_json *lines = pb_json_get(source, "lines");

    pb_buf_printf(buf, "[%lld]", (long long)pb_json_int(pb_json_get(source, "index"), 0));
    print_member(buf, " ", pb_json_get(source, "document"));
    print_member(buf, ", ", pb_json_get(source, "heading"));
    print_member(buf, ", page ", pb_json_get(source, "page"));
    print_member(buf, ", lines ", pb_json_at(lines, 0));
    print_member(buf, "-", pb_json_at(lines, 1));
    pb_buf_byte(buf, '\n');
}

/* What follows the text. */
static pb_status print_rest(struct ask *ask)
{
    pb_buf buf = {0};
    const pb_json *sources;
    pb_status status = output_end_line(&ask->out);

    for (size_t i = 0; i < ask->reply.call_count; i++) {
        const pb_reply_call *call = &ask->reply.calls[i];
        pb_buf_printf(&buf, "calls %.*s %.*s\n", PB_ARG(pb_reply_str(&call->name)),
                      PB_ARG(pb_reply_str(&call->arguments)));
    }
    if (ask->reply.sources.size) {
        pb_str list = pb_printf("[%.*s]", PB_ARG(pb_reply_str(&ask->reply.sources)));
        if (pb_json_parse(list, &sources) != PB_OK)
            return pb_error_last()->status;
        pb_buf_byte(&buf, '\n');
        for (const pb_json *at = sources->child; at; at = at->next)
            print_source(&buf, at);
    }
    if (buf.failed)
        return PB_NO_MEMORY;
    return status == PB_OK ? output_write(&ask->out, pb_buf_str(&buf)) : status;
}

static pb_status ask_emit(pb_sink *sink, const pb_event *event)
{
    struct ask *ask = (struct ask *)sink;

    if (event->type == PB_EVENT_DONE)
        return ask->call->json ? print_json(ask, event->result) : print_rest(ask);
    if (!ask->call->json && event->type == PB_EVENT_TEXT)
        return output_write(&ask->out, event->text);
    if (!ask->call->json && event->type == PB_EVENT_THINKING)
        return PB_OK;
    return pb_reply_note(&ask->reply, event);
}

/* What was asked, and under it what came on standard input. */
static pb_str question(const pb_cli_call *call)
{
    pb_str text = pb_str_trim(call->text), input = pb_str_trim(call->input);

    if (!input.size)
        return text;
    return text.size ? pb_printf("%.*s\n\n%.*s", PB_ARG(text), PB_ARG(input)) : input;
}

static pb_status run_turn(struct ask *ask, const struct cli *cli)
{
    const pb_cli_call *call = ask->call;
    pb_str name = call->pipeline.size ? call->pipeline : cli->pipeline;
    const pb_message *message = pb_message_new(PB_ROLE_USER, question(call));
    pb_turn_spec spec = pb_turn_spec_make();

    if (!message)
        return PB_NO_MEMORY;
    if (!message->text.size)
        return pb_fail(PB_INVALID, "there is no question: say it as an argument or on standard "
                                   "input");
    spec.pipeline = pb_pipeline_find(name);
    if (!spec.pipeline)
        return pb_fail(PB_NOT_FOUND, "there is no pipeline '%.*s'", PB_ARG(name));
    spec.stream = !call->json;
    spec.principal = call->principal;
    spec.messages = &message;
    spec.message_count = 1;
    spec.transport = pb_lit("cli");
    pb_status status = pb_turn_new(&spec, &ask->turn);
    if (status == PB_OK) {
        status = pb_turn_run(ask->turn, &ask->base);
        pb_turn_free(ask->turn);
    }
    return status;
}

static void print_error(const pb_cli_call *call, pb_status status)
{
    struct output err = output_open(call->err);
    pb_str sentence = pb_error_last()->sentence;

    if (!sentence.size)
        sentence = pb_str_of(pb_status_title(status));
    pb_str line = pb_printf("patchbay: %.*s\n", PB_ARG(sentence));
    (void)output_write(&err, line);
}

int32_t cli_run(void *self, const pb_cli_call *call)
{
    const struct cli *cli = self;
    struct ask ask = {
        .base = {.size = (uint32_t)sizeof(pb_sink), .emit = ask_emit},
        .call = call,
        .out = output_open(call->out),
        .reply = pb_reply_make((size_t)cli->max_reply),
    };
    pb_status status = run_turn(&ask, cli);

    pb_reply_end(&ask.reply);
    if (ask.out.broken) /* as `| head` does: not worth a word */
        return 0;
    if (status != PB_OK) {
        if (!call->json)
            (void)output_end_line(&ask.out);
        print_error(call, status);
    }
    return pb_status_exit(status);
}
