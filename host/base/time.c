/* time.c - see time.h. */
#include "base/time.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic pb_duration ahead;

void time_advance(pb_duration by)
{
    atomic_fetch_add(&ahead, by);
}

static pb_duration read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (pb_duration)now.tv_sec * PB_SECOND + now.tv_nsec +
           atomic_load_explicit(&ahead, memory_order_relaxed);
}

pb_time host_now(void)
{
    return read_clock(CLOCK_REALTIME) / PB_MILLISECOND;
}

pb_duration host_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static void digits(char *out, int count, int64_t value)
{
    while (count--) {
        out[count] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* Days since 1970 to a date of the Gregorian calendar: years are counted from March, so that the
 * leap day is a year's last, in eras of 400 years, which all have 146097 days. */
void time_text(pb_time moment, char out[TIME_TEXT_SIZE])
{
    const pb_time first = -62167219200000, last = 253402300799999; /* 0000-01-01, 9999-12-31 */
    moment = moment < first ? first : moment > last ? last : moment;
    int64_t day_ms = 86400000, since = moment - first, ms = since % day_ms;
    int64_t day = since / day_ms + 146097 - 60; /* since 1 March of a year that 400 divides */
    int64_t era = day / 146097, of_era = day % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153; /* 0: March */

    memcpy(out, "0000-00-00T00:00:00.000Z", TIME_TEXT_SIZE);
    digits(out, 4, year + (era - 1) * 400 + (month >= 10));
    digits(out + 5, 2, month < 10 ? month + 3 : month - 9);
    digits(out + 8, 2, of_year - (153 * month + 2) / 5 + 1);
    digits(out + 11, 2, ms / 3600000);
    digits(out + 14, 2, ms / 60000 % 60);
    digits(out + 17, 2, ms / 1000 % 60);
    digits(out + 20, 3, ms % 1000);
}
