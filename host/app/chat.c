/* chat.c - `patchbay chat`: asks again and again, in this process or on a running server.
 *
 * In this process nothing listens: the pipeline runs as for `patchbay ask`, beside a server that
 * may run on the same data.
 */
#include "app/chat.h"

#include "app/load.h"
#include "app/worker.h"
#include <patchbay/pipeline.h>
#include <patchbay/secret.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const pb_duration tick = 100 * PB_MILLISECOND;

/* --- what was said ---------------------------------------------------------------------------- */

void chat_keep_id(char out[CHAT_ID], pb_str id)
{
    snprintf(out, CHAT_ID, "%.*s", PB_ARG(id));
}

void chat_remember(struct chat *chat, int32_t role, pb_str text)
{
    struct chat_said *more = realloc(chat->said, (chat->said_count + 1) * sizeof *more);
    char *copy = more ? strndup(text.data ? text.data : "", text.size) : NULL;

    if (more)
        chat->said = more;
    if (copy)
        chat->said[chat->said_count++] = (struct chat_said){role, copy};
}

void chat_forget(struct chat *chat)
{
    while (chat->said_count)
        free(chat->said[--chat->said_count].text);
    chat->conversation[0] = 0;
    buf_clear(&chat->sources, 0);
    buf_clear(&chat->answer, 0);
}

/* --- a turn ----------------------------------------------------------------------------------- */

static pb_status turn(void *arg)
{
    struct chat *chat = arg;

    chat->result = chat->invocation->url ? chat_ask_there(chat) : chat_ask_here(chat);
    chat->done = true;
    chat_input_wake(&chat->input);
    return chat->result;
}

/* Waits for the end of the turn: shows that it goes on, and ends it at Ctrl-C. A third one is
 * impatience with what does not end. */
static void wait_turn(struct chat *chat, pb_task *task)
{
    int interrupts = 0;

    while (!chat->done) {
        chat_input_wait(&chat->input, tick);
        if (chat->input.interrupted || chat->input.ending) {
            chat->input.interrupted = false;
            pb_task_cancel(task);
            if (++interrupts == 3 && !chat->input.ending)
                exit(130);
            if (chat->input.ending) /* nothing more to wait for than its end */
                break;
        }
        if (!chat->done)
            chat_view_tick(chat);
    }
}

static void ask(struct chat *chat, pb_str text)
{
    pb_task *task;

    chat->question = text;
    chat->done = false;
    chat->input.interrupted = false;
    chat_view_begin(chat);
    if (chat->input.engine)
        terminal_quiet(true);
    pb_status status = pb_spawn(turn, chat, &task);
    if (status == PB_OK) {
        wait_turn(chat, task);
        status = pb_join(task);
    }
    chat_view_end(chat, status);
    if (chat->input.engine)
        terminal_quiet(false);
    chat->status = status;
    pb_error_clear();
    if (chat->answer.size) {
        chat_remember(chat, PB_ROLE_USER, text);
        chat_remember(chat, PB_ROLE_ASSISTANT, buf_str(&chat->answer));
    }
}

/* --- the chat --------------------------------------------------------------------------------- */

static void greet(struct chat *chat)
{
    if (!chat->input.engine)
        return;
    pb_str hint = terminal_styled(&chat->terminal, STYLE_DIM,
                                  pb_lit("/help lists the commands, Ctrl-D quits"));
    pb_str name = chat->pipeline ? pb_str_of(chat->pipeline) : pb_str_of(chat->invocation->url);
    (void)terminal_print(&chat->terminal, "%.*s  %.*s\n",
                         PB_ARG(terminal_styled(&chat->terminal, STYLE_BOLD, name)), PB_ARG(hint));
}

/* What Ctrl-C means at the prompt: the second one in a row quits. */
static void interrupted(struct chat *chat, int *in_a_row)
{
    if (++*in_a_row == 2)
        chat->over = true;
    else
        chat_view_note(chat, pb_lit("(once more, or Ctrl-D, quits)"));
}

static void loop(struct chat *chat)
{
    int in_a_row = 0;

    while (!chat->over) {
        pb_scope *scope = pb_scope_begin();
        pb_str line = {0};
        int what = chat_input_read(&chat->input, &line);
        if (what == EDIT_INTERRUPTED) {
            interrupted(chat, &in_a_row);
        } else if (what == EDIT_END) {
            chat->over = true;
        } else {
            in_a_row = 0;
            if (line.size && line.data[0] == '/')
                chat_command(chat, line);
            else if (line.size)
                ask(chat, line);
        }
        pb_scope_end(scope);
        if (chat->status == PB_CANCELLED && !chat->terminal.edits && chat->input.ending)
            chat->over = true;
    }
}

static pb_status find_pipeline(struct chat *chat)
{
    const char *name = chat->invocation->pipeline;

    if (!name && !chat->invocation->url)
        name = chat_usual_pipeline();
    if (!name && !chat->invocation->url)
        return pb_fail(PB_NOT_FOUND, "the configuration has no pipeline to ask");
    if (name && !chat->invocation->url && !pb_pipeline_find(pb_str_of(name)))
        return pb_fail(PB_NOT_FOUND, "there is no pipeline '%s'", name);
    chat->pipeline = name ? strdup(name) : NULL;
    return PB_OK;
}

static pb_status run(void *arg)
{
    struct chat *chat = arg;
    const char *conversation = chat->invocation->conversation;
    pb_status status = find_pipeline(chat);
    uint8_t uuid[16];

    if (status == PB_OK && conversation && strcmp(conversation, "new") != 0) {
        if (!pb_uuid_bytes(pb_str_of(conversation), uuid))
            return pb_fail(PB_INVALID, "--conversation takes an id, as patchbay conversations list "
                                       "shows them, or new");
        chat_keep_id(chat->conversation, pb_str_of(conversation));
    }
    if (status != PB_OK)
        return status;
    chat_input_open(&chat->input, &chat->terminal);
    greet(chat);
    loop(chat);
    chat_input_close(&chat->input);
    return PB_OK;
}

int command_chat(const struct invocation *invocation)
{
    static struct chat chat;
    static struct loaded loaded;
    struct worker_plan plan = {.main = run, .arg = &chat, .no_config = invocation->url != NULL};
    pb_status status = PB_OK;

    chat.invocation = invocation;
    chat.terminal = terminal_open(invocation->no_color);
    if (!invocation->url)
        status = load_config_aloud(invocation, &loaded);
    if (status == PB_OK)
        status = worker_run(&plan);
    if (status == PB_OK && !chat.terminal.edits) /* a script wants to know */
        status = chat.status;
    chat_forget(&chat);
    buf_fini(&chat.sources);
    buf_fini(&chat.answer);
    markdown_fini(&chat.markdown);
    free(chat.said);
    free(chat.pipeline);
    return pb_status_exit(status);
}
