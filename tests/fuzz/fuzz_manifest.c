/* Any bytes as a plugin file, and as the text of a manifest: a refusal or a manifest whose strings
 * all lie inside it, never a crash. */
#include "plugin/manifest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct manifest *manifest)
{
    size_t length = strlen(manifest->name.data) + strlen(manifest->version.data) +
                    strlen(manifest->license.data);

    for (size_t i = 0; i < manifest->count; i++)
        length += strlen(manifest->components[i].kind.data) +
                  strlen(manifest->components[i].name.data);
    if (length == 0)
        abort();
    (void)manifest_check(manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest manifest;

    if (manifest_read_bytes((pb_bytes){data, size}, &manifest) == PB_OK) {
        use(&manifest);
        manifest_fini(&manifest);
    }
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    if (manifest_parse(pb_str_make(text, size + 1), &manifest) == PB_OK)
        (void)manifest_check(&manifest);
    free(text);
    return 0;
}
