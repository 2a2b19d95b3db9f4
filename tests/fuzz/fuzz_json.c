/* fuzz_json.c - any bytes as JSON text, and as text to quote: both readers agree, trees are well
 * formed, writing and reading again changes nothing. */
#include "../unit/json_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_hold(const char *why)
{
    if (why) {
        fprintf(stderr, "not true: %s\n", why);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pb_scope *scope = pb_scope_begin();
    pb_str text = pb_str_make((const char *)data, size);

    must_hold(json_check_text(text));
    must_hold(json_check_quote(text));
    pb_scope_end(scope);
    return 0;
}
