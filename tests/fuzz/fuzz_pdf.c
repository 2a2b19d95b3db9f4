/* fuzz_pdf.c - any bytes as what `pdftohtml -xml` prints: a file of a stranger decides most of it.
 */
#include "../../plugins/pdf/pages.h"

#include <patchbay/media.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_hold(bool what)
{
    if (!what)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pages pages = {.max_text = 1 << 16, .max_memory = 16 << 20};

    if (pages_parse(&pages, pb_str_make((const char *)data, size)) == PB_OK &&
        pages_drop_repeated(&pages) == PB_OK)
        (void)pages_layout(&pages);
    must_hold(pages.status == PB_OK || pages.status == PB_TOO_LARGE);
    must_hold(pages.held <= pages.max_memory);
    for (size_t i = 0; pages.status == PB_OK && i < pages.leaves.count; i++) {
        const struct leaf *leaf = (const struct leaf *)pages.leaves.items + i;
        const uint8_t *at = (const uint8_t *)pages.out.items + leaf->offset;
        const uint8_t *end = at + leaf->size;
        must_hold(leaf->size > 0 && leaf->offset + leaf->size <= pages.out.count);
        must_hold(leaf->level >= 0);
        for (size_t length; at < end; at += length) {
            length = pb_utf8_length(at, end);
            must_hold(length > 0 && (*at >= 32 || *at == '\n' || *at == '\t'));
        }
    }
    pages_fini(&pages);
    return 0;
}
