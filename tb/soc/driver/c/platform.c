/* Operations go to stdout, answers come from stdin: those of gen/simulation/cpp/axi/loop.cpp. */
#define _POSIX_C_SOURCE 200809L
#include "platform.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct operation {
    uint32_t what, a;
    uint64_t b, c;
};
struct answer {
    uint32_t status, value;
    uint64_t cycle, more;
};

static uint32_t ask(uint32_t what, uint32_t a, uint64_t b, uint64_t c)
{
    const struct operation operation = {what, a, b, c};
    struct answer answer;

    fwrite(&operation, sizeof operation, 1, stdout);
    fflush(stdout);
    if (fread(&answer, sizeof answer, 1, stdin) != 1 || answer.status)
        exit(99);
    return answer.value;
}

static uint32_t read32(void *context, uint32_t offset)
{
    (void)context;
    return ask(2, offset, 0, 0);
}

static void write32(void *context, uint32_t offset, uint32_t value)
{
    (void)context;
    ask(1, offset, value, 15);
}

static void wait_a_while(void *context)
{
    (void)context;
    ask(3, 1, 2000, 0);
}

struct gemmule_hooks platform_hooks(void)
{
    return (struct gemmule_hooks){.read32 = read32, .write32 = write32,
                                  .wait = getenv("POLL") ? NULL : wait_a_while};
}

struct gemmule_memory platform_memory(void)
{
    const size_t size = strtoull(getenv("SIZE"), NULL, 10);
    const int file = open(getenv("IMAGE"), O_RDWR);
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

    if (bytes == MAP_FAILED)
        exit(98);
    return (struct gemmule_memory){bytes, strtoull(getenv("BASE"), NULL, 10), size};
}

int platform_tell(int result, const void *bytes, size_t count)
{
    fprintf(stderr, "%d", result);
    for (size_t i = 0; i < count; ++i)
        fprintf(stderr, " %d", ((const int8_t *)bytes)[i]);
    return result != 0;
}
