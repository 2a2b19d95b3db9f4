/* template_render.c - nodes and JSON to text. Names are looked up from the innermost section out. */
#include "template.h"

enum { STEPS_MOST = 1000000 };

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

static const pb_json *member(const pb_json *object, pb_str name)
{
    for (const pb_json *at = pb_json_is(object, PB_JSON_OBJECT) ? object->child : NULL; at;
         at = at->next)
        if (pb_str_equal(at->key, name))
            return at;
    return NULL;
}

/* "a.b.c": `a` from the innermost frame that has it, then `b` and `c` below it only. */
static const pb_json *look_up(const struct frame *frame, pb_str name)
{
    const pb_json *value = NULL;

    if (pb_str_is(name, "."))
        return frame->value;
    size_t dot = pb_str_find(name, '.');
    for (; frame && !value; frame = frame->outer)
        value = member(frame->value, pb_str_slice(name, 0, dot));
    while (value && dot < name.size) {
        name = pb_str_slice(name, dot + 1, name.size);
        dot = pb_str_find(name, '.');
        value = member(value, pb_str_slice(name, 0, dot));
    }
    return value;
}

static bool truthy(const pb_json *value)
{
    if (!value || value->type == PB_JSON_NULL || value->type == PB_JSON_FALSE)
        return false;
    if (value->type == PB_JSON_ARRAY)
        return value->count > 0;
    return value->type != PB_JSON_STRING || value->text.size > 0;
}

static void escape_html(pb_buf *out, pb_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case '&':
            pb_buf_add(out, pb_lit("&amp;"));
            break;
        case '<':
            pb_buf_add(out, pb_lit("&lt;"));
            break;
        case '>':
            pb_buf_add(out, pb_lit("&gt;"));
            break;
        case '"':
            pb_buf_add(out, pb_lit("&quot;"));
            break;
        default:
            pb_buf_byte(out, text.data[i]);
        }
    }
}

static void write_value(struct rendering *rendering, const pb_json *value, bool raw)
{
    int32_t escape = raw ? (int32_t)ESCAPE_NONE : rendering->how->escape;

    if (!value || value->type == PB_JSON_NULL)
        return;
    if (escape == ESCAPE_JSON)
        pb_json_write(rendering->out, value);
    else if (value->type != PB_JSON_STRING && value->type != PB_JSON_NUMBER)
        pb_json_write(rendering->out, value);
    else if (escape == ESCAPE_HTML)
        escape_html(rendering->out, value->text);
    else
        pb_buf_add(rendering->out, value->text);
}

static pb_status render(struct rendering *rendering, const struct template_node *nodes,
                        const struct frame *frame);

static pb_status render_section(struct rendering *rendering, const struct template_node *node,
                                const struct frame *frame)
{
    const pb_json *value = look_up(frame, node->text);
    pb_status status = PB_OK;

    if (!truthy(value))
        return PB_OK;
    if (value->type != PB_JSON_ARRAY) {
        struct frame inner = {value, frame};
        return render(rendering, node->child, &inner);
    }
    for (const pb_json *at = value->child; at && status == PB_OK; at = at->next) {
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
            return pb_fail(PB_TOO_LARGE, "the template takes too many steps");
        switch (nodes->type) {
        case NODE_TEXT:
            pb_buf_add(rendering->out, nodes->text);
            break;
        case NODE_SECTION:
            status = render_section(rendering, nodes, frame);
            break;
        case NODE_INVERTED:
            if (!truthy(look_up(frame, nodes->text)))
                status = render(rendering, nodes->child, frame);
            break;
        default:
            write_value(rendering, look_up(frame, nodes->text), nodes->type == NODE_RAW);
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
