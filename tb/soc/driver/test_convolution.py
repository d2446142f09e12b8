"""Convolutions by the driver on the golden machine: results, order, errors, memory."""

import re
from dataclasses import replace

import numpy as np
import pytest

from gemmule.gen.compile.convolution.compiled import compiled
from gemmule.gen.compile.convolution.layer import ConvRun
from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.buses.golden import GoldenBus
from gemmule.gen.driver.convolution.placed import Placed
from gemmule.gen.driver.errors import CommandError
from gemmule.gen.driver.operands import Operand
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.requantize import Requantization
from gemmule.golden.conv.convolution import forward
from gemmule.golden.conv.geometry import Geometry
from gemmule.golden.conv.operation import Operation
from gemmule.golden.conv.records import command_units
from gemmule.golden.conv.refusal import Refusal
from gemmule.golden.soc.commands import COMMAND, Cause, Opcode
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.systolic.gemm import gemm
from gemmule.hw.conv.params import ConvParams, LayerParams
from gemmule.tb.conv.cases import runs
from gemmule.tb.conv.stimuli import stimulus
from gemmule.tb.conv.test_convolution import SMALL, VOLUME, VOLUMES

from .test_driver import CachedBus


def hardware_of(params: LayerParams) -> Hardware:
    """Return an accelerator with the array of a convolution's parameters."""
    return Hardware(
        a_format=params.x_format,
        b_format=params.w_format,
        acc_width=params.acc_width,
        convolution=params.golden,
    )


def opened(params: LayerParams = SMALL, bus: GoldenBus | None = None, **options) -> Accelerator:
    """Return a driver of an accelerator that convolves."""
    return Accelerator(bus or GoldenBus(hardware_of(params)), **options)


def asked(run) -> dict:
    """Return the options of a run as a user gives them."""
    return {name: value for name, value in vars(run).items() if value is not None}


def free(acc: Accelerator) -> int:
    """Count the bytes of shared memory that nobody has."""
    return sum(room for _, room in acc.pool._free)


def golden(run, geometry: Geometry, arrays: dict) -> np.ndarray:
    """Return the formula's result of a stimulus."""
    operation = Operation(run.op)
    first, second = operation.arrays
    zeros = [arrays.get(f"{name}_zero_point", np.zeros(1, int)) for name in (first, second)]
    b_zero = zeros[1][0] if zeros[1].size == 1 else zeros[1]
    sums = operation.sums(geometry, arrays[first], arrays[second], int(zeros[0][0]), b_zero)
    scale = Requantization.check(
        operation.channels(geometry),
        rounding=run.rounding,
        c_format=run.c_format,
        clamp=run.clamp,
        **{name: arrays.get(name) for name in ("bias", "multiplier", "shift", "zero_point")},
        out_width=SMALL.out_width,
        multiplier_width=SMALL.multiplier_width,
        max_shift=SMALL.max_shift,
    )
    axis = operation.channel_axis
    return np.moveaxis(scale(np.moveaxis(sums, axis, -1)), -1, axis)


def test_a_covering_set_of_layers_and_runs():
    """One accelerator computes them all; all memory is given back, whatever there was before."""
    with opened() as acc:
        room = free(acc)
        acc.bus.memory[:] = np.random.default_rng(1).integers(0, 256, acc.bus.memory.size)
        acc.reset()
        for seed, (geometry, run) in enumerate(runs()):
            op, method = run.pop("job")
            run.pop("stall")
            options, arrays = stimulus(SMALL, geometry, op=op, method=method, seed=seed, **run)
            got = acc.conv2d(**arrays, **asked(options))
            want = golden(options, geometry, arrays)
            np.testing.assert_array_equal(got, want)
            assert got.dtype == (np.int8 if "multiplier" in arrays else np.int32)
            assert free(acc) == room


@pytest.mark.parametrize("op", ["forward", "transposed"])
def test_volumes(op):
    with opened(VOLUME) as acc:
        for seed, geometry in enumerate(VOLUMES):
            options, arrays = stimulus(VOLUME, geometry, op=op, scaling="column", seed=seed)
            got = acc.conv3d(**arrays, **asked(options))
            np.testing.assert_array_equal(got, golden(options, geometry, arrays))


def test_filters_of_another_accelerator():
    x, w = np.ones((1, 3, 5, 5), int), np.ones((2, 3, 3, 3), int)
    with opened() as acc, opened() as other, other.filters(w) as kept:
        assert other.conv2d(x, kept).shape == (1, 2, 3, 3)
        with pytest.raises(UsageError, match="another accelerator"):
            acc.conv2d(x, kept)


@pytest.mark.parametrize("interrupts", [False, True])
def test_caches_are_kept_and_operands_copied(interrupts):
    """Jobs that wait keep what their operands were; what another job writes is waited for."""
    rng = np.random.default_rng(3)
    bus = CachedBus(hardware_of(SMALL))
    w = rng.integers(-128, 128, (3, 2, 3, 3))
    with opened(bus=bus, interrupts=interrupts, ring=4) as acc:
        x, pairs = rng.integers(-128, 128, (1, 2, 6, 5)), []
        for _ in range(9):
            layer = Geometry(batch=1, channels=2, filters=3, size=(6, 5), kernel=(3, 3), padding=1)
            pairs.append((acc.jobs.conv2d(x, w, padding=1), forward(layer, x, w)))
            x += rng.integers(-9, 9, x.shape)
            x %= 100
        for job, want in pairs:
            np.testing.assert_array_equal(job.result(), want)
        a, b = rng.integers(-128, 128, (9, 5)), rng.integers(-128, 128, (5, 16))
        scale = {"multiplier": [3], "shift": [9]}
        middle = acc.alloc((9, 16), np.int8)
        for _ in range(3):
            acc.submit(a, b, out=middle, **scale)
            y = acc.conv2d(middle.array.reshape(1, 1, 12, 12), w[:, :1])
            layer = Geometry(batch=1, channels=1, filters=3, size=(12, 12), kernel=(3, 3))
            product = gemm(a, b, **scale).reshape(1, 1, 12, 12)
            np.testing.assert_array_equal(y, forward(layer, product, w[:, :1]))
            a = -a - 1


def test_a_refused_program_is_told():
    bus = GoldenBus(hardware_of(SMALL), pace=0)
    with opened(bus=bus) as acc:
        room = free(acc)
        job = acc.jobs.conv2d(np.ones((1, 1, 3, 3), int), np.ones((1, 1, 2, 2), int))
        (command,) = (each for each, _ in acc.flight.pending.values())
        assert (command["opcode"], command["k"], command["flags"]) == (Opcode.CONVOLUTION, 0, 1)
        first = command["settings"] - bus.base
        size = 16 * command_units(SMALL.golden)
        bus.memory[first + 2 * size] |= 7
        bus.pace = None
        with pytest.raises(CommandError) as failed:
            job.result()
        assert failed.value.cause is Cause.PROGRAM
        assert failed.value.address == Refusal.KIND << 24 | 2
        assert f"refused at its command 2: {Refusal.KIND.text}" in str(failed.value)
        assert free(acc) == room


def test_jobs_wait_and_signal():
    bus = GoldenBus(hardware_of(SMALL))
    x, w = np.ones((1, 1, 3, 3), int), np.ones((1, 1, 2, 2), int)
    with opened(bus=bus) as acc:
        late = acc.jobs.conv2d(x, w, signal=2)
        after = acc.jobs.conv2d(x, w, wait=2, wait_value=1)
        assert after.result().tolist() == late.result().tolist() == [[[[4, 4], [4, 4]]]]


WRONG = {
    "other_hardware": ("conv3d", {}, "conv3d: this hardware has --convolution conv2d, not conv3d"),
    "option": ("conv2d", {"strides": 2}, "there is no 'strides'; what there is: op, method"),
    "operand": ("conv2d", {"dy": [[[[1]]]]}, "--op forward takes x and w, not dy"),
    "value": ("conv2d", {"stride": 0}, "--stride must be at least 1, not 0"),
    "values": ("conv2d", {"x": np.full((1, 1, 3, 3), 128)}, "x[0, 0, 0, 0] is 128, but s8 holds"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use(case):
    method, change, text = WRONG[case]
    with opened() as acc:
        room = free(acc)
        given = {"x": np.ones((1, 1, 3, 3), int), "w": np.ones((1, 1, 2, 2), int)} | change
        with pytest.raises(UsageError, match=re.escape(text)):
            getattr(acc, method)(**given)
        assert free(acc) == room


def test_memory_that_is_too_small_is_given_back():
    """Whether there is no room for the maps, for some of them, or only none for the program."""
    x, w, missing = np.ones((1, 1, 4, 4), int), np.ones((1, 1, 2, 2), int), set()
    for size in range(512, 4096, 64):
        with opened(bus=GoldenBus(hardware_of(SMALL), size=size), ring=2) as acc:
            room = free(acc)
            try:
                assert acc.conv2d(x, w).sum() == 36
                missing.add(0)
            except UsageError as error:
                missing.add(int(str(error).split()[3]))
            assert free(acc) == room
    assert len(missing) == 4


def test_hardware_without_the_unit():
    with Accelerator(GoldenBus()) as acc:
        assert acc.hardware.convolution is None
        with pytest.raises(UsageError, match="conv2d: this hardware has --convolution none"):
            acc.conv2d(np.ones((1, 1, 3, 3), int), np.ones((1, 1, 2, 2), int))


def test_the_hardware_is_known_by_its_registers():
    for params in (SMALL, VOLUME, ConvParams(dataflow="ws", dy_format="u8", x_format="s5")):
        with opened(params) as acc:
            assert acc.hardware == hardware_of(params)


def test_lengths_and_programs_as_far_as_commands_can_tell():
    x, w = np.ones((1, 1, 3, 3), int), np.ones((1, 1, 2, 2), int)
    made = compiled(SMALL.golden, ConvRun(), {"x": x, "w": w})
    with opened() as acc:
        placed = Placed.make(acc.pool, made, []).met(acc.pool, [])
        long = np.broadcast_to(np.zeros(1, np.uint8), (3 << 30,))
        regions = placed.regions | {"c": Operand(long, 64, acc.pool)}
        octets = COMMAND.encode(replace(placed, regions=regions).command)
        assert COMMAND.decode(octets)["c_stride"] & 0xFFFF_FFFF == 3 << 30
        assert COMMAND.decode(octets)["a_stride"] == len(placed.regions["a"].array)
        with pytest.raises(UsageError, match="units of 16 bytes; a command counts to 16777215"):
            Placed.make(acc.pool, replace(made, commands=range(1 << 24)), [])


@pytest.mark.parametrize("method", ["zero_free", "explicit"])
@pytest.mark.parametrize("op", ["forward", "transposed", "input_grad"])
def test_filters_stay_for_operands_of_any_shape(op, method):
    """Jobs overlap, each with memory of its own; what the weights take is theirs until the end."""
    rng = np.random.default_rng(5)
    bus = CachedBus(hardware_of(SMALL))
    with opened(bus=bus, ring=4) as acc:
        room, w, kept = free(acc), rng.integers(-128, 128, (4, 2, 3, 2)), []
        name = Operation(op).arrays[0]
        channels = 2 if op == "forward" else 4
        options = {
            "op": op,
            "method": method,
            "stride": 2,
            "padding": 1,
            "multiplier": 3,
            "shift": 9,
        }
        options |= {f"{name}_zero_point": 5, "w_zero_point": -3, "bias": rng.integers(-999, 999, 4)}
        options["bias"] = options["bias"][: 4 if op == "forward" else 2]
        with acc.filters(w, **options) as filters:
            was = w.copy()
            w[...] = 0  # they were copied
            for _ in range(3):
                jobs = []
                for size in ((5, 7), (6, 6), (5, 7)):
                    a = rng.integers(-128, 128, (2, channels, *size))
                    jobs.append((acc.jobs.conv2d(**{name: a}, w=filters), a.copy()))
                    a[...] = 0
                for job, a in jobs:
                    want = acc.conv2d(**{name: a}, w=was, **options)
                    np.testing.assert_array_equal(job.result(), want)
                    assert np.unique(want).size > 9
                kept.append(room - free(acc))
        assert kept[0] == kept[1] == kept[2] > 0
        assert free(acc) == room


def test_filters_are_refused_as_layers_are():
    w = np.ones((2, 1, 2, 2), int)
    with opened() as acc:
        room = free(acc)
        with acc.filters(w, stride=2) as filters:
            assert acc.conv2d(np.ones((1, 1, 4, 4), int), filters).tolist() == [[[[4, 4]] * 2] * 2]
            wrong = {
                "padding: filters have their options already": {"padding": 1},
                "x[0, 0, 3, 3] is 200, but s8 holds": {"x": np.diag([1, 1, 1, 200])[None, None]},
                "x must hold integers, not float64": {"x": np.ones((1, 1, 4, 4))},
                "--op forward takes x and w, not dy": {"dy": np.ones((1, 1, 4, 4), int)},
                "--op forward needs the array x": {"x": None},
                "but x has 3": {"x": np.ones((1, 3, 4, 4), int)},
            }
            for text, change in wrong.items():
                with pytest.raises(UsageError, match=re.escape(text)):
                    acc.conv2d(**{"x": np.ones((1, 1, 4, 4), int), "w": filters} | change)
            with pytest.raises(UsageError, match="conv3d: this hardware has --convolution conv2d"):
                acc.conv3d(np.ones((1, 1, 4, 4, 4), int), filters)
        with pytest.raises(UsageError, match="there is no 'strides'"):
            acc.filters(w, strides=2)
        with acc.filters(w, op="weight_grad", kernel=2) as filters:
            given = {"x": np.ones((1, 1, 4, 4), int), "dy": np.ones((1, 2, 3, 3), int)}
            with pytest.raises(UsageError, match="--op weight_grad takes x and dy, not w"):
                acc.conv2d(**given, w=filters)
        assert free(acc) == room
    sentence = "filters: this hardware has --convolution none, not conv2d or conv3d"
    with Accelerator(GoldenBus()) as acc, pytest.raises(UsageError, match=sentence):
        acc.filters(w)
