/* engine_edit.c - see edit.h. libedit with what it lacks: pasted text stays text, Alt-Enter begins
 * a new line, Ctrl-C gives the line up.
 */
#include "app/edit.h"

#include <histedit.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HISTORY_MOST = 1000, PASTE_LONGEST = 1 << 20, PROMPT_LONGEST = 128 };

struct editor {
    EditLine *edit;
    HistoryW *history;
    const struct edit_host *host;
    wchar_t prompt[PROMPT_LONGEST];
    char *line; /* what was read last, as UTF-8 */
    bool interrupted, reading;
};

static struct editor *of(EditLine *edit)
{
    void *editor = NULL;

    el_wget(edit, EL_CLIENTDATA, &editor);
    return editor;
}

/* UTF-8 of `size` characters in the editor's buffer; NULL without memory. */
static const char *encode(struct editor *editor, const wchar_t *text, size_t size)
{
    char *bytes = malloc(size * MB_LEN_MAX + 1), *at = bytes;
    mbstate_t state = {0};

    for (size_t i = 0; bytes && i < size; i++) {
        size_t count = wcrtomb(at, text[i], &state);
        at += count == (size_t)-1 ? 0 : count;
    }
    if (bytes)
        *at = 0;
    free(editor->line);
    editor->line = bytes;
    return bytes;
}

static wchar_t *decode(const char *text)
{
    size_t size = strlen(text);
    wchar_t *wide = malloc((size + 1) * sizeof *wide);
    mbstate_t state = {0};
    size_t count = wide ? mbsrtowcs(wide, &text, size + 1, &state) : 0;

    if (wide && count == (size_t)-1)
        wide[0] = 0;
    return wide;
}

static wchar_t *prompt(EditLine *edit)
{
    return of(edit)->prompt;
}

static int next(EditLine *edit, wchar_t *out)
{
    struct editor *editor = of(edit);
    return editor->host->next(editor->host->arg, out);
}

/* --- keys ------------------------------------------------------------------------------------- */

static unsigned char new_line(EditLine *edit, wint_t key)
{
    (void)key;
    return el_winsertstr(edit, L"\n") == 0 ? CC_REFRESH : CC_ERROR;
}

/* The line is ended below all of its text, by the editor itself. */
static unsigned char interrupt(EditLine *edit, wint_t key)
{
    const LineInfoW *line = el_wline(edit);

    (void)key;
    of(edit)->interrupted = true;
    el_cursor(edit, (int)(line->lastchar - line->cursor));
    el_wpush(edit, L"\n");
    return CC_REFRESH;
}

/* All up to ESC [ 201 ~ is text; Return is a line of it. */
static unsigned char paste(EditLine *edit, wint_t key)
{
    static const wchar_t end[] = L"\033[201~";
    enum { END = sizeof end / sizeof *end - 1 };
    size_t size = 0, room = 4096;
    wchar_t *text = malloc(room * sizeof *text), c;

    (void)key;
    while (text && size < PASTE_LONGEST && el_wgetc(edit, &c) == 1) {
        if (size + 2 > room) {
            wchar_t *more = realloc(text, (room *= 2) * sizeof *text);
            if (!more)
                break;
            text = more;
        }
        text[size++] = c == L'\r' ? L'\n' : c;
        if (size >= END && wmemcmp(text + size - END, end, END) == 0) {
            size -= END;
            break;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; text && i < size; i++)
        if (text[i] == L'\n' || text[i] >= L' ' || text[i] == L'\t')
            text[kept++] = text[i] == L'\t' ? L' ' : text[i];
    while (kept && text[kept - 1] == L'\n') /* to be sent by who pasted it */
        kept--;
    if (text) {
        text[kept] = 0;
        el_winsertstr(edit, text);
    }
    free(text);
    return CC_REFRESH;
}

static unsigned char complete(EditLine *edit, wint_t key)
{
    struct editor *editor = of(edit);
    const LineInfoW *line = el_wline(edit);
    const char *before = encode(editor, line->buffer, (size_t)(line->cursor - line->buffer));
    char found[256];

    (void)key;
    if (!before || !editor->host->complete(editor->host->arg, before, found, sizeof found))
        return CC_REFRESH_BEEP;
    wchar_t *wide = decode(found);
    if (wide)
        el_winsertstr(edit, wide);
    free(wide);
    return CC_REFRESH;
}

static void bind_keys(EditLine *edit)
{
    static const struct {
        const wchar_t *name, *help;
        unsigned char (*run)(EditLine *, wint_t);
        const wchar_t *keys[3];
    } keys[] = {
        {L"patchbay-new-line", L"Begin a new line", new_line, {L"\033\r", L"\033\n"}},
        {L"patchbay-interrupt", L"Give the line up", interrupt, {L"\003"}},
        {L"patchbay-paste", L"Take in pasted text", paste, {L"\033[200~"}},
        {L"patchbay-complete", L"Complete a command", complete, {L"\t"}},
    };

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        el_wset(edit, EL_ADDFN, keys[i].name, keys[i].help, keys[i].run);
        for (size_t k = 0; k < 3 && keys[i].keys[k]; k++)
            el_wset(edit, EL_BIND, keys[i].keys[k], keys[i].name, NULL);
    }
    el_wset(edit, EL_BIND, L"^R", L"em-inc-search-prev", NULL);
    el_wset(edit, EL_BIND, L"\033[3~", L"ed-delete-next-char", NULL);
    el_wset(edit, EL_BIND, L"\033[1;5C", L"em-next-word", NULL);
    el_wset(edit, EL_BIND, L"\033[1;5D", L"ed-prev-word", NULL);
}

/* --- the engine ------------------------------------------------------------------------------- */

static void shut(void *opened)
{
    struct editor *editor = opened;

    if (editor->edit)
        el_end(editor->edit);
    if (editor->history)
        history_wend(editor->history);
    free(editor->line);
    free(editor);
}

static void *start(const struct edit_host *host)
{
    struct editor *editor = calloc(1, sizeof *editor);
    HistEventW event;

    if (!editor)
        return NULL;
    editor->host = host;
    editor->edit = el_init("patchbay", stdin, stdout, stderr);
    editor->history = history_winit();
    if (!editor->edit || !editor->history) {
        shut(editor);
        return NULL;
    }
    history_w(editor->history, &event, H_SETSIZE, HISTORY_MOST);
    history_w(editor->history, &event, H_SETUNIQUE, 1);
    el_wset(editor->edit, EL_CLIENTDATA, editor);
    el_wset(editor->edit, EL_EDITOR, L"emacs");
    el_wset(editor->edit, EL_HIST, history_w, editor->history);
    el_wset(editor->edit, EL_GETCFN, next);
    el_wset(editor->edit, EL_PROMPT_ESC, prompt, L'\1');
    bind_keys(editor->edit);
    el_source(editor->edit, NULL); /* what the person bound otherwise */
    return editor;
}

static int read_line(void *opened, const char *text, const char **out)
{
    struct editor *editor = opened;
    int count = 0;
    wchar_t *wide = decode(text);

    *out = NULL;
    editor->prompt[0] = 0;
    if (wide)
        wcsncpy(editor->prompt, wide, PROMPT_LONGEST - 1);
    free(wide);
    editor->interrupted = false;
    editor->reading = true;
    el_wset(editor->edit, EL_PREP_TERM, 1); /* before the prompt invites to type */
    fputs("\033[?2004h", stdout);
    fflush(stdout);
    const wchar_t *line = el_wgets(editor->edit, &count);
    editor->reading = false;
    fputs("\033[?2004l", stdout);
    fflush(stdout);
    if (editor->interrupted)
        return EDIT_INTERRUPTED;
    if (!line || count <= 0)
        return EDIT_END;
    if (line[count - 1] == L'\n')
        count--;
    *out = encode(editor, line, (size_t)count);
    return *out ? EDIT_LINE : EDIT_END;
}

static void remember(void *opened, const char *line)
{
    struct editor *editor = opened;
    wchar_t *wide = decode(line);
    HistEventW event;

    if (wide && *wide)
        history_w(editor->history, &event, H_ENTER, wide);
    free(wide);
}

static void resized(void *opened)
{
    struct editor *editor = opened;

    el_resize(editor->edit);
}

static void resumed(void *opened)
{
    struct editor *editor = opened;

    if (!editor->reading)
        return;
    el_wset(editor->edit, EL_PREP_TERM, 1);
    fputs("\033[?2004h", stdout);
    el_wset(editor->edit, EL_REFRESH);
}

__attribute__((visibility("default"))) const struct edit_engine patchbay_edit_engine = {
    .open = start,
    .read = read_line,
    .remember = remember,
    .resized = resized,
    .resumed = resumed,
    .close = shut,
};
