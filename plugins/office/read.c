/* read.c - which format a file has, by what is in it, and its reader. Runs on a helper thread. */
#include "office.h"
#include "relations.h"
#include "xml.h"

/* The name of a part's outermost element. */
static pb_str root_of(struct package *package, const char *part)
{
    struct xml_reader reader = {.elements = NULL};
    char head[4];

    /* XLSB keeps the same parts in a form of its own. */
    if (package_head(package, part, head, sizeof head) && memcmp(head, "\x83\x01", 2) == 0)
        return pb_lit("binary");
    (void)xml_read(package, part, &reader);
    return reader.root;
}

static pb_status read_ooxml(struct package *package)
{
    struct relations relations;
    struct job *job = package->job;

    if (relations_read(&relations, package, "") != PB_OK) {
        relations_fini(&relations);
        return job->status;
    }
    const char *part = relations_target(&relations, "officeDocument");
    const char *properties = relations_target(&relations, "core-properties");
    pb_str root = part ? root_of(package, part) : pb_str_make(NULL, 0);
    if (job->status == PB_OK)
        (void)properties_read(package, properties);
    relations_fini(&relations);
    if (job->status != PB_OK)
        return job->status;
    if (pb_str_is(root, "document"))
        return docx_read(package, part);
    if (pb_str_is(root, "presentation"))
        return pptx_read(package, part);
    if (pb_str_is(root, "workbook"))
        return xlsx_read(package, part);
    return job_fail(job, PB_UNPROCESSABLE,
                    pb_str_is(root, "binary")
                        ? "it is a binary workbook (XLSB); save it as XLSX"
                        : "it is an archive, but of no office program that is known here");
}

static pb_status read_package(struct job *job)
{
    struct package package;
    char type[64];

    if (package_open(&package, job) == PB_OK) {
        (void)package_head(&package, "mimetype", type, sizeof type);
        pb_str kind = pb_str_trim(pb_str_of(type));
        if (pb_str_is(kind, "application/epub+zip") ||
            (!kind.size && package_has(&package, "META-INF/container.xml")))
            (void)epub_read(&package);
        else if (pb_str_starts(kind, pb_lit("application/vnd.oasis.opendocument")) ||
                 (!kind.size && package_has(&package, "content.xml")))
            (void)odf_read(&package);
        else
            (void)read_ooxml(&package);
    }
    package_close(&package);
    return job->status;
}

pb_status office_read(struct job *job)
{
    pb_bytes file = job->file;

    if (file.size >= 5 && memcmp(file.data, "{\\rtf", 5) == 0)
        return rtf_read(job);
    if (file.size >= 4 && memcmp(file.data, "\xD0\xCF\x11\xE0", 4) == 0)
        return job_fail(job, PB_UNPROCESSABLE,
                        "it is encrypted or in the binary format of an old office program; save it "
                        "without a password as DOCX, XLSX or PPTX");
    if (file.size >= 4 && memcmp(file.data, "PK\3\4", 4) == 0)
        return read_package(job);
    return job_fail(job, PB_UNPROCESSABLE, "it is neither an archive nor RTF");
}
