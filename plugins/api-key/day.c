/* day.c - days of the calendar as text and as moments, all UTC. */
#include "api_key.h"

static bool number(pb_str text, size_t at, size_t size, int *out)
{
    *out = 0;
    for (size_t i = at; i < at + size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *out = *out * 10 + (text.data[i] - '0');
    }
    return true;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970 to the first of January of `year`. */
static int64_t days_before(int year)
{
    int64_t y = year - 1;

    return y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

static const int lengths[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

bool day_read(pb_str text, pb_time *out)
{
    int year, month, date;

    if (text.size != 10 || text.data[4] != '-' || text.data[7] != '-' ||
        !number(text, 0, 4, &year) || !number(text, 5, 2, &month) || !number(text, 8, 2, &date))
        return false;
    if (year < 1971 || month < 1 || month > 12 || date < 1 || date > lengths[month - 1] ||
        (month == 2 && date == 29 && !is_leap(year)))
        return false;
    int64_t days = days_before(year) + date - 1;
    for (int i = 0; i < month - 1; i++)
        days += lengths[i] - (i == 1 && !is_leap(year));
    *out = days * 86400000;
    return true;
}

bool day_read_end(pb_str text, pb_time now, pb_time *out)
{
    static const char units[] = "smhdw";
    static const int64_t lengths_of[] = {1, 60, 3600, 86400, 604800};
    int count;

    if (day_read(text, out))
        return true;
    if (text.size < 2 || text.size > 6 || !number(text, 0, text.size - 1, &count) || count == 0)
        return false;
    const char *unit = strchr(units, text.data[text.size - 1]);
    if (!unit || !*unit)
        return false;
    *out = now + count * lengths_of[unit - units] * 1000;
    return true;
}

pb_str day_text(pb_time moment)
{
    if (moment <= 0)
        return (pb_str){0};
    int64_t seconds = moment / 1000, days = seconds / 86400, clock = seconds % 86400;
    int year = (int)(1970 + days / 366), month = 0;

    while (days_before(year + 1) <= days)
        year++;
    int64_t date = days - days_before(year);
    for (int length; date >= (length = lengths[month] - (month == 1 && !is_leap(year))); month++)
        date -= length;
    return pb_printf("%04d-%02d-%02dT%02d:%02d:%02dZ", year, month + 1, (int)date + 1,
                     (int)(clock / 3600), (int)(clock / 60 % 60), (int)(clock % 60));
}
