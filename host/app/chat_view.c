/* chat_view.c - how a turn looks: a spinner until something comes, the answer as it comes, its
 * sources, one sentence about what went wrong.
 *
 * Into a file or pipe goes the text as it is, then the sources; what went wrong goes to standard
 * error.
 */
#include "app/chat.h"

#include <stdio.h>
#include <unistd.h>

/* Is the answer rendered for a person? */
static bool renders(const struct chat *chat)
{
    return isatty(chat->terminal.out) == 1;
}

void chat_view_begin(struct chat *chat)
{
    buf_clear(&chat->sources, 0);
    buf_clear(&chat->answer, 0);
    chat->spoke = chat->spinning = chat->fallback = false;
    chat->stage[0] = chat->llm[0] = chat->turn[0] = 0;
    chat->began = pb_monotonic();
    if (chat->input.engine)
        (void)terminal_write(&chat->terminal, pb_lit("\n"));
    markdown_begin(&chat->markdown, terminal_width(&chat->terminal), chat->terminal.colour);
}

void chat_view_tick(struct chat *chat)
{
    static const char *const frames[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
    pb_duration gone = pb_monotonic() - chat->began;
    pb_scope *scope;

    if (!chat->terminal.live || chat->spoke)
        return;
    scope = pb_scope_begin();
    pb_str frame = pb_str_of(frames[gone / (100 * PB_MILLISECOND) % 10]);
    pb_str label = pb_printf("%s %.1f s", chat->stage[0] ? chat->stage : "asking",
                             (double)gone / (double)PB_SECOND);
    chat->spinning = true;
    (void)terminal_print(&chat->terminal, "\r\033[K%.*s %.*s",
                         PB_ARG(terminal_styled(&chat->terminal, STYLE_CODE, frame)),
                         PB_ARG(terminal_styled(&chat->terminal, STYLE_DIM, label)));
    pb_scope_end(scope);
}

static void clear_spinner(struct chat *chat)
{
    if (chat->spinning)
        (void)terminal_write(&chat->terminal, pb_lit("\r\033[K"));
    chat->spinning = false;
}

pb_status chat_view_text(struct chat *chat, pb_str text)
{
    (void)buf_add(&chat->answer, text);
    pb_str shown = renders(chat) ? markdown_feed(&chat->markdown, text) : text;
    if (!shown.size)
        return PB_OK;
    clear_spinner(chat);
    chat->spoke = true;
    return terminal_write(&chat->terminal, shown);
}

/* Whatever is begun is ended first. */
static void end_text(struct chat *chat)
{
    clear_spinner(chat);
    if (renders(chat))
        (void)terminal_write(&chat->terminal, markdown_end(&chat->markdown));
    else if (chat->answer.size && chat->answer.data[chat->answer.size - 1] != '\n')
        (void)terminal_write(&chat->terminal, pb_lit("\n"));
}

pb_status chat_view_note(struct chat *chat, pb_str text)
{
    pb_scope *scope = pb_scope_begin();
    pb_status status = PB_OK;

    if (renders(chat)) {
        end_text(chat);
        status =
            terminal_print(&chat->terminal, "%.*s\n",
                           PB_ARG(terminal_styled(&chat->terminal, STYLE_DIM, text_plain(text))));
    }
    pb_scope_end(scope);
    return status;
}

void chat_view_stage(struct chat *chat, pb_str name)
{
    snprintf(chat->stage, sizeof chat->stage, "%.*s", PB_ARG(text_fit(name, CHAT_LABEL / 4)));
}

void chat_view_source(struct chat *chat, pb_str json)
{
    if (chat->sources.size)
        (void)buf_add(&chat->sources, pb_lit(","));
    (void)buf_add(&chat->sources, json);
}

void chat_view_failed(struct chat *chat, pb_status status)
{
    const pb_error *error = pb_error_last();
    bool known = error->status == status && error->sentence.size;
    pb_str sentence = text_plain(known ? error->sentence : pb_str_of(pb_status_title(status)));

    if (renders(chat))
        (void)terminal_print(&chat->terminal, "%.*s\n",
                             PB_ARG(terminal_styled(&chat->terminal, STYLE_ERROR, sentence)));
    else
        fprintf(stderr, "patchbay: %.*s\n", PB_ARG(sentence));
    pb_error_clear();
}

void chat_view_end(struct chat *chat, pb_status status)
{
    end_text(chat);
    if (status == PB_CANCELLED) {
        (void)chat_view_note(chat, pb_lit("(stopped)"));
        pb_error_clear();
    } else if (status != PB_OK) {
        chat_view_failed(chat, status);
    }
    if (chat->sources.size && chat->answer.size)
        chat_sources_notes(chat);
    if (status == PB_OK && chat->fallback && chat->llm[0])
        (void)chat_view_note(
            chat, pb_printf("answered by %s, because the first model could not", chat->llm));
    if (chat->input.engine)
        (void)terminal_write(&chat->terminal, pb_lit("\n"));
}

void chat_view_markdown(struct chat *chat, pb_str text)
{
    struct markdown markdown = {0};

    if (!renders(chat)) {
        (void)terminal_print(&chat->terminal, "%.*s\n", PB_ARG(text));
        return;
    }
    markdown_begin(&markdown, terminal_width(&chat->terminal), chat->terminal.colour);
    (void)terminal_write(&chat->terminal, markdown_feed(&markdown, text));
    (void)terminal_write(&chat->terminal, markdown_end(&markdown));
    markdown_fini(&markdown);
}
