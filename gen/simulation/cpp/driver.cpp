// Runs one job on a design: whole files of beats in, whole files of beats out. A file holds once
// what is sent several times; its parts say how often.
//
// The one argument names a plan, lines of `key values`; the result is one JSON object on stdout.
// Lines `progress DONE OF CYCLE` go to stderr twice a second.

#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>

#include "endpoints.h"
#include "memory.h"

namespace gemmule {

struct Plan {
    double stall = 0, sink_stall = 0;
    std::uint64_t seed = 0, patience = 0, quiet = 0, reset_at = 0;
    bool shy = false;
    std::string waves;
    std::map<std::string, std::string> send, parts;
    std::map<std::string, std::pair<std::size_t, std::string>> receive;
    std::map<std::string, std::pair<std::string, std::string>> behind;
    std::map<std::string, Takes> takes;
    MemoryPlan memory;
};

static Plan read_plan(const std::string& path) {
    Plan plan;
    std::ifstream file(path);
    std::string line, key, name;
    while (std::getline(file, line)) {
        std::istringstream words(line);
        words >> key;
        if (key == "stall") words >> plan.stall;
        if (key == "sink_stall") words >> plan.sink_stall;
        if (key == "seed") words >> plan.seed;
        if (key == "patience") words >> plan.patience;
        if (key == "quiet") words >> plan.quiet;
        if (key == "reset_at") words >> plan.reset_at;
        if (key == "shy") words >> plan.shy;
        if (key == "waves") std::getline(words >> std::ws, plan.waves);
        if (key == "send") words >> name, std::getline(words >> std::ws, plan.send[name]);
        if (key == "parts") words >> name, std::getline(words >> std::ws, plan.parts[name]);
        if (key == "receive") {
            words >> name;
            auto& entry = plan.receive[name];
            words >> entry.first, std::getline(words >> std::ws, entry.second);
        }
        if (key == "take_none") words >> name, plan.takes[name] = Takes::none;
        if (key == "take_any") words >> name, plan.takes[name] = Takes::any;
        if (key == "behind") {
            words >> name;
            auto& entry = plan.behind[name];
            words >> entry.first, std::getline(words >> std::ws, entry.second);
        }
        if (key == "memory") {
            words >> plan.memory.width >> plan.memory.latency >> plan.memory.queue;
            std::getline(words >> std::ws, plan.memory.path);
        }
        if (key == "channel") {
            ChannelPlan& entry = plan.memory.channels.emplace_back();
            words >> entry.request >> entry.data >> entry.lanes >> entry.width >> entry.sign;
        }
    }
    return plan;
}

// All of a file.
template <typename T>
static std::vector<T> read_all(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    std::vector<T> content(file.tellg() / sizeof(T));
    file.seekg(0);
    file.read(reinterpret_cast<char*>(content.data()), content.size() * sizeof(T));
    return content;
}

class Driver {
public:
    Driver(Model& model, const Plan& plan) : model(model), plan(plan), memory(plan.memory) {
        std::uint64_t seed = plan.seed * 1000003u;
        for (const Stream& stream : model.streams) {
            ++seed;
            const double stall = stream.input ? plan.stall : plan.sink_stall;
            if (auto end = memory.end(stream, stall, seed, plan.shy)) {
                endpoints.push_back(std::move(end));
            } else if (stream.input) {
                const auto file = plan.send.find(stream.name);
                std::vector<std::uint32_t> beats;
                std::vector<Part> parts;
                if (file != plan.send.end()) {
                    beats = read_all<std::uint32_t>(file->second);
                    parts = read_all<Part>(plan.parts.at(stream.name));
                }
                auto source = std::make_unique<Source>(stream, stall, seed, std::move(beats),
                                                       std::move(parts));
                sources[stream.name] = source.get();
                endpoints.push_back(std::move(source));
            } else {
                const auto entry = plan.receive.find(stream.name);
                const std::size_t count = entry == plan.receive.end() ? 0 : entry->second.first;
                const auto takes = plan.takes.find(stream.name);
                auto sink = std::make_unique<Sink>(
                    stream, stall, seed, count, plan.shy,
                    takes == plan.takes.end() ? Takes::counted : takes->second);
                sinks.push_back(sink.get());
                endpoints.push_back(std::move(sink));
            }
        }
        for (const auto& [name, entry] : plan.behind)
            for (const auto& endpoint : endpoints)
                if (endpoint->stream.name == entry.first)
                    sources.at(name)->stay_behind(endpoint.get(), read_all<std::uint32_t>(entry.second));
    }

    void run() {
        if (!plan.waves.empty()) model.open_waves(plan.waves);
        reset();
        if (plan.reset_at) {
            for (std::uint64_t end = now + plan.reset_at; now < end;) cycle();
            reset();
        }
        first = last = moved = start = now;
        begun = false;
        while (!finished()) {
            cycle();
            if (now - moved > plan.patience) throw Fault("hang", "", standstill());
            if (!(now & 0xFFF)) report();
        }
        const std::uint64_t end = last;
        for (Sink* sink : sinks) sink->never_stall();
        memory.close();
        for (std::uint64_t i = 0; i < plan.quiet; ++i) cycle();
        last = end;
    }

    void save() const {
        memory.save();
        for (const Sink* sink : sinks) {
            const auto entry = plan.receive.find(sink->stream.name);
            if (entry == plan.receive.end()) continue;
            std::ofstream file(entry->second.second, std::ios::binary);
            const auto& beats = sink->received();
            file.write(reinterpret_cast<const char*>(beats.data()), beats.size() * 4);
        }
    }

    std::uint64_t cycles() const { return begun ? last - first + 1 : 0; }
    std::uint64_t total_cycles() const { return now - start; }
    const Memory& external() const { return memory; }

private:
    Model& model;
    const Plan& plan;
    Memory memory;
    std::vector<std::unique_ptr<Endpoint>> endpoints;
    std::map<std::string, Source*> sources;
    std::vector<Sink*> sinks;
    std::uint64_t now = 0, start = 0, first = 0, last = 0, moved = 0;
    bool begun = false;
    std::chrono::steady_clock::time_point reported = std::chrono::steady_clock::now();

    bool finished() const {
        for (const auto& endpoint : endpoints)
            if (!endpoint->finished()) return false;
        return true;
    }

    void edge() {
        *model.clk = 1;
        model.eval();
        if (!plan.waves.empty()) model.dump(10 * now + 5);
        ++now;
    }

    void settle() {
        *model.clk = 0;
        model.eval();
        if (!plan.waves.empty()) model.dump(10 * now);
    }

    void reset() {
        *model.rst = 1;
        for (const auto& endpoint : endpoints) endpoint->idle();
        for (int i = 0; i < 2; ++i) settle(), edge();
        *model.rst = 0;
        for (const auto& endpoint : endpoints) endpoint->restart();
        memory.restart();
    }

    void cycle() {
        memory.serve(now);
        for (const auto& endpoint : endpoints) endpoint->drive();
        settle();
        for (const auto& endpoint : endpoints) {
            if (!endpoint->observe(now)) continue;
            moved = now;
            if (!endpoint->stream.input) last = now;
            if (begun || endpoint->stream.name == "command") continue;
            first = now, begun = true;
        }
        edge();
    }

    void report() {
        const auto time = std::chrono::steady_clock::now();
        if (time - reported < std::chrono::milliseconds(500)) return;
        reported = time;
        std::size_t done = 0, expected = 0;
        for (const auto& endpoint : endpoints)
            done += endpoint->done(), expected += endpoint->expected();
        std::cerr << "progress " << done << ' ' << expected << ' ' << now - start << std::endl;
    }

    std::string standstill() const {
        std::ostringstream text;
        text << "nothing moved for " << plan.patience << " cycles";
        for (const auto& endpoint : endpoints)
            text << "; " << endpoint->stream.name << " " << endpoint->done() << " of "
                 << endpoint->expected() << " beats, valid " << int(*endpoint->stream.valid)
                 << ", ready " << int(*endpoint->stream.ready);
        return text.str();
    }
};

}  // namespace gemmule

int main(int, char** argv) {
    using namespace gemmule;
    const Plan plan = read_plan(argv[1]);
    std::unique_ptr<Model> model(make_model());
    Driver driver(*model, plan);
    std::string kind = "ok", stream, text;
    const auto begin = std::chrono::steady_clock::now();
    try {
        driver.run();
    } catch (const Fault& fault) {
        kind = fault.kind, stream = fault.stream, text = fault.what();
    }
    if (!plan.waves.empty()) model->close_waves();
    driver.save();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::cout << "{\"status\": \"" << kind << "\", \"stream\": \"" << stream << "\", \"text\": \""
              << text << "\", \"cycles\": " << driver.cycles()
              << ", \"total_cycles\": " << driver.total_cycles()
              << ", \"bytes_read\": " << driver.external().bytes_read
              << ", \"bytes_written\": " << driver.external().bytes_written
              << ", \"seconds\": " << seconds.count() << "}" << std::endl;
    return 0;
}
