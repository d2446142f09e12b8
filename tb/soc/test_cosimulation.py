"""The co-simulation itself: a small design copies words, and each rule of AXI is broken once."""

from functools import cache

import numpy as np
import pytest

from gemmule.gen.simulation.axi import AxiMemory, SimulatedBus, Violation, build_axi
from gemmule.gen.verilog.emit import emit_component
from gemmule.golden.common.errors import UsageError

from .axi_copier import OCTETS, RULES, AxiCopier

SOURCE, TARGET, WORDS, GO, ERRORS, RULE, ORDER = 0, 4, 8, 12, 16, 20, 24


@cache
def program():
    """Return the program of a copier."""
    return build_axi(emit_component(AxiCopier(), "copier", {}, "copies words"))


@pytest.fixture(scope="module")
def bus():
    with SimulatedBus(program(), 1 << 16, AxiMemory(base=0x1000_0000), seed=3) as made:
        yield made


def copy(bus, source: int, target: int, words: int) -> int:
    """Let the design copy words; return the cycles from its start to its interrupt."""
    for register, value in ((SOURCE, source), (TARGET, target), (WORDS, words), (GO, 1)):
        bus.write32(register, value)
    begun = bus.counters().written_at
    bus.wait(1e-3, interrupt=True)
    assert bus.read32(GO) == 1
    taken = bus.counters().interrupt_at - begun
    bus.write32(GO, 0)
    return taken


def provoke(bus) -> None:
    """Do everything often enough for any rule to be broken."""
    for _ in range(40):
        bus.write32(WORDS, 16)
    for source in (0, 0, 0, 0xFF0):
        copy(bus, source, 0x203, 16)


def test_bytes_arrive(bus):
    rng = np.random.default_rng(1)
    for words in (1, 7, 16):
        bus.memory[:] = rng.integers(0, 256, bus.memory.size)
        before = bus.memory.copy()
        copy(bus, bus.base + 0x400, bus.base + 0x803, words)
        length = words * OCTETS - 3
        before[0x803 : 0x803 + length] = before[0x403 : 0x403 + length]
        np.testing.assert_array_equal(bus.memory, before)


@pytest.mark.parametrize("latency", [1, 30, 500])
def test_latency_is_that_of_the_first_beat(bus, latency):
    bus.set(latency=latency)
    once = copy(bus, bus.base, bus.base + 64, 1)
    assert copy(bus, bus.base, bus.base + 256, 16) == once + 30
    bus.set(latency=1)
    assert once - copy(bus, bus.base, bus.base + 64, 1) == 2 * (latency - 1)


def test_bandwidth(bus):
    bus.set(latency=1, bandwidth=1.0)
    slow = copy(bus, bus.base, bus.base + 256, 16)
    bus.set(bandwidth=0)
    assert 240 <= slow <= 290


def test_pauses_change_time_and_nothing_else(bus):
    rng = np.random.default_rng(2)
    names = ("pause_ar", "pause_r", "pause_aw", "pause_w", "pause_b", "pause_lite")
    for stall in (0.5, 0.9, 0):
        bus.set(**dict.fromkeys(names, stall))
        bus.memory[:] = rng.integers(0, 256, bus.memory.size)
        copy(bus, bus.base, bus.base + 512, 16)
        np.testing.assert_array_equal(bus.memory[512:640], bus.memory[:128])


def test_pauses_may_be_long(bus):
    def longest(length: float) -> int:
        bus.set(pause_lite=0.5, pause_length=length)
        waits = []
        for _ in range(100):
            begun = bus.cycles
            bus.read32(ERRORS)
            waits.append(bus.cycles - begun)
        bus.set(pause_lite=0, pause_length=0)
        return max(waits)

    assert longest(0) < 50 < longest(100)


@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
def test_errors_are_answered_where_asked(bus, write):
    errors = bus.read32(ERRORS)
    bus.fault(write=write, decode=True, beat=5)
    copy(bus, bus.base, bus.base + 512, 16)
    copy(bus, bus.base, bus.base + 512, 16)
    assert bus.read32(ERRORS) == errors + 1
    place = bus.base + (512 if write else 0)
    bus.fault(write=write, span=(place + 9, place + 17))
    copy(bus, bus.base, bus.base + 512, 16)
    assert bus.read32(ERRORS) == errors + (2 if write else 3)
    bus.no_faults()


def test_outside_of_the_image_is_decerr(bus):
    errors, before = bus.read32(ERRORS), bus.memory.copy()
    copy(bus, bus.base - 128, bus.base + bus.memory.size, 16)
    assert bus.read32(ERRORS) == errors + 17
    np.testing.assert_array_equal(bus.memory, before)


def order(bus, go: int = 3) -> str:
    """Have two bursts under way in each direction; return the order of words and of answers."""
    words = np.arange(8, dtype="<u8") * 2
    bus.memory[:64], bus.memory[512:576] = words.view(np.uint8), (words + 1).view(np.uint8)
    for register, value in ((SOURCE, bus.base), (TARGET, bus.base + 512), (GO, go)):
        bus.write32(register, value)
    bus.wait(1e-3, interrupt=True)
    bus.write32(GO, 0)
    return f"{bus.read32(ORDER):018b}"


def test_ids_are_answered_in_any_order_where_asked(bus):
    """Reads of two ids are interleaved at any word; of each id, all comes as it was asked for."""
    errors = bus.read32(ERRORS)
    assert order(bus) == "0" * 8 + "1" * 8 + "01"
    bus.set(reorder=True, pause_r=0.8, pause_b=0.8)  # both are due before one is answered
    seen = [order(bus) for _ in range(40)]
    alike = [order(bus, 7) for _ in range(10)]
    bus.set(reorder=False, pause_r=0, pause_b=0)
    assert all(each[:16].count("1") == 8 for each in seen)
    assert {each[0] for each in seen} == {"0", "1"}
    assert {each[15] for each in seen} == {"0", "1"}
    assert any("01" in each[:16] and "10" in each[:16] for each in seen)  # interleaved
    assert {each[16:] for each in seen} == {"01", "10"}
    assert set(alike) == {"0" * 8 + "1" * 8 + "00"}
    assert bus.read32(ERRORS) == errors


def test_counters(bus):
    before = bus.counters()
    copy(bus, bus.base, bus.base + 512 + 5, 4)
    after = bus.counters()
    assert after.bytes_read - before.bytes_read == 32
    assert after.bytes_written - before.bytes_written == 27
    assert after.register_writes - before.register_writes == 5
    assert after.idle == 1


def test_reset_forgets(bus):
    bus.write32(SOURCE, 77)
    bus.reset()
    assert bus.read32(SOURCE) == 0


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("payload", "payload of m_axi_ar changes"),
        ("valid", "m_axi_arvalid falls"),
        ("wlast", "m_axi_wlast is high on beat 15 of 16"),
        ("size", "m_axi_arsize is not the bus's width"),
        ("burst", "m_axi_arburst is not INCR"),
        ("strobes", "m_axi_wstrb has bytes before the address 0x203"),
        ("answer", "s_axi_bvalid is high without a write"),
        ("none", "the burst crosses 4 KB: m_axi_ar of the burst of 16 beats at 0xff0"),
    ],
)
def test_a_broken_rule_ends_the_run_with_a_sentence(rule, sentence):
    assert rule in RULES
    pauses = AxiMemory(pause_ar=0.8, pause_lite=0.8)
    with SimulatedBus(program(), 1 << 16, pauses, seed=1) as broken:
        broken.write32(RULE, RULES.index(rule))
        with pytest.raises(Violation, match=sentence):
            provoke(broken)
        with pytest.raises(Violation, match=sentence):  # from then on, always
            broken.read32(0)


def test_settings_are_refused_with_a_sentence(bus):
    with pytest.raises(UsageError, match=r"pause_r of a memory must be in 0..0.999, not 1"):
        AxiMemory(pause_r=1)
    with pytest.raises(UsageError, match=r"latency of a memory must be in 1..4294967296, not 0"):
        bus.set(latency=0)
    with pytest.raises(UsageError, match="has no setting 'speed'"):
        bus.set(speed=1)
    with pytest.raises(UsageError, match="at a beat or in a span"):
        bus.fault()


def test_timeline(tmp_path):
    path = tmp_path / "timeline"
    with SimulatedBus(program(), 1 << 16, timeline=path) as recorded:
        copy(recorded, 0, 512, 16)
    lines = [line.split(",") for line in path.read_text().splitlines()]
    assert [line[0] for line in lines if line[0] != "read32"] == [
        *["write32"] * 4, "read", "write", "interrupt", "interrupt", "write32",
    ]  # fmt: skip
    (read,) = [line for line in lines if line[0] == "read"]
    asked, first, last = map(int, read[4:])
    assert (read[2], read[3]) == ("0", "16")
    assert (first - asked, last - first) == (30, 15)


def test_an_interrupt_that_never_comes_is_an_end():
    with SimulatedBus(program(), 1 << 16) as waiting:
        waiting.wait(0.004, interrupt=True)
        with pytest.raises(Violation, match="nothing moved on the bus for 500120 cycles"):
            waiting.wait(1e9, interrupt=True)


@pytest.mark.full
def test_waves(tmp_path):
    path = tmp_path / "copier.fst"
    with_waves = build_axi(emit_component(AxiCopier(), "copier", {}, "copies words"), waves=True)
    with SimulatedBus(with_waves, 1 << 16, waves=path) as drawn:
        copy(drawn, 0, 512, 16)
    assert path.read_bytes()[:1] == b"\0"  # an FST file's header block
    assert path.stat().st_size > 1000
