/* template_render.c - nodes and JSON to text. Names are looked up from the innermost section out.
 */
#include "template.h"

/* The values that sections have entered, innermost first. */
struct frame {
    const pb_json *value;
    const struct frame *outer;
};

struct rendering {
    const struct template_render *how;
    pb_buf *out;
    size_t begin; /* out->size at the start */
    size_t steps;
};

static const pb_json *member(struct rendering *rendering, const pb_json *object, pb_str name)
{
    const pb_json *at = pb_json_is(object, PB_JSON_OBJECT) ? object->child : NULL;

    for (; at && !pb_str_equal(at->key, name); at = at->next)
        rendering->steps++;
    return at;
}

/* "a.b.c": `a` from the innermost frame that has it, then `b` and `c` below it only. */
static const pb_json *look_up(struct rendering *rendering, const struct frame *frame, pb_str name)
{
    const pb_json *value = NULL;

    if (pb_str_is(name, "."))
        return frame->value;
    size_t dot = pb_str_find(name, '.');
    for (; frame && !value; frame = frame->outer)
        value = member(rendering, frame->value, pb_str_slice(name, 0, dot));
    while (value && dot < name.size) {
        name = pb_str_slice(name, dot + 1, name.size);
        dot = pb_str_find(name, '.');
        value = member(rendering, value, pb_str_slice(name, 0, dot));
    }
    return value;
}

/* False are, besides what is not there: null, false, an empty list and an empty text. */
static bool truthy(const pb_json *value)
{
    if (!value || value->type == PB_JSON_NULL || value->type == PB_JSON_FALSE)
        return false;
    if (value->type == PB_JSON_ARRAY)
        return value->count > 0;
    return value->type != PB_JSON_STRING || value->text.size > 0;
}

static pb_str entity(char byte)
{
    switch (byte) {
    case '&':
        return pb_lit("&amp;");
    case '<':
        return pb_lit("&lt;");
    case '>':
        return pb_lit("&gt;");
    case '"':
        return pb_lit("&quot;");
    case '\'':
        return pb_lit("&#39;");
    default:
        return pb_lit("");
    }
}

static void escape_html(pb_buf *out, pb_str text)
{
    size_t done = 0;

    for (size_t i = 0; i < text.size; i++) {
        pb_str other = entity(text.data[i]);
        if (!other.size)
            continue;
        pb_buf_add(out, pb_str_slice(text, done, i - done));
        pb_buf_add(out, other);
        done = i + 1;
    }
    pb_buf_add(out, pb_str_slice(text, done, text.size));
}

/* Texts and numbers as they are, anything else as JSON; with ESCAPE_JSON all as JSON. */
static void write_value(struct rendering *rendering, const pb_json *value, bool raw)
{
    int32_t escape = raw ? (int32_t)ESCAPE_NONE : rendering->how->escape;
    pb_buf json;

    memset(&json, 0, sizeof json);
    if (!value || (value->type == PB_JSON_NULL && escape != ESCAPE_JSON))
        return;
    pb_str text = value->text;
    if (escape == ESCAPE_JSON || (value->type != PB_JSON_STRING && value->type != PB_JSON_NUMBER)) {
        pb_json_write(&json, value);
        rendering->out->failed |= json.failed;
        text = pb_buf_str(&json);
    }
    if (escape == ESCAPE_HTML)
        escape_html(rendering->out, text);
    else
        pb_buf_add(rendering->out, text);
}

static pb_status render(struct rendering *rendering, const struct template_node *nodes,
                        const struct frame *frame);

static pb_status render_section(struct rendering *rendering, const struct template_node *node,
                                const struct frame *frame)
{
    const pb_json *value = look_up(rendering, frame, node->text);
    pb_status status = PB_OK;

    if (!truthy(value))
        return PB_OK;
    if (value->type != PB_JSON_ARRAY) {
        struct frame inner = {value, frame};
        return render(rendering, node->child, &inner);
    }
    for (const pb_json *at = value->child; at && status == PB_OK; at = at->next) {
        rendering->steps++;
        struct frame inner = {at, frame};
        status = render(rendering, node->child, &inner);
    }
    return status;
}

static pb_status render(struct rendering *rendering, const struct template_node *nodes,
                        const struct frame *frame)
{
    pb_status status = PB_OK;

    for (; nodes && status == PB_OK; nodes = nodes->next) {
        if (++rendering->steps > STEPS_MOST)
            return pb_fail(PB_TOO_LARGE, "the template takes more than %d steps", STEPS_MOST);
        switch (nodes->type) {
        case NODE_TEXT:
            pb_buf_add(rendering->out, nodes->text);
            break;
        case NODE_SECTION:
            status = render_section(rendering, nodes, frame);
            break;
        case NODE_INVERTED:
            if (!truthy(look_up(rendering, frame, nodes->text)))
                status = render(rendering, nodes->child, frame);
            break;
        default:
            write_value(rendering, look_up(rendering, frame, nodes->text), nodes->type == NODE_RAW);
        }
        if (rendering->out->size - rendering->begin > rendering->how->most)
            return pb_fail(PB_TOO_LARGE, "the rendered template is longer than %zu bytes",
                           rendering->how->most);
    }
    return status;
}

pb_status template_render(const struct template_node *nodes, const struct template_render *how,
                          pb_buf *out)
{
    struct frame root = {how->root, NULL};
    struct rendering rendering = {how, out, out->size, 0};
    pb_status status = render(&rendering, nodes, &root);

    return status == PB_OK ? pb_buf_status(out) : status;
}
