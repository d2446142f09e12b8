"""The driver's pooling, concatenation, slices and larger maps, on the golden machine."""

from functools import partial
from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator

from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.buses.golden import GoldenBus
from gemmule.gen.driver.vector.stored import smallest
from gemmule.golden.common.errors import UsageError
from gemmule.golden.pool.pooling import average_pool, max_pool
from gemmule.golden.soc.check import operands
from gemmule.golden.soc.commands import Flags
from gemmule.golden.soc.elements import concat, resize
from gemmule.golden.soc.functions import VectorHardware
from gemmule.golden.soc.hardware import Hardware
from gemmule.tb.pool.windows import CASES, random_window
from gemmule.tb.soc.driver.test_driver import CachedBus
from gemmule.tb.soc.driver.test_vector import commands_of

HARDWARE = Hardware(vector=VectorHardware())
ROUNDINGS = ("half_even", "half_up", "half_away")
KINDS = (np.int8, np.uint8, np.int16, np.uint16)


def last(x: np.ndarray) -> np.ndarray:
    """Return maps with their channels last."""
    return np.moveaxis(x, 1, -1)


def noise(rng, kind, shape) -> np.ndarray:
    """Return numbers of a type, its extremes among them."""
    limits = np.iinfo(kind)
    x = rng.integers(limits.min, limits.max + 1, shape).astype(kind)
    x.flat[: max(1, x.size // 4)] = (limits.max, limits.min)[int(rng.integers(2))]
    return x


def random_scale(rng) -> dict:
    """Return options of a result, none now and then."""
    if rng.integers(3) == 0:
        return {}
    return {
        "multiplier": int(rng.integers(1, 1 << 12)),
        "shift": int(rng.integers(4, 12)),
        "x_zero_point": int(rng.integers(-128, 256)),
        "zero_point": int(rng.integers(0, 9)),
        "rounding": ROUNDINGS[int(rng.integers(3))],
        "c_format": ("s8", "u8", "s16")[int(rng.integers(3))],
        "clamp": (0, 100) if rng.integers(2) else None,
    }


@pytest.mark.parametrize("ring", [64, 4, 0])
def test_pooling_is_goldens(ring):
    rng = np.random.default_rng(1 + ring)
    bus = GoldenBus(HARDWARE, size=1 << 20)
    with Accelerator(bus, ring=ring) as acc:
        free = list(acc.pool._free)
        for turn in range(len(CASES) + 60):
            cases = list(CASES.values())
            space, window = cases[turn] if turn < len(cases) else random_window(rng)
            kind = KINDS[int(rng.integers(4))]
            x = noise(rng, kind, (int(rng.integers(1, 3)), int(rng.integers(1, 4)), *space))
            scale, own = random_scale(rng), str(smallest(x))
            same = {"c_format": own} | scale
            got = acc.max_pool(last(x), **window, **scale)
            np.testing.assert_array_equal(got, last(max_pool(x, **window, **same)), str(window))
            assert scale or got.dtype == kind
            padding = bool(rng.integers(2))
            got = acc.average_pool(last(x), **window, count_padding=padding, **scale)
            want = average_pool(x, **window, count_padding=padding, **same)
            np.testing.assert_array_equal(got, last(want), str(window))
        assert acc.pool._free == free  # nothing is lost


def test_whole_maps_are_averaged_exactly():
    """Up to sums that 16 bits do not hold, and no further than two times 16 do."""
    rng = np.random.default_rng(2)
    with Accelerator(GoldenBus(HARDWARE, size=1 << 22)) as acc:
        for space in ((1, 1), (7, 7), (1, 13), (31, 33), (112, 112), (5, 6, 7)):
            for kind, zero in ((np.int8, -128), (np.uint8, 0), (np.uint8, 255), (np.int16, 3)):
                if kind is np.int16 and np.prod(space) > 127:
                    continue
                x = noise(rng, kind, (2, 3, *space))
                scale = {"multiplier": 30000, "shift": 14, "x_zero_point": zero, "c_format": "s16"}
                got = acc.global_average_pool(last(x), **scale)
                want = last(average_pool(x, space, **scale))
                np.testing.assert_array_equal(got, want)
        full = np.full((1, 120, 120, 1), 255, np.uint8)
        assert acc.global_average_pool(full, x_zero_point=1, c_format="u8").item() == 254
        with pytest.raises(UsageError, match="windows of so many elements"):
            acc.global_average_pool(np.zeros((1, 300, 300, 1), np.uint8))


def covered(matrix) -> set[int]:
    """Return the addresses of a matrix's bytes."""
    octets = range(matrix.row_octets)
    return {address + n for address in matrix.row_addresses() for n in octets}


def hazards(commands) -> int:
    """Count the pairs of commands that may overlap and must not."""
    found = 0
    running: list[tuple[set[int], set[int]]] = []
    for command in commands:
        if command["flags"] & Flags.FENCE:
            running = []
        parts = operands(command, HARDWARE)
        reads = set().union(*(covered(parts[name]) for name in "ab" if name in parts))
        writes = covered(parts["c"])
        for other_reads, other_writes in running:
            found += bool(writes & (other_reads | other_writes) or reads & other_writes)
        running.append((reads, writes))
    return found


def test_no_command_meets_one_that_it_may_overlap():
    rng = np.random.default_rng(3)
    bus = GoldenBus(HARDWARE, size=1 << 20)
    with Accelerator(bus, ring=1 << 10) as acc:
        cases = [*CASES.values(), *(random_window(rng) for _ in range(30))]
        for space, window in cases:
            x = rng.integers(-128, 128, (2, *space, 3)).astype(np.int8)
            for method in (acc.jobs.max_pool, acc.jobs.average_pool):
                found = commands_of(bus, acc, partial(method, x, **window))
                assert not hazards(found)
        large = rng.integers(-128, 128, (2, 20, 30, 2)).astype(np.int8)
        for begin in (
            lambda: acc.jobs.global_average_pool(large),
            lambda: acc.jobs.resize(large, (2, 3)),
            lambda: acc.jobs.concat([large, large, large]),
        ):
            assert not hazards(commands_of(bus, acc, begin))
        found = commands_of(bus, acc, lambda: acc.jobs.max_pool(large, 3, padding=1))
        for each in found:
            each["flags"] = 0
        assert hazards(found)  # the check can fail


def moved(commands) -> int:
    """Count the bytes that commands read and write."""
    return sum(
        each.rows * each.row_octets
        for command in commands
        for name, each in operands(command, HARDWARE).items()
        if name != "settings"
    )


COSTS = {  # windows, commands, maps of the input's size that are read or written
    "yolo": ({"kernel": 5, "padding": 2}, 16, 18.2),
    "resnet": ({"kernel": 3, "stride": 2, "padding": 1}, 8, 5.3),
    "vgg": ({"kernel": 2, "stride": 2}, 2, 2.3),
}


@pytest.mark.parametrize("case", COSTS)
def test_commands_and_bytes_are_few(case):
    """Cell by cell, windows of 5 by 5 would read and write 72 maps."""
    window, commands, maps = COSTS[case]
    bus = GoldenBus(HARDWARE, size=1 << 20)
    with Accelerator(bus) as acc:
        x = acc.alloc((1, 40, 40, 16), np.int8)
        found = commands_of(bus, acc, lambda: acc.jobs.max_pool(x, **window))
        assert len(found) <= commands
        assert moved(found) <= maps * x.array.size


def test_maps_lie_anywhere_in_shared_memory():
    rng = np.random.default_rng(4)
    with Accelerator(GoldenBus(HARDWARE, size=1 << 20)) as acc:
        x, y = acc.alloc((2, 9, 10, 8), np.int8), acc.alloc((2, 9, 10, 8), np.int8)
        x.array[...] = rng.integers(-128, 128, x.array.shape)
        cuts = (np.s_[...], np.s_[..., 2:5], np.s_[:, ::-1, 1:], np.s_[:1, :, ::3], np.s_[:, 4:5])
        for cut in cuts:
            seen = x.array[cut]
            first = np.moveaxis(seen, -1, 1)
            for window in ({"kernel": (3, 2), "padding": (1, 1)}, {"kernel": (1,), "stride": (2,)}):
                want = last(max_pool(first, **window, c_format="s8"))
                part = y.array[: want.shape[0], : want.shape[1], : want.shape[2], : want.shape[3]]
                if want.shape != part.shape:
                    part = None
                got = acc.max_pool(seen, **window, out=part)
                np.testing.assert_array_equal(got, want)
                assert part is None or np.shares_memory(got, y.array)
                want = last(average_pool(first, **window, c_format="s8"))
                np.testing.assert_array_equal(acc.average_pool(seen, **window, out=part), want)
            index = np.s_[:, ::-2, 1:, ::2]
            np.testing.assert_array_equal(acc.slice(seen, index), seen[index])
            np.testing.assert_array_equal(acc.resize(seen, (2, 1)), resize(seen, (2, 1)))


def test_jobs_of_maps_order_themselves():
    """A pyramid of pools whose results are joined without a wait, as in SPPF."""
    rng = np.random.default_rng(5)
    bus = GoldenBus(HARDWARE, size=1 << 20)
    with Accelerator(bus) as acc:
        x, c = acc.alloc((1, 8, 8, 4), np.int8), acc.alloc((1, 8, 8, 16), np.int8)
        x.array[...] = rng.integers(-128, 128, x.array.shape)
        maps = [x, *(acc.alloc((1, 8, 8, 4), np.int8) for _ in range(3))]
        for before, after in pairwise(maps):
            acc.jobs.max_pool(before, 5, padding=2, out=after)
        acc.jobs.concat(maps, out=c).result()
        want = [x.array]
        for _ in range(3):
            first = np.moveaxis(want[-1], -1, 1)
            want.append(last(max_pool(first, (5,), padding=(2,), c_format="s8")))
        np.testing.assert_array_equal(c.array, np.concatenate(want, -1))


def test_maps_behind_caches():
    rng = np.random.default_rng(8)
    bus = CachedBus()
    bus.machine.hardware = HARDWARE
    with Accelerator(bus) as acc:
        acc.hardware = HARDWARE
        for _ in range(10):
            space, window = random_window(rng)
            x = noise(rng, np.int8, (2, 3, *space))
            want = last(max_pool(x, **window))
            np.testing.assert_array_equal(acc.max_pool(last(x), **window), want)
            twice = acc.concat([acc.jobs.max_pool(last(x), **window).result(), want])
            np.testing.assert_array_equal(twice, np.concatenate([want, want], -1))


def test_concatenation_scales_each_part():
    rng = np.random.default_rng(6)
    with Accelerator(GoldenBus(HARDWARE, size=1 << 20)) as acc:
        for axis in (-1, 0, 2, -2):
            shape = [2, 3, 4, 5]
            parts = []
            for kind in (np.int8, np.uint8, np.int32):
                shape[axis] = int(rng.integers(1, 6))
                parts.append(rng.integers(0, 128, shape).astype(kind))
            scale = {"multiplier": [3, 70, 900], "shift": [1, 6, 10], "x_zero_point": [0, 9, -8]}
            options = scale | {"zero_point": -20, "rounding": "half_up"}
            got = acc.concat(parts, axis, **options)
            want = np.concatenate(
                [
                    np.clip(np.floor((x - z) * m / 2.0**s + 0.5) - 20, -128, 127)
                    for x, m, s, z in zip(
                        [each.astype(int) for each in parts], *scale.values(), strict=True
                    )
                ],
                axis,
            )
            np.testing.assert_array_equal(got, want)
            np.testing.assert_array_equal(concat(parts, axis, **options), want)
            plain = acc.concat(parts[:1] * 2, axis)
            np.testing.assert_array_equal(plain, np.concatenate(parts[:1] * 2, axis))
            assert plain.dtype == np.int8


@pytest.mark.parametrize("mode", ["asymmetric", "half_pixel"])
def test_larger_maps_are_those_of_onnx(mode):
    rng = np.random.default_rng(7)
    with Accelerator(GoldenBus(HARDWARE, size=1 << 20)) as acc:
        for factors in ((2, 2), (1, 3), (4, 1), (1, 1), (3, 2)):
            x = rng.integers(-128, 128, (2, 3, 4, 5)).astype(np.int8)
            nearest = "floor" if mode == "asymmetric" else "round_prefer_floor"
            node = onnx.helper.make_node(
                "Resize", ["x", "", "scales"], ["y"], mode="nearest", nearest_mode=nearest,
                coordinate_transformation_mode=mode,
            )  # fmt: skip
            kinds = [
                onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT8, None)
                for name in "xy"
            ]
            scales = np.array([1, 1, *factors], np.float32)
            graph = onnx.helper.make_graph(
                [node], "g", kinds[:1], kinds[1:], [onnx.numpy_helper.from_array(scales, "scales")]
            )
            model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 19)])
            want = ReferenceEvaluator(model).run(None, {"x": x})[0]
            np.testing.assert_array_equal(acc.resize(last(x), factors), last(want))
            got = acc.resize(last(x), factors, multiplier=3, shift=1, x_zero_point=-1)
            want = resize(last(x), factors, multiplier=3, shift=1, a_zero_point=-1, c_format="s8")
            np.testing.assert_array_equal(got, want)


MAP = np.zeros((1, 4, 4, 2), np.int8)

REFUSED = {
    "axes": ("max_pool", (MAP[0, 0], 1), {}, r"x must have shape \[N, W, C\]"),
    "kernel": ("max_pool", (MAP, 5), {}, "--kernel 5 .* is larger than the padded height 4"),
    "values": ("max_pool", ([[[1 << 20]]], 1), {}, "but u16 holds"),
    "option": ("average_pool", (MAP, 2), {"b_zero_point": 1}, "there is no 'b_zero_point'"),
    "shift": ("average_pool", (MAP, 2), {"shift": 1}, "shift was given without multiplier"),
    "out": ("max_pool", (MAP, 2), {"out": MAP}, r"out must be an array of \[1, 3, 3, 2\] int8"),
    "parts": ("concat", ([],), {}, "concat needs at least one part"),
    "shapes": ("concat", ([MAP, MAP[:, 1:]],), {}, r"x1 must have the shape of x0 \[1, 4, 4, 2\]"),
    "axis": ("concat", ([MAP], 4), {}, r"axis must be in -4\.\.3, not 4"),
    "scales": ("concat", ([MAP],), {"x_zero_point": [1, 2]}, "x_zero_point must be 1 number or 1"),
    "index": ("slice", (MAP, np.s_[:, 9]), {}, "slice: index 9 is out of bounds"),
    "nothing": ("slice", (MAP, np.s_[4:]), {}, "that leave at least an element"),
    "list": ("slice", (MAP, [0]), {}, "slice takes numbers and slices"),
    "factors": ("resize", (MAP, (2,)), {}, "factors must be a number of at least 1 for each axis"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_leave_nothing_behind(case):
    method, given, options, sentence = REFUSED[case]
    with Accelerator(GoldenBus(HARDWARE, size=1 << 20)) as acc:
        free = list(acc.pool._free)
        with pytest.raises(UsageError, match=sentence):
            getattr(acc, method)(*given, **options)
        assert acc.pool._free == free
        x = acc.alloc((1, 4, 4, 2), np.int8)
        with pytest.raises(UsageError, match="out must have no byte in common with an operand"):
            acc.max_pool(x, 1, out=x)
    with Accelerator(GoldenBus()) as acc, pytest.raises(UsageError, match="has no vector unit"):
        getattr(acc, method)(*given, **options)
