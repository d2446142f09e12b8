// Makes a `Model` of the design that Verilator translated to `Vdut`. The generated streams.inc
// lists its streams: STREAM(name, start of the ports' names, whether into the design, bits).

#include "Vdut.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

#include "model.h"

namespace {

class Design final : public gemmule::Model {
public:
    Design() {
        context.traceEverOn(VM_TRACE);
        clk = &dut.clk;
        rst = &unused;
#define RESET rst = &dut.rst;
#define STREAM(name, port, input, bits)                                               \
    streams.push_back({name, input, bits, (bits + 31) / 32, &dut.port##___05Fpayload, \
                       sizeof dut.port##___05Fpayload, &dut.port##___05Fvalid,        \
                       &dut.port##___05Fready});
#include "streams.inc"
    }
    ~Design() override { dut.final(); }

    void eval() override { dut.eval(); }
#if VM_TRACE
    void open_waves(const std::string& path) override {
        context.timeunit(-9), context.timeprecision(-9);
        dut.trace(&trace, 99);
        trace.open(path.c_str());
    }
    void dump(std::uint64_t time) override { trace.dump(time); }
    void close_waves() override { trace.close(); }
#else
    void open_waves(const std::string&) override {}
    void dump(std::uint64_t) override {}
    void close_waves() override {}
#endif

private:
    VerilatedContext context;
    Vdut dut{&context};
    std::uint8_t unused = 0;
#if VM_TRACE
    VerilatedFstC trace;
#endif
};

}  // namespace

gemmule::Model* gemmule::make_model() { return new Design; }
