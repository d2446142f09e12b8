// An AXI4 memory. In each cycle `drive` comes before the design settles, `observe` after.
//
// A read burst is answered `latency` cycles after its address was taken at the earliest, a write burst
// so long after its last beat; bytes are written when the answer is offered, and read when a beat is
// offered. What has no byte in the image is answered by DECERR, with noise as data.

#pragma once

#include <algorithm>
#include <cstdio>
#include <deque>
#include <memory>

#include "channel.h"
#include "settings.h"

namespace gemmule::axi {

struct Counters {
    std::uint64_t bytes_read = 0, bytes_written = 0;  // of beats; of strobes
    std::uint64_t read_bursts = 0, write_bursts = 0, read_beats = 0, write_beats = 0;
    std::uint64_t read_waits = 0;   // cycles in which a beat was offered and not taken
    std::uint64_t write_waits = 0;  // cycles in which data was owed, could be taken, and was not there
    std::uint64_t most_reads = 0, most_writes = 0;  // bursts under way at once
};

class Memory {
public:
    Memory(const Board& board, Settings& settings, std::uint8_t* image, std::uint64_t size,
           std::uint64_t seed)
        : settings(settings), image(image), size(size),
          ar(board, "m_axi_", "ar", ADDRESS, seed + 1), r(board, "m_axi_", "r", READ, seed + 2),
          aw(board, "m_axi_", "aw", ADDRESS, seed + 3), w(board, "m_axi_", "w", WRITE, seed + 4),
          b(board, "m_axi_", "b", ANSWER, seed + 5), order(seed + 6), octets(r["data"].bits / 8) {
        for (const char* part : {"addr", "len", "size", "burst"})
            for (Channel* each : {&ar, &aw})
                if (!(*each)[part]) throw Violation("the design has no port " + each->name + part);
        for (Pin each : {r["data"], r["resp"], r["last"], w["data"], w["strb"], w["last"], b["resp"]})
            if (!each) throw Violation("the design has not all of RDATA RRESP RLAST WDATA WSTRB "
                                       "WLAST BRESP");
        ar_pins = pins_of(ar), aw_pins = pins_of(aw);
        r_data = r["data"], r_resp = r["resp"], r_last = r["last"], r_id = r["id"];
        w_data = w["data"], w_strb = w["strb"], w_last = w["last"];
        b_resp = b["resp"], b_id = b["id"];
    }

    void drive(std::uint64_t now) {
        credit = settings.bandwidth > 0
                     ? std::min(credit + settings.bandwidth, 2.0 * octets + settings.bandwidth)
                     : 2.0 * octets;
        ar.ready.set(reads.size() < settings.outstanding && !ar.pauses(settings.pause_ar, settings.pause_length));
        aw.ready.set(writes.size() < settings.outstanding && !aw.pauses(settings.pause_aw, settings.pause_length));
        drive_b(now);
        takes_w = ahead.size() < LONGEST && credit >= octets && !w.pauses(settings.pause_w, settings.pause_length);
        if (takes_w) credit -= octets;
        w.ready.set(takes_w);
        drive_r(now);
    }

    void observe(std::uint64_t now) {
        for (Channel* each : {&ar, &aw, &w}) each->check_offer(now);
        if (takes_w && !w.valid.get()) credit += octets;
        observe_ar(now);
        observe_r(now);
        observe_aw(now);
        observe_w(now);
        observe_b(now);
        counters.most_reads = std::max<std::uint64_t>(counters.most_reads, reads.size());
        counters.most_writes = std::max<std::uint64_t>(counters.most_writes, writes.size());
    }

    void reset() {
        reads.clear(), writes.clear(), ahead.clear();
        offers_r = offers_b = false;
        for (Channel* each : {&ar, &aw, &w}) each->forget(), each->ready.set(0);
        r.valid.set(0), b.valid.set(0);
    }
    // In reset the design may offer nothing.
    void check_reset() const {
        for (const Channel* each : {&ar, &aw, &w})
            if (each->valid.get()) throw Violation(each->name + "valid is high in reset");
    }

    bool idle() const { return reads.empty() && writes.empty() && ahead.empty(); }

    Counters counters;
    std::uint64_t moved_at = 0;  // cycle of the last transfer on any channel
    std::FILE* timeline = nullptr;

private:
    static constexpr std::size_t LONGEST = 256;  // beats of data that may come before their address
    inline static const std::vector<std::string> ADDRESS{"id",    "addr", "len", "size", "burst",
                                                         "cache", "prot", "qos", "lock"};
    inline static const std::vector<std::string> READ{"id", "data", "resp", "last"};
    inline static const std::vector<std::string> WRITE{"data", "strb", "last"};
    inline static const std::vector<std::string> ANSWER{"id", "resp"};

    struct AddressPins {
        Pin id, addr, len, size, burst;
    };
    struct Burst {
        std::uint64_t address = 0;
        unsigned beats = 0, id = 0, done = 0, response = 0;
        std::uint64_t due = 0;  // first cycle of an answer
        std::uint64_t asked = 0, first = 0;
        std::vector<std::uint8_t> data, strobes;  // of a write
        bool complete = false;
    };
    struct Beat {
        std::vector<std::uint8_t> data, strobes;
        bool last;
    };

    Settings& settings;
    std::uint8_t* image;
    const std::uint64_t size;
    Channel ar, r, aw, w, b;
    Random order;
    const unsigned octets;
    AddressPins ar_pins, aw_pins;
    Pin r_data, r_resp, r_last, r_id, w_data, w_strb, w_last, b_resp, b_id;
    std::deque<Burst> reads, writes;
    std::deque<Beat> ahead;
    double credit = 0;
    bool offers_r = false, offers_b = false, takes_w = false, noisy_r = false, noisy_b = false;
    std::size_t offered_r = 0, offered_b = 0;  // places of what is offered in the queues

    static AddressPins pins_of(const Channel& channel) {
        return {channel["id"], channel["addr"], channel["len"], channel["size"], channel["burst"]};
    }

    Burst asked(const Channel& channel, const AddressPins& pins, std::uint64_t now) const {
        Burst burst;
        burst.address = pins.addr.get(), burst.beats = pins.len.get() + 1, burst.id = pins.id.get();
        burst.asked = now;
        const std::string where = " of the burst of " + std::to_string(burst.beats) + " beats at "
                                  + hex(burst.address) + ", in cycle " + std::to_string(now);
        if (pins.burst.get() != 1)
            throw Violation(channel.name + "burst is not INCR," + where);
        if (pins.size.get() > 7 || 1u << pins.size.get() != octets)
            throw Violation(channel.name + "size is not the bus's width," + where);
        const std::uint64_t end = burst.address / octets * octets + std::uint64_t(burst.beats) * octets;
        if (burst.address / 4096 != (end - 1) / 4096)
            throw Violation("the burst crosses 4 KB: " + channel.name + where);
        return burst;
    }

    // Of all bursts that may be answered, one: the oldest, or with `reorder` the oldest of any id.
    template <typename Due>
    std::size_t choose(const std::deque<Burst>& bursts, Due due) {
        if (bursts.empty()) return 0;
        if (!settings.reorder) return due(bursts.front()) ? 0 : bursts.size();
        std::size_t found = bursts.size(), count = 0;
        std::uint64_t seen = 0;
        for (std::size_t place = 0; place < bursts.size(); ++place) {
            const std::uint64_t bit = std::uint64_t(1) << bursts[place].id % 64;
            if (seen & bit) continue;
            seen |= bit;
            if (due(bursts[place]) && order.next() % ++count == 0) found = place;
        }
        return found;
    }

    // Where the byte at an address is in the image, else null.
    std::uint8_t* byte(std::uint64_t address) const {
        return address >= settings.base && address - settings.base < size
                   ? image + (address - settings.base)
                   : nullptr;
    }

    unsigned answer(bool write, std::uint64_t address) {
        unsigned response = byte(address) ? 0 : 3;
        for (std::size_t at = 0; at < settings.faults.size(); ++at) {
            Fault& fault = settings.faults[at];
            if (fault.write != write) continue;
            if (fault.beats < 0) {
                const std::uint64_t place = address / octets * octets;
                // The last beat of all addresses ends at 2^64, which is 0 here.
                if (place <= fault.high && place + (octets - 1) >= fault.low) response = fault.response;
            } else if (!fault.beats--) {
                response = fault.response;
                settings.faults.erase(settings.faults.begin() + at--);
            }
        }
        return response;
    }

    void drive_r(std::uint64_t now) {
        if (!offers_r) {
            const auto due = [now](const Burst& burst) { return burst.due <= now; };
            offered_r = choose(reads, due);
            offers_r = offered_r < reads.size() && credit >= octets && !r.pauses(settings.pause_r, settings.pause_length);
            if (offers_r) credit -= octets, load_r(now);
            else if (!noisy_r) r.scramble();
            noisy_r = !offers_r;
        }
        r.valid.set(offers_r);
    }
    void load_r(std::uint64_t now) {
        Burst& burst = reads[offered_r];
        const std::uint64_t place = burst.address / octets * octets + std::uint64_t(burst.done) * octets;
        const std::uint64_t first = burst.done ? place : burst.address;
        if (!burst.done) burst.first = now;
        const unsigned response = answer(false, first);
        r.scramble();
        if (!response)
            for (unsigned at = 0; at < octets; ++at)
                if (const std::uint8_t* source = byte(place + at))
                    static_cast<std::uint8_t*>(r_data.data)[at] = *source;
        r_resp.set(response), r_id.set(burst.id), r_last.set(burst.done + 1 == burst.beats);
    }
    void observe_r(std::uint64_t now) {
        if (!offers_r) return;
        if (!r.ready.get()) {
            ++counters.read_waits;
            return;
        }
        offers_r = false, moved_at = now;
        ++counters.read_beats, counters.bytes_read += octets;
        Burst& burst = reads[offered_r];
        if (++burst.done < burst.beats) return;
        note("read", burst, now);
        reads.erase(reads.begin() + offered_r);
    }

    void observe_ar(std::uint64_t now) {
        if (!ar.moves()) return;
        moved_at = now;
        reads.push_back(asked(ar, ar_pins, now));
        reads.back().due = now + std::max<std::uint64_t>(settings.latency, 1);
        ++counters.read_bursts;
    }
    void observe_aw(std::uint64_t now) {
        if (!aw.moves()) return;
        moved_at = now;
        writes.push_back(asked(aw, aw_pins, now));
        ++counters.write_bursts;
        match(now);
    }

    void observe_w(std::uint64_t now) {
        if (!w.moves()) {
            const bool owed = !writes.empty() && !writes.back().complete;
            if (owed && takes_w && !w.valid.get()) ++counters.write_waits;
            return;
        }
        moved_at = now;
        Beat beat{std::vector<std::uint8_t>(octets), std::vector<std::uint8_t>((octets + 7) / 8),
                  w_last.get() != 0};
        std::memcpy(beat.data.data(), w_data.data, octets);
        std::memcpy(beat.strobes.data(), w_strb.data, beat.strobes.size());
        ahead.push_back(std::move(beat));
        ++counters.write_beats;
        match(now);
    }
    // Gives data that came to the bursts that it belongs to, in order.
    void match(std::uint64_t now) {
        for (Burst& burst : writes) {
            while (!burst.complete && !ahead.empty()) {
                const Beat beat = std::move(ahead.front());
                ahead.pop_front();
                if (!burst.done) burst.first = now;
                if (beat.last != (burst.done + 1 == burst.beats))
                    throw Violation("m_axi_wlast is " + std::string(beat.last ? "high" : "low")
                                    + " on beat " + std::to_string(burst.done + 1) + " of "
                                    + std::to_string(burst.beats) + ", of the burst at "
                                    + hex(burst.address) + ", in cycle " + std::to_string(now));
                const std::uint64_t place =
                    burst.address / octets * octets + std::uint64_t(burst.done) * octets;
                for (std::uint64_t at = place; at < burst.address; ++at)
                    if (strobe(beat.strobes, at - place))
                        throw Violation("m_axi_wstrb has bytes before the address " + hex(burst.address)
                                        + ", in cycle " + std::to_string(now));
                burst.response = std::max(burst.response, answer(true, std::max(place, burst.address)));
                burst.data.insert(burst.data.end(), beat.data.begin(), beat.data.end());
                for (unsigned at = 0; at < octets; ++at)
                    burst.strobes.push_back(strobe(beat.strobes, at));
                if (++burst.done < burst.beats) continue;
                burst.complete = true;
                burst.due = now + std::max<std::uint64_t>(settings.latency, 1);
            }
            if (!burst.complete) break;
        }
    }
    static bool strobe(const std::vector<std::uint8_t>& strobes, std::uint64_t at) {
        return strobes[at / 8] >> at % 8 & 1;
    }

    void drive_b(std::uint64_t now) {
        if (!offers_b) {
            const auto due = [now](const Burst& each) { return each.complete && each.due <= now; };
            offered_b = choose(writes, due);
            offers_b = offered_b < writes.size() && !b.pauses(settings.pause_b, settings.pause_length);
            if (offers_b) answer_write(writes[offered_b]);
            else if (!noisy_b) b.scramble();
            noisy_b = !offers_b;
        }
        b.valid.set(offers_b);
    }
    void answer_write(const Burst& burst) {
        const std::uint64_t place = burst.address / octets * octets;
        for (std::size_t at = 0; at < burst.data.size(); ++at) {
            if (!burst.strobes[at]) continue;
            ++counters.bytes_written;
            if (std::uint8_t* target = burst.response ? nullptr : byte(place + at))
                *target = burst.data[at];
        }
        b_resp.set(burst.response), b_id.set(burst.id);
    }
    void observe_b(std::uint64_t now) {
        if (!offers_b || !b.ready.get()) return;
        offers_b = false, moved_at = now;
        note("write", writes[offered_b], now);
        writes.erase(writes.begin() + offered_b);
    }

    void note(const char* what, const Burst& burst, std::uint64_t now) const {
        if (!timeline) return;
        std::fprintf(timeline, "%s,%u,%llu,%u,%llu,%llu,%llu\n", what, burst.id,
                     (unsigned long long)burst.address, burst.beats, (unsigned long long)burst.asked,
                     (unsigned long long)burst.first, (unsigned long long)now);
    }
};

}  // namespace gemmule::axi
