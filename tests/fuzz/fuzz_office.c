/* fuzz_office.c - any bytes as an office file. "PK" is an archive as it is; anything else is taken
 * for parts ("%%word/document.xml", a line, then its content) that are put into one. */
#include "../../plugins/office/office.h"
#include "../../plugins/office/tests/judge.h"
#include "../../plugins/office/tests/make_zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTS_MOST = 24 };

/* Cuts `text`, which is changed, into parts; how many. */
static size_t cut(char *text, struct part *parts)
{
    size_t count = 0;

    for (char *at = strstr(text, "%%"); at && count < PARTS_MOST; count++) {
        char *content = strchr(at, '\n');
        if (!content)
            break;
        *content++ = '\0';
        char *next = strstr(content, "\n%%");
        size_t length = next ? (size_t)(next - content) : strlen(content);
        parts[count] = (struct part){at + 2, length ? content : " ", length ? length : 1};
        at = next ? next + 1 : NULL;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct job job = {
        .file = {data, size},
        .limits = {
            .text = 1 << 16, .unfolded = 1 << 20, .memory = 8 << 20, .entries = 100, .ratio = 100}};
    struct part parts[PARTS_MOST];
    char *text = NULL;

    if (size < 2 || memcmp(data, "PK", 2) != 0) {
        text = malloc(size + 1);
        if (!text)
            return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        job.file = make_zip(parts, cut(text, parts), 0);
    }
    if (job.file.size)
        (void)office_read(&job);
    judge_job(&job);
    if (text)
        free((void *)(uintptr_t)job.file.data);
    free(text);
    return 0;
}
