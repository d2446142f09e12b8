/* SPDX-License-Identifier: Apache-2.0
 * A product of 4 x 4: what the board gives (hooks, memory) is in platform.h, which is yours. */
#include "gemmule.h"
#include "platform.h"

int main(void)
{
    const struct gemmule_hooks hooks = platform_hooks();
    const struct gemmule_memory memory = platform_memory();
    struct gemmule g;
    uint8_t *rings = memory.bytes;                         /* for four commands */
    int8_t *a = (int8_t *)memory.bytes + 512, *b = a + 64; /* 4 x 4 each */
    int8_t *c = b + 64;
    uint8_t *settings = memory.bytes + 1024;
    const struct gemmule_scale half = {.multiplier = 1, .shift = 1, .low = -128, .high = 127};

    for (int i = 0; i < 16; ++i)
        a[i] = (int8_t)i, b[i] = (int8_t)(i % 5 - 2);
    int result = gemmule_open(&g, &hooks, &memory, rings, 2, PLATFORM_CONFIG_HASH);
    if (!result) {
        gemmule_scale(&g, settings, &half, NULL, 4);
        result = gemmule_run(&g, &(struct gemmule_product){
            .a = a, .b = b, .c = c, .settings = settings, .a_stride = 4, .b_stride = 4,
            .c_stride = 4, .m = 4, .n = 4, .k = 4, .c_bytes = 1}, 1000);
    }
    return platform_tell(result, c, 16);
}
