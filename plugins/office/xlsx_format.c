/* xlsx_format.c - numbers of a sheet roughly as it shows them; see xlsx.h. A date is a number
 * there, told from others by its format alone. */
#include "xlsx.h"
#include "xml.h"

#include <math.h>
#include <stdlib.h>

/* Is `letter` one of the set, outside of quotes, brackets and escapes? The first section counts. */
struct xlsx_format xlsx_format_of(const char *code)
{
    bool date = false, clock = false, percent = false, point = false;
    int decimals = 0;

    if (pb_str_same(pb_str_of(code), pb_lit("general")) || strcmp(code, "@") == 0)
        return (struct xlsx_format){SHOW_GENERAL, 0};
    for (; *code && *code != ';'; code++) {
        if (*code == '"' || *code == '[') {
            const char *end = strchr(code + 1, *code == '[' ? ']' : '"');
            if (*code == '[' && code[1] && strchr("hmsHMS", code[1]))
                clock = true;
            if (!end)
                break;
            code = end;
        } else if (*code == '\\' || *code == '_' || *code == '*') {
            if (!*++code)
                break;
        } else if (strchr("ydYD", *code)) {
            date = true;
        } else if (strchr("hsHS", *code)) {
            clock = true;
        } else if (strchr("mM", *code)) {
            date = date || !clock;
        } else if (*code == '%') {
            percent = true;
        } else if (*code == '.') {
            point = true;
        } else if (*code == '0' && point) {
            decimals++;
        } else if (*code == 'E') {
            return (struct xlsx_format){SHOW_GENERAL, 0};
        }
    }
    if (date || clock)
        return (struct xlsx_format){date ? clock ? SHOW_DATE_TIME : SHOW_DATE : SHOW_TIME, 0};
    decimals = decimals > 9 ? 9 : decimals;
    return (struct xlsx_format){percent ? SHOW_PERCENT : SHOW_FIXED, decimals};
}

/* The formats that every workbook has without saying so. */
static struct xlsx_format built_in(int64_t number)
{
    static const char *const codes[] = {
        [1] = "0",          [2] = "0.00",      [3] = "#,##0",        [4] = "#,##0.00",
        [9] = "0%",         [10] = "0.00%",    [14] = "mm-dd-yy",    [15] = "d-mmm-yy",
        [16] = "d-mmm",     [17] = "mmm-yy",   [18] = "h:mm AM/PM",  [19] = "h:mm:ss AM/PM",
        [20] = "h:mm",      [21] = "h:mm:ss",  [22] = "m/d/yy h:mm", [37] = "#,##0",
        [38] = "#,##0",     [39] = "#,##0.00", [40] = "#,##0.00",    [45] = "mm:ss",
        [46] = "[h]:mm:ss", [47] = "mm:ss.0"};
    const char *code = number >= 0 && number < 48 ? codes[number] : NULL;

    if (number == 45 || number == 47)
        return (struct xlsx_format){SHOW_TIME, 0};
    if (number >= 27 && number <= 36)
        return (struct xlsx_format){SHOW_DATE, 0};
    return code ? xlsx_format_of(code) : (struct xlsx_format){SHOW_GENERAL, 0};
}

static void on_code(void *self, const char **attributes)
{
    struct xlsx_formats *formats = self;
    const char *id = xml_get(attributes, "numFmtId"), *code = xml_get(attributes, "formatCode");
    struct xlsx_format *format = job_keep(formats->job, sizeof *format);

    if (!format || !id || !code)
        return;
    *format = xlsx_format_of(code);
    names_add(&formats->codes, formats->job, pb_str_of(id), format);
}

static void on_cells(void *self, const char **attributes)
{
    (void)attributes;
    ((struct xlsx_formats *)self)->in_cells = true;
}

static void on_cells_end(void *self)
{
    ((struct xlsx_formats *)self)->in_cells = false;
}

static void on_cell_format(void *self, const char **attributes)
{
    struct xlsx_formats *formats = self;
    const char *id = xml_get(attributes, "numFmtId");
    const struct xlsx_format *own = names_find(&formats->codes, id);

    if (!formats->in_cells)
        return;
    if (formats->count == formats->room) {
        size_t room = formats->room ? formats->room * 2 : 64;
        struct xlsx_format *cells = job_keep(formats->job, room * sizeof *cells);
        if (!cells)
            return;
        if (formats->count)
            memcpy(cells, formats->cells, formats->count * sizeof *cells);
        formats->cells = cells;
        formats->room = room;
    }
    formats->cells[formats->count++] = own ? *own : built_in(id ? strtol(id, NULL, 10) : 0);
}

pb_status xlsx_formats_read(struct xlsx_formats *formats, struct package *package, const char *part)
{
    static const struct xml_element elements[] = {
        {.name = "numFmt", .open = on_code},
        {.name = "cellXfs", .open = on_cells, .close = on_cells_end},
        {.name = "xf", .open = on_cell_format},
        {.name = "dxfs", .skip = true},
        {.name = NULL}};
    struct xml_reader reader = {.self = formats, .elements = elements};

    formats->job = package->job;
    return package_has(package, part) ? xml_read(package, part, &reader) : package->job->status;
}

/* --- showing ---------------------------------------------------------------------------------- */

/* Days since 1970 as year, month, day (the proleptic Gregorian calendar). */
static void civil(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = days / 146097, of_era = days % 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153;

    *day = (int)(of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static void show_date(const struct xlsx_formats *formats, int show, double value, char out[64])
{
    int64_t seconds = (int64_t)llround(value * 86400);
    int64_t days = seconds / 86400, rest = seconds % 86400;
    int year, month, day, size = 0;

    if (show == SHOW_TIME) {
        (void)snprintf(out, 64, "%lld:%02lld:%02lld", (long long)(seconds / 3600),
                       (long long)(seconds / 60 % 60), (long long)(seconds % 60));
        return;
    }
    /* Day 60 of 1900 is a 29 February that never was. */
    days += formats->since_1904 ? 1462 : days < 60 ? 1 : 0;
    civil(days - 25569, &year, &month, &day);
    size = snprintf(out, 64, "%04d-%02d-%02d", year, month, day);
    if (show == SHOW_DATE_TIME && size > 0 && size < 40)
        (void)snprintf(out + size, 64 - (size_t)size, " %02lld:%02lld:%02lld",
                       (long long)(rest / 3600), (long long)(rest / 60 % 60),
                       (long long)(rest % 60));
}

void xlsx_show(const struct xlsx_formats *formats, int64_t style, const char *value, char out[64])
{
    struct xlsx_format format = style >= 0 && (size_t)style < formats->count
                                    ? formats->cells[style]
                                    : (struct xlsx_format){SHOW_GENERAL, 0};
    char *end = NULL;
    double number = strtod(value, &end);

    if (end == value || !isfinite(number) || fabs(number) > 1e15)
        (void)snprintf(out, 64, "%.60s", value);
    else if (format.show >= SHOW_DATE && number >= 0 && number < 2958466)
        show_date(formats, format.show, number, out);
    else if (format.show == SHOW_PERCENT)
        (void)snprintf(out, 64, "%.*f%%", format.decimals, number * 100);
    else if (format.show == SHOW_FIXED)
        (void)snprintf(out, 64, "%.*f", format.decimals, number);
    else
        (void)snprintf(out, 64, "%.15g", number);
}
