// Makes a `Model` of the design that Verilator translated to `Vdut`. The generated streams.inc
// lists its streams: STREAM(name, start of the ports' names, whether into the design, bits).

#include "model.h"
#include "verilated_dut.h"

namespace {

class Design final : public gemmule::VerilatedDut<gemmule::Model> {
public:
    Design() {
        clk = &dut.clk;
        rst = &unused;
#define RESET rst = &dut.rst;
#define STREAM(name, port, input, bits)                                               \
    streams.push_back({name, input, bits, (bits + 31) / 32, &dut.port##___05Fpayload, \
                       sizeof dut.port##___05Fpayload, &dut.port##___05Fvalid,        \
                       &dut.port##___05Fready});
#include "streams.inc"
    }

private:
    std::uint8_t unused = 0;
};

}  // namespace

gemmule::Model* gemmule::make_model() { return new Design; }
