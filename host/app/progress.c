/* progress.c - see progress.h. */
#include "app/progress.h"

#include <patchbay/task.h>

enum { BAR = 24 };

static const pb_duration pause = 100 * PB_MILLISECOND;

static pb_str bar(double share)
{
    pb_buf buf = {0};
    int full = (int)(share * BAR + 0.5);

    for (int i = 0; i < BAR; i++)
        pb_buf_add(&buf, i < full ? pb_lit("█") : pb_lit("░"));
    pb_buf_printf(&buf, " %3d%%", (int)(share * 100));
    return pb_buf_str(&buf);
}

void progress_show(struct progress *progress, pb_str what, double share)
{
    pb_duration now = pb_monotonic();
    size_t width = terminal_width(progress->terminal);

    if (progress->silent || !progress->terminal->live ||
        (progress->shown && now - progress->drawn < pause))
        return;
    pb_scope *scope = pb_scope_begin();
    size_t room = width > BAR + 8 ? width - BAR - 8 : 1;
    pb_str shown = text_plain(what);
    if (text_width(shown) > room)
        shown = pb_printf("%.*s…", PB_ARG(text_fit(shown, room - 1)));
    pb_str right = share < 0 ? pb_lit("") : bar(share > 1 ? 1 : share);
    (void)terminal_print(progress->terminal, "\r\033[K%.*s %.*s", PB_ARG(shown),
                         PB_ARG(terminal_styled(progress->terminal, STYLE_CODE, right)));
    progress->shown = true;
    progress->drawn = now;
    pb_scope_end(scope);
}

void progress_clear(struct progress *progress)
{
    if (progress->shown)
        (void)terminal_write(progress->terminal, pb_lit("\r\033[K"));
    progress->shown = false;
}

void progress_say(struct progress *progress, unsigned style, pb_str mark, pb_str line)
{
    pb_scope *scope = pb_scope_begin();

    progress_clear(progress);
    if (!progress->silent)
        (void)terminal_print(progress->terminal, "%.*s %.*s\n",
                             PB_ARG(terminal_styled(progress->terminal, style, mark)),
                             PB_ARG(line));
    pb_scope_end(scope);
}

pb_str size_text(int64_t bytes)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;

    for (; value >= 1000 && unit < 4; unit++)
        value /= 1000;
    return pb_printf(unit && value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}
