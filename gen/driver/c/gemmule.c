/* SPDX-License-Identifier: Apache-2.0 */
#include "gemmule.h"

#define LETTERS 0x4c554d47u /* "GMUL" */

enum { UNUSED, PENDING, DONE };

/* An outcome, the driver's own: ticket, address, cause, state. */
#define OUTCOME_BYTES 16u
#define TICKET_BYTE 0u
#define ADDRESS_BYTE 4u
#define CAUSE_BYTE 12u
#define STATE_BYTE 13u

static uint32_t read_register(struct gemmule *g, uint32_t offset)
{
    return g->hooks.read32(g->hooks.context, offset);
}

static void write_register(struct gemmule *g, uint32_t offset, uint32_t value)
{
    g->hooks.write32(g->hooks.context, offset, value);
}

static void write_address(struct gemmule *g, uint32_t offset, uint64_t address)
{
    write_register(g, offset + 4u, (uint32_t)(address >> 32));
    write_register(g, offset, (uint32_t)address);
}

static void sync(struct gemmule *g, void *bytes, size_t count, int to_cpu)
{
    if (g->hooks.sync)
        g->hooks.sync(g->hooks.context, bytes, count, to_cpu);
}

uint64_t gemmule_address(const struct gemmule *g, const void *bytes)
{
    return g->memory.address + (uint64_t)((const uint8_t *)bytes - g->memory.bytes);
}

static void clear(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; ++i)
        ((volatile uint8_t *)bytes)[i] = 0;
}

static uint32_t places(const struct gemmule *g)
{
    return (uint32_t)1 << g->log2;
}

static uint8_t *outcome(struct gemmule *g, uint32_t ticket)
{
    if (!g->commands)
        return g->last;
    return g->outcomes + (size_t)OUTCOME_BYTES * (ticket & (places(g) - 1u));
}

/* Bytes of an element, of the word that tells its bits, and 256 where it has a sign. */
static uint8_t element_bytes(uint32_t format)
{
    return (format & 255u) > 8u ? 2u : 1u;
}

int gemmule_open(struct gemmule *g, const struct gemmule_hooks *hooks,
                 const struct gemmule_memory *memory, void *rings, unsigned log2,
                 uint32_t config_hash)
{
    g->hooks = *hooks;
    g->memory = *memory;
    g->commands = rings;
    g->log2 = 0;
    if (rings) {
        if (log2 < GEMMULE_RINGS_LEAST || log2 > GEMMULE_RINGS_MOST || (gemmule_address(g, rings) & 63u))
            return GEMMULE_WRONG;
        g->log2 = log2;
        g->completions = g->commands + ((size_t)GEMMULE_COMMAND_BYTES << log2);
        g->outcomes = g->completions + ((size_t)GEMMULE_COMPLETION_BYTES << log2);
    }
    const uint32_t version = read_register(g, GEMMULE_REG_VERSION);
    if (read_register(g, GEMMULE_REG_ID) != LETTERS
        || version >> GEMMULE_VERSION_COMMANDS_SHIFT != GEMMULE_COMMANDS_VERSION
        || (config_hash && read_register(g, GEMMULE_REG_CONFIG_HASH) != config_hash)
        || (rings && !(read_register(g, GEMMULE_REG_CAPS) & GEMMULE_CAPS_RING_MASK)))
        return GEMMULE_OTHER;
    g->a_bytes = element_bytes(read_register(g, GEMMULE_REG_CONFIG_A_FORMAT));
    g->b_bytes = element_bytes(read_register(g, GEMMULE_REG_CONFIG_B_FORMAT));
    return gemmule_reset(g);
}

int gemmule_reset(struct gemmule *g)
{
    const uint32_t all = GEMMULE_IRQ_STATUS_COMPLETE_MASK | GEMMULE_IRQ_STATUS_ERROR_MASK
                         | GEMMULE_IRQ_STATUS_ACCESS_MASK | GEMMULE_IRQ_STATUS_OVERFLOW_MASK;
    const uint64_t first = g->memory.address, last = first + g->memory.count - 1u;

    write_register(g, GEMMULE_REG_CTRL, GEMMULE_CTRL_RESET_MASK);
    for (uint32_t i = 0; !(read_register(g, GEMMULE_REG_STATUS) & GEMMULE_STATUS_RESET_DONE_MASK);)
        if (++i > 1000000u)
            return GEMMULE_LATE;
    g->submitted = g->completed = 0;
    g->address = 0;
    clear(g->last, sizeof g->last);
    write_register(g, GEMMULE_REG_IRQ_STATUS, all);
    write_register(g, GEMMULE_REG_IRQ_COALESCE, 0);
    write_address(g, GEMMULE_REG_WINDOW_0_BASE_LO, first);
    write_address(g, GEMMULE_REG_WINDOW_0_LIMIT_LO, last);
    write_register(g, GEMMULE_REG_WINDOW_CTRL,
                   1u << GEMMULE_WINDOW_CTRL_READ_SHIFT | 1u << GEMMULE_WINDOW_CTRL_WRITE_SHIFT);
    if (g->commands) {
        clear(g->commands, GEMMULE_RINGS_BYTES(g->log2));
        sync(g, g->commands, GEMMULE_RINGS_BYTES(g->log2), 0);
        write_address(g, GEMMULE_REG_RING_BASE_LO, gemmule_address(g, g->commands));
        write_address(g, GEMMULE_REG_COMPLETION_BASE_LO,
                      gemmule_address(g, g->completions) | GEMMULE_COMPLETION_BASE_LO_ENABLE_MASK);
        write_register(g, GEMMULE_REG_RING_SIZE, g->log2);
    }
    write_register(g, GEMMULE_REG_IRQ_ENABLE,
                   GEMMULE_IRQ_ENABLE_COMPLETE_MASK | GEMMULE_IRQ_ENABLE_ERROR_MASK);
    write_register(g, GEMMULE_REG_CTRL, GEMMULE_CTRL_ENABLE_MASK);
    return 0;
}

size_t gemmule_scale_bytes(uint32_t n)
{
    return GEMMULE_SETTINGS_BYTES + (size_t)GEMMULE_COLUMN_BYTES * n;
}

static void put_scale(uint8_t *record, const struct gemmule_scale *scale, uint8_t columns)
{
    clear(record, GEMMULE_SETTINGS_BYTES);
    gemmule_settings_set_columns(record, columns);
    gemmule_settings_set_rounding(record, scale->rounding);
    gemmule_settings_set_shift(record, scale->shift);
    gemmule_settings_set_multiplier(record, scale->multiplier);
    gemmule_settings_set_offset(record, scale->offset);
    gemmule_settings_set_b_zero_point(record, scale->b_zero_point);
    gemmule_settings_set_zero_point(record, scale->zero_point);
    gemmule_settings_set_low(record, scale->low);
    gemmule_settings_set_high(record, scale->high);
}

void gemmule_scale(struct gemmule *g, void *settings, const struct gemmule_scale *scale,
                   const int32_t *offsets, uint32_t n)
{
    uint8_t *record = settings, *column = record + GEMMULE_SETTINGS_BYTES;

    put_scale(record, scale, offsets ? GEMMULE_COLUMNS_OFFSETS : GEMMULE_COLUMNS_NONE);
    for (uint32_t i = 0; offsets && i < n; ++i, column += 4)
        gemmule_put(column, 4, (uint32_t)offsets[i]);
    sync(g, record, gemmule_scale_bytes(n), 0);
}

void gemmule_scale_columns(struct gemmule *g, void *settings, const struct gemmule_scale *scale,
                           const struct gemmule_column *columns, uint32_t n)
{
    uint8_t *record = settings, *column = record + GEMMULE_SETTINGS_BYTES;

    put_scale(record, scale, GEMMULE_COLUMNS_ALL);
    for (uint32_t i = 0; i < n; ++i, column += GEMMULE_COLUMN_BYTES) {
        clear(column, GEMMULE_COLUMN_BYTES);
        gemmule_column_set_offset(column, columns[i].offset);
        gemmule_column_set_multiplier(column, columns[i].multiplier);
        gemmule_column_set_b_zero_point(column, columns[i].b_zero_point);
        gemmule_column_set_shift(column, columns[i].shift);
    }
    sync(g, record, gemmule_scale_bytes(n), 0);
}

/* Copy bytes as they are in memory now. */
static void take(struct gemmule *g, uint8_t *target, uint8_t *source, size_t count)
{
    sync(g, source, count, 1);
    for (size_t i = 0; i < count; ++i)
        target[i] = ((volatile uint8_t *)source)[i];
}

/* Note an outcome, the next one to be noted. */
static void note(struct gemmule *g, uint8_t *found, uint8_t cause, uint64_t address)
{
    ++g->completed;
    found[CAUSE_BYTE] = cause;
    found[STATE_BYTE] = DONE;
    gemmule_put(found + ADDRESS_BYTE, 8, address);
    if (cause)
        write_register(g, GEMMULE_REG_IRQ_STATUS, GEMMULE_IRQ_STATUS_ERROR_MASK);
}

static uint64_t error_address(struct gemmule *g)
{
    return read_register(g, GEMMULE_REG_ERROR_ADDR_LO)
           | (uint64_t)read_register(g, GEMMULE_REG_ERROR_ADDR_HI) << 32;
}

/* Do as collect() for the one command that registers have. */
static int collect_direct(struct gemmule *g)
{
    uint8_t cause;

    if (g->last[STATE_BYTE] != PENDING
        || read_register(g, GEMMULE_REG_COMPLETED) == g->completed)
        return 0;
    cause = (uint8_t)((read_register(g, GEMMULE_REG_LAST) & GEMMULE_LAST_CAUSE_MASK)
                      >> GEMMULE_LAST_CAUSE_SHIFT);
    note(g, g->last, cause, cause ? error_address(g) : 0u);
    return 1;
}

/* Take note of what is complete; return whether anything was. */
static int collect(struct gemmule *g)
{
    int some = 0;

    if (!g->commands)
        return collect_direct(g);
    for (;;) {
        uint8_t *place = g->completions
                         + (size_t)GEMMULE_COMPLETION_BYTES * (g->completed & (places(g) - 1u));
        uint8_t record[GEMMULE_COMPLETION_BYTES];

        /* The index is written last: what is read after it was new belongs to it. */
        take(g, record, place, sizeof record);
        if (gemmule_completion_get_index(record) != g->completed + 1u)
            return some;
        take(g, record, place, sizeof record);
        some = 1;
        /* At most 2**15 are under way, and the sequence is the ticket's low half. */
        note(g, outcome(g, gemmule_completion_get_sequence(record)),
             gemmule_completion_get_cause(record), gemmule_completion_get_address(record));
    }
}

/* Tell whether the hardware failed otherwise than with a command. */
static int failed(struct gemmule *g)
{
    if (!(read_register(g, GEMMULE_REG_IRQ_STATUS) & GEMMULE_IRQ_STATUS_ERROR_MASK) || collect(g))
        return 0;
    g->address = error_address(g);
    return 1;
}

int gemmule_submit_command(struct gemmule *g, uint8_t command[GEMMULE_COMMAND_BYTES],
                           uint32_t *ticket)
{
    const uint32_t mine = g->submitted;
    uint8_t *found = outcome(g, mine);

    if (mine - g->completed >= places(g) || found[STATE_BYTE] == PENDING)
        collect(g);
    if (mine - g->completed >= places(g) || found[STATE_BYTE] == PENDING)
        return GEMMULE_FULL;
    gemmule_command_set_version(command, GEMMULE_COMMANDS_VERSION);
    gemmule_command_set_sequence(command, (uint16_t)mine);
    gemmule_put(found + TICKET_BYTE, 4, mine);
    found[STATE_BYTE] = PENDING;
    *ticket = mine;
    ++g->submitted;
    if (g->commands) {
        uint8_t *place = g->commands + (size_t)GEMMULE_COMMAND_BYTES * (mine & (places(g) - 1u));

        for (size_t i = 0; i < GEMMULE_COMMAND_BYTES; ++i)
            ((volatile uint8_t *)place)[i] = command[i];
        sync(g, place, GEMMULE_COMMAND_BYTES, 0);
        write_register(g, GEMMULE_REG_TAIL, g->submitted);
    } else {
        for (uint32_t i = 0; i < GEMMULE_COMMAND_BYTES; i += 4u)
            write_register(g, GEMMULE_REG_COMMAND_0 + i, (uint32_t)gemmule_get(command + i, 4));
        write_register(g, GEMMULE_REG_PUSH, GEMMULE_PUSH_PUSH_MASK);
    }
    return 0;
}

int gemmule_submit(struct gemmule *g, const struct gemmule_product *p, uint32_t *ticket)
{
    uint8_t command[GEMMULE_COMMAND_BYTES];

    if (p->c_bytes != 1u && p->c_bytes != 2u && p->c_bytes != 4u)
        return GEMMULE_WRONG;
    if ((p->m | p->n | p->k) >> 24)
        return GEMMULE_WRONG;
    clear(command, GEMMULE_COMMAND_BYTES);
    gemmule_command_set_opcode(command, GEMMULE_OPCODE_GEMM);
    gemmule_command_set_flags(command, (uint8_t)(p->flags | (p->settings ? 0u : GEMMULE_FLAG_RAW)));
    gemmule_command_set_c_size(command, p->c_bytes >> 1);
    gemmule_command_set_wait_value(command, p->wait_value);
    gemmule_command_set_a(command, gemmule_address(g, p->a));
    gemmule_command_set_b(command, gemmule_address(g, p->b));
    gemmule_command_set_c(command, gemmule_address(g, p->c));
    gemmule_command_set_settings(command, p->settings ? gemmule_address(g, p->settings) : 0u);
    gemmule_command_set_a_stride(command, p->a_stride);
    gemmule_command_set_b_stride(command, p->b_stride);
    gemmule_command_set_c_stride(command, p->c_stride);
    gemmule_command_set_m(command, p->m);
    gemmule_command_set_n(command, p->n);
    gemmule_command_set_k(command, p->k);
    gemmule_command_set_wait(command, p->wait);
    gemmule_command_set_signal(command, p->signal);
    return gemmule_submit_command(g, command, ticket);
}

int gemmule_await(struct gemmule *g, uint32_t ticket, uint32_t waits)
{
    uint8_t *found = outcome(g, ticket);

    collect(g);
    while (gemmule_get(found + TICKET_BYTE, 4) == ticket && found[STATE_BYTE] == PENDING) {
        if (!waits--)
            return failed(g) ? GEMMULE_DEVICE : GEMMULE_LATE;
        if (g->hooks.wait) {
            g->hooks.wait(g->hooks.context);
            write_register(g, GEMMULE_REG_IRQ_STATUS, GEMMULE_IRQ_STATUS_COMPLETE_MASK);
        }
        if (!collect(g) && g->hooks.wait && failed(g))
            return GEMMULE_DEVICE;
    }
    if (gemmule_get(found + TICKET_BYTE, 4) != ticket || found[STATE_BYTE] != DONE)
        return GEMMULE_FORGOTTEN;
    if (found[CAUSE_BYTE])
        g->address = gemmule_get(found + ADDRESS_BYTE, 8);
    return found[CAUSE_BYTE];
}

void gemmule_sync_rows(struct gemmule *g, const void *matrix, int32_t stride, uint32_t rows,
                       size_t row, int to_cpu)
{
    const int64_t reach = (int64_t)stride * ((int64_t)rows - 1);
    uint8_t *first = (uint8_t *)(uintptr_t)matrix;

    if (reach < 0)
        first += reach;
    sync(g, first, (size_t)(reach < 0 ? -reach : reach) + row, to_cpu);
}

int gemmule_run(struct gemmule *g, const struct gemmule_product *product, uint32_t waits)
{
    struct gemmule_product p = *product;
    uint32_t ticket;
    int result;

    if (!p.m || !p.n || !p.k)
        return GEMMULE_WRONG;
    gemmule_sync_rows(g, p.a, p.a_stride, p.m, (size_t)g->a_bytes * p.k, 0);
    gemmule_sync_rows(g, p.b, p.b_stride, p.k, (size_t)g->b_bytes * p.n, 0);
    gemmule_sync_rows(g, p.c, p.c_stride, p.m, (size_t)p.c_bytes * p.n, 0);
    p.flags |= GEMMULE_FLAG_INTERRUPT;
    result = gemmule_submit(g, &p, &ticket);
    if (!result)
        result = gemmule_await(g, ticket, waits);
    if (!result)
        gemmule_sync_rows(g, p.c, p.c_stride, p.m, (size_t)p.c_bytes * p.n, 1);
    return result;
}
