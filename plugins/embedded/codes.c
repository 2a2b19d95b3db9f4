/* codes.c - vectors as bytes: each is scaled so that its largest component is 127. A zero is 128,
 * so that what fills up to the stride counts nothing. */
#include "segment.h"

#include <math.h>
#include <string.h>

uint32_t code_stride(uint32_t dimensions)
{
    return (dimensions + ALIGN - 1) / ALIGN * ALIGN;
}

static float largest(const float *vector, uint32_t dimensions)
{
    float most = 0;

    for (uint32_t i = 0; i < dimensions; i++)
        if (fabsf(vector[i]) > most)
            most = fabsf(vector[i]);
    return most < 1e30F ? most : 0; /* what is no number finds nothing */
}

static int rounded(float value)
{
    return (int)(value < 0 ? value - 0.5F : value + 0.5F);
}

float code_make(const float *vector, uint32_t dimensions, uint32_t stride, uint8_t *out)
{
    float most = largest(vector, dimensions), by = most > 0 ? 127 / most : 0;

    for (uint32_t i = 0; i < dimensions; i++)
        out[i] = (uint8_t)(rounded(vector[i] * by) + CODE_ZERO);
    memset(out + dimensions, CODE_ZERO, stride - dimensions);
    return most / 127;
}

static void finish(struct coded *query)
{
    int32_t sum = 0;

    for (uint32_t i = 0; i < query->stride; i++) {
        sum += query->bytes[i];
        query->words[i] = query->bytes[i];
    }
    query->bias = sum * CODE_ZERO;
}

void coded_make(struct coded *query, const float *vector, uint32_t dimensions)
{
    float most = largest(vector, dimensions), by = most > 0 ? 127 / most : 0;

    memset(query->bytes, 0, query->stride);
    for (uint32_t i = 0; i < dimensions; i++)
        query->bytes[i] = (int8_t)rounded(vector[i] * by);
    query->scale = most / 127;
    finish(query);
}

void coded_from_code(struct coded *query, const uint8_t *code, float scale)
{
    for (uint32_t i = 0; i < query->stride; i++)
        query->bytes[i] = (int8_t)(code[i] - CODE_ZERO);
    query->scale = scale;
    finish(query);
}

float vector_dot(const float *a, const float *b, uint32_t dimensions)
{
    float sums[8] = {0};
    uint32_t i = 0;

    for (; i + 8 <= dimensions; i += 8)
        for (uint32_t k = 0; k < 8; k++)
            sums[k] += a[i + k] * b[i + k];
    for (; i < dimensions; i++)
        sums[0] += a[i] * b[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
           ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}
