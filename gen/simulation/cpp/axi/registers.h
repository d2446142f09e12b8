// An AXI4-Lite master that does one access at a time, with pauses, and checks the design's answers.

#pragma once

#include "channel.h"
#include "settings.h"

namespace gemmule::axi {

class Registers {
public:
    Registers(const Board& board, const Settings& settings, std::uint64_t seed)
        : settings(settings), aw(board, "s_axi_", "aw", {"addr", "prot"}, seed + 11),
          w(board, "s_axi_", "w", {"data", "strb"}, seed + 12),
          b(board, "s_axi_", "b", {"resp"}, seed + 13),
          ar(board, "s_axi_", "ar", {"addr", "prot"}, seed + 14),
          r(board, "s_axi_", "r", {"data", "resp"}, seed + 15) {
        aw_addr = aw["addr"], w_data = w["data"], w_strb = w["strb"], b_resp = b["resp"];
        ar_addr = ar["addr"], r_data = r["data"], r_resp = r["resp"];
        reset();
    }

    void begin_write(std::uint32_t address, std::uint32_t data, unsigned strobes) {
        writing = true, owes_aw = owes_w = true, begun = 0;
        this->address = address, this->data = data, this->strobes = strobes;
    }
    void begin_read(std::uint32_t address) {
        reading = true, owes_ar = true, begun = 0;
        this->address = address;
    }
    bool busy() const { return writing || reading; }

    void drive() {
        offer(aw, owes_aw, [&] { aw_addr.set(address), aw["prot"].set(0); });
        offer(w, owes_w, [&] { w_data.set(data), w_strb.set(strobes); });
        offer(ar, owes_ar, [&] { ar_addr.set(address), ar["prot"].set(0); });
        b.ready.set(writing && !b.pauses(settings.pause_lite, settings.pause_length));
        r.ready.set(reading && !r.pauses(settings.pause_lite, settings.pause_length));
    }

    void observe(std::uint64_t now) {
        b.check_offer(now), r.check_offer(now);
        if (aw.moves()) owes_aw = false;
        if (w.moves()) owes_w = false, written_at = now;
        if (ar.moves()) owes_ar = false;
        if (b.valid.get() && (!writing || owes_aw || owes_w))
            throw Violation("s_axi_bvalid is high without a write, in cycle " + std::to_string(now));
        if (r.valid.get() && (!reading || owes_ar))
            throw Violation("s_axi_rvalid is high without a read, in cycle " + std::to_string(now));
        if (b.moves()) writing = false, response = b_resp.get();
        if (r.moves()) reading = false, response = r_resp.get(), data = r_data.get();
        if (busy() && ++begun > settings.patience)
            throw Violation("the access to the register at " + hex(address) + " is not answered in "
                            + std::to_string(settings.patience) + " cycles, up to cycle "
                            + std::to_string(now));
    }

    void reset() {
        writing = reading = owes_aw = owes_w = owes_ar = false;
        for (Channel* each : {&aw, &w, &ar}) each->valid.set(0);
        for (Channel* each : {&b, &r}) each->ready.set(0), each->forget();
    }
    void check_reset() const {
        for (const Channel* each : {&b, &r})
            if (each->valid.get()) throw Violation(each->name + "valid is high in reset");
    }

    std::uint32_t data = 0;
    unsigned response = 0;
    std::uint64_t written_at = 0;  // cycle in which the data of the last write was taken

private:
    const Settings& settings;
    Channel aw, w, b, ar, r;
    Pin aw_addr, w_data, w_strb, b_resp, ar_addr, r_data, r_resp;
    bool writing = false, reading = false, owes_aw = false, owes_w = false, owes_ar = false;
    std::uint32_t address = 0;
    unsigned strobes = 15;
    std::uint64_t begun = 0;

    // An offer begins after a pause, and stands until it is taken.
    template <typename Load>
    void offer(Channel& channel, bool owed, Load load) {
        if (owed && channel.valid.get()) return;
        channel.valid.set(0);
        if (!owed) return;
        if (channel.pauses(settings.pause_lite, settings.pause_length)) {
            channel.scramble();
            return;
        }
        load();
        channel.valid.set(1);
    }
};

}  // namespace gemmule::axi
