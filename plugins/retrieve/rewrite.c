/* rewrite.c - a question that stands alone. "and how do I stop it?" finds nothing by itself: it
 * gets the words of what was asked before, by rules or by a model. A model that fails is done
 * without. */
#include "retrieve.h"

enum { TURNS = 6, LONGEST = 1000, REPLY = 600, TOKENS = 80 };

struct listener {
    pb_sink base;
    char text[REPLY];
    size_t size;
    bool cut;
};

static pb_status listen(pb_sink *sink, const pb_event *event)
{
    struct listener *listener = (struct listener *)(void *)sink;
    size_t room = sizeof listener->text - listener->size;

    if (event->type != PB_EVENT_TEXT)
        return PB_OK;
    listener->cut = listener->cut || event->text.size > room;
    size_t size = event->text.size < room ? event->text.size : room;
    if (size)
        memcpy(listener->text + listener->size, event->text.data, size);
    listener->size += size;
    return PB_OK;
}

static pb_str beginning(pb_str text)
{
    size_t size = text.size < LONGEST ? text.size : LONGEST;

    while (size < text.size && size && ((unsigned char)text.data[size] & 0xC0) == 0x80)
        size--;
    return pb_str_slice(text, 0, size);
}

/* The talk so far, the last question apart. Absent: there was none before it. */
static pb_str write_talk(const pb_message *const *messages, size_t count, pb_str question)
{
    size_t last = count, from, said = 0;
    pb_buf buf = {0};

    while (last && messages[last - 1]->role != PB_ROLE_USER)
        last--;
    if (!last)
        return (pb_str){0};
    last--;
    from = last > TURNS ? last - TURNS : 0;
    for (size_t i = from; i < last; i++) {
        const pb_message *message = messages[i];
        bool user = message->role == PB_ROLE_USER;
        if ((!user && message->role != PB_ROLE_ASSISTANT) || !message->text.size)
            continue;
        pb_buf_printf(&buf, "%s: %.*s\n", user ? "User" : "Assistant",
                      PB_ARG(beginning(message->text)));
        said++;
    }
    pb_buf_printf(&buf, "\nLast question: %.*s\n", PB_ARG(question));
    return said && !buf.failed ? pb_buf_str(&buf) : (pb_str){0};
}

static pb_status ask(const struct retrieve *stage, pb_str talk, struct listener *listener)
{
    static const pb_str instruction = PB_LIT(
        "Rewrite the last question of this conversation so that it can be understood without "
        "the rest: replace pronouns by what they stand for. Keep it short and in its "
        "language. Reply with the question only. Do not answer it.");
    pb_llm_request request = {.size = (uint32_t)sizeof request};
    const pb_message *messages[2] = {pb_message_new(PB_ROLE_SYSTEM, instruction),
                                     pb_message_new(PB_ROLE_USER, talk)};
    pb_json *params = pb_json_new(PB_JSON_OBJECT, (pb_str){0});

    if (!messages[0] || !messages[1] ||
        !pb_json_add(params, pb_lit("temperature"), pb_json_number(0)) ||
        !pb_json_add(params, pb_lit("max_tokens"), pb_json_number(TOKENS)))
        return PB_NO_MEMORY;
    request.messages = messages;
    request.message_count = 2;
    request.params = params;
    int64_t deadline = pb_deadline_begin(stage->rewrite_timeout);
    pb_status status = pb_llm_generate(stage->llm, &request, &listener->base);
    pb_deadline_end(deadline);
    return status;
}

/* One line without quotation marks, or absent. */
static pb_str reply_of(const struct listener *listener)
{
    pb_str text = pb_str_trim(pb_str_make(listener->text, listener->size));

    text = pb_str_trim(pb_str_slice(text, 0, pb_str_find(text, '\n')));
    if (text.size >= 2 && text.data[0] == '"' && text.data[text.size - 1] == '"')
        text = pb_str_slice(text, 1, text.size - 2);
    return listener->cut || text.size < 2 ? (pb_str){0} : text;
}

/* Sets search->query, or leaves it absent where the rules must do. */
static pb_status by_model(struct search *search, pb_str talk)
{
    struct listener *listener = PB_NEW(struct listener);

    if (!listener)
        return PB_NO_MEMORY;
    listener->base.size = (uint32_t)sizeof listener->base;
    listener->base.emit = listen;
    pb_status status = ask(search->stage, talk, listener);
    if (status == PB_OK) {
        search->query = reply_of(listener);
        pb_span_note(search->span, pb_lit("rewrite"),
                     search->query.size ? pb_lit("model") : pb_lit("rules: nothing usable"));
        return PB_OK;
    }
    if (status == PB_CANCELLED || pb_cancelled())
        return status;
    pb_span_note(search->span, pb_lit("rewrite"),
                 pb_printf("rules: the model failed (%s)", pb_status_name(status)));
    pb_error_clear();
    return pb_step(); /* a deadline from outside is over for us too */
}

pb_status rewrite_question(struct search *search)
{
    const pb_message *asked = pb_turn_question(search->turn);
    size_t count = 0;
    const pb_message *const *messages = pb_turn_messages(search->turn, &count);
    pb_status status = PB_OK;

    search->question = asked ? pb_str_trim(asked->text) : (pb_str){0};
    if (search->stage->rewrite == REWRITE_MODEL && search->question.size) {
        pb_str talk = write_talk(messages, count, search->question);
        if (talk.size)
            status = by_model(search, talk);
    }
    if (status == PB_OK && !search->query.size) {
        search->query = search->stage->rewrite == REWRITE_NONE ? search->question
                                                               : pb_question_alone(messages, count);
        if (search->stage->rewrite == REWRITE_RULES && search->query.size > search->question.size)
            pb_span_note(search->span, pb_lit("rewrite"), pb_lit("rules"));
    }
    return status;
}
