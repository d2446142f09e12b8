/* SPDX-License-Identifier: Apache-2.0 */
#include "gemmule_vector.h"

/* The bit of `signs` beside those of a and b. */
#define LOG2 4u

struct gemmule_vector gemmule_vector(uint8_t combine, uint8_t function)
{
    const struct gemmule_vector plain = {
        .combine = combine, .function = function, .a_signed = 1, .b_signed = 1,
        .a_multiplier = 1, .b_multiplier = 1, .multiplier = 1, .result_multiplier = 1,
        .low = INT32_MIN, .high = INT32_MAX, .delta = 4096};

    return plain;
}

size_t gemmule_vector_bytes(uint32_t n)
{
    return GEMMULE_VECTOR_BYTES + (size_t)GEMMULE_AFFINE_BYTES * n;
}

void gemmule_vector_settings(struct gemmule *g, void *settings, const struct gemmule_vector *vector,
                             const int16_t *gamma, const int16_t *beta, uint32_t n)
{
    uint8_t *record = settings, *affine = record + GEMMULE_VECTOR_BYTES;
    const unsigned signs = (vector->a_signed ? 1u : 0u) | (vector->b_signed ? 2u : 0u)
                           | (vector->log2 ? LOG2 : 0u);

    for (size_t i = 0; i < GEMMULE_VECTOR_BYTES; ++i)
        ((volatile uint8_t *)record)[i] = 0;
    gemmule_vector_set_combine(record, vector->combine);
    gemmule_vector_set_function(record, vector->function);
    gemmule_vector_set_rounding(record, vector->rounding);
    gemmule_vector_set_signs(record, (uint8_t)signs);
    gemmule_vector_set_a_zero_point(record, vector->a_zero_point);
    gemmule_vector_set_b_zero_point(record, vector->b_zero_point);
    gemmule_vector_set_a_multiplier(record, vector->a_multiplier);
    gemmule_vector_set_b_multiplier(record, vector->b_multiplier);
    gemmule_vector_set_multiplier(record, vector->multiplier);
    gemmule_vector_set_shift(record, vector->shift);
    gemmule_vector_set_offset(record, vector->offset);
    gemmule_vector_set_result_multiplier(record, vector->result_multiplier);
    gemmule_vector_set_result_shift(record, vector->result_shift);
    gemmule_vector_set_zero_point(record, vector->zero_point);
    gemmule_vector_set_low(record, vector->low);
    gemmule_vector_set_high(record, vector->high);
    gemmule_vector_set_delta(record, vector->delta);
    gemmule_vector_set_epsilon(record, vector->epsilon);
    for (uint32_t i = 0; (gamma || beta) && i < n; ++i, affine += GEMMULE_AFFINE_BYTES) {
        gemmule_affine_set_gamma(affine, gamma ? (uint16_t)gamma[i] : 0u);
        gemmule_affine_set_beta(affine, beta ? (uint16_t)beta[i] : 0u);
    }
    gemmule_sync_rows(g, settings, 0, 1, gemmule_vector_bytes(n), 0);
}

static int wrong(uint8_t bytes)
{
    return bytes != 1u && bytes != 2u && bytes != 4u;
}

int gemmule_submit_pass(struct gemmule *g, const struct gemmule_pass *p, uint32_t *ticket)
{
    uint8_t command[GEMMULE_COMMAND_BYTES] = {0};
    const unsigned a_size = p->a_bytes >> 1, b_size = p->b ? p->b_bytes >> 1 : GEMMULE_NO_B;

    if (wrong(p->a_bytes) || (p->b && wrong(p->b_bytes)) || wrong(p->c_bytes))
        return GEMMULE_WRONG;
    if ((p->m | p->n) >> 24)
        return GEMMULE_WRONG;
    gemmule_command_set_opcode(command, GEMMULE_OPCODE_VECTOR);
    gemmule_command_set_flags(command, p->flags);
    gemmule_command_set_c_size(command, p->c_bytes >> 1);
    gemmule_command_set_sizes(
        command, (uint8_t)(a_size | b_size << 2 | (p->transposed ? GEMMULE_TRANSPOSED : 0u)));
    gemmule_command_set_wait_value(command, p->wait_value);
    gemmule_command_set_a(command, gemmule_address(g, p->a));
    gemmule_command_set_a_stride(command, p->a_stride);
    if (p->b) {
        gemmule_command_set_b(command, gemmule_address(g, p->b));
        gemmule_command_set_b_stride(command, p->b_stride);
    }
    gemmule_command_set_c(command, gemmule_address(g, p->c));
    gemmule_command_set_c_stride(command, p->c_stride);
    gemmule_command_set_settings(command, gemmule_address(g, p->settings));
    gemmule_command_set_m(command, p->m);
    gemmule_command_set_n(command, p->n);
    gemmule_command_set_wait(command, p->wait);
    gemmule_command_set_signal(command, p->signal);
    return gemmule_submit_command(g, command, ticket);
}

/* Hand c to the accelerator or, with `to_cpu`, to the processor. */
static void sync_c(struct gemmule *g, const struct gemmule_pass *p, int to_cpu)
{
    const uint32_t rows = p->transposed ? p->n : p->m, columns = p->transposed ? p->m : p->n;

    gemmule_sync_rows(g, p->c, p->c_stride, rows, (size_t)p->c_bytes * columns, to_cpu);
}

int gemmule_run_pass(struct gemmule *g, const struct gemmule_pass *pass, uint32_t waits)
{
    struct gemmule_pass p = *pass;
    uint32_t ticket;
    int result;

    if (!p.m || !p.n)
        return GEMMULE_WRONG;
    gemmule_sync_rows(g, p.a, p.a_stride, p.m, (size_t)p.a_bytes * p.n, 0);
    if (p.b)
        gemmule_sync_rows(g, p.b, p.b_stride, p.m, (size_t)p.b_bytes * p.n, 0);
    sync_c(g, &p, 0);
    p.flags |= GEMMULE_FLAG_INTERRUPT;
    result = gemmule_submit_pass(g, &p, &ticket);
    if (!result)
        result = gemmule_await(g, ticket, waits);
    if (!result)
        sync_c(g, &p, 1);
    return result;
}

int gemmule_add(struct gemmule *g, const struct gemmule_pass *pass, int32_t a_multiplier,
                int32_t b_multiplier, uint8_t shift, uint32_t waits)
{
    struct gemmule_vector sum = gemmule_vector(GEMMULE_COMBINE_ADD, GEMMULE_FUNCTION_NONE);

    sum.a_multiplier = a_multiplier;
    sum.b_multiplier = b_multiplier;
    sum.shift = shift;
    if (pass->c_bytes < 4u) {
        sum.high = (INT32_C(1) << (8u * pass->c_bytes - 1u)) - 1;
        sum.low = -sum.high - 1;
    }
    gemmule_vector_settings(g, pass->settings, &sum, NULL, NULL, pass->n);
    return gemmule_run_pass(g, pass, waits);
}
