"""The drivers and the golden machine against the accelerator's RTL, through AXI."""

import numpy as np
import pytest

from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.buses.golden import GoldenBus
from gemmule.gen.driver.errors import CommandError, DeviceError, DriverTimeout, Mismatch
from gemmule.gen.simulation.axi import AxiMemory
from gemmule.golden.soc.check import operands
from gemmule.golden.soc.commands import COMMAND, VERSION, Cause, Flags
from gemmule.golden.systolic.gemm import gemm

from .c_platform import DRIVER, PLATFORM, compiled, served
from .fake_board import FakeBoard
from .rtl import BASE, CONFIGURATIONS, MORE, board
from .test_c_driver import example
from .test_driver import random_case

PAUSES = ("pause_ar", "pause_r", "pause_aw", "pause_w", "pause_b", "pause_lite")


names = pytest.mark.parametrize(
    "name", [*CONFIGURATIONS, *(pytest.param(each, marks=pytest.mark.full) for each in MORE)]
)


@names
def test_products_through_the_driver(name):
    params = (CONFIGURATIONS | MORE)[name]
    formats = {"a_format": params.x_format, "b_format": params.w_format}
    rng = np.random.default_rng(3)
    with board(name, seed=5) as bus, Accelerator(bus, config_hash=params.config_hash) as acc:
        assert acc.hardware == params.hardware
        for turn in range(60):
            pause = 0.5 * (turn % 3 == 2)
            bus.set(latency=(1, 30, 200)[turn // 20], **dict.fromkeys(PAUSES, pause))
            arrays, scale = random_case(rng, acc.hardware)
            want = gemm(**arrays, **formats, acc_width=params.acc_width, **scale)
            np.testing.assert_array_equal(acc.gemm(**arrays, **scale), want)
        assert acc.counters()["errors"] == 0


def test_other_configurations_are_refused():
    with board("4x4") as bus, pytest.raises(Mismatch, match="this driver was made for 0x00000001"):
        Accelerator(bus, config_hash=1)


def test_jobs_overlap_and_cost_one_write_each():
    with board("4x4") as bus, Accelerator(bus, interrupts=False) as acc:
        rng = np.random.default_rng(4)
        b = rng.integers(-128, 128, (16, 16))
        with acc.weights(b, multiplier=[3], shift=[9]) as weights:
            a = [rng.integers(-128, 128, (16, 16)) for _ in range(30)]
            acc.gemm(a[0], weights)
            begun = bus.counters()
            jobs = [acc.submit(each, weights) for each in a]
            results = [job.result() for job in jobs]
            ended = bus.counters()
        for each, got in zip(a, results, strict=True):
            np.testing.assert_array_equal(got, gemm(each, b, multiplier=[3], shift=[9]))
        assert ended.register_writes - begun.register_writes == 30
        assert ended.register_reads == begun.register_reads


def test_jobs_that_read_what_others_write():
    rng = np.random.default_rng(14)
    scale = {"multiplier": [1], "shift": [7]}
    b = rng.integers(-128, 128, (20, 20))
    with board("4x4", AxiMemory(base=BASE, latency=200)) as bus, Accelerator(bus) as acc:
        weights = acc.weights(b, **scale)
        x, y = acc.alloc((20, 20), np.int8), acc.alloc((20, 20), np.int8)
        want = x.array[...] = rng.integers(-128, 128, (20, 20))
        pairs = [(x, y), (y, x)] * 4
        jobs = [acc.submit(a, weights, out=out) for a, out in pairs]
        for _ in jobs:
            want = gemm(want, b, **scale)
        np.testing.assert_array_equal(jobs[-1].result(), want)


@pytest.mark.parametrize("ring", [0, 2])
def test_few_places_and_none(ring):
    with board("4x4") as bus, Accelerator(bus, ring=ring, interrupts=bool(ring)) as acc:
        rng = np.random.default_rng(5)
        with acc.weights(rng.integers(-128, 128, (5, 6))) as weights:
            a = [rng.integers(-128, 128, (3, 5)) for _ in range(9)]
            jobs = [acc.submit(each, weights) for each in a]
            for each, job in zip(a, jobs, strict=True):
                np.testing.assert_array_equal(job.result(), gemm(each, weights.b.array))


@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
@pytest.mark.parametrize("decode", [False, True], ids=["slave", "decode"])
def test_bus_errors_are_told_with_cause_and_address(write, decode):
    rng = np.random.default_rng(6)
    a, b = rng.integers(-128, 128, (8, 8)), rng.integers(-128, 128, (8, 8))
    with board("4x4", seed=1) as bus, Accelerator(bus) as acc:
        weights, left, c = acc.weights(b), acc.alloc((8, 8), np.int8), acc.alloc((8, 8), np.int32)
        left.array[...] = a
        target = c if write else left
        place = target.address + 37
        bus.fault(write=write, decode=decode, span=(place, place + 1))
        with pytest.raises(CommandError) as caught:
            acc.gemm(left, weights, out=c)
        names = {(0, 0): "READ_SLAVE", (0, 1): "READ_DECODE"}
        names |= {(1, 0): "WRITE_SLAVE", (1, 1): "WRITE_DECODE"}
        assert caught.value.cause.name == names[int(write), int(decode)]
        if write:  # of a burst, which begins at the latest there
            assert target.address <= caught.value.address <= place
        else:
            assert caught.value.address // 16 == place // 16
        bus.no_faults()
        np.testing.assert_array_equal(acc.gemm(left, weights, out=c), gemm(a, b))


@pytest.mark.parametrize("interrupts", [False, True])
def test_what_belongs_to_no_command(interrupts):
    with board("4x4") as bus:
        acc = Accelerator(bus, interrupts=interrupts, watchdog=3000)
        eye = np.eye(4, dtype=int)
        ring = acc.queue._commands.address
        bus.fault(span=(ring, ring + 64))
        with pytest.raises(DeviceError, match="the ring of commands met READ_SLAVE") as caught:
            acc.submit(eye, eye).result(1e-4)
        assert caught.value.address // 16 == ring // 16
        bus.no_faults()
        acc.reset()
        np.testing.assert_array_equal(acc.gemm(eye, eye), eye)
        with pytest.raises(DeviceError, match="the watchdog met TIMEOUT"):
            acc.submit(eye, eye, wait=1, wait_value=1).result(1e-4)
        acc.reset()
        np.testing.assert_array_equal(acc.gemm(eye, eye), eye)


def test_resets_at_random_times_each_followed_by_a_right_job():
    rng = np.random.default_rng(7)
    a, b = rng.integers(-128, 128, (24, 20)), rng.integers(-128, 128, (20, 9))
    scale = {"multiplier": rng.integers(1, 99, 9), "shift": [12]}
    want = gemm(a, b, **scale)
    with board("4x4", seed=9) as bus, Accelerator(bus) as acc, acc.weights(b, **scale) as weights:
        for turn in range(40):
            bus.set(**dict.fromkeys(PAUSES, 0.4 * (turn % 2)))
            jobs = [acc.submit(a, weights) for _ in range(int(rng.integers(1, 4)))]
            bus.run(int(rng.integers(0, 1200)))
            acc.reset()
            assert all(job.done for job in jobs)
            before = bus.memory.copy()
            bus.run(500)
            np.testing.assert_array_equal(bus.memory, before)
            assert bus.counters().idle
            np.testing.assert_array_equal(acc.gemm(a, weights), want)


def test_a_job_that_never_begins_is_a_timeout():
    with board("4x4") as bus, Accelerator(bus) as acc:
        eye = np.eye(4, dtype=int)
        job = acc.submit(eye, eye, wait=1, wait_value=1)
        with pytest.raises(DriverTimeout, match="1 commands are under way"):
            job.result(5e-5)
        acc.reset()
        np.testing.assert_array_equal(acc.gemm(eye, eye), eye)


def test_uio_joined_to_the_rtl(tmp_path):
    rng = np.random.default_rng(8)
    a, b = rng.integers(-128, 128, (9, 8)), rng.integers(-128, 128, (8, 7))
    with (
        board("4x4") as machine,
        FakeBoard(machine, machine.image, tmp_path) as fake,
        Accelerator(fake.uio()) as acc,
    ):
        for _ in range(3):
            np.testing.assert_array_equal(acc.gemm(a, b), gemm(a, b))


def test_the_c_driver_on_the_rtl(tmp_path):
    for name, main, want in (
        ("4x4", DRIVER / "main.c", example()),
        ("4x4", PLATFORM / "exercise.c", [0]),
        ("narrow", PLATFORM / "vector.c", [0]),
    ):
        program = compiled(tmp_path, main, CONFIGURATIONS[name].config_hash)
        with board(name) as bus:
            assert served(program, bus, bus.image) == want


@names
def test_random_commands_are_those_of_the_golden_machine(name):
    """Memory and completions of both after the same random commands, wrong ones among them.

    What is refused may be complete before what runs: completions are compared by sequence.
    """
    rng = np.random.default_rng(12)
    hardware = (CONFIGURATIONS | MORE)[name].hardware
    with board(name, AxiMemory(base=BASE, latency=5), seed=2) as bus:
        golden = GoldenBus(hardware, bus.memory.size, BASE)
        sides = [Accelerator(side, interrupts=False, ring=16) for side in (golden, bus)]
        fill = rng.integers(0, 256, bus.memory.size // 2, np.uint8)
        for side in (golden, bus):
            side.memory[-fill.size :] = fill
        for _ in range(60):
            fenced = bool(rng.integers(2))
            commands = [random_command(rng, n, fenced) for n in range(int(rng.integers(1, 9)))]
            records = [run(acc, commands) for acc in sides]
            assert records[0] == records[1]
            differs = golden.memory != bus.memory
            differs[:RINGS] = False  # completions come in another order
            for record, octets in zip(records[0], commands, strict=True):
                if record["cause"] >= Cause.SETTINGS:  # it may have written a part
                    c = operands(COMMAND.decode(octets), hardware)["c"]
                    for address in c.row_addresses():
                        differs[address - BASE :][: c.row_octets] = False
            assert not differs.any()
            golden.memory[-fill.size :] = bus.memory[-fill.size :] = fill


RINGS = 16 * (64 + 16)


def run(acc: Accelerator, commands: list[bytes]) -> list[dict[str, int]]:
    """Hand commands over as they are; return their completions."""
    records: list[dict[str, int]] = []
    acc.queue.put(commands)
    for _ in range(4000):
        acc.bus.wait(1e-6, interrupt=False)
        records += acc.queue.collect()
        if len(records) == len(commands):
            break
    acc.page.write("IRQ_STATUS", complete=1, error=1)
    first = acc.page.word("COMPLETED") - len(commands)
    assert [each.pop("index") for each in records] == [first + n + 1 for n in range(len(commands))]
    return sorted(records, key=lambda record: record["sequence"])


def random_command(rng, sequence: int, fenced: bool) -> bytes:
    """Return a command that may be wrong in any of its fields; in its places only if ``fenced``.

    Without a fence, it must not read what the one before it writes.
    """
    half = 1 << 17
    place = BASE + half

    def somewhere(part: int) -> int:
        return place + part * half // 4 + int(rng.integers(0, 64))

    raw = bool(rng.integers(2))
    command = {
        "opcode": int(rng.integers(0, 2)) or 1,
        "version": VERSION,
        "flags": (Flags.RAW if raw else 0) | (Flags.FENCE if fenced else 0),
        "c_size": int(rng.integers(0, 3)),
        "sequence": sequence,
        "a": somewhere(0),
        "b": somewhere(1),
        "c": somewhere(2),
        "settings": 0 if raw else somewhere(3),
        "a_stride": int(rng.integers(16, 64)),
        "b_stride": int(rng.integers(16, 64)),
        "c_stride": int(rng.integers(48, 64)),
        "m": int(rng.integers(1, 12)),
        "n": int(rng.integers(1, 12)),
        "k": int(rng.integers(1, 8)),
    }
    if not rng.integers(3):
        places = {"a", "b", "c", "a_stride", "b_stride", "c_stride", "settings", "flags"}
        names = {each.name for each in COMMAND.entries} - {"sequence", "wait_value"}
        names -= set() if fenced else places
        name = str(rng.choice(sorted(names)))
        entry = COMMAND[name]
        octets = bytearray(COMMAND.encode(command))
        at = entry.offset + int(rng.integers(entry.octets))
        if name == "wait":
            octets[at] = int(rng.integers(9, 256))
        elif name not in ("m", "n", "k") or at == entry.offset + 2:
            octets[at] ^= 1 << int(rng.integers(8))
        else:
            octets[entry.offset : entry.offset + 3] = bytes(3)
        return bytes(octets)
    return COMMAND.encode(command)
