"""Error responses at any beat of any channel: told once, of the right command; others are right."""

from collections import Counter

import numpy as np
import pytest

from gemmule.golden.soc.check import operands
from gemmule.golden.soc.commands import COMPLETION, Cause, Flags, Opcode
from gemmule.golden.soc.machine import WORK

from .configurations import CONFIGURATIONS, FEW
from .pair import Pair
from .quotas import BEATS, ERRORS
from .stimuli.commands import Maker
from .stimuli.needed import beats, needed
from .stimuli.places import OPERANDS, RESULTS, RING, SIZE

COMMAND_OCTETS, COMPLETION_OCTETS = 64, 16

SWEPT = "commands {} with an error at every beat"
READS = (Cause.READ_SLAVE, Cause.READ_DECODE)
WRITES = (Cause.WRITE_SLAVE, Cause.WRITE_DECODE)


class Errors:
    """Batches of commands, one error in each."""

    def __init__(self, pair: Pair):
        self.pair, self.rng = pair, pair.rng
        self.maker = Maker(pair)
        self.told: dict[str, int] = {}

    def batch(self, *, in_span: bool) -> None:
        """Run a batch with an error at a beat, or at one of the bytes that it needs."""
        rng = self.rng
        commands = self._some(int(rng.integers(1, 9)))
        if not commands:
            return
        write = bool(rng.integers(2))
        if in_span:
            self._run(commands, write, byte=self._byte(commands, write))
        else:
            most = 40 * len(commands) if rng.random() < 0.6 else 4
            self._run(commands, write, beat=int(rng.integers(most)))

    def sweep(self) -> None:
        """Run the same few commands again and again, each time with an error one beat later."""
        pair = self.pair
        while not (commands := self._some(int(self.rng.integers(1, 3)), large=False)):
            pass
        memory = pair.memory.copy()
        for each in commands:
            pair.tally[SWEPT.format(Opcode.of(each["opcode"]).name)] += 1
        before = pair.bus.counters()
        self._run(commands, False, beat=None)
        after = pair.bus.counters()
        for write, name in ((False, "read_beats"), (True, "write_beats")):
            for beat in range(getattr(after, name) - getattr(before, name)):
                pair.bus.memory[:] = pair.memory[:] = memory
                told = sum(self.told.values())
                self._run(commands, write, beat=beat)
                assert sum(self.told.values()) == told + 1
                pair.tally[f"errors at every beat, of {('reads', 'writes')[write]}"] += 1

    def _some(self, count: int, large: bool = True) -> list[dict[str, int]]:
        """Make commands for a batch, with memory of the kind that it is to be run on."""
        maker = self.maker
        self.pair.disturb()
        self.pair.choose_rings(smallest=3)
        maker.batch()
        commands = [maker.work(apart=64, settings=0) for _ in range(count)]
        commands = [each for each in commands if each["opcode"] in WORK]
        return [each for each in commands if large or self._small(each)]

    def _small(self, command: dict[str, int]) -> bool:
        """Tell whether a command has few beats; a layer's program alone has more than others."""
        most = 400 if command["opcode"] == Opcode.CONVOLUTION else 100
        return beats(command, self.pair) < most

    def _run(
        self,
        commands: list[dict[str, int]],
        write: bool,
        *,
        beat: int | None = None,
        byte: int | None = None,
    ) -> None:
        """Run a batch with an error at a beat, or where a byte is, or without one."""
        pair = self.pair
        before = pair.bus.counters()
        pair.choose_interrupts()
        self.old = pair.memory.copy()
        decode = bool(self.rng.integers(2))
        self.cause, self.byte = (WRITES if write else READS)[decode], byte
        if byte is not None:
            pair.bus.fault(write=write, decode=decode, span=(byte, byte + 1))
        elif beat is not None:
            pair.bus.fault(write=write, decode=decode, beat=beat)
        self.told_now = 0
        for each in commands:
            pair.command(each, direct=not pair.params.ring)
        if pair.params.ring:
            pair.ring()
        whole = pair.settle()
        after = pair.bus.counters()
        pair.bus.no_faults()
        name = ("write_beats", "read_beats")[not write]
        passed = getattr(after, name) - getattr(before, name)
        happened = byte is not None or (beat is not None and passed > beat)
        if not whole:
            self._ring_failed()
        else:
            self._completion_failed()
            pair.finish(self._judge)
        assert self.told_now == happened, "an error was lost"

    def _byte(self, commands, write: bool) -> int:
        """Return the address of a byte that must be read, or written."""
        pair, rng = self.pair, self.rng
        first = pair.first
        n = int(rng.integers(len(commands)))
        command = commands[n]
        # A beat that has several completions would take all of them.
        alone = pair.params.bus <= COMPLETION_OCTETS
        choices = ["c", "c", "completion" if alone else "c"] if write else ["a", "b", "settings"]
        if not write and pair.params.ring:
            choices.append("ring")
        what = str(rng.choice(choices))
        slot = (first + n) % (1 << pair.log2)
        if what == "completion":
            return pair.base + pair.place(pair.first + n + 1) + int(rng.integers(16))
        if what == "ring":
            return pair.base + RING + 64 * slot + int(rng.integers(64))
        found = operands(command, pair.hardware)
        return needed(command, pair, what if what in found else "a")

    def _tell(self, cause: int, unit: str) -> None:
        assert cause == self.cause, (Cause(cause), unit)
        self.told_now += 1
        self.told[unit] = self.told.get(unit, 0) + 1
        self.pair.tally[f"errors of {unit}"] += 1

    def _judge(self, command, want, record):
        """Return the record that must be there: with an error where an operand of it has one."""
        pair = self.pair
        if not record["cause"]:
            return want
        found = operands(command, pair.hardware)
        bus, address = pair.params.bus, record["address"]
        names = ["c"] if record["cause"] in WRITES else [name for name in found if name != "c"]
        reach = [
            name
            for name in names
            if found[name].span[0] // bus <= address // bus <= found[name].span[1] // bus
        ]
        assert reach, ("blamed on the wrong command", record, command)
        if self.byte is not None:
            low, high = found[reach[0]].span
            assert low <= self.byte <= high, (self.byte, record, command)
            beat = self.byte // bus
            assert address // bus == beat if reach != ["c"] else address // bus <= beat
        self._tell(record["cause"], reach[0])
        return want | {"cause": record["cause"], "address": address}

    def _error(self) -> tuple[dict[str, int], int]:
        pair = self.pair
        got, low, high = (pair.read(f"ERROR{part}") for part in ("", "_ADDR_LO", "_ADDR_HI"))
        return got, (low["address"] | high["address"] << 32) - pair.base

    def _completion_failed(self) -> None:
        """If a completion was not written, put it there, and go on."""
        pair = self.pair
        got, place = self._error()
        if got["unit"] != 255 or not pair.read("IRQ_STATUS")["error"]:
            return
        # Units complete in any order among each other: it is the one that is as it was.
        slots = {}
        for index in range(pair.first + 1, pair.first + len(pair.given) + 1):
            slot = pair.place(index)
            octets = slice(slot, slot + COMPLETION_OCTETS)
            if np.array_equal(pair.bus.memory[octets], self.old[octets]):
                slots[index] = slot
        ((index, slot),) = slots.items()
        end, bus = slot + COMPLETION_OCTETS, pair.params.bus
        assert (place + pair.base) // bus == (slot + pair.base) // bus
        octets = COMPLETION.encode(pair.wanted[got["sequence"]] | {"index": index})
        pair.bus.memory[slot:end] = np.frombuffer(octets, np.uint8)
        pair.write("IRQ_STATUS", error=1)
        pair.alike("ERROR", "ERROR_ADDR_LO", "ERROR_ADDR_HI")
        self._tell(got["cause"], "completion")

    def _ring_failed(self) -> None:
        """Expect that whole commands were carried out or none of them, and reset."""
        pair = self.pair
        got, place = self._error()
        assert got["unit"] == 254
        assert got["sequence"] == 0
        places = 1 << pair.log2
        slots = [RING + 64 * ((pair.first + n) % places) for n in range(len(pair.given))]
        beat = pair.params.bus
        hit = next(
            n
            for n, each in enumerate(slots)
            if each // beat <= place // beat <= (each + COMMAND_OCTETS - 1) // beat
        )
        done = pair.read("COMPLETED")["commands"] - pair.first
        assert done <= hit
        sequences = set()
        for index in range(pair.first + 1, pair.first + done + 1):
            at = pair.place(index)
            record = COMPLETION.decode(pair.bus.memory[at : at + 16].tobytes())
            assert record == pair.wanted[record["sequence"]] | {"index": index}
            sequences.add(record["sequence"])
        for command in pair.given:
            if command["sequence"] not in sequences and command["opcode"] in WORK:
                c = operands(command, pair.hardware)["c"]
                for address in c.row_addresses():
                    at = address - pair.base
                    pair.memory[at : at + c.row_octets] = self.old[at : at + c.row_octets]
        pair.check_memory()
        pair.reset()
        pair.forget_flags()
        self._tell(got["cause"], "ring")


def run_errors(name: str, seed: int, count: int) -> Counter:
    """Run batches until ``count`` errors were told."""
    with Pair(name, seed) as pair:
        errors = Errors(pair)
        while sum(errors.told.values()) < count:
            errors.batch(in_span=bool(pair.rng.integers(2)))
    return pair.tally


def run_beats(name: str, seed: int, count: int) -> Counter:
    """Run small batches with an error at each of their beats, until there were ``count``.

    Each unit has had a command in one of them then.
    """
    with Pair(name, seed) as pair:
        errors = Errors(pair)
        swept = [SWEPT.format(unit) for unit in errors.maker.units]
        while sum(errors.told.values()) < count or not all(pair.tally[each] for each in swept):
            errors.sweep()
    return pair.tally


@pytest.mark.parametrize("name", FEW)
def test_errors_are_told_of_the_right_command(name):
    run_errors(name, 1, 30)


@pytest.mark.full
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_many_errors_are_told_of_the_right_command(name):
    run_errors(name, 2, ERRORS)


@pytest.mark.full
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_an_error_at_every_beat(name):
    run_beats(name, 2, BEATS)


def test_a_row_of_several_words_is_whole_though_its_job_failed():
    """A write error dropped the rest of a row whose first word was out, and the DMA waited."""
    with Pair("narrow", 3) as pair:
        errors = Errors(pair)
        for pause in (0.0, 0.3, 0.6):
            errors.cause, errors.old = Cause.WRITE_SLAVE, pair.memory.copy()
            errors.byte, errors.told_now = None, 0
            errors.maker.batch()
            pair.bus.set(latency=5, pause_w=pause)
            command = errors.maker.gemm(apart=64, settings=0) | {"opcode": 1, "c_size": 2}
            command |= {"m": 60, "n": 4, "k": 2, "flags": int(Flags.RAW), "settings": 0}
            command |= {"a": pair.base + OPERANDS, "a_stride": 2}
            command |= {"b": pair.base + OPERANDS + 0x1000, "b_stride": 4}
            command |= {"c": pair.base + RESULTS + 0x8000, "c_stride": 16}
            pair.bus.fault(write=True, beat=0)
            pair.command(command)
            pair.ring()
            assert pair.settle()
            pair.finish(errors._judge)
            assert errors.told_now


@pytest.mark.full
def test_an_error_in_the_last_beat_of_all_addresses():
    """The memory's sum of a beat's address and its bytes was 0 there, and no error was answered."""
    with Pair("4x4_512_bits", 3) as pair:
        errors = Errors(pair)
        last = pair.base + SIZE - 1
        assert last == (1 << 64) - 1
        command = errors.maker.gemm(apart=64, settings=0)
        command |= {"m": 1, "n": 1, "k": 1, "c_size": 0, "c": last}
        errors._run([command], True, byte=last)
        assert errors.told == {"c": 1}
