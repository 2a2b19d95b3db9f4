/* Randomness, identifiers, digests, clocks: against the standards' vectors and a second opinion. */
#include "base/ids.h"
#include "base/scope.h"
#include "base/time.h"
#include "suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

START_TEST(random_bytes_fill_all_and_differ)
{
    for (size_t size = 1; size < 1200; size = size * 3 / 2 + 1) {
        uint8_t a[1200] = {0}, b[1200] = {0}, seen[1200] = {0};
        for (int round = 0; round < 40; round++) { /* each place is not zero at least once */
            ck_assert_int_eq(pb_random(a, size), PB_OK);
            for (size_t i = 0; i < size; i++)
                seen[i] |= a[i];
        }
        ck_assert_uint_eq(a[size], 0);
        for (size_t i = 0; i < size; i++)
            ck_assert_uint_ne(seen[i], 0);
        ck_assert_int_eq(pb_random(b, size), PB_OK);
        if (size >= 16)
            ck_assert_int_ne(memcmp(a, b, size), 0);
    }
}
END_TEST

START_TEST(a_forked_child_has_other_numbers)
{
    uint8_t mine[16], other[16];
    int ends[2];

    ck_assert_int_eq(pb_random(mine, sizeof mine), PB_OK); /* the pool is full now */
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        bool fine = pb_random(other, sizeof other) == PB_OK &&
                    write(ends[1], other, sizeof other) == sizeof other;
        _exit(!fine);
    }
    ck_assert_int_eq(pb_random(mine, sizeof mine), PB_OK);
    ck_assert_int_eq(read(ends[0], other, sizeof other), sizeof other);
    ck_assert_int_ne(memcmp(mine, other, sizeof mine), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

START_TEST(a_uuid_is_version_7_and_ordered)
{
    char before[UUID_TEXT_SIZE] = "";
    pb_time first = host_now();

    for (int i = 0; i < 20000; i++) {
        pb_scope *scope = pb_scope_begin();
        pb_str uuid = pb_uuid();
        ck_assert_uint_eq(uuid.size, 36);
        for (int at = 0; at < 36; at++) {
            bool dash = at == 8 || at == 13 || at == 18 || at == 23;
            if (dash != (uuid.data[at] == '-') || !strchr("0123456789abcdef-", uuid.data[at]))
                ck_abort_msg("%s", uuid.data);
        }
        ck_assert_int_eq(uuid.data[14], '7');
        ck_assert_ptr_nonnull(strchr("89ab", uuid.data[19]));
        ck_assert_int_lt(strcmp(before, uuid.data), 0);
        strcpy(before, uuid.data);
        pb_scope_end(scope);
    }
    char ms[13] = {0};
    memcpy(ms, before, 8);
    memcpy(ms + 8, before + 9, 4);
    pb_time stamp = strtoll(ms, NULL, 16);
    ck_assert_int_ge(stamp, first);
    ck_assert_int_le(stamp, host_now() + 1000); /* 20000 may run ahead of the clock a little */
}
END_TEST

static void *uuid_elsewhere(void *arg)
{
    uint8_t *uuid = arg;
    *uuid = uuid_make(uuid) != PB_OK;
    return pb_uuid().data ? arg : NULL; /* no scope there: absent, not a crash */
}

START_TEST(another_thread_makes_uuids_without_a_scope)
{
    uint8_t uuid[UUID_SIZE] = {0};
    void *result;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, uuid_elsewhere, uuid), 0);
    pthread_join(thread, &result);
    ck_assert_ptr_null(result);
    ck_assert_uint_eq(uuid[0], 0);
    ck_assert_uint_eq(uuid[6] >> 4, 7);
}
END_TEST

static pb_bytes bytes_of(const char *text)
{
    return (pb_bytes){(const uint8_t *)text, strlen(text)};
}

static pb_str digest(pb_bytes data)
{
    uint8_t out[32];
    pb_sha256(data, out);
    return pb_hex((pb_bytes){out, 32});
}

/* FIPS 180-4's examples. */
START_TEST(sha256_gives_the_standards_digests)
{
    ck_text(digest(bytes_of("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    ck_text(digest((pb_bytes){NULL, 0}),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    ck_text(digest(bytes_of("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ck_text(digest(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    char *million = memset(malloc(1000000), 'a', 1000000);
    ck_text(digest((pb_bytes){(uint8_t *)million, 1000000}),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}
END_TEST

/* Every size up to three blocks, folded into one digest; the expected one is by hashlib. */
START_TEST(sha256_pads_every_size)
{
    uint8_t data[192], all[193 * 32];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    for (size_t size = 0; size <= sizeof data; size++)
        pb_sha256((pb_bytes){data, size}, all + size * 32);
    ck_text(digest((pb_bytes){all, sizeof all}), 
            "79eb9ac3f5b94a477808fa851afb214408e787ed21459d0503b2fac4a445fee6");
}
END_TEST

static pb_str mac(pb_bytes key, pb_bytes data)
{
    uint8_t out[32];
    pb_hmac_sha256(key, data, out);
    return pb_hex((pb_bytes){out, 32});
}

/* RFC 4231, cases 1, 2, 3, 6 and 7. */
START_TEST(hmac_gives_the_standards_digests)
{
    uint8_t b[20], aa[131], dd[50];
    memset(b, 0x0b, sizeof b);
    memset(aa, 0xaa, sizeof aa);
    memset(dd, 0xdd, sizeof dd);
    ck_text(mac((pb_bytes){b, 20}, bytes_of("Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    ck_text(mac(bytes_of("Jefe"), bytes_of("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    ck_text(mac((pb_bytes){aa, 20}, (pb_bytes){dd, 50}),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    ck_text(mac((pb_bytes){aa, 131}, bytes_of("Test Using Larger Than Block-Size Key - Hash Key "
                                              "First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    ck_text(mac((pb_bytes){aa, 131},
                bytes_of("This is a test using a larger than block-size key and a larger than "
                         "block-size data. The key needs to be hashed before being used by the "
                         "HMAC algorithm.")),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}
END_TEST

START_TEST(secrets_are_compared_whole)
{
    ck_assert(pb_secret_equal(bytes_of("same"), bytes_of("same")));
    ck_assert(!pb_secret_equal(bytes_of("same"), bytes_of("samE")));
    ck_assert(!pb_secret_equal(bytes_of("Same"), bytes_of("same")));
    ck_assert(!pb_secret_equal(bytes_of("same"), bytes_of("same ")));
    ck_assert(pb_secret_equal(bytes_of(""), (pb_bytes){NULL, 0}));
}
END_TEST

/* Against the C library, over 400 years by steps that meet every day. */
START_TEST(a_moment_is_written_as_the_c_library_would)
{
    char text[TIME_TEXT_SIZE], expected[64];

    for (time_t at = -2208988800; at < 10413792000; at += 86399 + at % 7) {
        struct tm parts;
        gmtime_r(&at, &parts);
        size_t size = strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &parts);
        snprintf(expected + size, sizeof expected - size, ".%03dZ", (int)(at & 511));
        time_text((pb_time)at * 1000 + (at & 511), text);
        ck_assert_str_eq(text, expected);
    }
    time_text(0, text);
    ck_assert_str_eq(text, "1970-01-01T00:00:00.000Z");
    time_text(-1, text);
    ck_assert_str_eq(text, "1969-12-31T23:59:59.999Z");
    time_text(1709164800000, text);
    ck_assert_str_eq(text, "2024-02-29T00:00:00.000Z");
    time_text(INT64_MAX, text);
    ck_assert_str_eq(text, "9999-12-31T23:59:59.999Z");
    time_text(INT64_MIN, text);
    ck_assert_str_eq(text, "0000-01-01T00:00:00.000Z");
}
END_TEST

START_TEST(clocks_tell_the_time)
{
    pb_duration before = host_monotonic();
    ck_assert_int_le(before, host_monotonic());
    ck_assert_int_gt(before, 0);
    ck_assert_int_le(llabs((long long)(host_now() / 1000 - time(NULL))), 1);
}
END_TEST

int main(void)
{
    return suite_run("ids", (const TTest *[]){random_bytes_fill_all_and_differ,
                                              a_forked_child_has_other_numbers,
                                              a_uuid_is_version_7_and_ordered,
                                              another_thread_makes_uuids_without_a_scope,
                                              sha256_gives_the_standards_digests,
                                              sha256_pads_every_size,
                                              hmac_gives_the_standards_digests,
                                              secrets_are_compared_whole,
                                              a_moment_is_written_as_the_c_library_would,
                                              clocks_tell_the_time, NULL});
}
