/* replay - a model that answers from a script in the configuration, and says that it does.
 *
 * The first reply of which one word of `contains` is in the question is played; one without words
 * is taken for any question. For first steps without a key, and for tests: what comes out is
 * exactly what the script says.
 */
#include <patchbay/llm.h>

struct tool_use {
    pb_str name;
    const pb_json *arguments;
};

struct reply {
    pb_list contains; /* of pb_str */
    pb_str text;
    pb_str thinking;
    pb_list tools; /* of struct tool_use */
    pb_str fail;   /* a sentence */
    int32_t status;
    int64_t input_tokens, output_tokens;
};

struct replay {
    pb_list replies;
    pb_str notice;
    int64_t words;
    pb_duration delay;
};

static const char *const failure_names[] = {"unavailable",  "timeout", "rate_limited",
                                            "bad_upstream", "invalid", NULL};
static const pb_status failures[] = {PB_UNAVAILABLE, PB_TIMEOUT, PB_RATE_LIMITED, PB_BAD_UPSTREAM,
                                     PB_INVALID};

static const pb_field tool_fields[] = {
    PB_STR(struct tool_use, name, .required = 1, .help = "The function that is called."),
    PB_JSON(struct tool_use, arguments, .help = "Its arguments: a map."),
    PB_END,
};

static const pb_field reply_fields[] = {
    PB_LIST(struct reply, contains, PB_KIND_STR,
            .help =
                "Words of which one must be in the question, or in the result of a tool; letter "
                "case does not count."),
    PB_STR(struct reply, text, .help = "The reply."),
    PB_STR(struct reply, thinking, .help = "Reasoning that comes before it."),
    PB_LIST_OF(struct reply, tools, struct tool_use, tool_fields, .help = "Tool calls it makes."),
    PB_STR(struct reply, fail, .help = "Fail with this sentence instead."),
    PB_ENUM(struct reply, status, .values = failure_names, .def = "unavailable",
            .help = "How it fails."),
    PB_INT(struct reply, input_tokens, .help = "Tokens to report for the question."),
    PB_INT(struct reply, output_tokens, .help = "Tokens to report for the reply."),
    PB_END,
};

static const pb_field replay_options[] = {
    PB_LIST_OF(struct replay, replies, struct reply, reply_fields, .required = 1,
               .help = "The script; the first reply that fits is played."),
    PB_STR(struct replay, notice,
           .def = "[This answer comes from a script: no model is configured.] ",
           .help = "Said before every reply."),
    PB_INT(struct replay, words, .def = "1", .min = 1, .max = 100000,
           .help = "Words in one piece of the stream."),
    PB_DURATION(struct replay, delay, .max = 60, .help = "Pause before each piece."),
    PB_END,
};

static bool fits(const struct reply *reply, pb_str question)
{
    for (size_t i = 0; i < reply->contains.count; i++)
        if (pb_str_contains(question, PB_ITEM(reply->contains, pb_str, i)))
            return true;
    return reply->contains.count == 0;
}

static pb_str question_of(const pb_llm_request *request)
{
    for (size_t i = request->message_count; i--;)
        if (request->messages[i]->role == PB_ROLE_USER ||
            request->messages[i]->role == PB_ROLE_TOOL)
            return request->messages[i]->text;
    return pb_str_make(NULL, 0);
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

/* Bytes of the next `words` words with the white space around them. */
static size_t piece(pb_str text, int64_t words)
{
    size_t at = 0;

    while (at < text.size && is_space(text.data[at]))
        at++;
    while (words-- > 0 && at < text.size) {
        while (at < text.size && !is_space(text.data[at]))
            at++;
        while (at < text.size && is_space(text.data[at]))
            at++;
    }
    return at;
}

static pb_status say(const struct replay *replay, const pb_llm_request *request, int32_t type,
                     pb_str text, pb_sink *sink)
{
    pb_status status = PB_OK;

    while (text.size && status == PB_OK) {
        pb_event event = pb_event_make(type);
        size_t size = request->stream ? piece(text, replay->words) : text.size;
        event.text = pb_str_slice(text, 0, size);
        text = pb_str_slice(text, size, text.size);
        if (replay->delay)
            status = pb_sleep(replay->delay);
        if (status == PB_OK)
            status = pb_sink_emit(sink, &event);
    }
    return status;
}

/* Ids differ between the rounds of one conversation: each adds messages to it. */
static pb_status call_tools(const struct reply *reply, size_t messages, pb_sink *sink)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < reply->tools.count && status == PB_OK; i++) {
        const struct tool_use *use = &PB_ITEM(reply->tools, struct tool_use, i);
        pb_event event = pb_event_make(PB_EVENT_TOOL_CALL);
        pb_buf arguments;
        memset(&arguments, 0, sizeof arguments);
        if (use->arguments)
            pb_json_write(&arguments, use->arguments);
        else
            pb_buf_add(&arguments, pb_lit("{}"));
        event.index = (uint32_t)i;
        event.id = pb_printf("call_%zu_%zu", messages, i + 1);
        event.name = use->name;
        event.text = pb_buf_str(&arguments);
        status = arguments.failed || !event.id.data ? (pb_status)PB_NO_MEMORY
                                                    : pb_sink_emit(sink, &event);
    }
    return status;
}

static pb_status finish(const struct reply *reply, pb_sink *sink)
{
    pb_status status = PB_OK;
    pb_usage usage;

    if (reply->input_tokens || reply->output_tokens) {
        pb_event event = pb_event_make(PB_EVENT_USAGE);
        memset(&usage, 0, sizeof usage);
        usage.size = (uint32_t)sizeof usage;
        usage.calls = 1;
        usage.input_tokens = reply->input_tokens;
        usage.output_tokens = reply->output_tokens;
        event.usage = &usage;
        status = pb_sink_emit(sink, &event);
    }
    if (status != PB_OK)
        return status;
    pb_event event = pb_event_make(PB_EVENT_FINISH);
    event.finish = reply->tools.count ? PB_FINISH_TOOL_CALLS : PB_FINISH_STOP;
    event.text = pb_lit("replay");
    return pb_sink_emit(sink, &event);
}

static pb_status replay_generate(void *self, const pb_llm_request *request, pb_sink *sink)
{
    const struct replay *replay = self;
    const struct reply *reply = NULL;
    pb_str question = question_of(request);

    for (size_t i = 0; i < replay->replies.count && !reply; i++)
        if (fits(&PB_ITEM(replay->replies, struct reply, i), question))
            reply = &PB_ITEM(replay->replies, struct reply, i);
    if (!reply)
        return pb_fail(PB_NOT_FOUND, "the script has no reply for this question");
    if (reply->fail.size)
        return pb_fail(failures[reply->status], "%.*s", PB_ARG(reply->fail));
    pb_status status = say(replay, request, PB_EVENT_THINKING, reply->thinking, sink);
    if (status == PB_OK && reply->text.size)
        status = say(replay, request, PB_EVENT_TEXT, replay->notice, sink);
    if (status == PB_OK)
        status = say(replay, request, PB_EVENT_TEXT, reply->text, sink);
    if (status == PB_OK)
        status = call_tools(reply, request->message_count, sink);
    return status == PB_OK ? finish(reply, sink) : status;
}

static void check_reply(const struct reply *reply, const char *field, pb_diagnostics *diagnostics)
{
    bool answers = reply->text.size || reply->thinking.size || reply->tools.count;

    if (!reply->text.size && !reply->tools.count && !reply->fail.size)
        pb_problem(diagnostics, field, "a reply needs 'text', 'tools' or 'fail'");
    if (reply->fail.size && answers)
        pb_problem(diagnostics, field, "a reply that fails says nothing else; keep only 'fail'");
    if (reply->status && !reply->fail.size)
        pb_problem(diagnostics, field, "'status' says how 'fail' fails, and there is no 'fail'");
    for (size_t i = 0; i < reply->contains.count; i++)
        if (!PB_ITEM(reply->contains, pb_str, i).size)
            pb_problem(diagnostics, field,
                       "an empty word is in every question; leave 'contains' out");
    for (size_t i = 0; i < reply->tools.count; i++) {
        const struct tool_use *use = &PB_ITEM(reply->tools, struct tool_use, i);
        if (use->arguments && !pb_json_is(use->arguments, PB_JSON_OBJECT))
            pb_problem(diagnostics, field, "the arguments of '%.*s' must be a map",
                       PB_ARG(use->name));
    }
}

static void replay_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct replay *replay = self;
    char field[32];

    if (!replay->replies.count)
        pb_problem(diagnostics, "replies", "the script is empty; write at least one reply");
    for (size_t i = 0; i < replay->replies.count; i++) {
        const struct reply *reply = &PB_ITEM(replay->replies, struct reply, i);
        snprintf(field, sizeof field, "replies[%zu]", i);
        check_reply(reply, field, diagnostics);
        if (!reply->contains.count && i + 1 < replay->replies.count)
            pb_warning(diagnostics, field,
                       "this reply fits every question, so those behind it are never played");
    }
}

PB_PLUGIN("replay", "0.1.0", "Apache-2.0", "Answers from a script and says that it does.",
          PB_LLM("replay", struct replay, replay_options, .check = replay_check,
                 .generate = replay_generate));
