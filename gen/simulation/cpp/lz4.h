// What Verilator's FST writer wants of liblz4: blocks that hold their bytes as literals.
// The format is LZ4's; nothing gets smaller, and no library needs to be installed.

#pragma once

#include <cstring>

inline int LZ4_compressBound(int size) { return size + size / 255 + 16; }

inline int LZ4_compress_default(const char* source, char* target, int size, int) {
    char* out = target;
    *out++ = static_cast<char>((size < 15 ? size : 15) << 4);
    if (size >= 15) {
        int rest = size - 15;
        for (; rest >= 255; rest -= 255) *out++ = static_cast<char>(255);
        *out++ = static_cast<char>(rest);
    }
    if (size) std::memcpy(out, source, size);
    return static_cast<int>(out + size - target);
}
