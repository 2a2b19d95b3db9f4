/* file.c - cases of the file itself: what the loader and `inspect` check, one by one. */
#include "conform.h"

static void loads(struct subject *subject)
{
    (void)subject_load(subject);
}

const struct conform_case file_cases[] = {
    {.name = "descriptor says what the manifest says", .quick = true, .run = loads},
    {0}};
