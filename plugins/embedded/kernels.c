/* kernels.c - one dot product for each instruction set, chosen when the first is needed. All give
 * the same numbers: they count in 32 bits and round nothing. The stride is a multiple of 64. */
#include "segment.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { AHEAD = 16 }; /* codes that are asked for before they are needed, where they lie apart */

/* The two loops around a product; inlined into functions of its instruction set. */
#define KERNEL(set, target)                                                                        \
    target static void set##_run(const uint8_t *codes, const struct coded *query, size_t count,    \
                                 int32_t *out)                                                     \
    {                                                                                              \
        for (size_t i = 0; i < count; i++)                                                         \
            out[i] = set##_dot(codes + i * query->stride, query);                                  \
    }                                                                                              \
    target static void set##_pick(const uint8_t *codes, const struct coded *query,                 \
                                  const uint32_t *positions, size_t count, int32_t *out)           \
    {                                                                                              \
        for (size_t i = 0; i < count; i++) {                                                       \
            if (i + AHEAD < count)                                                                 \
                for (uint32_t k = 0; k < query->stride; k += 64)                                   \
                    __builtin_prefetch(codes + (size_t)positions[i + AHEAD] * query->stride + k);  \
            out[i] = set##_dot(codes + (size_t)positions[i] * query->stride, query);               \
        }                                                                                          \
    }                                                                                              \
    static const struct kernel set##_kernel = {#set, set##_run, set##_pick};

static inline int32_t plain_dot(const uint8_t *code, const struct coded *query)
{
    int32_t sum = 0;

    for (uint32_t i = 0; i < query->stride; i++)
        sum += code[i] * query->bytes[i];
    return sum;
}
KERNEL(plain, )

#if defined(__x86_64__)
#define SSE    __attribute__((target("sse4.1")))
#define AVX2   __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

SSE static inline int32_t sse_dot(const uint8_t *code, const struct coded *query)
{
    __m128i sum = _mm_setzero_si128();

    for (uint32_t i = 0; i < query->stride; i += 8) {
        __m128i a = _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)(const void *)(code + i)));
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(query->words + i));
        sum = _mm_add_epi32(sum, _mm_madd_epi16(a, b));
    }
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return _mm_cvtsi128_si32(sum);
}
KERNEL(sse, SSE)

AVX2 static inline int32_t avx2_dot(const uint8_t *code, const struct coded *query)
{
    __m256i one = _mm256_setzero_si256(), two = one;

    for (uint32_t i = 0; i < query->stride; i += 32) {
        const __m128i *from = (const __m128i *)(const void *)(code + i);
        const __m256i *with = (const __m256i *)(const void *)(query->words + i);
        __m256i a = _mm256_cvtepu8_epi16(_mm_loadu_si128(from));
        __m256i b = _mm256_cvtepu8_epi16(_mm_loadu_si128(from + 1));
        one = _mm256_add_epi32(one, _mm256_madd_epi16(a, _mm256_loadu_si256(with)));
        two = _mm256_add_epi32(two, _mm256_madd_epi16(b, _mm256_loadu_si256(with + 1)));
    }
    one = _mm256_add_epi32(one, two);
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(one), _mm256_extracti128_si256(one, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return _mm_cvtsi128_si32(sum);
}
KERNEL(avx2, AVX2)

AVX512 static inline int32_t avx512_dot(const uint8_t *code, const struct coded *query)
{
    __m512i one = _mm512_setzero_si512(), two = one;
    uint32_t i = 0;

    for (; i + 128 <= query->stride; i += 128) {
        one = _mm512_dpbusd_epi32(one, _mm512_loadu_si512(code + i),
                                  _mm512_loadu_si512(query->bytes + i));
        two = _mm512_dpbusd_epi32(two, _mm512_loadu_si512(code + i + 64),
                                  _mm512_loadu_si512(query->bytes + i + 64));
    }
    if (i < query->stride)
        one = _mm512_dpbusd_epi32(one, _mm512_loadu_si512(code + i),
                                  _mm512_loadu_si512(query->bytes + i));
    return _mm512_reduce_add_epi32(_mm512_add_epi32(one, two));
}
KERNEL(avx512, AVX512)
#endif

const struct kernel *const *kernel_all(void)
{
    static const struct kernel *all[5];
    const struct kernel *list[5] = {0};
    size_t count = 0;

#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"))
        list[count++] = &avx512_kernel;
    if (__builtin_cpu_supports("avx2"))
        list[count++] = &avx2_kernel;
    if (__builtin_cpu_supports("sse4.1"))
        list[count++] = &sse_kernel;
#endif
    list[count++] = &plain_kernel;
    for (size_t i = 0; !all[0] && i < count; i++)
        all[count - 1 - i] = list[count - 1 - i];
    return all;
}

const struct kernel *kernel_best(void)
{
    return kernel_all()[0];
}
