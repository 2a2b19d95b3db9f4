/* process.c - a program of this machine, run once. */
#include <patchbay/process.h>

pb_status host_process_run(const pb_process_spec *spec, pb_process_result *out)
{
    (void)out;
    return pb_fail(PB_UNSUPPORTED, "'%s' cannot be started here", spec->argv[0]);
}
