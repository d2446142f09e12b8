// What can be chosen of the memory and of the pauses, at the start and between two operations.

#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "pins.h"

namespace gemmule::axi {

// Answers that are errors: of beats in a range of addresses, or of the n-th beat from now on, once.
struct Fault {
    bool write = false;
    unsigned response = 2;  // 2: SLVERR, 3: DECERR
    std::uint64_t low = 0, high = 0;
    std::int64_t beats = -1;  // before it; negative: a range
};

struct Settings {
    std::uint64_t base = 0;          // address of the image's first byte
    std::uint64_t latency = 30;      // cycles from AR to the first beat; from the last W to B
    double bandwidth = 0;            // bytes a cycle, reads and writes together; 0: no limit
    std::uint64_t outstanding = 64;  // bursts of a direction that are taken before one is answered
    bool reorder = false;            // answers of different ids come in any order, reads interleaved
    double pause_ar = 0, pause_r = 0, pause_aw = 0, pause_w = 0, pause_b = 0;
    double pause_lite = 0;
    double pause_length = 0;         // cycles of a pause on average; 0: each cycle for itself
    std::uint64_t patience = 10000;  // cycles in which a register access must be answered
    std::vector<Fault> faults;

    // Takes a line of `key values`.
    void take(const std::string& line) {
        std::istringstream words(line);
        std::string key;
        words >> key;
        if (key == "base") words >> base;
        else if (key == "latency") words >> latency;
        else if (key == "bandwidth") words >> bandwidth;
        else if (key == "outstanding") words >> outstanding;
        else if (key == "reorder") words >> reorder;
        else if (key == "pause_ar") words >> pause_ar;
        else if (key == "pause_r") words >> pause_r;
        else if (key == "pause_aw") words >> pause_aw;
        else if (key == "pause_w") words >> pause_w;
        else if (key == "pause_b") words >> pause_b;
        else if (key == "pause_lite") words >> pause_lite;
        else if (key == "pause_length") words >> pause_length;
        else if (key == "patience") words >> patience;
        else if (key == "no_faults") faults.clear();
        else if (key == "fault") {
            Fault each;
            std::string place;
            words >> each.write >> each.response >> place;
            if (place == "beat") words >> each.beats;
            else words >> each.low >> each.high;
            faults.push_back(each);
        } else throw Violation("there is no setting " + key);
        if (words.fail()) throw Violation("a setting cannot be read: " + line);
    }
};

}  // namespace gemmule::axi
