/* @NAME@ - a model that answers from rules, word by word.
 *
 * The first rule whose words all occur in the question answers. generate() emits text as it comes,
 * usage, and one finish; what emit returns goes back unchanged.
 */
#include "@NAME@.h"

#include "guard.hpp"

#include <patchbay/words.h>
#include <string>
#include <vector>

namespace {

std::vector<uint64_t> words_of(pb_str text)
{
    std::vector<uint64_t> found;
    pb_word word;

    for (size_t at = 0; pb_word_next(text, &at, &word);)
        found.push_back(word.key); /* the same for "desk" and "Desks" */
    return found;
}

bool fits(const rule &rule, const std::vector<uint64_t> &question)
{
    for (uint64_t key : words_of(rule.words)) {
        bool found = false;
        for (uint64_t asked : question)
            found = found || asked == key;
        if (!found)
            return false;
    }
    return true;
}

pb_str choose(const struct @ID@ &own, const std::vector<uint64_t> &question)
{
    for (size_t i = 0; i < own.rules.count; i++) {
        const rule &rule = PB_ITEM(own.rules, struct rule, i);
        if (fits(rule, question))
            return rule.reply;
    }
    return own.otherwise;
}

/* The client learns which parameters had no effect. */
void name_ignored(const pb_json *params)
{
    for (const pb_json *at = params->child; at; at = at->next)
        if (pb_llm_param_is_standard(at->key) && view(at->key) != "model" &&
            view(at->key) != "max_tokens")
            pb_llm_ignore(at->key);
}

pb_str last_question(const pb_llm_request *request)
{
    for (size_t i = request->message_count; i-- > 0;)
        if (request->messages[i]->role == PB_ROLE_USER)
            return request->messages[i]->text;
    return pb_str_make(nullptr, 0);
}

/* Emits at most `most` words; tokens are words here. They are counted in usage. It parks, and holds
 * nothing that is not the turn's own: what std::vector holds stays here until it goes on. */
pb_status say(const struct @ID@ &own, pb_str reply, int64_t most, pb_usage &usage, pb_sink *sink)
{
    pb_event event = pb_event_make(PB_EVENT_TEXT);
    pb_status status = PB_OK;

    while (reply.size && usage.output_tokens < most && status == PB_OK) {
        size_t end = pb_str_find(pb_str_slice(reply, 1, reply.size), ' ') + 1;
        event.text = pb_str_slice(reply, 0, end); /* with the space before it */
        reply = pb_str_slice(reply, end, reply.size);
        if (usage.output_tokens++ && own.pause)
            status = pb_sleep(own.pause);
        if (status == PB_OK)
            status = pb_sink_emit(sink, &event);
    }
    return status;
}

pb_status generate(const struct @ID@ &own, const pb_llm_request *request, pb_sink *sink)
{
    const std::vector<uint64_t> question = words_of(last_question(request));
    const int64_t most = pb_json_int(pb_json_get(request->params, "max_tokens"), INT64_MAX);
    pb_event counted = pb_event_make(PB_EVENT_USAGE), finish = pb_event_make(PB_EVENT_FINISH);
    pb_usage usage{};

    usage.size = sizeof usage;
    usage.calls = 1;
    usage.input_tokens = static_cast<int64_t>(question.size());
    name_ignored(request->params);
    pb_status status = say(own, choose(own, question), most, usage, sink);
    counted.usage = &usage;
    if (status == PB_OK)
        status = pb_sink_emit(sink, &counted);
    finish.finish = usage.output_tokens < most ? PB_FINISH_STOP : PB_FINISH_LENGTH;
    finish.text = pb_lit("@NAME@-1");
    return status == PB_OK ? pb_sink_emit(sink, &finish) : status;
}

} // namespace

pb_status @ID@_generate(void *self, const pb_llm_request *request, pb_sink *sink) noexcept
{
    return guarded([&] { return generate(*static_cast<const struct @ID@ *>(self), request, sink); });
}

void @ID@_check(const void *self, pb_diagnostics *diagnostics) noexcept
{
    const struct @ID@ &own = *static_cast<const struct @ID@ *>(self);

    (void)guarded([&]() -> pb_status {
        for (size_t i = 0; i + 1 < own.rules.count; i++)
            if (words_of(PB_ITEM(own.rules, struct rule, i).words).empty())
                pb_warning(diagnostics, ("rules[" + std::to_string(i) + "].words").c_str(),
                           "without a word it answers all questions: the rules after it never do");
        return PB_OK;
    });
}
