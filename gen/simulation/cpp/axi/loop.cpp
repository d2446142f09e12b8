// The co-simulation of a design with AXI ports: a memory in a file that others map as well, registers,
// an interrupt, and a loop of operations that come over a pipe.
//
// Arguments: the image, its bytes, a seed, and settings, each as one argument. An operation is four
// numbers, little-endian: u32 what, u32 a, u64 b, u64 c. An answer is u32 status, u32 value, u64 cycle,
// u64 more; with a status other than 0, `value` bytes of text follow, and then the end.
//
//   1 write register a = b, strobes c        2 read register a: value
//   3 run b cycles, with a = 1 only until the interrupt is high; c cycles, if not 0, without a
//     transfer on any channel are an end
//   4 counters: `more` numbers of 8 bytes follow   5 take a setting: b bytes of text follow
//   6 hold aresetn low for b cycles          7 end

#include <cstdio>
#include <cstdlib>
#include <memory>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"
#include "registers.h"

namespace gemmule::axi {

class Simulation {
public:
    Simulation(Board& board, std::uint8_t* image, std::uint64_t size, std::uint64_t seed)
        : board(board), memory(board, settings, image, size, seed * 1000003u),
          registers(board, settings, seed * 1000003u), clock(board.pin("aclk")),
          resets(board.pin("aresetn")), interrupt(board.pin("interrupt")) {}

    void reset(std::uint64_t cycles) {
        resets.set(0);
        memory.reset(), registers.reset();
        for (std::uint64_t i = 0; i < cycles; ++i) {
            settle();
            if (i) memory.check_reset(), registers.check_reset();
            edge();
        }
        resets.set(1);
    }

    void cycle() {
        memory.drive(now);
        registers.drive();
        settle();
        memory.observe(now);
        registers.observe(now);
        const bool high = interrupt.get();
        if (high && !raised) raised_at = now, note("interrupt", 1);
        if (!high && raised) note("interrupt", 0);
        raised = high;
        edge();
    }

    void write(std::uint32_t address, std::uint32_t data, unsigned strobes) {
        registers.begin_write(address, data, strobes);
        while (registers.busy()) cycle();
        note("write32", address, data);
        ++register_writes, accessed_at = now;
    }
    std::uint32_t read(std::uint32_t address) {
        registers.begin_read(address);
        while (registers.busy()) cycle();
        note("read32", address, registers.data);
        ++register_reads, accessed_at = now;
        return registers.data;
    }
    unsigned response() const { return registers.response; }
    void run(std::uint64_t cycles, bool until_interrupt, std::uint64_t patience) {
        for (std::uint64_t end = now + cycles; now < end && !(until_interrupt && raised);) {
            cycle();
            if (patience && now - std::max(memory.moved_at, accessed_at) > patience)
                throw Violation("nothing moved on the bus for " + std::to_string(patience)
                                + " cycles, up to cycle " + std::to_string(now));
        }
    }

    std::vector<std::uint64_t> counters() const {
        const Counters& m = memory.counters;
        return {now,           registers.written_at, raised_at,       raised,
                register_reads, register_writes,     m.bytes_read,    m.bytes_written,
                m.read_bursts, m.write_bursts,       m.read_beats,    m.write_beats,
                m.read_waits,  m.write_waits,        m.most_reads,    m.most_writes,
                memory.idle()};
    }

    void take(const std::string& line) {
        if (line.rfind("waves ", 0) == 0) {
            waves = true;
            board.open_waves(line.substr(6));
        } else if (line.rfind("timeline ", 0) == 0) {
            timeline = std::fopen(line.substr(9).c_str(), "w");
            if (!timeline) throw Violation("cannot write " + line.substr(9));
            memory.timeline = timeline;
        } else {
            settings.take(line);
        }
    }
    void end() {
        if (waves) board.close_waves();
        if (timeline) std::fclose(timeline);
    }
    std::uint64_t cycles() const { return now; }

private:
    Settings settings;
    Board& board;
    Memory memory;
    Registers registers;
    Pin clock, resets, interrupt;
    std::uint64_t now = 0, raised_at = 0, accessed_at = 0, register_reads = 0, register_writes = 0;
    bool raised = false, waves = false;
    std::FILE* timeline = nullptr;

    void settle() {
        clock.set(0);
        board.eval();
        if (waves) board.dump(10 * now);
    }
    void edge() {
        clock.set(1);
        board.eval();
        if (waves) board.dump(10 * now + 5);
        ++now;
    }
    void note(const char* what, std::uint32_t place, std::uint32_t value = 0) const {
        if (timeline)
            std::fprintf(timeline, "%s,%u,%u,%llu\n", what, place, value, (unsigned long long)now);
    }
};

struct Operation {
    std::uint32_t what, a;
    std::uint64_t b, c;
};
struct Answer {
    std::uint32_t status, value;
    std::uint64_t cycle, more;
};

static bool receive(void* target, std::size_t bytes) {
    return std::fread(target, 1, bytes, stdin) == bytes;
}
static void send(const void* source, std::size_t bytes) { std::fwrite(source, 1, bytes, stdout); }

static bool serve(Simulation& simulation, const Operation& operation) {
    Answer answer{0, 0, 0, 0};
    std::vector<std::uint64_t> numbers;
    if (operation.what == 1) {
        simulation.write(operation.a, operation.b, operation.c);
        answer.more = simulation.response();
    } else if (operation.what == 2) {
        answer.value = simulation.read(operation.a);
        answer.more = simulation.response();
    } else if (operation.what == 3) {
        simulation.run(operation.b, operation.a & 1, operation.c);
    } else if (operation.what == 4) {
        numbers = simulation.counters();
        answer.more = numbers.size();
    } else if (operation.what == 5) {
        std::string line(operation.b, 0);
        if (!receive(line.data(), line.size())) return false;
        simulation.take(line);
    } else if (operation.what == 6) {
        simulation.reset(operation.b);
    } else {
        return false;
    }
    answer.cycle = simulation.cycles();
    send(&answer, sizeof answer);
    send(numbers.data(), 8 * numbers.size());
    std::fflush(stdout);
    return true;
}

static int run(int count, char** arguments) {
    const std::uint64_t size = std::strtoull(arguments[2], nullptr, 10);
    const int file = open(arguments[1], O_RDWR);
    void* image = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file < 0 || image == MAP_FAILED) {
        std::fprintf(stderr, "cannot map %s\n", arguments[1]);
        return 1;
    }
    std::unique_ptr<Board> board(make_board());
    std::string text;
    std::uint64_t cycle = 0;
    try {
        Simulation simulation(*board, static_cast<std::uint8_t*>(image), size,
                              std::strtoull(arguments[3], nullptr, 10));
        try {
            for (int at = 4; at < count; ++at) simulation.take(arguments[at]);
            simulation.reset(4);
            Operation operation;
            while (receive(&operation, sizeof operation) && serve(simulation, operation)) {}
        } catch (const Violation& violation) {
            text = violation.what();
        }
        cycle = simulation.cycles();
        simulation.end();
    } catch (const Violation& violation) {
        text = violation.what();
    }
    if (text.empty()) return 0;
    // Said in answer to whatever is asked next, or is being asked.
    const Answer answer{1, static_cast<std::uint32_t>(text.size()), cycle, 0};
    send(&answer, sizeof answer);
    send(text.data(), text.size());
    std::fflush(stdout);
    return 0;
}

}  // namespace gemmule::axi

int main(int count, char** arguments) { return gemmule::axi::run(count, arguments); }
