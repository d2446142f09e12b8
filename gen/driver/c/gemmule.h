/* SPDX-License-Identifier: Apache-2.0
 * Driver of Gemmule accelerators: C11, freestanding, without allocation, without global state.
 *
 * Give it hooks and a piece of memory that the accelerator reaches. Matrices lie there as well, row
 * by row; gemmule_submit() hands a product over with one write of a register, gemmule_await() tells
 * what became of it by looking at memory.
 */
#ifndef GEMMULE_H
#define GEMMULE_H

#include <stddef.h>

#include "gemmule_layout.h"

/* What the driver needs of a system. `context` is handed through. */
struct gemmule_hooks {
    void *context;
    /* Read a register, `offset` bytes from the page's beginning. */
    uint32_t (*read32)(void *context, uint32_t offset);
    /* Write a register, after everything that was written to memory before is there. */
    void (*write32)(void *context, uint32_t offset, uint32_t value);
    /* Hand bytes to the accelerator (clean caches) or, with `to_cpu`, take them back (drop them from
     * caches). NULL where memory is coherent. */
    void (*sync)(void *context, void *bytes, size_t count, int to_cpu);
    /* Return at the interrupt, or after a while. NULL: look again at once. */
    void (*wait)(void *context);
};

/* Memory that both sides reach: `count` bytes, the first one at `address` for the accelerator. */
struct gemmule_memory {
    uint8_t *bytes;
    uint64_t address;
    size_t count;
};

/* The driver's own bytes in that memory for 2**log2 commands: its place is a multiple of 64. */
#define GEMMULE_RINGS_BYTES(log2) ((size_t)96 << (log2))
#define GEMMULE_RINGS_LEAST 2u
#define GEMMULE_RINGS_MOST 15u

struct gemmule {
    struct gemmule_hooks hooks;
    struct gemmule_memory memory;
    uint8_t *commands, *completions, *outcomes; /* commands: NULL without a ring */
    unsigned log2;
    uint8_t last[16]; /* what became of the last command, without a ring */
    uint8_t a_bytes, b_bytes;      /* of an element */
    uint32_t submitted, completed; /* since the last reset */
    uint64_t address;              /* where the last failure has one */
};

/* A product: c [m, n] = a [m, k] @ b [k, n]; all pointers are into the shared memory. One that reads
 * what an earlier one writes, and is submitted before that is complete, has GEMMULE_FLAG_FENCE. */
struct gemmule_product {
    const void *a, *b;
    void *c;
    const void *settings;                 /* of gemmule_scale(), or NULL: sums as they are */
    int32_t a_stride, b_stride, c_stride; /* bytes from a row to the next */
    uint32_t m, n, k;
    uint8_t c_bytes;      /* of a result: 1, 2 or 4 */
    uint8_t flags;        /* GEMMULE_FLAG_INTERRUPT, GEMMULE_FLAG_FENCE */
    uint8_t wait, signal; /* dependency counters, 0: none */
    uint16_t wait_value;
};

/* Scale of all columns: clamp(round((sum + offset) * multiplier / 2**shift) + zero_point). */
struct gemmule_scale {
    int32_t offset, zero_point, low, high;
    uint32_t multiplier;
    uint8_t shift, rounding; /* ties: 0 to even, 1 up, 2 away from zero */
    int16_t b_zero_point;
};

/* What one column may have of its own: the same members of the scale do not count then. */
struct gemmule_column {
    int32_t offset;
    uint32_t multiplier;
    int16_t b_zero_point;
    uint8_t shift;
};

/* What functions return: 0, a cause of a command (GEMMULE_CAUSE_x, positive), or one of these. */
enum {
    GEMMULE_OTHER = -1,     /* the hardware is not the one that is expected */
    GEMMULE_FULL = -2,      /* no room for a command: await a product first */
    GEMMULE_LATE = -3,      /* not done in time; it may yet be */
    GEMMULE_DEVICE = -4,    /* the ring, a completion or the watchdog failed: see ERROR; reset */
    GEMMULE_FORGOTTEN = -5, /* so old that its outcome was overwritten, or never submitted */
    GEMMULE_WRONG = -6      /* an argument that the hardware need not be asked about */
};

/* Begin: check the hardware against `config_hash` (0: any will do), reset it, open a window for the
 * shared memory, and none else. `rings` are GEMMULE_RINGS_BYTES(log2) bytes of the shared memory; with
 * NULL commands go through registers, one at a time, as hardware without a ring must be asked. */
int gemmule_open(struct gemmule *g, const struct gemmule_hooks *hooks,
                 const struct gemmule_memory *memory, void *rings, unsigned log2,
                 uint32_t config_hash);

/* Stop all that runs, and begin anew. Nothing is written to memory once it returned. */
int gemmule_reset(struct gemmule *g);

/* Bytes of settings for n columns. The accelerator wants room for a record of each. */
size_t gemmule_scale_bytes(uint32_t n);

/* Write the settings of a product. With `offsets`, one for each of n columns, `scale->offset` does
 * not count. */
void gemmule_scale(struct gemmule *g, void *settings, const struct gemmule_scale *scale,
                   const int32_t *offsets, uint32_t n);

/* The same with all that each of n columns may have of its own. */
void gemmule_scale_columns(struct gemmule *g, void *settings, const struct gemmule_scale *scale,
                           const struct gemmule_column *columns, uint32_t n);

/* Hand a product over. `ticket` is what to await. */
int gemmule_submit(struct gemmule *g, const struct gemmule_product *product, uint32_t *ticket);

/* Wait until a product is complete, calling the hook `wait` at most `waits` times. */
int gemmule_await(struct gemmule *g, uint32_t ticket, uint32_t waits);

/* Submit and await; then hand c to the processor. */
int gemmule_run(struct gemmule *g, const struct gemmule_product *product, uint32_t waits);

/* The address of a byte of the shared memory, as the accelerator sees it. */
uint64_t gemmule_address(const struct gemmule *g, const void *bytes);

/* Hand any command over, all of whose fields are set but for version and sequence. */
int gemmule_submit_command(struct gemmule *g, uint8_t command[GEMMULE_COMMAND_BYTES],
                           uint32_t *ticket);

/* Hand rows of `row` bytes, from the first byte of all to the last one, to the other side. */
void gemmule_sync_rows(struct gemmule *g, const void *matrix, int32_t stride, uint32_t rows,
                       size_t row, int to_cpu);

#endif
