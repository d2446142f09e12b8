/* SPDX-License-Identifier: Apache-2.0
 * Sums, products and functions of elements and rows, on accelerators with a vector unit: one pass
 * over memory for
 *
 *     t = clamp(round(z * multiplier / 2**shift) + offset), z = combine(a, b)
 *     c = clamp(round(function(t) * result_multiplier / 2**result_shift) + zero_point)
 *
 * Formats of functions are those of the configuration: see the data sheet.
 */
#ifndef GEMMULE_VECTOR_H
#define GEMMULE_VECTOR_H

#include "gemmule.h"

/* What is computed. Begin with gemmule_vector(), then change what is to be another. */
struct gemmule_vector {
    uint8_t combine, function, rounding;  /* GEMMULE_COMBINE_x, _FUNCTION_x, _ROUNDING_x */
    uint8_t a_signed, b_signed;           /* elements in memory */
    uint8_t log2;                         /* softmax gives codes of its logarithm */
    int32_t a_zero_point, b_zero_point;   /* of 17 bits */
    int32_t a_multiplier, b_multiplier;   /* of 17 bits, of GEMMULE_COMBINE_ADD */
    uint32_t multiplier, result_multiplier;
    uint8_t shift, result_shift;
    int32_t offset, zero_point, low, high;
    uint16_t delta;   /* of softmax: 4096 is 1, 2896 with log2 */
    uint64_t epsilon; /* of a normalization: round(epsilon * n**2 * 2**(2 * f + 8)), x with f bits */
};

/* A pass over memory: a, b, c [m, n]; all pointers are into the shared memory. A stride of 0 repeats a
 * row of a or b. c may be a or b, element for element. */
struct gemmule_pass {
    const void *a, *b; /* b: NULL where nothing is combined */
    void *c;
    void *settings; /* of gemmule_vector_settings() */
    int32_t a_stride, b_stride, c_stride; /* bytes from a row to the next */
    uint32_t m, n;
    uint8_t a_bytes, b_bytes, c_bytes; /* of an element: 1, 2 or 4; of b, and of a beside it, 1 or 2 */
    uint8_t transposed;   /* c is [n, m], of bytes: of GEMMULE_FUNCTION_TRANSPOSE, and nothing else */
    uint8_t flags;        /* GEMMULE_FLAG_INTERRUPT, GEMMULE_FLAG_FENCE */
    uint8_t wait, signal; /* dependency counters, 0: none */
    uint16_t wait_value;
};

/* Return what changes nothing: factors of 1, signed operands, no zero points, results of 32 bits. */
struct gemmule_vector gemmule_vector(uint8_t combine, uint8_t function);

/* Bytes of settings for n columns. The accelerator wants room for gamma and beta in any case. */
size_t gemmule_vector_bytes(uint32_t n);

/* Write the settings of a pass. Gamma and beta, one for each of n columns, are of normalizations;
 * NULL elsewhere. */
void gemmule_vector_settings(struct gemmule *g, void *settings, const struct gemmule_vector *vector,
                             const int16_t *gamma, const int16_t *beta, uint32_t n);

/* Hand a pass over; gemmule_await() its ticket. */
int gemmule_submit_pass(struct gemmule *g, const struct gemmule_pass *pass, uint32_t *ticket);

/* Submit and await; then hand c to the processor. */
int gemmule_run_pass(struct gemmule *g, const struct gemmule_pass *pass, uint32_t waits);

/* Write the settings of c = round((a * a_multiplier + b * b_multiplier) / 2**shift) of signed
 * elements, clamped to those of c, and run the pass. */
int gemmule_add(struct gemmule *g, const struct gemmule_pass *pass, int32_t a_multiplier,
                int32_t b_multiplier, uint8_t shift, uint32_t waits);

#endif
