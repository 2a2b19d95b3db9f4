/* server_upload.c - a body that is read piece by piece. */
#include <patchbay/http_server.h>

pb_status host_request_read(pb_request *request, pb_bytes *out)
{
    (void)request, (void)out;
    return pb_fail(PB_UNSUPPORTED, "this listener takes no uploads");
}
