// A channel of AXI: the pins of its payload, VALID and READY, and who of them is the design's.

#pragma once

#include <sstream>
#include <vector>

#include "pins.h"

namespace gemmule::axi {

// SplitMix64: each channel has its own, so that the pauses of one do not depend on another's.
class Random {
public:
    explicit Random(std::uint64_t seed) : state(seed) {}
    std::uint64_t next() {
        std::uint64_t z = (state += 0x9E3779B97F4A7C15u);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }
    bool happens(double probability) {
        return probability > 0 && (next() >> 11) * 0x1.0p-53 < probability;
    }

private:
    std::uint64_t state;
};

inline std::string hex(std::uint64_t value) {
    std::ostringstream text;
    text << "0x" << std::hex << value;
    return text.str();
}

class Channel {
public:
    // `bus` is the beginning of all names, `name` that of this channel's ("aw"), `parts` its payload.
    Channel(const Board& board, const std::string& bus, const std::string& name,
            const std::vector<std::string>& parts, std::uint64_t seed)
        : name(bus + name), random(seed), valid(board.pin(bus + name + "valid")),
          ready(board.pin(bus + name + "ready")) {
        for (const std::string& part : parts) {
            if (const Pin pin = board.find(bus + name + part)) {
                payload.push_back(pin);
                bytes += pin.bytes;
                pins[part] = pin;
            }
        }
        before.resize(bytes);
    }

    Pin operator[](const std::string& part) const {
        const auto entry = pins.find(part);
        return entry == pins.end() ? Pin{} : entry->second;
    }
    bool moves() const { return valid.get() && ready.get(); }
    // Each cycle for itself; with a `length`, pauses take so many cycles on average, as do what is
    // between them in proportion.
    bool pauses(double probability, double length) {
        if (length <= 0 || probability <= 0) return random.happens(probability);
        const double ends = 1 / length, begins = ends * probability / (1 - probability);
        return paused = paused ? !random.happens(ends) : random.happens(begins);
    }

    // What the design offers must stay, all of it, until it is taken.
    void check_offer(std::uint64_t cycle) {
        const bool offered = valid.get();
        if (waiting && !offered)
            throw Violation(name + "valid falls before " + name + "ready came, in cycle "
                            + std::to_string(cycle));
        if (waiting && !same())
            throw Violation("the payload of " + name + " changes before it is taken, in cycle "
                            + std::to_string(cycle));
        waiting = offered && !ready.get();
        if (waiting) keep();
    }
    void forget() { waiting = false; }

    // Puts noise on a payload that is ours and not offered: nothing may depend on it.
    void scramble() {
        for (const Pin& pin : payload) {
            auto* target = static_cast<std::uint8_t*>(pin.data);
            for (unsigned at = 0; at < pin.bytes; at += 8) {
                const std::uint64_t noise = random.next();
                std::memcpy(target + at, &noise, pin.bytes - at < 8 ? pin.bytes - at : 8);
            }
            if (pin.bits < 64) pin.set(pin.get());
            else if (pin.bits % 32) clear_above(pin);
        }
    }

    const std::string name;
    Random random;
    Pin valid, ready;

private:
    std::vector<Pin> payload;
    std::map<std::string, Pin> pins;
    std::vector<std::uint8_t> before;
    std::size_t bytes = 0;
    bool waiting = false, paused = false;

    bool same() const {
        std::size_t at = 0;
        for (const Pin& pin : payload) {
            if (std::memcmp(&before[at], pin.data, pin.bytes)) return false;
            at += pin.bytes;
        }
        return true;
    }
    void keep() {
        std::size_t at = 0;
        for (const Pin& pin : payload) std::memcpy(&before[at], pin.data, pin.bytes), at += pin.bytes;
    }
    static void clear_above(const Pin& pin) {
        std::uint32_t last;
        auto* place = static_cast<std::uint8_t*>(pin.data) + pin.bytes - 4;
        std::memcpy(&last, place, 4);
        last &= (1u << pin.bits % 32) - 1;
        std::memcpy(place, &last, 4);
    }
};

}  // namespace gemmule::axi
