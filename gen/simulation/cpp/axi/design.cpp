// Makes a `Board` of the design that Verilator translated to `Vdut`. The generated pins.inc lists its
// ports: PIN(name, name in C++, bits).

#include "Vdut.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

#include "axi/pins.h"

namespace {

class Design final : public gemmule::axi::Board {
public:
    Design() {
        context.traceEverOn(VM_TRACE);
#define PIN(name, member, width) pins[name] = {&dut.member, sizeof dut.member, width};
#include "pins.inc"
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
#if VM_TRACE
    VerilatedFstC trace;
#endif
};

}  // namespace

gemmule::axi::Board* gemmule::axi::make_board() { return new Design; }
