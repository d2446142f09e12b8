// Makes a `Board` of the design that Verilator translated to `Vdut`. The generated pins.inc lists its
// ports: PIN(name, name in C++, bits).

#include "axi/pins.h"
#include "verilated_dut.h"

namespace {

class Design final : public gemmule::VerilatedDut<gemmule::axi::Board> {
public:
    Design() {
#define PIN(name, member, width) pins[name] = {&dut.member, sizeof dut.member, width};
#include "pins.inc"
    }
};

}  // namespace

gemmule::axi::Board* gemmule::axi::make_board() { return new Design; }
