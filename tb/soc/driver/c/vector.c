/* Sums and functions by the vector unit, once. The exit code is the line that went wrong, cut. */
#include "gemmule_vector.h"
#include "platform.h"

#define CHECK(what) \
    do { \
        if (!(what)) \
            return platform_tell(__LINE__, NULL, 0); \
    } while (0)

static int32_t halved(int32_t sum) /* to even */
{
    const int32_t low = sum >> 1;
    return sum & 1 ? low + (low & 1) : low;
}

static int32_t cut(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}

int main(void)
{
    const struct gemmule_hooks hooks = platform_hooks();
    const struct gemmule_memory memory = platform_memory();
    struct gemmule g;
    int8_t *a = (int8_t *)memory.bytes + 4096, *b = a + 256, *c = b + 256;
    int16_t *x = (int16_t *)(void *)(memory.bytes + 8192), *y = x + 64;
    uint8_t *mask = memory.bytes + 8704, *settings = memory.bytes + 12288;
    uint32_t ticket;

    for (int i = 0; i < 256; ++i)
        a[i] = (int8_t)(37 * i + 11), b[i] = (int8_t)(91 * i + 5), c[i] = 0;
    CHECK(gemmule_open(&g, &hooks, &memory, memory.bytes, 2, PLATFORM_CONFIG_HASH) == 0);

    /* A row of b meets five rows of a, from the last one up. */
    struct gemmule_pass p = {.a = a + 4 * 20, .b = b, .c = c, .settings = settings, .a_stride = -20,
                             .c_stride = 32, .m = 5, .n = 19, .a_bytes = 1, .b_bytes = 1,
                             .c_bytes = 1};
    for (int ring = 1; ring >= 0; --ring) {
        CHECK(gemmule_add(&g, &p, 3, -1, 1, 1000) == 0);
        for (int i = 0; i < 5; ++i)
            for (int j = 0; j < 19; ++j)
                CHECK(c[32 * i + j] == cut(halved(3 * a[20 * (4 - i) + j] - b[j]), -128, 127));
        if (ring)
            CHECK(gemmule_open(&g, &hooks, &memory, NULL, 0, PLATFORM_CONFIG_HASH) == 0);
    }
    CHECK(gemmule_open(&g, &hooks, &memory, memory.bytes, 2, PLATFORM_CONFIG_HASH) == 0);

    /* In place, with zero points: bytes become unsigned ones around 128. */
    struct gemmule_vector v = gemmule_vector(GEMMULE_COMBINE_NONE, GEMMULE_FUNCTION_NONE);
    v.a_zero_point = -5, v.zero_point = 128, v.low = 0, v.high = 255;
    gemmule_vector_settings(&g, settings, &v, NULL, NULL, 100);
    struct gemmule_pass one = {.a = b, .c = b, .settings = settings, .m = 1, .n = 100, .a_bytes = 1,
                               .c_bytes = 1};
    CHECK(gemmule_run_pass(&g, &one, 1000) == 0);
    for (int i = 0; i < 100; ++i)
        CHECK((uint8_t)b[i] == cut((int8_t)(91 * i + 5) + 5 + 128, 0, 255));

    /* Softmax of equal numbers is one over those that the mask keeps: 2**15 / 4. */
    for (int i = 0; i < 16; ++i)
        x[i] = 700, mask[i] = (uint8_t)(i % 4 == 1 ? 3 : 0), y[i] = -1;
    v = gemmule_vector(GEMMULE_COMBINE_MASK, GEMMULE_FUNCTION_SOFTMAX);
    v.b_signed = 0;
    gemmule_vector_settings(&g, settings, &v, NULL, NULL, 16);
    struct gemmule_pass row = {.a = x, .b = mask, .c = y, .settings = settings, .m = 1, .n = 16,
                               .a_bytes = 2, .b_bytes = 1, .c_bytes = 2};
    CHECK(gemmule_run_pass(&g, &row, 1000) == 0);
    for (int i = 0; i < 16; ++i)
        CHECK(y[i] == (i % 4 == 1 ? 1 << 13 : 0));

    /* Normalized, 1 and -1 are what they were: x has 8 fractional bits, gamma 12, the result 10. */
    int16_t gamma[16], beta[16];
    for (int i = 0; i < 16; ++i)
        x[i] = i % 2 ? 256 : -256, gamma[i] = 1 << 12, beta[i] = (int16_t)(i << 12 >> 2);
    v = gemmule_vector(GEMMULE_COMBINE_NONE, GEMMULE_FUNCTION_LAYERNORM);
    gemmule_vector_settings(&g, settings, &v, gamma, beta, 16);
    row.b = NULL;
    CHECK(gemmule_run_pass(&g, &row, 1000) == 0);
    for (int i = 0; i < 16; ++i)
        CHECK(y[i] - (i << 8) == (i % 2 ? 1024 : -1024));

    /* Rows become columns, doubled, where that is built in. */
    struct gemmule_pass turn = {.a = a, .c = c, .settings = settings, .a_stride = 20, .c_stride = 8,
                                .m = 7, .n = 13, .a_bytes = 1, .c_bytes = 1, .transposed = 1};
    v = gemmule_vector(GEMMULE_COMBINE_NONE, GEMMULE_FUNCTION_TRANSPOSE);
    v.multiplier = 2, v.low = -128, v.high = 127;
    gemmule_vector_settings(&g, settings, &v, NULL, NULL, 13);
    if (hooks.read32(hooks.context, GEMMULE_REG_CONFIG_FUNCTIONS) >> v.function & 1u) {
        CHECK(gemmule_run_pass(&g, &turn, 1000) == 0);
        for (int i = 0; i < 7; ++i)
            for (int j = 0; j < 13; ++j)
                CHECK(c[8 * j + i] == cut(2 * a[20 * i + j], -128, 127));
    } else {
        CHECK(gemmule_run_pass(&g, &turn, 1000) == GEMMULE_CAUSE_SETTINGS);
    }
    gemmule_vector_settings(&g, settings, &v, NULL, NULL, 16);

    /* What is wrong, and what the hardware says of it. */
    row.a_bytes = 3;
    CHECK(gemmule_run_pass(&g, &row, 1000) == GEMMULE_WRONG);
    row.a_bytes = 2, row.m = 1u << 24;
    CHECK(gemmule_submit_pass(&g, &row, &ticket) == GEMMULE_WRONG);
    row.m = 0;
    CHECK(gemmule_run_pass(&g, &row, 1000) == GEMMULE_WRONG);
    row.m = 1, settings[GEMMULE_VECTOR_ROUNDING_BYTE] = 3;
    CHECK(gemmule_run_pass(&g, &row, 1000) == GEMMULE_CAUSE_SETTINGS);
    row.c = memory.bytes + memory.count - 8;
    CHECK(gemmule_run_pass(&g, &row, 1000) == GEMMULE_CAUSE_WINDOW);
    return platform_tell(0, NULL, 0);
}
