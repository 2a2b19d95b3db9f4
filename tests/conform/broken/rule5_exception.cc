/* rule5_exception.cc - a stage that parks while it handles an exception. */
#include <patchbay/pipeline.h>
#include <patchbay/stage.h>

#include <stdexcept>

extern "C" pb_status exception_run(void *self, pb_turn *turn, const pb_next *next)
{
    pb_status status = PB_OK;

    (void)self;
    try {
        throw std::runtime_error("something");
    } catch (const std::exception &) {
        status = pb_sleep(0);
    }
    return status == PB_OK ? pb_run_next(next, turn) : status;
}
