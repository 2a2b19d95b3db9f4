/* ask.c - `patchbay ask`: one question to a pipeline, in this process or on a running server.
 *
 * Here the cli transport of the configuration (or one with its defaults) runs the turn and prints;
 * with --url the native API streams and this file prints the text.
 */
#include "app/load.h"
#include "app/remote.h"
#include "app/worker.h"

#include "plugin/instances.h"
#include <patchbay/json.h>
#include <patchbay/transport.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { QUESTION_MOST = 4 * 1024 * 1024 };

/* One asking, with the exit code that the transport gave. */
struct asking {
    const struct invocation *invocation;
    int32_t code;
};

static pb_status read_stdin(pb_str *out)
{
    pb_buf text = {0};

    while (text.size < QUESTION_MOST) {
        char *room = pb_buf_room(&text, 4096);
        ssize_t got = room ? read(STDIN_FILENO, room, 4096) : -1;
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        text.size += (size_t)got;
    }
    *out = pb_str_trim(pb_buf_str(&text));
    return pb_buf_status(&text);
}

/* The words of the command line are the question; a word "-" stands for stdin, which is added as
 * further text. Without words stdin is the question. */
static pb_status question(const struct invocation *invocation, pb_str *text, pb_str *input)
{
    pb_buf words = {0};
    bool wants_input = invocation->word_count == 0;
    pb_status status = PB_OK;

    *input = (pb_str){0};
    for (size_t i = 0; i < invocation->word_count; i++) {
        if (strcmp(invocation->words[i], "-") == 0) {
            wants_input = true;
            continue;
        }
        if (words.size)
            pb_buf_byte(&words, ' ');
        pb_buf_add(&words, pb_str_of(invocation->words[i]));
    }
    if (wants_input)
        status = read_stdin(input);
    *text = pb_buf_str(&words);
    if (status == PB_OK && !text->size && !input->size)
        return pb_fail(PB_INVALID, "there is no question: patchbay ask \"…\"");
    return status == PB_OK ? pb_buf_status(&words) : status;
}

/* --- here ------------------------------------------------------------------------------------- */

static pb_status ask_here(void *arg)
{
    struct asking *asking = arg;
    const struct invocation *invocation = asking->invocation;
    pb_cli_call call = {.size = sizeof call,
                        .json = invocation->json,
                        .out = STDOUT_FILENO,
                        .err = STDERR_FILENO,
                        .pipeline = pb_str_of(invocation->pipeline),
                        .principal = terminal_principal()};
    pb_instance *cli = NULL;

    for (pb_instance *at = instances_all(); at && !cli; at = at->next)
        if (pb_str_is(at->kind, "transport") && ((const pb_transport *)at->interface)->run)
            cli = at;
    if (!cli)
        return pb_fail(PB_NOT_FOUND, "the configuration has no transport for the terminal; add "
                                     "transports: {terminal: {use: cli, pipeline: …}}");
    pb_status status = question(invocation, &call.text, &call.input);
    if (status != PB_OK)
        return status;
    void *before = instance_enter(cli);
    asking->code = ((const pb_transport *)cli->interface)->run(cli->self, &call);
    instance_leave(before);
    return PB_OK; /* what was wrong it has said itself */
}

/* --- on a server ------------------------------------------------------------------------------ */

static pb_status print_event(const pb_sse_event *event, const struct invocation *invocation)
{
    const pb_json *json;

    if (invocation->json) {
        if (pb_str_is(event->event, "done"))
            printf("%.*s\n", PB_ARG(event->data));
        return PB_OK;
    }
    pb_status status = pb_json_parse(event->data, &json);
    if (status != PB_OK)
        return status;
    if (pb_str_is(event->event, "text")) {
        pb_str delta = pb_json_text(pb_json_get(json, "delta"));
        fwrite(delta.data, 1, delta.size, stdout);
        fflush(stdout);
    } else if (pb_str_is(event->event, "error")) {
        return remote_problem((int32_t)pb_json_int(pb_json_get(json, "status"), 500), event->data);
    } else if (pb_str_is(event->event, "done")) {
        printf("\n");
    }
    return PB_OK;
}

static pb_status ask_there(void *arg)
{
    const struct invocation *invocation = ((struct asking *)arg)->invocation;
    struct remote_request request = {
        .method = "POST", .path = pb_lit("/v1/turns"), .accept = pb_lit("text/event-stream")};
    pb_buf body = {0};
    pb_json_writer writer = pb_json_writer_make(&body);
    pb_sse_event event;
    pb_http *http;
    pb_str text, input;
    bool ended = false;

    pb_status status = question(invocation, &text, &input);
    if (status != PB_OK)
        return status;
    if (input.size)
        text = text.size ? pb_printf("%.*s\n\n%.*s", PB_ARG(text), PB_ARG(input)) : input;
    pb_jw_open(&writer, '{');
    if (invocation->pipeline) {
        pb_jw_key(&writer, "pipeline");
        pb_jw_str(&writer, pb_str_of(invocation->pipeline));
    }
    pb_jw_key(&writer, "message");
    pb_jw_str(&writer, text);
    pb_jw_key(&writer, "stream");
    pb_jw_bool(&writer, true);
    pb_jw_close(&writer, '}');
    request.body = pb_buf_str(&body);
    status = remote_open(invocation, &request, &http);
    if (status != PB_OK)
        return status;
    if (pb_http_status(http) >= 400) {
        status = pb_http_read_all(http, &text);
        if (status == PB_OK)
            status = remote_problem(pb_http_status(http), text);
    } else {
        pb_sse sse = pb_sse_make(http, 0);
        while (status == PB_OK && (status = pb_sse_next(&sse, &event, &ended)) == PB_OK && !ended) {
            pb_scope *scope = pb_scope_begin();
            status = print_event(&event, invocation);
            pb_scope_end(scope);
        }
    }
    pb_http_close(http);
    return status;
}

int command_ask(const struct invocation *invocation)
{
    struct asking asking = {.invocation = invocation};
    struct worker_plan plan = {.main = ask_here, .arg = &asking};
    static struct loaded loaded;
    pb_status status = PB_OK;

    if (invocation->url) {
        plan.main = ask_there;
        plan.no_config = true;
    } else {
        status = load_config_aloud(invocation, &loaded);
    }
    if (status == PB_OK)
        status = worker_run(&plan);
    return status == PB_OK ? asking.code : pb_status_exit(status);
}
