// What the driver knows of a design: a clock, a reset and streams. A few generated lines for each
// design make a `Model`; everything else is compiled once.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gemmule {

struct Stream {
    std::string name;
    bool input;           // into the design
    unsigned bits;        // of a beat
    unsigned words;       // of 32 bits, that hold them
    void* payload;        // Verilator's port: little-endian, `bytes` of it
    std::size_t bytes;
    std::uint8_t* valid;
    std::uint8_t* ready;
};

struct Model {
    std::uint8_t* clk;
    std::uint8_t* rst;
    std::vector<Stream> streams;

    virtual ~Model() = default;
    virtual void eval() = 0;
    virtual void open_waves(const std::string& path) = 0;
    virtual void dump(std::uint64_t time) = 0;
    virtual void close_waves() = 0;
};

Model* make_model();  // generated

}  // namespace gemmule
