// What every design that Verilator translated to `Vdut` has: a context, the design, its waves.

#pragma once

#include <cstdint>
#include <string>

#include "Vdut.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

namespace gemmule {

// Base says what is asked of a design: eval, and waves.
template <class Base>
class VerilatedDut : public Base {
public:
    VerilatedDut() { context.traceEverOn(VM_TRACE); }
    ~VerilatedDut() override { dut.final(); }

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

protected:
    VerilatedContext context;
    Vdut dut{&context};
#if VM_TRACE
    VerilatedFstC trace;
#endif
};

}  // namespace gemmule
