/* Everything that the driver can answer, once. The exit code is the line that went wrong, cut. */
#include "gemmule.h"
#include "platform.h"

#define CHECK(what) \
    do { \
        if (!(what)) \
            return platform_tell(__LINE__, NULL, 0); \
    } while (0)

static int32_t expected(const int8_t *a, const int8_t *b, int i, int j)
{
    int32_t sum = 0;
    for (int k = 0; k < 5; ++k)
        sum += a[7 * i + k] * b[8 * k + j];
    return sum;
}

int main(void)
{
    const struct gemmule_hooks hooks = platform_hooks();
    const struct gemmule_memory memory = platform_memory();
    struct gemmule g;
    int8_t *a = (int8_t *)memory.bytes + 4096, *b = a + 256;
    int32_t *c = (int32_t *)(void *)(memory.bytes + 8192);
    uint8_t *settings = memory.bytes + 12288;
    uint32_t tickets[8], late;

    for (int i = 0; i < 256; ++i)
        a[i] = (int8_t)(37 * i + 11), b[i] = (int8_t)(91 * i + 5);
    CHECK(gemmule_open(&g, &hooks, &memory, memory.bytes, 2, 0xdeadbeefu) == GEMMULE_OTHER);
    CHECK(gemmule_open(&g, &hooks, &memory, memory.bytes + 32, 2, 0) == GEMMULE_WRONG);
    CHECK(gemmule_open(&g, &hooks, &memory, memory.bytes, 1, 0) == GEMMULE_WRONG);
    CHECK(gemmule_open(&g, &hooks, &memory, memory.bytes, 2, PLATFORM_CONFIG_HASH) == 0);

    struct gemmule_product p = {.a = a, .b = b, .c = c, .a_stride = 7, .b_stride = 8,
                                .c_stride = 32, .m = 6, .n = 3, .k = 5, .c_bytes = 4};
    CHECK(gemmule_run(&g, &p, 1000) == 0);
    for (int i = 0; i < 6; ++i)
        for (int j = 0; j < 3; ++j)
            CHECK(c[8 * i + j] == expected(a, b, i, j));

    /* Rows of c from the last one up, scaled with an offset of each column. */
    const struct gemmule_scale scale = {.multiplier = 3, .shift = 4, .zero_point = -7,
                                        .low = -1000, .high = 1000, .rounding = 1};
    const int32_t offsets[3] = {100, -200, 300};
    gemmule_scale(&g, settings, &scale, offsets, 3);
    p.settings = settings, p.c = c + 8 * 5, p.c_stride = -32;
    CHECK(gemmule_run(&g, &p, 1000) == 0);
    for (int i = 0; i < 6; ++i)
        for (int j = 0; j < 3; ++j) {
            int32_t value = (((expected(a, b, i, j) + offsets[j]) * 3 + 8) >> 4) - 7;
            value = value < -1000 ? -1000 : value > 1000 ? 1000 : value;
            CHECK(c[8 * (5 - i) + j] == value);
        }

    /* More than the ring holds. The first one waits for the signal of a product never asked for. */
    p.wait = 1, p.wait_value = 1;
    for (int i = 0; i < 4; ++i)
        CHECK(gemmule_submit(&g, &p, &tickets[i]) == 0);
    CHECK(gemmule_submit(&g, &p, &late) == GEMMULE_FULL);
    CHECK(gemmule_await(&g, tickets[0], 3) == GEMMULE_LATE);
    CHECK(gemmule_await(&g, 12345, 3) == GEMMULE_FORGOTTEN);
    CHECK(gemmule_reset(&g) == 0);
    CHECK(gemmule_await(&g, tickets[0], 3) == GEMMULE_FORGOTTEN);

    /* Round the ring, always three under way. */
    p.wait = 0, p.signal = 2, p.flags = GEMMULE_FLAG_INTERRUPT;
    for (int i = 0; i < 30; ++i) {
        if (i >= 3)
            CHECK(gemmule_await(&g, tickets[(i - 3) % 8], 1000) == 0);
        CHECK(gemmule_submit(&g, &p, &tickets[i % 8]) == 0);
    }
    for (int i = 27; i < 30; ++i)
        CHECK(gemmule_await(&g, tickets[i % 8], 1000) == 0);
    CHECK(gemmule_await(&g, tickets[29 % 8], 0) == 0);

    /* What the hardware refuses, with its cause and its address; then all is well again. */
    p.c = memory.bytes + memory.count - 8, p.c_stride = 32;
    CHECK(gemmule_run(&g, &p, 1000) == GEMMULE_CAUSE_WINDOW);
    CHECK(g.address == memory.address + memory.count - 8);
    p.c = c, p.c_bytes = 3;
    CHECK(gemmule_run(&g, &p, 1000) == GEMMULE_WRONG);
    p.c_bytes = 4, p.k = 1u << 24;
    CHECK(gemmule_submit(&g, &p, &late) == GEMMULE_WRONG);
    p.k = 5, settings[0] = 9;
    CHECK(gemmule_run(&g, &p, 1000) == GEMMULE_CAUSE_SETTINGS);
    p.settings = NULL;
    CHECK(gemmule_run(&g, &p, 1000) == 0);

    /* Columns with scales of their own, and the same through registers, without a ring. */
    const struct gemmule_column columns[3] = {{.offset = 50, .multiplier = 3, .shift = 4},
                                              {.offset = -9, .multiplier = 7, .shift = 6},
                                              {.offset = 0, .multiplier = 1, .shift = 0}};
    gemmule_scale_columns(&g, settings, &scale, columns, 3);
    p.settings = settings, p.flags = p.signal = 0;
    for (int ring = 1; ring >= 0; --ring) {
        for (int i = 0; i < 48; ++i)
            c[i] = 0;
        CHECK(gemmule_run(&g, &p, 1000) == 0);
        for (int i = 0; i < 6; ++i)
            for (int j = 0; j < 3; ++j) {
                const int32_t product = (expected(a, b, i, j) + columns[j].offset)
                                        * (int32_t)columns[j].multiplier;
                const int32_t half = (1 << columns[j].shift) >> 1;
                int32_t value = ((product + half) >> columns[j].shift) - 7;
                value = value < -1000 ? -1000 : value > 1000 ? 1000 : value;
                CHECK(c[8 * i + j] == value);
            }
        if (ring)
            CHECK(gemmule_open(&g, &hooks, &memory, NULL, 0, PLATFORM_CONFIG_HASH) == 0);
    }
    p.wait = 1, p.wait_value = 1;
    CHECK(gemmule_submit(&g, &p, &tickets[0]) == 0);
    CHECK(gemmule_submit(&g, &p, &late) == GEMMULE_FULL);
    CHECK(gemmule_await(&g, tickets[0], 3) == GEMMULE_LATE);
    CHECK(gemmule_reset(&g) == 0);
    p.wait = 0, p.wait_value = 0;
    settings[0] = 9;
    CHECK(gemmule_run(&g, &p, 1000) == GEMMULE_CAUSE_SETTINGS);
    p.settings = NULL, p.c = memory.bytes + memory.count - 8;
    CHECK(gemmule_run(&g, &p, 1000) == GEMMULE_CAUSE_WINDOW);
    CHECK(g.address == memory.address + memory.count - 8);
    p.c = c;
    CHECK(gemmule_run(&g, &p, 1000) == 0);
    return platform_tell(0, NULL, 0);
}
