/* fuzz_template.c - any bytes as a template of the stage prompt: it is refused with a line, or
 * renders within its limits and twice the same. */
#include "../../plugins/prompt/template_parse.c"
#include "../../plugins/prompt/template_render.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char values[] =
    "{\"a\": [{\"b\": \"<x>\", \"n\": 1}, [1, true], null, \"\"], \"b\": {\"c\": "
    "{\"d\": \"{{a}}\"}}, \"c\": false}";

static void must_hold(bool what)
{
    if (!what)
        abort();
}

static pb_status render_with(const struct template_node *nodes, int32_t escape, pb_buf *out)
{
    struct template_render how = {.escape = escape, .most = 65536};

    must_hold(pb_json_parse(pb_str_of(values), &how.root) == PB_OK);
    memset(out, 0, sizeof *out);
    return template_render(nodes, &how, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pb_scope *scope = pb_scope_begin();
    struct template_node *nodes = NULL;
    pb_buf once, again;

    if (template_parse(pb_str_make((const char *)data, size), &nodes) != PB_OK) {
        must_hold(pb_error_last()->status == PB_INVALID);
        must_hold(pb_str_starts(pb_error_last()->sentence, pb_lit("line ")));
    } else {
        for (int32_t escape = ESCAPE_NONE; escape <= ESCAPE_JSON; escape++) {
            pb_status status = render_with(nodes, escape, &once);
            must_hold(status == PB_OK || status == PB_TOO_LARGE);
            must_hold(render_with(nodes, escape, &again) == status);
            must_hold(pb_str_equal(pb_buf_str(&once), pb_buf_str(&again)));
        }
    }
    pb_scope_end(scope);
    return 0;
}
