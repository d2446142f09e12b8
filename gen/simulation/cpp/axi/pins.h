// What the co-simulation knows of a design: a clock and pins by name. A few generated lines for each
// design make a `Board`; everything else is compiled once.

#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>

namespace gemmule::axi {

// Thrown for what is the design's fault.
struct Violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A port of Verilator's: little-endian, in `bytes` bytes. A pin that the design has not reads as 0.
struct Pin {
    void* data = nullptr;
    unsigned bytes = 0, bits = 0;

    explicit operator bool() const { return data; }
    std::uint64_t get() const {
        std::uint64_t value = 0;
        if (bytes) std::memcpy(&value, data, bytes < 8 ? bytes : 8);
        return value;
    }
    void set(std::uint64_t value) const {
        if (!bytes) return;
        if (bits < 64) value &= (std::uint64_t(1) << bits) - 1;
        std::memcpy(data, &value, bytes < 8 ? bytes : 8);
    }
};

struct Board {
    std::map<std::string, Pin> pins;

    virtual ~Board() = default;
    virtual void eval() = 0;
    virtual void open_waves(const std::string& path) = 0;
    virtual void dump(std::uint64_t time) = 0;
    virtual void close_waves() = 0;

    Pin find(const std::string& name) const {
        const auto entry = pins.find(name);
        return entry == pins.end() ? Pin{} : entry->second;
    }
    Pin pin(const std::string& name) const {
        if (const Pin found = find(name)) return found;
        throw Violation("the design has no port " + name);
    }
};

Board* make_board();  // generated

}  // namespace gemmule::axi
