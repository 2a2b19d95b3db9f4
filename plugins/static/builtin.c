/* builtin.c - minilm.pbvec as part of the plugin: its read-only data is the file, so that it is
 * found wherever the plugin is, and workers share its pages as they share code. */
#include "model.h"

__asm__(".pushsection .rodata.model, \"a\", %progbits\n"
        ".balign 64\n"
        ".globl static_model_begin\n"
        ".hidden static_model_begin\n"
        "static_model_begin:\n"
        ".incbin \"" STATIC_MODEL "\"\n"
        ".globl static_model_end\n"
        ".hidden static_model_end\n"
        "static_model_end:\n"
        ".byte 0\n"
        ".popsection\n");

extern const uint8_t static_model_begin[] __attribute__((visibility("hidden")));
extern const uint8_t static_model_end[] __attribute__((visibility("hidden")));

pb_bytes model_builtin(void)
{
    return (pb_bytes){static_model_begin, (size_t)(static_model_end - static_model_begin)};
}
