/* @NAME@ - a model that answers from rules, word by word.
 *
 * The first rule whose words all occur in the question answers. generate() emits text as it comes,
 * usage, and one finish; what emit returns goes back unchanged.
 */
#include <patchbay/llm.h>
#include <patchbay/words.h>

struct rule {
    pb_str words;
    pb_str reply;
};

/* The instance: filled by the host from YAML. */
struct @ID@ {
    pb_list rules; /* of struct rule */
    pb_str otherwise;
    pb_duration pause;
};

static const pb_field rule_fields[] = {
    PB_STR(struct rule, words, .required = 1, .help = "Words that must occur in the question."),
    PB_STR(struct rule, reply, .required = 1, .help = "What is answered."),
    PB_END,
};

static const pb_field @ID@_options[] = {
    PB_LIST_OF(struct @ID@, rules, struct rule, rule_fields, .help = "Tried in this order."),
    PB_STR(struct @ID@, otherwise, .def = "I do not know.", .help = "What no rule answers."),
    PB_DURATION(struct @ID@, pause, .def = "0s", .max = 60, .help = "Wait between two words."),
    PB_END,
};

static bool has_word(pb_str text, uint64_t key)
{
    pb_word word;

    for (size_t at = 0; pb_word_next(text, &at, &word);)
        if (word.key == key)
            return true;
    return false;
}

static bool fits(const struct rule *rule, pb_str question)
{
    pb_word word;

    for (size_t at = 0; pb_word_next(rule->words, &at, &word);)
        if (!has_word(question, word.key))
            return false;
    return true;
}

static pb_str choose(const struct @ID@ *own, pb_str question)
{
    for (size_t i = 0; i < own->rules.count; i++) {
        const struct rule *rule = &PB_ITEM(own->rules, struct rule, i);
        if (fits(rule, question))
            return rule->reply;
    }
    return own->otherwise;
}

/* --- answering -------------------------------------------------------------------------------- */

/* The client learns which parameters had no effect. */
static void name_ignored(const pb_json *params)
{
    for (const pb_json *at = params->child; at; at = at->next)
        if (pb_llm_param_is_standard(at->key) && !pb_str_is(at->key, "model") &&
            !pb_str_is(at->key, "max_tokens"))
            pb_llm_ignore(at->key);
}

static pb_str last_question(const pb_llm_request *request)
{
    for (size_t i = request->message_count; i-- > 0;)
        if (request->messages[i]->role == PB_ROLE_USER)
            return request->messages[i]->text;
    return (pb_str){0};
}

/* Emits at most `most` words; tokens are words here. They are counted in usage. */
static pb_status say(const struct @ID@ *own, pb_str reply, int64_t most, pb_usage *usage,
                     pb_sink *sink)
{
    pb_event event = pb_event_make(PB_EVENT_TEXT);
    pb_status status = PB_OK;

    while (reply.size && usage->output_tokens < most && status == PB_OK) {
        size_t end = pb_str_find(pb_str_slice(reply, 1, reply.size), ' ') + 1;
        event.text = pb_str_slice(reply, 0, end); /* with the space before it */
        reply = pb_str_slice(reply, end, reply.size);
        if (usage->output_tokens++ && own->pause)
            status = pb_sleep(own->pause); /* parks: others go on, cancelling ends it */
        if (status == PB_OK)
            status = pb_sink_emit(sink, &event);
    }
    return status;
}

static pb_status @ID@_generate(void *self, const pb_llm_request *request, pb_sink *sink)
{
    const struct @ID@ *own = self;
    pb_str question = last_question(request), reply = choose(own, question);
    int64_t most = pb_json_int(pb_json_get(request->params, "max_tokens"), INT64_MAX);
    pb_usage usage = {.size = sizeof usage, .calls = 1};
    pb_event counted = pb_event_make(PB_EVENT_USAGE), finish = pb_event_make(PB_EVENT_FINISH);
    pb_word word;

    name_ignored(request->params);
    for (size_t at = 0; pb_word_next(question, &at, &word);)
        usage.input_tokens++;
    pb_status status = say(own, reply, most, &usage, sink);
    counted.usage = &usage;
    if (status == PB_OK)
        status = pb_sink_emit(sink, &counted);
    finish.finish = usage.output_tokens < most ? PB_FINISH_STOP : PB_FINISH_LENGTH;
    finish.text = pb_lit("@NAME@-1");
    return status == PB_OK ? pb_sink_emit(sink, &finish) : status;
}

static void @ID@_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct @ID@ *own = self;

    for (size_t i = 0; i + 1 < own->rules.count; i++)
        if (fits(&PB_ITEM(own->rules, struct rule, i), (pb_str){0}))
            pb_warning(diagnostics, pb_printf("rules[%zu].words", i).data,
                       "without a word it answers all questions: the rules after it never do");
}

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Answers from rules.",
          PB_LLM("@NAME@", struct @ID@, @ID@_options, .check = @ID@_check,
                 .generate = @ID@_generate));
