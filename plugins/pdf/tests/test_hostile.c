/* PDF files that are broken, locked, endless or empty: each is refused with a sentence or read
 * within its limits. */
#include "read_pdf.h"

#include <sys/resource.h>
#include <unistd.h>

#define WORDS LINE(72, 700, "F", 10, "Some words.")

static pb_status read_with(const char *const *pages, size_t count, const char *trailer)
{
    pb_bytes bytes = make_pdf(pages, count, trailer);
    pb_status status = read_bytes(bytes);

    free((void *)(uintptr_t)bytes.data);
    return status;
}

START_TEST(ten_thousand_pages_are_read)
{
    enum { PAGES = 10000 };
    const char **pages = calloc(PAGES, sizeof *pages);
    struct rusage usage;

    for (int i = 0; i < PAGES; i++)
        pages[i] = WORDS;
    open_pdf("");
    ck_assert_int_eq(read_pdf(pages, PAGES), PB_OK);
    ck_assert_uint_eq(blocks_count, PAGES);
    ck_assert_int_eq(last_page, PAGES);
    end();
    open_pdf(", max_pages: 9999");
    refuses(read_pdf(pages, PAGES), PB_TOO_LARGE, "has 10000 pages, 'max_pages' allows 9999");
    end();
    free(pages);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
    ck_assert_int_lt(usage.ru_maxrss / 1024, 200);
#else
    (void)usage;
#endif
}
END_TEST

START_TEST(a_broken_table_is_mended)
{
    static const char *const pages[] = {WORDS};
    pb_bytes bytes = make_pdf(pages, 1, "");
    char *at = strstr((char *)(uintptr_t)bytes.data, "startxref");

    memcpy(at + 10, "7", 1); /* the table is said to be elsewhere */
    open_pdf("");
    ck_assert_int_eq(read_bytes(bytes), PB_OK);
    shows("text p1 Some words.\n");
    for (size_t size = 0; size < bytes.size; size += 61) { /* cut short: mended, or refused */
        pb_status status = read_bytes((pb_bytes){bytes.data, size});
        ck_assert_msg(status == PB_OK || status == PB_UNPROCESSABLE, "%zu: %s %s", size,
                      pb_status_name(status), sentence);
    }
    end();
    free((void *)(uintptr_t)bytes.data);
}
END_TEST

START_TEST(locked_and_empty_files_are_told)
{
    static const char *const words[] = {WORDS}, *const nothing[] = {"0 0 m 100 100 l S"};

    open_pdf("");
    refuses(read_with(words, 1,
                      "/ID[<00112233445566778899AABBCCDDEEFF><00112233445566778899AABBCCDDEEFF>]"
                      "/Encrypt<</Filter/Standard/V 1/R 2/P -4"
                      "/O<00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF>"
                      "/U<00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF>>>"),
            PB_UNPROCESSABLE, "encrypted");
    refuses(read_with(nothing, 1, ""), PB_UNPROCESSABLE, "probably scanned");
    refuses(read_with(NULL, 0, ""), PB_UNPROCESSABLE, "it has no pages");
    refuses(read_bytes((pb_bytes){(const uint8_t *)"%PDF-1.4 words", 14}), PB_UNPROCESSABLE,
            "damaged, or no PDF");
    refuses(read_bytes((pb_bytes){(const uint8_t *)"words", 5}), PB_UNPROCESSABLE, "damaged");
    refuses(read_bytes((pb_bytes){NULL, 0}), PB_UNPROCESSABLE, "damaged");
    end();
}
END_TEST

/* A form that draws another ten times, which draws another ten times … */
START_TEST(endless_files_take_their_time_and_no_more)
{
    struct pdf_file *file = calloc(1, sizeof *file);
    pb_duration began;

    print(file, "%%PDF-1.4\n");
    object(file);
    print(file, "<</Type/Catalog/Pages 2 0 R>>\nendobj\n");
    object(file);
    print(file, "<</Type/Pages/Count 1/Kids[3 0 R]>>\nendobj\n");
    object(file);
    print(file, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</XObject"
                "<</X 5 0 R>>>>>>\nendobj\n");
    object(file);
    print(file, "<</Length 6>>stream\n/X Do\n\nendstream\nendobj\n");
    for (int i = 0; i < 12; i++) {
        object(file);
        print(file,
              "<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X %d 0 R>>>>"
              "/Length 61>>stream\n/X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do "
              "/X Do \nendstream\nendobj\n",
              6 + i);
    }
    print(file, "trailer\n<</Root 1 0 R>>\n");
    open_pdf(", time: 1s");
    began = pb_monotonic();
    pb_status status = read_bytes((pb_bytes){(const uint8_t *)file->bytes, file->size});
    if (pb_monotonic() - began >= PB_SECOND)
        refuses(status, PB_TOO_LARGE, "longer than 'time'");
    else
        refuses(status, PB_UNPROCESSABLE, "scanned"); /* poppler itself gave up on the nesting */
    end();
    free(file->bytes);
    free(file);
}
END_TEST

START_TEST(text_is_bounded)
{
    enum { PAGES = 300 };
    const char **pages = calloc(PAGES, sizeof *pages);

    for (int i = 0; i < PAGES; i++)
        pages[i] = WORDS;
    open_pdf(", max_text: 16KiB");
    refuses(read_pdf(pages, PAGES), PB_TOO_LARGE, "'max_text'");
    end();
    free(pages);
}
END_TEST

START_TEST(pages_that_contain_themselves)
{
    static const char loop[] = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
                               "2 0 obj<</Type/Pages/Count 9/Kids[2 0 R 2 0 R]>>endobj\n"
                               "trailer<</Root 1 0 R>>\n";

    open_pdf("");
    ck_assert_int_eq(read_bytes((pb_bytes){(const uint8_t *)loop, sizeof loop - 1}),
                     PB_UNPROCESSABLE);
    end();
}
END_TEST

/* A page of many short lines, one below the other. */
static char *full_page(int lines)
{
    char *page = calloc((size_t)lines, 80), *at = page;

    for (int i = 0; i < lines; i++)
        at += sprintf(at, LINE(72, % d.% 02d, "F", 10, "Some words.") "\n", 10 + i / 100, i % 100);
    return page;
}

START_TEST(memory_is_bounded)
{
    enum { PAGES = 40 };
    const char *pages[PAGES];
    char *page = full_page(700);

    for (int i = 0; i < PAGES; i++)
        pages[i] = page;
    open_pdf("");
    ck_assert_int_eq(read_pdf(pages, PAGES), PB_OK);
    end();
    open_pdf(", max_memory: 1MiB");
    refuses(read_pdf(pages, PAGES), PB_TOO_LARGE, "more than the 1 MiB of memory of 'max_memory'");
    end();
    free(page);
}
END_TEST

/* A table of objects that says there is one with a very high number: the program makes room for all
 * below it. */
START_TEST(the_programs_are_bounded_too)
{
    static const char *const pages[] = {WORDS};
    static const char far[] = "5000000 1\n0000000000 00000 f \n";
    pb_bytes bytes = make_pdf(pages, 1, "");
    const char *trailer = strstr((const char *)bytes.data, "trailer");
    size_t before = (size_t)(trailer - (const char *)bytes.data);
    uint8_t *wide = malloc(bytes.size + sizeof far);

    ck_assert_ptr_nonnull(wide);
    memcpy(wide, bytes.data, before);
    memcpy(wide + before, far, sizeof far - 1);
    memcpy(wide + before + sizeof far - 1, trailer, bytes.size - before);
    open_pdf("");
    ck_assert_msg(read_bytes((pb_bytes){wide, bytes.size + sizeof far - 1}) == PB_OK, "%s", sentence);
    shows("text p1 Some words.\n");
    end();
    open_pdf(", memory: 64MiB");
    refuses(read_bytes((pb_bytes){wide, bytes.size + sizeof far - 1}), PB_UNPROCESSABLE,
            "more than the 64 MiB of 'memory'");
    end();
    free(wide);
    free((void *)(uintptr_t)bytes.data);
}
END_TEST

int main(void)
{
    if (access("/usr/bin/pdftohtml", X_OK) != 0) {
        printf("SKIPPED: pdftohtml is not installed (apt install poppler-utils)\n");
        return 77;
    }
    return suite_run("hostile",
                     (const TTest *const[]){
                         ten_thousand_pages_are_read, a_broken_table_is_mended,
                         locked_and_empty_files_are_told, endless_files_take_their_time_and_no_more,
                         text_is_bounded, memory_is_bounded, the_programs_are_bounded_too,
                         pages_that_contain_themselves, NULL});
}
