/* chat_commands.c - what begins with a slash in a chat: one table, and its help and completion. */
#include "app/chat.h"

#include "app/api.h"
#include "app/explain.h"
#include "config/nearest.h"
#include <errno.h>
#include <fcntl.h>
#include <patchbay/json.h>
#include <patchbay/pipeline.h>
#include <patchbay/secret.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SHOWN = 20, RECENT = 4 };

struct slash {
    const char *name, *argument, *help;
    pb_status (*run)(struct chat *chat, pb_str argument);
};
static const struct slash slashes[];

static pb_status say(struct chat *chat, pb_str text)
{
    return terminal_print(&chat->terminal, "%.*s\n", PB_ARG(text));
}

/* --- about the last answer -------------------------------------------------------------------- */

static pb_status show_sources(struct chat *chat, pb_str argument)
{
    (void)argument;
    chat_sources_full(chat);
    return PB_OK;
}

static pb_status explain(struct chat *chat, pb_str argument)
{
    const pb_json *turn;

    (void)argument;
    if (!chat->turn[0])
        return pb_fail(PB_NOT_FOUND, "there is no answer yet to explain");
    pb_status status = api_get(chat->invocation, pb_printf("/v1/turns/%s", chat->turn), &turn);
    if (status == PB_OK) {
        explain_print(turn);
        fflush(stdout);
    }
    return status;
}

/* --- conversations ---------------------------------------------------------------------------- */

static pb_status begin_new(struct chat *chat, pb_str argument)
{
    (void)argument;
    chat_forget(chat);
    return chat_view_note(chat, pb_lit("a new conversation"));
}

static pb_status list_conversations(struct chat *chat, const pb_json **out)
{
    const pb_json *json;
    pb_status status =
        api_get(chat->invocation, pb_printf("/v1/conversations?limit=%d", SHOWN), &json);

    *out = status == PB_OK ? pb_json_get(json, "conversations") : NULL;
    return status;
}

static pb_status conversations(struct chat *chat, pb_str argument)
{
    size_t width = terminal_width(&chat->terminal), room = width > 32 ? width - 30 : 12;
    const pb_json *list;
    pb_status status = list_conversations(chat, &list);

    (void)argument;
    if (status != PB_OK)
        return status;
    if (!list || !list->child)
        return say(chat, pb_lit("there are none yet"));
    for (const pb_json *at = list->child; at; at = at->next) {
        pb_str id = pb_json_text(pb_json_get(at, "id"));
        pb_str when = pb_str_slice(pb_json_text(pb_json_get(at, "updated")), 0, 16);
        pb_str title = text_plain(pb_json_text(pb_json_get(at, "title")));
        bool here = pb_str_is(id, chat->conversation);
        (void)terminal_print(&chat->terminal, "%s %.*s  %.*s  %.*s\n", here ? "•" : " ",
                             PB_ARG(terminal_styled(&chat->terminal, STYLE_CODE, id_short(id))),
                             PB_ARG(terminal_styled(&chat->terminal, STYLE_DIM, when)),
                             PB_ARG(text_fit(title.size ? title : pb_lit("(untitled)"), room)));
    }
    return chat_view_note(chat, pb_lit("/open ID goes on with one of them"));
}

/* The whole id of what was typed: all of it, or its end as /conversations shows it. */
static pb_status find_conversation(struct chat *chat, pb_str typed, pb_str *out)
{
    const pb_json *list;
    uint8_t uuid[16];

    *out = typed;
    if (pb_uuid_bytes(typed, uuid))
        return PB_OK;
    pb_status status = list_conversations(chat, &list);
    if (status != PB_OK)
        return status;
    for (const pb_json *at = list ? list->child : NULL; at; at = at->next) {
        *out = pb_json_text(pb_json_get(at, "id"));
        if (typed.size >= 4 && out->size >= typed.size &&
            pb_str_equal(pb_str_slice(*out, out->size - typed.size, typed.size), typed))
            return PB_OK;
    }
    return pb_fail(PB_NOT_FOUND,
                   "no conversation of the last %d is '%.*s'; /conversations lists "
                   "them",
                   SHOWN, PB_ARG(typed));
}

static void show_message(struct chat *chat, const pb_json *message, bool more)
{
    pb_str role = pb_json_text(pb_json_get(message, "role"));
    pb_str text = pb_json_text(pb_json_get(message, "text"));

    if (pb_str_is(role, "user")) {
        pb_str question = terminal_styled(&chat->terminal, STYLE_BOLD, text_plain(text));
        (void)terminal_print(&chat->terminal, "› %.*s\n\n", PB_ARG(question));
    } else if (pb_str_is(role, "assistant")) {
        chat_view_markdown(chat, text);
        if (more)
            (void)terminal_write(&chat->terminal, pb_lit("\n"));
    }
}

/* The last messages, and goes on there. */
static pb_status open_one(struct chat *chat, pb_str argument)
{
    const pb_json *json, *messages;
    const pb_json *last[RECENT];
    size_t count = 0;
    pb_str id;

    if (!argument.size)
        return pb_fail(PB_INVALID, "which one? /open ID; /conversations lists them");
    pb_status status = find_conversation(chat, argument, &id);
    if (status == PB_OK)
        status = api_get(chat->invocation,
                         pb_printf("/v1/conversations/%.*s/messages?sort=-seq&limit=%d",
                                   PB_ARG(api_quoted(id)), RECENT),
                         &json);
    if (status != PB_OK)
        return status;
    chat_forget(chat);
    chat_keep_id(chat->conversation, id);
    messages = pb_json_get(json, "messages");
    for (const pb_json *at = messages ? messages->child : NULL; at && count < RECENT; at = at->next)
        last[count++] = at;
    while (count--)
        show_message(chat, last[count], count > 0);
    return PB_OK;
}

/* --- the pipeline ----------------------------------------------------------------------------- */

static pb_status list_pipelines(struct chat *chat)
{
    const pb_json *json;
    pb_status status = api_get(chat->invocation, pb_lit("/v1/pipelines"), &json);
    const pb_json *list = status == PB_OK ? pb_json_get(json, "pipelines") : NULL;

    for (const pb_json *at = list ? list->child : NULL; at; at = at->next) {
        pb_str name = pb_json_text(pb_json_get(at, "name"));
        pb_str about = text_plain(pb_json_text(pb_json_get(at, "description")));
        bool here = chat->pipeline && pb_str_is(name, chat->pipeline);
        (void)terminal_print(&chat->terminal, "%s %.*s  %.*s\n", here ? "•" : " ",
                             PB_ARG(terminal_styled(&chat->terminal, STYLE_CODE, name)),
                             PB_ARG(terminal_styled(&chat->terminal, STYLE_DIM, about)));
    }
    return status;
}

static pb_status choose_pipeline(struct chat *chat, pb_str argument)
{
    const pb_json *json, *at;

    if (!argument.size)
        return list_pipelines(chat);
    pb_status status = api_get(chat->invocation, pb_lit("/v1/pipelines"), &json);
    if (status != PB_OK)
        return status;
    for (at = pb_json_at(pb_json_get(json, "pipelines"), 0); at; at = at->next)
        if (pb_str_equal(pb_json_text(pb_json_get(at, "name")), argument))
            break;
    if (!at)
        return pb_fail(PB_NOT_FOUND, "there is no pipeline '%.*s'; /pipeline lists them",
                       PB_ARG(argument));
    char *name = strndup(argument.data, argument.size);
    if (!name)
        return PB_NO_MEMORY;
    free(chat->pipeline);
    chat->pipeline = name;
    chat->conversation[0] = 0; /* one belongs to its pipeline */
    return chat_view_note(chat, pb_printf("asking %s, in a new conversation", name));
}

/* --- export ----------------------------------------------------------------------------------- */

/* What this process knows of a conversation that nobody keeps. */
static pb_str transcript(const struct chat *chat)
{
    pb_buf text = {0};

    for (size_t i = 0; i < chat->said_count; i++)
        pb_buf_printf(&text, "%s## %s\n\n%s\n", i ? "\n" : "",
                      chat->said[i].role == PB_ROLE_USER ? "You" : "Answer", chat->said[i].text);
    return text.data ? pb_buf_str(&text) : pb_lit("");
}

static pb_status write_file(pb_str name, pb_str text)
{
    int fd = open(name.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t at = 0;

    if (fd < 0)
        return pb_fail(PB_CONFLICT, "%.*s cannot be written: %s", PB_ARG(name), strerror(errno));
    while (at < text.size) {
        ssize_t size = write(fd, text.data + at, text.size - at);
        if (size < 0 && errno != EINTR)
            break;
        at += size > 0 ? (size_t)size : 0;
    }
    int wrong = errno;
    if (close(fd) == 0 && at == text.size)
        return PB_OK;
    unlink(name.data);
    return pb_fail(PB_NO_SPACE, "%.*s cannot be written: %s", PB_ARG(name), strerror(wrong));
}

static pb_status export(struct chat *chat, pb_str argument)
{
    pb_str name = pb_copy(argument), text = transcript(chat);
    bool json = name.size > 5 && pb_str_is(pb_str_slice(name, name.size - 5, 5), ".json");
    pb_status status = PB_OK;

    if (!name.size)
        return pb_fail(PB_INVALID, "into which file? /export FILE.md, or FILE.json");
    if (chat->conversation[0]) {
        struct remote_request request = {.method = "GET",
                                         .path = pb_printf("/v1/conversations/%s/export?format=%s",
                                                           chat->conversation,
                                                           json ? "json" : "markdown"),
                                         .accept = pb_lit("*/*")};
        status = api_call(chat->invocation, &request, &text);
    } else if (!text.size) {
        return pb_fail(PB_NOT_FOUND, "nothing was said yet");
    }
    if (status == PB_OK)
        status = write_file(name, text);
    return status == PB_OK ? chat_view_note(chat, pb_printf("written to %.*s", PB_ARG(name)))
                           : status;
}

/* --- the table -------------------------------------------------------------------------------- */

static pb_status quit(struct chat *chat, pb_str argument)
{
    (void)argument;
    chat->over = true;
    return PB_OK;
}

static pb_status help(struct chat *chat, pb_str argument)
{
    (void)argument;
    for (const struct slash *at = slashes; at->name; at++) {
        pb_str left = pb_printf("%s %s", at->name, at->argument);
        pb_str padded = pb_printf("%-18.*s", PB_ARG(left));
        (void)terminal_print(&chat->terminal, "  %.*s %s\n",
                             PB_ARG(terminal_styled(&chat->terminal, STYLE_CODE, padded)),
                             at->help);
    }
    if (chat->input.engine)
        (void)say(chat,
                  pb_lit("\n  Alt-Enter, or \\ at the end of a line, begins another line. Ctrl-C "
                         "stops the answer.\n  Ctrl-R searches what was typed before, Ctrl-D "
                         "quits."));
    return PB_OK;
}

static const struct slash slashes[] = {
    {"/help", "", "list these commands", help},
    {"/sources", "", "quote what the last answer is based on", show_sources},
    {"/explain", "", "show where the last answer's time and money went", explain},
    {"/new", "", "begin a new conversation", begin_new},
    {"/conversations", "", "list the last conversations", conversations},
    {"/open", "ID", "go on with one of them", open_one},
    {"/pipeline", "[NAME]", "list the pipelines, or ask another", choose_pipeline},
    {"/model", "[NAME]", "the same", choose_pipeline},
    {"/export", "FILE", "write the conversation to FILE.md or FILE.json", export},
    {"/quit", "", "quit", quit},
    {0},
};

void chat_command(struct chat *chat, pb_str line)
{
    pb_str name = pb_str_slice(line, 0, pb_str_find(line, ' '));
    pb_str argument = pb_str_trim(pb_str_slice(line, name.size, line.size));
    pb_str names[sizeof slashes / sizeof *slashes];
    size_t count = 0;
    pb_status status;

    for (const struct slash *at = slashes; at->name; at++) {
        names[count++] = pb_str_of(at->name);
        if (!pb_str_is(name, at->name))
            continue;
        status = at->run(chat, argument);
        if (status != PB_OK)
            chat_view_failed(chat, status);
        if (chat->input.engine && !chat->over)
            (void)terminal_write(&chat->terminal, pb_lit("\n"));
        return;
    }
    pb_str hint = nearest_hint(name, names, count);
    status = pb_fail(PB_INVALID, "there is no command %.*s%.*s", PB_ARG(name),
                     PB_ARG(hint.size ? hint : pb_lit("; /help lists them")));
    chat_view_failed(chat, status);
}

size_t chat_complete(void *arg, const char *line, char *out, size_t room)
{
    size_t size = strlen(line), common = 0;
    const char *found = NULL;

    (void)arg;
    for (const struct slash *at = slashes; *line == '/' && at->name; at++) {
        if (strncmp(at->name, line, size) != 0)
            continue;
        if (!found)
            common = strlen(at->name);
        for (size_t i = size; found && i < common; i++)
            if (found[i] != at->name[i])
                common = i;
        found = at->name;
    }
    if (!found || common - size + 2 > room)
        return 0;
    bool whole = strlen(found) == common;
    return (size_t)snprintf(out, room, "%.*s%s", (int)(common - size), found + size,
                            whole ? " " : "");
}
