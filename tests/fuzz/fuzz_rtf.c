/* fuzz_rtf.c - any bytes as RTF. */
#include "../../plugins/office/office.h"
#include "../../plugins/office/tests/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct job job = {.file = {data, size}, .limits = {.text = 1 << 16, .memory = 8 << 20}};

    (void)rtf_read(&job);
    judge_job(&job);
    return 0;
}
