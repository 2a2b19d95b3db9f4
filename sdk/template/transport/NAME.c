/* @NAME@ - questions and replies as plain text over HTTP: curl -d "How do I …?" http://127.0.0.1:8081/
 *
 * Each request runs in a task of its own. Text is written as the model says it; a client that is gone
 * makes the write return PB_CANCELLED, and the turn ends.
 */
#include <patchbay/http_server.h>
#include <patchbay/transport.h>

/* The instance: filled by the host from YAML, `listener` by start. */
struct @ID@ {
    pb_str listen;
    pb_str pipeline;
    pb_list auth; /* of pb_instance * */
    pb_listener *listener;
};

static const pb_field @ID@_options[] = {
    PB_STR(struct @ID@, listen, .def = "127.0.0.1:8081", .help = "Address and port."),
    PB_STR(struct @ID@, pipeline, .ref = "pipeline", .required = 1, .help = "What answers."),
    PB_LIST(struct @ID@, auth, PB_KIND_REF, .ref = "auth",
            .help = "Who may ask; none: everybody on this machine."),
    PB_END,
};

/* --- answering -------------------------------------------------------------------------------- */

static const pb_header headers[] = {{PB_LIT("Content-Type"), PB_LIT("text/plain; charset=utf-8")}};

/* Whole, with a line end; for what went wrong. */
static pb_status respond(pb_request *request, int32_t status, pb_str text)
{
    return pb_respond(request, status, headers, 1, pb_printf("%.*s\n", PB_ARG(text)));
}

/* What failed before anything was said. Its sentence may go to the client: that is what it is for. */
static pb_status respond_failure(pb_request *request, pb_status status)
{
    return respond(request, pb_status_http(status), pb_error_last()->sentence);
}

/* Where the turn's events go: the first text begins the answer. */
struct answer {
    pb_sink base;
    pb_request *request;
    bool begun;
};

static pb_status answer_emit(pb_sink *sink, const pb_event *event)
{
    struct answer *answer = (struct answer *)sink;
    pb_status status = PB_OK;

    if (event->type != PB_EVENT_TEXT || event->branch != 0)
        return PB_OK; /* usage, sources, …: text has no place for them */
    if (!answer->begun)
        status = pb_respond_begin(answer->request, 200, headers, 1);
    answer->begun = true;
    return status == PB_OK ? pb_respond_write(answer->request, event->text) : status;
}

static pb_status run_turn(pb_request *request, pb_turn *turn)
{
    struct answer answer = {.base = {.size = sizeof(pb_sink), .emit = answer_emit},
                            .request = request};
    pb_status status = pb_turn_run(turn, &answer.base);

    if (!answer.begun)
        return status == PB_OK ? respond(request, 200, pb_lit("")) : respond_failure(request, status);
    if (status != PB_OK)
        return status; /* not ended: the client sees that it is not whole */
    status = pb_respond_write(request, pb_lit("\n"));
    return status == PB_OK ? pb_respond_end(request) : status;
}

/* --- a request -------------------------------------------------------------------------------- */

static pb_status who_asks(const struct @ID@ *own, const pb_request *request, pb_principal *out)
{
    const pb_credentials credentials = {.size = sizeof credentials,
                                        .loopback = request->loopback,
                                        .authorization = pb_request_header(request, "Authorization"),
                                        .api_key = pb_request_header(request, "X-Api-Key"),
                                        .remote = request->remote};

    if (own->auth.count)
        return pb_authenticate(own->auth, &credentials, out);
    if (!request->loopback)
        return pb_fail(PB_FORBIDDEN, "only requests from this machine itself are let in");
    *out = (pb_principal){.size = sizeof *out,
                          .id = PB_LIT("anonymous"),
                          .name = PB_LIT("anonymous"),
                          .tenant = PB_LIT("default")};
    return PB_OK;
}

static pb_status ask(const struct @ID@ *own, pb_request *request, const pb_principal *principal)
{
    pb_turn_spec spec = pb_turn_spec_make();
    pb_message *message = pb_message_new(PB_ROLE_USER, (pb_str){0});
    const pb_message *messages[] = {message};
    pb_turn *turn;
    pb_status status = message ? pb_request_body(request, &message->text) : (pb_status)PB_NO_MEMORY;

    if (status != PB_OK)
        return respond_failure(request, status);
    if (!pb_str_trim(message->text).size)
        return respond(request, 400, pb_lit("a question is expected as the body"));
    spec.stream = 1;
    spec.pipeline = pb_pipeline_find(own->pipeline);
    spec.principal = principal;
    spec.messages = messages;
    spec.message_count = 1;
    spec.request_id = request->id;
    spec.remote = request->remote;
    status = pb_turn_new(&spec, &turn);
    if (status != PB_OK)
        return respond_failure(request, status);
    status = run_turn(request, turn);
    pb_turn_free(turn);
    return status;
}

static pb_status @ID@_handle(void *self, pb_request *request)
{
    pb_principal principal;
    pb_status status;

    if (!pb_str_is(request->path, "/"))
        return respond(request, 404, pb_lit("there is only /"));
    if (!pb_str_is(request->method, "POST"))
        return respond(request, 405, pb_lit("questions come with POST"));
    status = who_asks(self, request, &principal);
    return status == PB_OK ? ask(self, request, &principal) : respond_failure(request, status);
}

static pb_status @ID@_start(void *self)
{
    struct @ID@ *own = self;
    pb_listen_spec spec = {.size = sizeof spec,
                           .address = own->listen,
                           .self = own,
                           .handle = @ID@_handle,
                           .max_body = 64 * 1024};

    return pb_listen(&spec, &own->listener);
}

static void @ID@_stop(void *self)
{
    pb_listener_close(((struct @ID@ *)self)->listener); /* running requests end first */
}

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Questions and replies as plain text over HTTP.",
          PB_TRANSPORT("@NAME@", struct @ID@, @ID@_options, .start = @ID@_start,
                       .stop = @ID@_stop));
