// An external memory behind streams of requests. In a cycle, `serve` comes first: it looks at what
// was taken in the cycle before, then moves as many bytes as a cycle can. `Memory` in gen/block.py
// says which, and when a vector is offered.

#pragma once

#include <algorithm>
#include <deque>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <utility>

#include "endpoints.h"
#include "request.inc"  // made: the fields of a request

namespace gemmule {

struct ChannelPlan {
    std::string request, data;
    unsigned lanes = 0, width = 0;
    bool sign = false;  // whether the lanes are signed
};

struct MemoryPlan {
    std::string path;  // the image: read at the start, written at the end
    std::uint64_t width = 0, latency = 0;
    std::size_t queue = 0;
    std::vector<ChannelPlan> channels;
};

// A beat whose bits can be reached in any place, up to 64 at a time: it ends with a spare word.
class Bits {
public:
    explicit Bits(const Stream& stream) : words(stream.words + 1), bytes(stream.bytes) {}
    void load(const void* payload) { std::memcpy(words.data(), payload, bytes); }
    void store(void* payload) const { std::memcpy(payload, words.data(), bytes); }

    std::uint64_t get(std::size_t at, unsigned count) const {
        if (count > 32) return get(at, 32) | get(at + 32, count - 32) << 32;
        const std::uint32_t *word = &words[at / 32];
        return (word[0] | std::uint64_t(word[1]) << 32) >> at % 32 & ones(count);
    }
    std::uint64_t get(RequestField field) const { return get(field.at, field.bits); }
    void put(std::size_t at, unsigned count, std::int64_t value) {
        for (; count > 32; at += 32, count -= 32, value >>= 32) put(at, 32, std::uint32_t(value));
        const std::uint64_t shifted = (value & ones(count)) << at % 32;
        words[at / 32] |= shifted, words[at / 32 + 1] |= shifted >> 32;
    }

private:
    std::vector<std::uint32_t> words;
    std::size_t bytes;

    static std::uint64_t ones(unsigned count) { return (std::uint64_t(1) << count) - 1; }
};

inline std::int64_t extended(std::uint64_t value, unsigned width, bool sign) {
    return sign ? std::int64_t(value << (64 - width)) >> (64 - width) : std::int64_t(value);
}

// Takes requests, or vectors to write, and keeps them until the memory looks at them.
class Inlet final : public Taker {
public:
    using Taker::Taker;
    std::deque<Bits> beats;
    std::size_t served = 0;
    bool room = true, closed = false;

    void restart() override { Taker::restart(), beats.clear(), served = 0; }
    std::size_t done() const override { return served; }
    std::size_t expected() const override { return moved; }

private:
    bool has_room() const override { return room; }
    void take(std::uint64_t cycle) override {
        if (closed)
            throw Fault("surplus", stream.name,
                        "offers a beat after the end, in cycle " + std::to_string(cycle));
        beats.emplace_back(stream);
        beats.back().load(stream.payload);
    }
};

// Offers vectors that were read, none before its cycle.
class Outlet final : public Giver {
public:
    using Giver::Giver;
    std::deque<std::pair<std::uint64_t, Bits>> vectors;
    std::size_t asked = 0;
    std::uint64_t now = 0;

    void restart() override { Giver::restart(), vectors.clear(), asked = 0; }
    std::size_t expected() const override { return asked; }

private:
    bool has_more() const override { return !vectors.empty() && vectors.front().first <= now; }
    void load() override { vectors.front().second.store(stream.payload), vectors.pop_front(); }
};

class Memory {
public:
    explicit Memory(const MemoryPlan& plan) : plan(plan) {
        for (const ChannelPlan& each : plan.channels) channels.push_back({each});
        if (channels.empty()) return;
        std::ifstream file(plan.path, std::ios::binary);
        original.assign(std::istreambuf_iterator<char>(file), {});
    }

    // The memory's end of the stream, if it has one.
    std::unique_ptr<Endpoint> end(const Stream& stream, double stall, std::uint64_t seed,
                                  bool shy) {
        for (Channel& each : channels) {
            if (each.plan.data == stream.name && stream.input)
                return std::unique_ptr<Endpoint>(each.out = new Outlet(stream, stall, seed));
            if (each.plan.data != stream.name && each.plan.request != stream.name) continue;
            Inlet*& inlet = each.plan.data == stream.name ? each.in : each.requests;
            return std::unique_ptr<Endpoint>(inlet = new Inlet(stream, stall, seed, shy));
        }
        return nullptr;
    }

    void restart() {
        image = original;
        writes.clear(), reads.clear();
        bytes_read = bytes_written = 0;
    }

    void serve(std::uint64_t now) {
        for (Channel& each : channels) each.out ? look_to_read(each, now) : look_to_write(each, now);
        std::uint64_t budget = plan.width;
        while (budget && !writes.empty()) {
            Transfer& first = writes.front();
            bytes_written += pay(first, budget);
            if (first.owed) continue;
            ++first.channel->requests->served, ++first.channel->in->served;
            writes.pop_front();
        }
        while (budget && !reads.empty()) {
            Transfer& first = reads.front();
            bytes_read += pay(first, budget);
            if (first.owed) continue;
            first.channel->out->vectors.emplace_back(now + plan.latency, read(first));
            if (!first.length) reads.pop_front();
        }
    }

    // From here on nothing may be asked for.
    void close() {
        for (Channel& each : channels)
            for (Inlet* inlet : {each.requests, each.in})
                if (inlet) inlet->closed = true, inlet->never_stall();
    }

    void save() const {
        if (channels.empty()) return;
        std::ofstream file(plan.path, std::ios::binary);
        file.write(reinterpret_cast<const char*>(image.data()), image.size());
    }

    std::uint64_t bytes_read = 0, bytes_written = 0;

private:
    struct Channel {
        ChannelPlan plan;
        Inlet* requests = nullptr;
        Inlet* in = nullptr;    // of vectors to write
        Outlet* out = nullptr;  // or of those that were read
    };
    struct Transfer {
        Channel* channel;
        std::uint64_t address, length;  // of what is left of it, in elements
        unsigned size;                  // bytes of an element
        std::uint64_t owed;             // bytes of its first vector that have yet to move
    };

    const MemoryPlan& plan;
    std::vector<Channel> channels;
    std::vector<std::uint8_t> original, image;
    std::deque<Transfer> writes, reads;

    static std::uint64_t pay(Transfer& transfer, std::uint64_t& budget) {
        const std::uint64_t paid = std::min(budget, transfer.owed);
        budget -= paid, transfer.owed -= paid;
        return paid;
    }

    void look_to_read(Channel& channel, std::uint64_t now) {
        channel.out->now = now;
        if (channel.requests->beats.empty()) return;
        Transfer request = next(channel, now);
        if (request.length % channel.plan.lanes) refuse(request, now);
        request.owed = channel.plan.lanes * request.size;
        channel.out->asked += request.length / channel.plan.lanes;
        ++channel.requests->served;
        reads.push_back(request);
    }

    void look_to_write(Channel& channel, std::uint64_t now) {
        for (Inlet* inlet : {channel.requests, channel.in})
            inlet->room = inlet->expected() - inlet->done() < plan.queue;
        if (channel.requests->beats.empty() || channel.in->beats.empty()) return;
        Transfer request = next(channel, now);
        if (request.length > channel.plan.lanes) refuse(request, now);
        request.owed = request.length * request.size;
        write(request, channel.in->beats.front());
        channel.in->beats.pop_front();
        writes.push_back(request);
    }

    Transfer next(Channel& channel, std::uint64_t now) {
        const Bits beat = channel.requests->beats.front();
        channel.requests->beats.pop_front();
        const std::uint64_t length = beat.get(request_length), size = beat.get(request_size);
        Transfer request{&channel, beat.get(request_address), length, 1u << size, 0};
        const std::uint64_t end = request.address + request.length * request.size;
        if (!request.length || end > image.size()) refuse(request, now);
        return request;
    }

    void refuse(const Transfer& request, std::uint64_t now) const {
        std::ostringstream text;
        text << "asks for " << request.length << " elements of " << request.size
             << " bytes at address " << request.address << " of a memory of " << image.size()
             << " bytes, with " << request.channel->plan.lanes << " lanes, in cycle " << now - 1;
        throw Fault("memory", request.channel->plan.request, text.str());
    }

    void write(const Transfer& request, const Bits& beat) {
        const unsigned width = request.channel->plan.width, cut = std::min(width, 64u);
        for (std::uint64_t lane = 0; lane < request.length; ++lane) {
            const std::uint64_t bits = beat.get(lane * width, cut);
            const std::int64_t value = extended(bits, cut, request.channel->plan.sign);
            std::memcpy(&image[request.address + lane * request.size], &value, request.size);
        }
    }

    // The first vector of a request, which goes on to the next.
    Bits read(Transfer& request) const {
        const ChannelPlan& channel = request.channel->plan;
        Bits beat(request.channel->out->stream);
        for (unsigned lane = 0; lane < channel.lanes; ++lane) {
            std::uint64_t bits = 0;
            std::memcpy(&bits, &image[request.address + lane * request.size], request.size);
            const std::int64_t value = extended(bits, 8 * request.size, channel.sign);
            beat.put(lane * channel.width, channel.width, value);
        }
        request.address += channel.lanes * request.size;
        request.length -= channel.lanes;
        request.owed = channel.lanes * request.size;
        beat.put(channel.lanes * channel.width, 1, !request.length);
        return beat;
    }
};

}  // namespace gemmule
