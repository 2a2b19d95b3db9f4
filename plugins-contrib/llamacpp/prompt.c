/* prompt.c - messages in the model's chat template, as tokens.
 *
 * The template is written with marks where the texts belong, and the texts are made into tokens by
 * themselves: what a user writes can then never become one of the model's control tokens.
 */
#include "llamacpp.h"

enum { MARK = 16, TEMPLATE = 96 };

struct tokenizing {
    const struct llamacpp *own;
    pb_str written; /* the template with its marks */
    const pb_message *const *messages;
    size_t message_count;
    struct prompt *out;
    size_t room, needed;
};

static const char *role_of(int32_t role)
{
    static const char *const names[] = {"system", "user", "assistant", "tool"};

    return role >= 0 && role <= PB_ROLE_TOOL ? names[role] : "user";
}

bool prompt_known(const char *template)
{
    const struct llama_chat_message one = {"user", "x"};

    return llama_chat_apply_template(template, &one, 1, true, NULL, 0) > 0;
}

/* --- on a helper thread
 * ---------------------------------------------------------------------------- */

/* Adds a text's tokens, or only counts them once there is no more room. */
static void add(struct tokenizing *at, pb_str text, bool first, bool special)
{
    struct prompt *out = at->out;
    int32_t room = (int32_t)(at->room - out->count);

    if (text.size == 0 && !first)
        return;
    int32_t got = llama_tokenize(at->own->vocab, text.data ? text.data : "", (int32_t)text.size,
                                 out->tokens + out->count, room, first, special);
    if (got >= 0)
        out->count += (size_t)got;
    else
        at->room = out->count; /* full: nothing goes behind what is left out */
    at->needed += (size_t)(got < 0 ? -(int64_t)got : got);
}

static pb_status tokenize(void *arg)
{
    struct tokenizing *at = arg;
    pb_str rest = at->written;
    bool first = true;

    for (;;) {
        size_t mark = pb_str_find(rest, '\x02');
        add(at, pb_str_slice(rest, 0, mark), first, true);
        first = false;
        if (mark >= rest.size)
            return PB_OK;
        rest = pb_str_slice(rest, mark + 1, rest.size);
        size_t number = (size_t)strtoul(rest.data, NULL, 10), end = pb_str_find(rest, '\x03');
        rest = pb_str_slice(rest, end < rest.size ? end + 1 : end, rest.size);
        if (number < at->message_count)
            add(at, at->messages[number]->text, false, false);
    }
}

/* --- in the turn
 * ----------------------------------------------------------------------------------- */

static pb_status only_text(const pb_message *message)
{
    for (size_t i = 0; i < message->part_count; i++) {
        int32_t type = message->parts[i]->type;
        if (type != PB_PART_TEXT && type != PB_PART_THINKING)
            return pb_fail(PB_UNSUPPORTED, "models in the process (llamacpp) take text only, and a "
                                           "message has an image, a file or sound");
    }
    return message->text.size > INT32_MAX / 2 ? pb_fail(PB_TOO_LARGE, "a message is too long")
                                              : (pb_status)PB_OK;
}

static pb_status write(const struct llamacpp *own, const pb_llm_request *request, pb_str *out)
{
    size_t count = request->message_count, size = (count + 1) * (TEMPLATE + MARK);
    struct llama_chat_message *chat = pb_alloc((count + 1) * sizeof *chat);
    pb_status status = chat ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;

    for (size_t i = 0; i < count && status == PB_OK; i++) {
        chat[i] = (struct llama_chat_message){role_of(request->messages[i]->role),
                                              pb_printf("\x02%zu\x03", i).data};
        status = chat[i].content ? only_text(request->messages[i]) : (pb_status)PB_NO_MEMORY;
    }
    while (status == PB_OK) {
        char *text = pb_alloc(size + 1);
        int32_t got =
            text ? llama_chat_apply_template(own->template, chat, count, true, text, (int32_t)size)
                 : 0;
        if (!text)
            return PB_NO_MEMORY;
        if (got <= 0)
            return pb_fail(PB_UNPROCESSABLE,
                           "the model's chat template does not take these messages");
        if ((size_t)got <= size) {
            *out = pb_str_make(text, (size_t)got);
            return PB_OK;
        }
        size = (size_t)got;
    }
    return status;
}

pb_status prompt_make(struct llamacpp *own, const pb_llm_request *request, struct prompt *out)
{
    size_t room = (size_t)own->context;
    struct tokenizing at = {.own = own,
                            .messages = request->messages,
                            .message_count = request->message_count,
                            .out = out,
                            .room = room};

    *out = (struct prompt){.tokens = pb_alloc(room * sizeof(llama_token))};
    pb_status status = out->tokens ? write(own, request, &at.written) : (pb_status)PB_NO_MEMORY;
    if (status == PB_OK)
        status = pb_offload(tokenize, &at);
    if (status == PB_OK && at.needed >= room)
        return pb_fail(
            PB_TOO_LARGE,
            "the prompt has %zu tokens; 'context' is %zu, and the reply needs some of them",
            at.needed, room);
    return status;
}
