/* extractive - a model that answers with what stands in the passages it is given, word for word,
 * and cites them. It knows nothing else, so it invents nothing: when the passages have too little
 * of the question, it says so.
 */
#include "extractive.h"

static const pb_field extractive_options[] = {
    PB_REF(struct extractive, embedder, "embedder",
           .help = "Finds what means the same in other words; without it words must be the same."),
    PB_FLOAT(struct extractive, evidence, .def = "0.45", .max = 1,
             .help = "How much of the question the answer must have, 0 to 1; else it is none."),
    PB_INT(struct extractive, sentences, .def = "4", .min = 1, .max = 50,
           .help = "At most so many sentences, with what belongs to them."),
    PB_SIZE(struct extractive, max_length, .def = "1500", .min = 100, .max = 64 << 10,
            .help = "Nothing is added to an answer that is as long as this."),
    PB_STR(struct extractive, nothing, .max_length = 2000,
           .def = "I found no answer to that in the documents.",
           .help = "Said when the passages do not answer."),
    PB_STR(struct extractive, unavailable, .max_length = 2000,
           .def = "The documents cannot be searched at the moment. Please try again later.",
           .help = "Said when no documents were searched."),
    PB_STR(struct extractive, greeting, .max_length = 2000,
           .def = "Hello! I answer questions about the documents that I was given. What would you "
                  "like to know?",
           .help = "Said to greetings, and to questions that are about nothing."),
    PB_STR(struct extractive, thanks, .max_length = 2000, .def = "You are welcome.",
           .help = "Said to thanks."),
    PB_LIST(struct extractive, greetings, PB_KIND_STR,
            .def = "[hello, hi, hey, howdy, greetings, good morning, good afternoon, good evening, "
                   "good day]",
            .help = "What greets, alone or before a few words."),
    PB_LIST(struct extractive, thanking, PB_KIND_STR,
            .def = "[thanks, thank you, thx, many thanks, cheers]", .help = "What thanks."),
    PB_END,
};

enum { PIECE_WORDS = 4 };

/* --- small talk ---------------------------------------------------------------------------------
 */

/* Begins it with one of these, and says little more? "Hi, how do I install it?" is a question. */
static bool only_says(const pb_list *list, pb_str text)
{
    for (size_t i = 0; i < list->count; i++) {
        pb_str words = PB_ITEM(*list, pb_str, i);
        size_t at = words.size, rest = 0;
        pb_word word;
        if (!words.size || !pb_str_same(pb_str_slice(text, 0, words.size), words) ||
            (text.size > words.size && pb_word_is_letter((unsigned char)text.data[words.size])))
            continue;
        while (pb_word_next(text, &at, &word))
            rest++;
        return rest <= 3 && pb_str_find(text, '?') == text.size;
    }
    return false;
}

static pb_str last_said(const pb_llm_request *request)
{
    for (size_t i = request->message_count; i--;)
        if (request->messages[i]->role == PB_ROLE_USER)
            return pb_str_trim(request->messages[i]->text);
    return (pb_str){0};
}

/* --- the answer ---------------------------------------------------------------------------------
 */

static pb_status find_answer(struct extractive *extractive, const pb_llm_request *request,
                             pb_str question, pb_str *out)
{
    struct answer *answer = PB_NEW(struct answer);

    *out = extractive->nothing;
    if (!answer)
        return PB_NO_MEMORY;
    answer->extractive = extractive;
    answer->passages = request->passages;
    answer->said = last_said(request);
    answer->question = question;
    pb_status status = units_cut(answer);
    if (status != PB_OK)
        return status;
    evidence_find(answer);
    if (!answer->asked.count) {
        *out = extractive->greeting;
        return PB_OK;
    }
    if (extractive->embedder && answer->count)
        status = similar_find(answer);
    if (status == PB_OK)
        status = choose_units(answer);
    if (status != PB_OK)
        return status;
    pb_detail("evidence %.2f, %zu of %zu units", (double)answer->evidence, answer->chosen,
              answer->count);
    if (answer->chosen) {
        *out = say_answer(answer);
        extractive->answers++;
    } else {
        extractive->refusals++;
    }
    return out->data ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

static pb_status reply_to(struct extractive *extractive, const pb_llm_request *request, pb_str *out)
{
    pb_str said = last_said(request);

    if (!said.size || only_says(&extractive->greetings, said))
        *out = extractive->greeting;
    else if (only_says(&extractive->thanking, said))
        *out = extractive->thanks;
    else if (!request->passages)
        *out = extractive->unavailable;
    else
        return find_answer(extractive, request,
                           pb_question_alone(request->messages, request->message_count), out);
    return PB_OK;
}

/* --- saying it ----------------------------------------------------------------------------------
 */

/* Bytes of the next words with the white space behind them. */
static size_t piece(pb_str text, int words)
{
    size_t at = 0;

    while (words-- > 0 && at < text.size) {
        while (at < text.size && !strchr(" \n", text.data[at]))
            at++;
        while (at < text.size && strchr(" \n", text.data[at]))
            at++;
    }
    return at;
}

static pb_status say(const pb_llm_request *request, pb_str text, pb_sink *sink)
{
    pb_status status = PB_OK;

    while (text.size && status == PB_OK) {
        pb_event event = pb_event_make(PB_EVENT_TEXT);
        event.text = pb_str_slice(text, 0, request->stream ? piece(text, PIECE_WORDS) : text.size);
        text = pb_str_slice(text, event.text.size, text.size);
        status = pb_sink_emit(sink, &event);
    }
    return status;
}

/* What a model would have read and written. */
static pb_status tell_usage(const struct extractive *extractive, const pb_llm_request *request,
                            pb_str text, pb_sink *sink)
{
    pb_event event = pb_event_make(PB_EVENT_USAGE);
    pb_usage usage = {.size = (uint32_t)sizeof usage, .calls = 1};

    for (size_t i = 0; i < request->message_count; i++)
        usage.input_tokens +=
            (int64_t)pb_embed_tokens(extractive->embedder, request->messages[i]->text);
    for (size_t i = 0; request->passages && i < request->passages->count; i++) {
        const pb_passage *passage = request->passages->items[i];
        usage.input_tokens +=
            passage->tokens > 0 ? passage->tokens : (int64_t)(passage->text.size + 3) / 4;
    }
    usage.output_tokens = (int64_t)pb_embed_tokens(extractive->embedder, text);
    event.usage = &usage;
    return pb_sink_emit(sink, &event);
}

static pb_status extractive_generate(void *self, const pb_llm_request *request, pb_sink *sink)
{
    struct extractive *extractive = self;
    pb_event finish = pb_event_make(PB_EVENT_FINISH);
    pb_str text = {0};
    pb_status status = reply_to(extractive, request, &text);

    if (status == PB_OK)
        status = say(request, text, sink);
    if (status == PB_OK)
        status = tell_usage(extractive, request, text, sink);
    if (status != PB_OK)
        return status;
    finish.finish = PB_FINISH_STOP;
    finish.text = pb_lit("extractive");
    return pb_sink_emit(sink, &finish);
}

static void extractive_stats(void *self, pb_stats *stats)
{
    const struct extractive *extractive = self;

    pb_stat(stats, "extractive_answers", (double)extractive->answers);
    pb_stat(stats, "extractive_refusals", (double)extractive->refusals);
}

PB_PLUGIN("extractive", "0.1.0", "Apache-2.0",
          "Answers with what stands in documents, word for word, and cites it.",
          PB_LLM("extractive", struct extractive, extractive_options,
                 .generate = extractive_generate, .stats = extractive_stats));
