// The two ends of a stream. In each cycle an endpoint drives its side, the design settles, and the
// endpoint looks at what came of it.

#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "model.h"

namespace gemmule {

// Thrown for what is the design's fault.
struct Fault : std::runtime_error {
    std::string kind;
    std::string stream;
    Fault(std::string kind, std::string stream, const std::string& text)
        : std::runtime_error(text), kind(std::move(kind)), stream(std::move(stream)) {}
};

// SplitMix64: each endpoint has its own, so that one's stalls do not depend on another's.
class Random {
public:
    explicit Random(std::uint64_t seed) : state(seed) {}
    bool happens(double probability) {
        return probability > 0 && (next() >> 11) * 0x1.0p-53 < probability;
    }

    std::uint64_t next() {
        std::uint64_t z = (state += 0x9E3779B97F4A7C15u);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }

private:
    std::uint64_t state;
};

class Endpoint {
public:
    Endpoint(const Stream& stream, double stall, std::uint64_t seed)
        : stream(stream), stall(stall), random(seed) {}
    virtual ~Endpoint() = default;

    virtual void drive() = 0;                          // before the design settles
    virtual bool observe(std::uint64_t cycle) = 0;     // after; true if a beat was transferred
    virtual void idle() = 0;                           // while the design is in reset
    virtual void restart() = 0;                        // the job begins anew
    virtual std::size_t done() const { return moved; }
    virtual std::size_t expected() const = 0;
    bool finished() const { return done() >= expected(); }
    void never_stall() { stall = 0; }

    Stream stream;

protected:
    double stall;
    Random random;
    std::size_t moved = 0;  // beats
};

// Offers beats in order; an offer holds until it is taken. Without one the wires carry noise, on
// which nothing may depend.
class Giver : public Endpoint {
public:
    Giver(const Stream& stream, double stall, std::uint64_t seed)
        : Endpoint(stream, stall, seed), wires(~seed) {}

    void drive() override {
        if (!offering && has_more() && !random.happens(stall)) {
            load();
            offering = true;
        } else if (!offering && !noisy) {
            scramble();
        }
        noisy = !offering;
        *stream.valid = offering;
    }
    bool observe(std::uint64_t) override {
        if (!offering || !*stream.ready) return false;
        offering = false;
        ++moved;
        return true;
    }
    void idle() override { *stream.valid = 0; }
    void restart() override { offering = noisy = false, moved = 0; }

protected:
    virtual bool has_more() const = 0;
    virtual void load() = 0;  // puts the next beat on the stream

private:
    Random wires;
    bool offering = false, noisy = false;

    void scramble() {
        std::vector<std::uint32_t> noise(stream.words);
        for (std::uint32_t& word : noise) word = static_cast<std::uint32_t>(wires.next());
        // Verilator takes no bits above those of a port.
        if (stream.bits % 32) noise.back() &= (1u << stream.bits % 32) - 1;
        std::memcpy(stream.payload, noise.data(), stream.bytes);
    }
};

// Takes beats, and sees to it that an offer neither changes nor goes before it is taken.
class Taker : public Endpoint {
public:
    // A shy taker is ready only for what it was already offered: `valid` must not wait for it.
    Taker(const Stream& stream, double stall, std::uint64_t seed, bool shy)
        : Endpoint(stream, stall, seed), shy(shy), last(stream.words) {}

    void drive() override {
        *stream.ready = !random.happens(stall) && (pending || !shy) && has_room();
    }
    bool observe(std::uint64_t cycle) override {
        if (pending) check_held(cycle);
        pending = false;
        if (!*stream.valid) return false;
        if (!*stream.ready) {
            std::memcpy(last.data(), stream.payload, stream.bytes);
            pending = true;
            return false;
        }
        take(cycle);
        ++moved;
        return true;
    }
    void idle() override { *stream.ready = 0, pending = false; }
    void restart() override { moved = 0, pending = false; }

protected:
    virtual bool has_room() const { return true; }
    virtual void take(std::uint64_t cycle) = 0;

private:
    bool shy;
    std::vector<std::uint32_t> last;
    bool pending = false;

    void check_held(std::uint64_t cycle) const {
        const bool same = std::memcmp(last.data(), stream.payload, stream.bytes) == 0;
        if (*stream.valid && same) return;
        throw Fault("offer", stream.name,
                    std::string(*stream.valid ? "changes" : "withdraws") + " beat "
                        + std::to_string(moved) + " before it is taken, in cycle "
                        + std::to_string(cycle));
    }
};

// Beats of a file, `count` of them from the one numbered `first` on, `times` one after the other.
struct Part {
    std::uint64_t first, count, times;
};

// Offers the parts of a file. Each beat may wait until another endpoint has moved so many of its own.
class Source final : public Giver {
public:
    Source(const Stream& stream, double stall, std::uint64_t seed, std::vector<std::uint32_t> beats,
           std::vector<Part> parts)
        : Giver(stream, stall, seed), beats(std::move(beats)), parts(std::move(parts)) {
        for (const Part& part : this->parts) count += part.count * part.times;
    }

    void stay_behind(const Endpoint* other, std::vector<std::uint32_t> counts) {
        this->other = other, this->counts = std::move(counts);
    }
    std::size_t expected() const override { return count; }
    void restart() override { Giver::restart(), part = time = at = 0; }

private:
    std::vector<std::uint32_t> beats, counts;
    std::vector<Part> parts;
    std::size_t count = 0;
    std::size_t part = 0, time = 0, at = 0;  // of the next beat
    const Endpoint* other = nullptr;

    bool has_more() const override {
        return moved < count && (!other || other->done() >= counts[moved]);
    }
    void load() override {
        const Part& now = parts[part];
        std::memcpy(stream.payload, &beats[(now.first + at) * stream.words], stream.bytes);
        if (++at < now.count) return;
        at = 0;
        if (++time < now.times) return;
        time = 0, ++part;
    }
};

// How many beats a sink takes: an exact count, none though they are offered, or any number.
enum class Takes { counted, none, any };

// Takes beats for a file.
class Sink final : public Taker {
public:
    Sink(const Stream& stream, double stall, std::uint64_t seed, std::size_t count, bool shy,
         Takes takes)
        : Taker(stream, stall, seed, shy), count(count), takes(takes) {
        beats.reserve(count * stream.words);
    }

    void restart() override { Taker::restart(), beats.clear(); }
    std::size_t expected() const override { return count; }
    const std::vector<std::uint32_t>& received() const { return beats; }

private:
    std::vector<std::uint32_t> beats;
    std::size_t count;
    Takes takes;

    bool has_room() const override { return takes != Takes::none; }
    void take(std::uint64_t cycle) override {
        if (takes == Takes::counted && finished())
            throw Fault("surplus", stream.name,
                        "offers a beat after the last of " + std::to_string(count) + ", in cycle "
                            + std::to_string(cycle));
        beats.resize(beats.size() + stream.words);
        std::memcpy(&beats[moved * stream.words], stream.payload, stream.bytes);
    }
};

}  // namespace gemmule
