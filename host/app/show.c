/* show.c - `patchbay show` and `patchbay schema`: what the configuration says, and what it may say. */
#include "app/load.h"

#include "plugin/instances.h"
#include <patchbay/json.h>
#include <stdio.h>

int command_show(const struct invocation *invocation)
{
    static struct loaded loaded;
    pb_buf text = {0};
    pb_status status = load_config_aloud(invocation, &loaded);

    if (!loaded.root)
        return pb_status_exit(status);
    if (invocation->json) {
        instances_config_write(&text);
        pb_buf_byte(&text, '\n');
    } else {
        config_tree_print(loaded.root, &text, true);
    }
    fwrite(text.data, 1, text.size, stdout);
    return pb_status_exit(status);
}

int command_schema(const struct invocation *invocation)
{
    static struct loaded loaded;
    pb_buf text = {0};

    (void)load_config(invocation, &loaded); /* for the plugins that it names; problems do not matter */
    pb_error_clear();
    pb_status status = instances_schema_write(&text);
    if (status == PB_OK)
        printf("%.*s\n", PB_ARG(pb_buf_str(&text)));
    else
        fprintf(stderr, "patchbay: %.*s\n", PB_ARG(host_error()->sentence));
    return pb_status_exit(status);
}
