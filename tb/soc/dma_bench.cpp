// Drives a read and a write DMA from all sides: channels that ask at random, and a memory on AXI
// that answers late, pauses and fails. Prints counts as JSON, or the first rule that was broken.
// The generated config.inc holds the widths and lists the channels: READ(n, bytes), WRITE(n, bytes).

#pragma GCC optimize("O2")  // what is compiled with the design is not, otherwise

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "Vdut.h"
#include "verilated.h"

#include "config.inc"

namespace {

constexpr int WORD = DATA_WIDTH / 8;
constexpr std::uint64_t REGION = 1 << 15;  // bytes that a channel reads or writes

[[noreturn]] void fail(const std::string& text);

std::uint64_t mix(std::uint64_t x) {
    x ^= x >> 33, x *= 0xff51afd7ed558ccdULL, x ^= x >> 33, x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ x >> 33;
}

struct Random {
    std::uint64_t state;
    std::uint64_t next() { return mix(state += 0x9e3779b97f4a7c15ULL); }
    std::uint64_t below(std::uint64_t n) { return next() % n; }
    std::uint64_t range(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
    bool chance(double p) { return (next() >> 11) * 0x1p-53 < p; }
} rng{1};

// A port of the design: its bits lie in the bytes of a word or of an array of words.
struct Port {
    std::uint8_t* at = nullptr;
    std::size_t size = 0;
    template <typename T> explicit Port(T& signal) : at((std::uint8_t*)&signal), size(sizeof signal) {}
    std::uint64_t get(int low, int bits) const {
        std::uint64_t value = 0;
        for (int bit = 0; bit < bits; ++bit)
            value |= std::uint64_t(at[(low + bit) / 8] >> (low + bit) % 8 & 1) << bit;
        return value;
    }
    void set(int low, int bits, std::uint64_t value) {
        for (int bit = 0; bit < bits; ++bit) {
            auto& byte = at[(low + bit) / 8];
            const auto mask = 1 << (low + bit) % 8;
            byte = value >> bit & 1 ? byte | mask : byte & ~mask;
        }
    }
};

struct Stream {
    Port payload;
    std::uint8_t &valid, &ready;
};

#define STREAM(name) \
    {Port(dut->name##___05Fpayload), dut->name##___05Fvalid, dut->name##___05Fready}

struct Request {
    std::uint64_t address, length;
    std::vector<std::uint8_t> data;  // to write
    std::uint64_t vectors(int bytes) const { return (length + bytes - 1) / bytes; }
    std::uint64_t words() const { return (address % WORD + length + WORD - 1) / WORD; }
};

struct Plan {
    std::uint64_t requests = 100, longest = 300, align = 1, latency_low = 1, latency_high = 30;
    double pause_request = 0, pause_vector = 0, pause_ar = 0, pause_r = 0, pause_aw = 0,
           pause_w = 0, pause_b = 0, fails = 0, stop = 0;
    bool reads = true, writes = true, fixed = false;
} plan;

struct Counts {
    std::uint64_t cycles = 0, requests = 0, bursts = 0, beats = 0, vectors = 0, errors = 0, stops = 0;
    std::uint64_t read_first = 0, read_last = 0, read_beats = 0;
    std::uint64_t write_first = 0, write_last = 0, write_beats = 0, longest_stop = 0;
    std::uint64_t late_writes = 0;
} counts;

std::unique_ptr<Vdut> dut;
std::vector<std::uint8_t*> taken_now;  // valids that fall after the clock's edge
std::uint64_t base = 0, salt = 0, now = 0, stopped_at = 0, trial = 0, seed = 0;

[[noreturn]] void fail(const std::string& text) {
    std::printf("{\"failed\": \"trial %llu of seed %llu, cycle %llu: %s\"}\n",
                (unsigned long long)trial, (unsigned long long)seed, (unsigned long long)now,
                text.c_str());
    std::fflush(stdout);
    std::_Exit(1);
}

void check(bool right, const char* text) {
    if (!right) fail(text);
}

// What memory holds at first, and where it fails: functions of the address.
std::uint8_t stored(std::uint64_t address) { return std::uint8_t(mix(address ^ salt)); }
unsigned answer(std::uint64_t word) {
    const auto drawn = mix(word * 77 + salt * 3 + 1);
    if ((drawn >> 11) * 0x1p-53 >= plan.fails) return 0;
    return drawn & 1 ? 3 : 2;
}

// A valid of the design that waits must stay, with all that goes with it.
struct Stays {
    bool waited = false;
    std::vector<std::uint64_t> before;
    void look(bool valid, bool ready, const std::vector<std::uint64_t>& payload, const char* text) {
        if (waited && (!valid || payload != before)) fail(std::string(text) + " did not stand");
        waited = valid && !ready;
        if (waited) before = payload;
    }
};

std::uint64_t mask(int bits) { return bits == 64 ? ~0ULL : (1ULL << bits) - 1; }

Request draw(std::uint64_t region) {
    Request request;
    request.length = plan.fixed ? plan.longest : rng.range(1, plan.longest);
    if (!plan.fixed && rng.chance(0.2)) request.length = rng.range(1, 3 * WORD);
    auto offset = rng.below(REGION - request.length);
    if (!plan.fixed && rng.chance(0.2)) offset = rng.below(4) * 4096 + 4096 - rng.below(2 * WORD);
    offset -= offset % plan.align;
    if (offset + request.length > REGION) offset = 0;
    request.address = (base + region * REGION + offset) & mask(ADDRESS_WIDTH);
    return request;
}

struct Fault {
    std::uint64_t address = 0;
    unsigned response = 0;
};

struct Reader {
    int number, bytes;
    Stream request, data;
    std::deque<Request> left{}, under_way{};
    std::uint64_t vector = 0;
    Stays stays{};

    void begin(std::uint64_t count) {
        left.clear(), under_way.clear(), vector = 0, request.valid = 0, stays = {};
        while (count--) left.push_back(draw(number));
    }
    bool busy() const { return !left.empty() || !under_way.empty(); }
    void drive() {
        if (!request.valid && !left.empty() && !rng.chance(plan.pause_request)) {
            request.valid = 1;
            request.payload.set(0, ADDRESS_WIDTH, left.front().address);
            request.payload.set(ADDRESS_WIDTH, 26, left.front().length);
        }
        if (!request.valid) request.payload.set(0, ADDRESS_WIDTH + 26, rng.next());
        data.ready = !rng.chance(plan.pause_vector);
    }
    // The first beat that failed of the words that a vector is made of.
    Fault fault(const Request& asked) const {
        const auto each = bytes > WORD ? bytes / WORD : 1;
        const auto first = vector * bytes / WORD, end = std::min(
            first + each, (asked.length + WORD - 1) / WORD);
        const auto last_beat = asked.words() - 1, shift = asked.address % WORD;
        for (auto word = first; word < end; ++word)
            for (auto beat = word; beat <= word + (shift != 0) && beat <= last_beat; ++beat) {
                const auto address = (asked.address - shift + beat * WORD) & mask(ADDRESS_WIDTH);
                if (const auto response = answer(address)) return {address, response};
            }
        return {};
    }
    void look(bool stopping) {
        const bool taken = request.valid && request.ready, gives = data.valid && data.ready;
        if (stopping) {
            check(request.ready || !dut->stop, "a request waits while stopped");
            stays.waited = false;
            return;
        }
        std::vector<std::uint64_t> seen;
        for (int bit = 0; bit < 8 * bytes + 2; bit += 32)
            seen.push_back(data.payload.get(bit, std::min(32, 8 * bytes + 2 - bit)));
        const bool error = data.payload.get(8 * bytes + 1, 1);
        if (data.valid && error) seen.push_back(Port(dut->fault_address).get(0, ADDRESS_WIDTH));
        stays.look(data.valid, data.ready, seen, "a vector");
        if (gives) {
            check(!under_way.empty(), "a vector that nobody asked for");
            const auto& asked = under_way.front();
            const auto begins = vector * bytes;
            for (int k = 0; k < bytes && begins + k < asked.length; ++k)
                if (data.payload.at[k] != stored((asked.address + begins + k) & mask(ADDRESS_WIDTH)))
                    fail("byte " + std::to_string(begins + k) + " of a request is wrong");
            const bool last = vector + 1 == asked.vectors(bytes);
            check(data.payload.get(8 * bytes, 1) == last, "last is wrong");
            const auto expected = fault(asked);
            check(error == (expected.response != 0), "error is wrong");
            if (error) {
                check(Port(dut->fault_address).get(0, ADDRESS_WIDTH) == expected.address,
                      "fault_address is wrong");
                check(dut->fault_decode == (expected.response == 3), "fault_decode is wrong");
                ++counts.errors;
            }
            ++counts.vectors;
            if (++vector == asked.vectors(bytes)) under_way.pop_front(), vector = 0;
        }
        if (taken) {
            under_way.push_back(left.front()), left.pop_front();
            taken_now.push_back(&request.valid), ++counts.requests;
        }
    }
};

struct Writer {
    int number, bytes;
    Stream request, data;
    Port done;
    std::deque<Request> left{}, filling{}, sent{}, unanswered{};
    std::uint64_t vector = 0, word = 0;
    std::deque<Fault> faults{};  // of the oldest request without an answer
    std::vector<std::uint8_t> golden = std::vector<std::uint8_t>(REGION), image = golden;

    std::uint64_t start() const { return base + (number + 8) * REGION; }
    std::uint64_t place(std::uint64_t address) const { return (address - start()) & mask(ADDRESS_WIDTH); }
    void fresh() {
        for (std::uint64_t k = 0; k < REGION; ++k)
            golden[k] = image[k] = stored((start() + k) & mask(ADDRESS_WIDTH));
    }
    void begin(std::uint64_t count) {
        for (auto* each : {&left, &filling, &sent, &unanswered}) each->clear();
        faults.clear(), vector = word = 0, request.valid = data.valid = 0;
        while (count--) {
            left.push_back(draw(number + 8));
            auto& bytes_ = left.back().data;
            for (std::uint64_t k = 0; k < left.back().length; ++k) bytes_.push_back(rng.next());
        }
        filling = left;
    }
    bool busy() const { return !left.empty() || !filling.empty() || !unanswered.empty(); }
    void drive() {
        if (!request.valid && !left.empty() && !rng.chance(plan.pause_request)) {
            request.valid = 1;
            request.payload.set(0, ADDRESS_WIDTH, left.front().address);
            request.payload.set(ADDRESS_WIDTH, 26, left.front().length);
        }
        if (!request.valid) request.payload.set(0, ADDRESS_WIDTH + 26, rng.next());
        // Vectors come before, with or after their request.
        if (!data.valid && !filling.empty() && !rng.chance(plan.pause_vector)) {
            const auto& now_ = filling.front();
            data.valid = 1;
            for (int k = 0; k < bytes; ++k) {
                const auto at = vector * bytes + k;
                data.payload.at[k] = at < now_.length ? now_.data[at] : rng.next();
            }
            data.payload.set(8 * bytes, 1, vector + 1 == now_.vectors(bytes));
        }
        if (!data.valid) data.payload.set(8 * bytes, 1, rng.next());
    }
    void look(bool stopping) {
        if (done.get(0, 1)) {
            check(!unanswered.empty() && !faults.empty(), "done too early");
            const auto fault = faults.front();
            check(done.get(1, 1) == (fault.response != 0), "done.error is wrong");
            if (fault.response) {
                check(done.get(2, 1) == (fault.response == 3), "done.decode is wrong");
                check(done.get(3, ADDRESS_WIDTH) == fault.address, "done.address is wrong");
                ++counts.errors;
            }
            const auto& request_ = unanswered.front();
            for (std::uint64_t k = 0; k < request_.length; ++k)
                golden[place(request_.address + k)] = request_.data[k];
            unanswered.pop_front(), faults.pop_front();
        }
        if (stopping) {
            check((request.ready && data.ready) || !dut->stop, "a request or vector waits while stopped");
            check(!done.get(0, 1) || now == stopped_at, "done while stopped");
            return;
        }
        if (request.valid && request.ready) {
            sent.push_back(left.front()), unanswered.push_back(left.front()), left.pop_front();
            taken_now.push_back(&request.valid), ++counts.requests;
        }
        if (data.valid && data.ready) {
            taken_now.push_back(&data.valid), ++counts.vectors;
            if (++vector == filling.front().vectors(bytes)) filling.pop_front(), vector = 0;
        }
    }
    // A burst arrived: it goes on with the oldest request that is not complete.
    bool arrives(std::uint64_t address, std::uint64_t beats) {
        check(!sent.empty(), "a burst that nobody asked for");
        const auto& request_ = sent.front();
        const auto expected = request_.address / WORD * WORD + word * WORD;
        check(address == (expected & mask(ADDRESS_WIDTH)), "AWADDR is not the next word's");
        word += beats;
        check(word <= request_.words(), "a burst beyond its request");
        const bool ends = word == request_.words();
        if (ends) sent.pop_front(), word = 0;
        return ends;
    }
    // After a stop: what was not reported as done is there or not, byte by byte; nothing else is.
    void settle() {
        std::map<std::uint64_t, std::vector<std::uint8_t>> perhaps;
        for (const auto& each : unanswered)
            for (std::uint64_t k = 0; k < each.length; ++k)
                perhaps[place(each.address + k)].push_back(each.data[k]);
        for (std::uint64_t k = 0; k < REGION; ++k) {
            if (image[k] == golden[k]) continue;
            bool known = false;
            for (auto value : perhaps[k]) known |= value == image[k];
            check(known, "a byte was written that nobody asked for");
        }
        golden = image;
    }
};

std::vector<Reader> readers;
std::vector<Writer> writers;

// The memory at the other side of the bus: in order, as one id wants it.
struct Memory {
    struct Burst {
        std::uint64_t address, beats, due;
        int channel = -1;
        bool final = false;
    };
    struct Word {
        std::vector<std::uint8_t> data;
        std::uint64_t strobes;
        bool last;
    };
    std::deque<Burst> reading, addresses, answers;
    std::deque<Word> data;
    std::vector<Fault> failed = std::vector<Fault>(8);
    std::uint64_t beat = 0, place = 0, reads_due = 0, writes_due = 0;
    std::uint64_t aw_offered = 0, w_begun = 0, unanswered = 0;
    bool aw_waits = false, w_open = false;
    Stays ar, aw, w;

    std::uint64_t due(std::uint64_t& before) {
        before = std::max(before, now + rng.range(plan.latency_low, plan.latency_high));
        return before;
    }
    void drive() {
        dut->axi___05Farready = !rng.chance(plan.pause_ar);
        dut->axi___05Fawready = !rng.chance(plan.pause_aw);
        dut->axi___05Fwready = !rng.chance(plan.pause_w);
        if (!dut->axi___05Frvalid && !reading.empty() && reading.front().due <= now &&
            !rng.chance(plan.pause_r)) {
            const auto& burst = reading.front();
            const auto address = burst.address + beat * WORD;
            dut->axi___05Frvalid = 1;
            Port port(dut->axi___05Frdata);
            for (int k = 0; k < WORD; ++k) port.at[k] = stored(address + k);
            dut->axi___05Frresp = answer(address);
            dut->axi___05Frlast = beat + 1 == burst.beats;
        }
        if (!dut->axi___05Frvalid) {
            dut->axi___05Frresp = rng.next() & 3;
            dut->axi___05Frlast = rng.next() & 1;
        }
        if (!dut->axi___05Fbvalid && !answers.empty() && answers.front().due <= now &&
            !rng.chance(plan.pause_b)) {
            dut->axi___05Fbvalid = 1;
            dut->axi___05Fbresp = answer(answers.front().address);
        }
        if (!dut->axi___05Fbvalid) dut->axi___05Fbresp = rng.next() & 3;
    }
    static void legal(std::uint64_t address, std::uint64_t length, unsigned size, unsigned kind) {
        check(address % WORD == 0, "an address that is not a word's");
        check(1u << size == WORD && kind == 1, "not an INCR burst as wide as the bus");
        check(address / 4096 == (address + (length + 1) * WORD - 1) / 4096, "a burst crosses 4 KB");
    }
    void look() {
        read_side();
        write_side();
    }
    void read_side() {
        const auto address = std::uint64_t(dut->axi___05Faraddr), length = std::uint64_t(dut->axi___05Farlen);
        ar.look(dut->axi___05Farvalid, dut->axi___05Farready,
                {address, length, dut->axi___05Farcache, dut->axi___05Farprot, dut->axi___05Farqos}, "AR");
        if (dut->axi___05Farvalid) {
            legal(address, length, dut->axi___05Farsize, dut->axi___05Farburst);
            check(dut->axi___05Farcache == dut->cache && dut->axi___05Farprot == dut->prot &&
                  dut->axi___05Farqos == dut->qos, "ARCACHE, ARPROT or ARQOS");
        }
        if (dut->axi___05Frvalid && dut->axi___05Frready) {
            taken_now.push_back(&dut->axi___05Frvalid);
            if (!counts.read_beats++) counts.read_first = now;
            counts.read_last = now;
            if (++beat == reading.front().beats) reading.pop_front(), beat = 0;
        }
        if (dut->axi___05Farvalid && dut->axi___05Farready) {
            reading.push_back({address, length + 1, due(reads_due)});
            ++counts.bursts, counts.beats += length + 1;
            check(reading.size() <= READS_UNDER_WAY, "too many bursts to read under way");
        }
    }
    void write_side() {
        const auto address = std::uint64_t(dut->axi___05Fawaddr), length = std::uint64_t(dut->axi___05Fawlen);
        aw.look(dut->axi___05Fawvalid, dut->axi___05Fawready,
                {address, length, dut->axi___05Fawcache, dut->axi___05Fawprot, dut->axi___05Fawqos}, "AW");
        if (dut->axi___05Fawvalid && !aw_waits) ++aw_offered;
        aw_waits = dut->axi___05Fawvalid && !dut->axi___05Fawready;
        if (dut->axi___05Fawvalid) {
            legal(address, length, dut->axi___05Fawsize, dut->axi___05Fawburst);
            check(length < LONGEST, "a burst to write is too long");
            check(dut->axi___05Fawcache == dut->cache && dut->axi___05Fawprot == dut->prot &&
                  dut->axi___05Fawqos == dut->qos, "AWCACHE, AWPROT or AWQOS");
        }
        std::vector<std::uint64_t> seen{std::uint64_t(dut->axi___05Fwstrb), dut->axi___05Fwlast};
        for (int bit = 0; bit < DATA_WIDTH; bit += 32) seen.push_back(Port(dut->axi___05Fwdata).get(bit, 32));
        w.look(dut->axi___05Fwvalid, dut->axi___05Fwready, seen, "W");
        if (dut->axi___05Fwvalid) check(w_begun + !w_open <= aw_offered, "W before its AW is offered");
        // Data is certain: from its address on, nothing but the memory keeps it waiting.
        if (!dut->axi___05Fwvalid) check(!w_open && w_begun == aw_offered, "W late behind AW");
        if (dut->axi___05Fwvalid && dut->axi___05Fwready) {
            if (!w_open) ++w_begun;
            w_open = !dut->axi___05Fwlast;
            Port port(dut->axi___05Fwdata);
            data.push_back({{port.at, port.at + WORD}, std::uint64_t(dut->axi___05Fwstrb), bool(dut->axi___05Fwlast)});
            if (!counts.write_beats++) counts.write_first = now;
            counts.write_last = now;
        }
        if (dut->axi___05Fbvalid && dut->axi___05Fbready) {
            taken_now.push_back(&dut->axi___05Fbvalid), --unanswered;
            const auto burst = answers.front();
            answers.pop_front();
            auto& fault = failed[burst.channel];
            if (const auto response = answer(burst.address); response && !fault.response)
                fault = {burst.address, response};
            if (burst.final) writers[burst.channel].faults.push_back(fault), fault = {};
        }
        if (dut->axi___05Fawvalid && dut->axi___05Fawready) {
            const auto channel = int((address - base & mask(ADDRESS_WIDTH)) / REGION) - 8;
            check(channel >= 0 && channel < int(writers.size()), "AWADDR is nobody's");
            const bool final = writers[channel].arrives(address, length + 1);
            addresses.push_back({address, length + 1, 0, channel, final});
            ++counts.bursts, ++unanswered, counts.beats += length + 1;
            check(unanswered <= WRITES_UNDER_WAY, "too many bursts to write under way");
        }
        while (!addresses.empty() && !data.empty()) {
            auto& burst = addresses.front();
            auto& word = data.front();
            auto& writer = writers[burst.channel];
            for (int k = 0; k < WORD; ++k) {
                const auto at = writer.place(burst.address + place * WORD + k);
                if (!(word.strobes >> k & 1)) continue;
                check(at < REGION, "a byte outside");
                writer.image[at] = word.data[k];
            }
            check(word.last == (place + 1 == burst.beats), "WLAST is not where AWLEN says");
            data.pop_front();
            if (++place < burst.beats) continue;
            place = 0, burst.due = due(writes_due);
            answers.push_back(burst), addresses.pop_front();
        }
    }
    bool busy() const { return !reading.empty() || unanswered || !data.empty() || aw_waits; }
} memory;

void cycle(bool stopping) {
    if (!stopping || dut->stop) {
        for (auto& each : readers) each.drive();
        for (auto& each : writers) each.drive();
    }
    memory.drive();
    dut->eval();
    memory.look();
    // With `stop` the DMA clears itself in the same cycle, and until `idle`.
    for (auto& each : readers) each.look(stopping);
    for (auto& each : writers) each.look(stopping);
    dut->clk = 1, dut->eval();
    dut->clk = 0;
    for (auto* valid : taken_now) *valid = 0;
    taken_now.clear(), dut->eval();
    ++now, ++counts.cycles;
}

bool busy() {
    bool any = memory.busy();
    for (auto& each : readers) any |= each.busy();
    for (auto& each : writers) any |= each.busy();
    return any;
}

void begin() {
    for (auto& each : readers) each.begin(plan.reads ? plan.requests : 0);
    for (auto& each : writers) each.begin(plan.writes ? plan.requests : 0);
}

void stop() {
    const auto begun = stopped_at = now;
    const auto held = rng.range(1, 40);
    dut->stop = 1;
    for (;;) {
        const bool still = now - begun < held;
        dut->stop = still;
        // Those who asked go on asking, and it is thrown away; without `stop` one DMA may be ready
        // for requests before the other one is, and they keep quiet.
        if (!still) {
            for (auto& each : readers) each.request.valid = 0;
            for (auto& each : writers) each.request.valid = each.data.valid = 0;
        }
        cycle(true);
        if (!still && dut->idle && !memory.busy()) break;
        // What is under way may take long: 16 bursts of 256 beats, nine of ten cycles paused.
        const auto moved = std::max({begun, counts.read_last, counts.write_last});
        check(now - moved < 5'000, "no idle after a stop");
    }
    dut->stop = 0;
    ++counts.stops, counts.longest_stop = std::max(counts.longest_stop, now - begun);
    for (auto& each : writers) each.settle();
    memory.failed.assign(8, {});
    begin();
}

void run() {
    for (auto& each : writers) each.fresh();
    begin();
    dut->cache = rng.below(16), dut->prot = rng.below(8), dut->qos = rng.below(16);
    auto last = now;
    auto stops = plan.stop ? 10 : 0;  // so that the requests after them come to their end
    auto progress = counts.vectors;
    while (busy()) {
        if (stops && rng.chance(plan.stop)) stop(), --stops, last = now;
        cycle(false);
        if (counts.vectors + counts.beats != progress) progress = counts.vectors + counts.beats, last = now;
        check(now - last < 5'000, "nothing moves");
    }
    for (int k = 0; k < 30; ++k) cycle(false);
    check(dut->idle, "not idle at the end");
    for (auto& each : writers) check(each.image == each.golden, "memory is not what was written");
}

double some(std::initializer_list<double> values) { return values.begin()[rng.below(values.size())]; }

void draw_plan() {
    const double pauses = some({0, 0, 0.3, 0.7});
    auto pause = [&] { return pauses ? some({0, 0.1, 0.5, 0.9}) : 0; };
    plan.pause_request = pause(), plan.pause_vector = pause(), plan.pause_ar = pause();
    plan.pause_r = pause(), plan.pause_aw = pause(), plan.pause_w = pause(), plan.pause_b = pause();
    plan.longest = some({1, 4, 20, 70, 300, 300, 5000, 10000});
    plan.requests = plan.longest > 1000 ? 6 : 60;
    plan.latency_low = some({1, 1, 5, 100});
    plan.latency_high = plan.latency_low + some({0, 3, 60, 400});
    // Half of the time the regions lie around a large power of two, for carries.
    base = rng.next();
    if (rng.chance(0.5)) base = (base << rng.range(16, ADDRESS_WIDTH - 1)) - rng.below(13 * REGION);
    base &= mask(ADDRESS_WIDTH) & ~4095ULL;
    salt = rng.next();
}

}  // namespace

// Arguments: seed, trials, probability of errors, probability of a stop in a cycle; or
// "busy", bytes of a request, alignment, latency, "read" or "write".
int main(int count, char** words) {
    VerilatedContext context;
    dut.reset(new Vdut{&context});
#undef READ
#undef WRITE
#define READ(n, bytes) readers.push_back({n, bytes, STREAM(read_request_##n), STREAM(read_data_##n)});
#define WRITE(n, bytes) \
    writers.push_back({n, bytes, STREAM(write_request_##n), STREAM(write_data_##n), Port(dut->done_##n)});
#include "config.inc"
    dut->rst = 1, dut->eval(), dut->clk = 1, dut->eval(), dut->clk = 0, dut->rst = 0, dut->eval();
    if (std::string(words[1]) == "busy") {
        plan.fixed = true, plan.requests = 200, plan.longest = std::atoll(words[2]);
        plan.align = std::atoll(words[3]);
        plan.latency_low = plan.latency_high = std::atoll(words[4]);
        plan.reads = std::string(words[5]) == "read", plan.writes = !plan.reads;
        run();
    } else {
        seed = std::atoll(words[1]), rng.state = seed << 32;
        const auto trials = std::atoll(words[2]);
        for (trial = 0; trial < std::uint64_t(trials); ++trial) {
            draw_plan();
            plan.fails = std::atof(words[3]) * some({0, 1, 1, 5}), plan.stop = std::atof(words[4]);
            run();
        }
    }
    std::printf("{\"cycles\": %llu, \"requests\": %llu, \"bursts\": %llu, \"beats\": %llu, "
                "\"vectors\": %llu, \"errors\": %llu, \"stops\": %llu, \"longest_stop\": %llu, "
                "\"read_busy\": %.4f, \"write_busy\": %.4f}\n",
                (unsigned long long)counts.cycles, (unsigned long long)counts.requests,
                (unsigned long long)counts.bursts, (unsigned long long)counts.beats,
                (unsigned long long)counts.vectors, (unsigned long long)counts.errors,
                (unsigned long long)counts.stops, (unsigned long long)counts.longest_stop,
                double(counts.read_beats) / (counts.read_last - counts.read_first + 1),
                double(counts.write_beats) / (counts.write_last - counts.write_first + 1));
    std::fflush(stdout);
    std::_Exit(0);
}
