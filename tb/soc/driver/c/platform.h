/* A "board" that is a pipe to Python, and memory in a file. */
#ifndef PLATFORM_H
#define PLATFORM_H

#include "gemmule.h"

#ifndef PLATFORM_CONFIG_HASH
#define PLATFORM_CONFIG_HASH 0u
#endif

struct gemmule_hooks platform_hooks(void);
struct gemmule_memory platform_memory(void);
int platform_tell(int result, const void *bytes, size_t count);

#endif
