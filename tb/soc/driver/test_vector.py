"""The driver's sums, products and functions on the golden machine, against fractions and NumPy."""

import math
from fractions import Fraction

import numpy as np
import pytest

from gemmule.gen.driver.accelerator import Accelerator
from gemmule.gen.driver.buses.golden import GoldenBus
from gemmule.gen.driver.vector.rows import rows_of
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.nonlinear.elementwise import build_unit
from gemmule.golden.nonlinear.layernorm import NormFormats, layernorm
from gemmule.golden.nonlinear.softmax import softmax
from gemmule.golden.soc.commands import Flags
from gemmule.golden.soc.functions import VECTOR_FUNCTIONS, VectorHardware
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.systolic.gemm import gemm
from gemmule.tb.soc.test_machine import rounded

from .test_driver import CachedBus

F = Format.parse
UNIT = VectorHardware(functions=VECTOR_FUNCTIONS, max_length=40)
HARDWARE = Hardware(vector=UNIT)
KINDS = (np.int8, np.uint8, np.int16, np.uint16)
ROUNDINGS = ("half_even", "half_up", "half_away")


def accelerator(**options) -> Accelerator:
    """Return one on a golden machine with all functions."""
    return Accelerator(GoldenBus(HARDWARE, size=1 << 20), **options)


def scaled(z, shift=0, zero_point=0, fmt="s32", rounding="half_even", clamp=None) -> np.ndarray:
    """Return what becomes of whole numbers, in fractions, one by one."""
    low, high = clamp or (F(fmt).low, F(fmt).high)
    flat = [
        min(
            max(
                rounded(Fraction(int(each), 1 << shift), ROUNDINGS.index(rounding)) + zero_point,
                low,
            ),
            high,
        )
        for each in np.asarray(z, object).ravel()
    ]
    return np.array(flat, F(fmt).dtype).reshape(np.shape(z))


def random_array(rng, shape) -> np.ndarray:
    """Return an array of a random type of up to 16 bits, or of a wide one with small values."""
    kind = KINDS[int(rng.integers(4))]
    limits = np.iinfo(kind)
    values = rng.integers(limits.min, limits.max + 1, shape)
    return values if rng.integers(4) == 0 else values.astype(kind)


SHAPES = [
    ((), ()), ((5,), (5,)), ((3, 7), (7,)), ((3, 7), (3, 1)), ((7,), (4, 1, 7)), ((1,), (2, 3)),
    ((2, 3, 4, 5), (3, 1, 1)), ((2, 1, 5), (4, 1)), ((3, 1100), ()), ((2600,), (2600,)),
    ((2, 3, 5), (2, 1, 5)), ((1, 6), (9, 1)),
]  # fmt: skip


def random_result(rng) -> tuple[dict, dict]:
    """Return options of a result, and the same as :func:`scaled` takes them."""
    fmt = ("s8", "u8", "s16", "s4", "s32")[int(rng.integers(5))]
    limits = F(fmt)
    zero = int(rng.integers(max(limits.low, -9), min(limits.high, 9)))
    clamp = (max(limits.low, -5), min(limits.high, 100)) if rng.integers(3) == 0 else None
    rounding = ROUNDINGS[int(rng.integers(3))]
    options = {"zero_point": [zero], "c_format": fmt, "clamp": clamp, "rounding": rounding}
    return options, {"zero_point": zero, "fmt": fmt, "rounding": rounding, "clamp": clamp}


@pytest.mark.parametrize("ring", [64, 2, 0])
def test_sums_and_products_broadcast_and_are_rounded_once(ring):
    rng = np.random.default_rng(5)
    with accelerator(ring=ring) as acc:
        free = list(acc.pool._free)
        for turn in range(60):
            shapes = SHAPES[turn % len(SHAPES)]
            a, b = (random_array(rng, shape) for shape in shapes)
            za, zb, ma, mb, shift, factor = (
                int(rng.integers(*bounds))
                for bounds in ((-9, 9), (-9, 9), (-60, 60), (1, 1 << 16), (0, 25), (0, 1 << 16))
            )
            options, same = random_result(rng)
            zeros = {"a_zero_point": za, "b_zero_point": [zb], **options}
            wide = [np.asarray(each).astype(object) for each in (a, b)]
            got = acc.add(a, b, a_multiplier=ma, b_multiplier=[mb], shift=shift, **zeros)
            want = scaled((wide[0] - za) * ma + (wide[1] - zb) * mb, shift, **same)
            np.testing.assert_array_equal(got, want)
            assert got.dtype == want.dtype
            got = acc.multiply(a, b, multiplier=[factor], shift=[shift], **zeros)
            want = scaled((wide[0] - za) * (wide[1] - zb) * factor, shift, **same)
            np.testing.assert_array_equal(got, want)
            method, numpy = ((acc.maximum, np.maximum), (acc.minimum, np.minimum))[turn % 2]
            got = method(a, b, multiplier=factor, shift=shift, **zeros)
            want = scaled(numpy(wide[0] - za, wide[1] - zb) * factor, shift, **same)
            np.testing.assert_array_equal(got, want)
        assert acc.pool._free == free  # nothing is lost


def test_requantization_of_raw_sums():
    rng = np.random.default_rng(6)
    with accelerator() as acc:
        for kind in (np.int32, np.uint32, np.int64):
            sums = rng.integers(-(2**31), 2**31, (9, 33))
            sums = sums.astype(kind) if kind is not np.uint32 else (sums + 2**31).astype(kind)
            got = acc.requantize(sums, 12345, 30, a_zero_point=-3, zero_point=7, rounding="half_up")
            want = scaled((sums.astype(object) + 3) * 12345, 30, 7, "s8", "half_up")
            np.testing.assert_array_equal(got, want)
            whole = acc.requantize(sums, 65535, 15, zero_point=-9, c_format="s32")
            np.testing.assert_array_equal(whole, scaled(sums.astype(object) * 65535, 15, -9))
        x = np.array([-5, 3, 99])
        np.testing.assert_array_equal(acc.requantize(x, c_format="u4", clamp=(0, 6)), [0, 3, 6])
        assert acc.requantize(x).dtype == np.int32


def test_elementwise_functions():
    rng = np.random.default_rng(7)
    with accelerator() as acc:
        for name in ("gelu", "hardsigmoid", "exp", "rsqrt"):
            given, result = UNIT.formats(name)
            unit = build_unit(name, given, result)
            x = rng.integers(given.low, given.high + 1, (3, 50))
            got = acc.apply(name, x)
            np.testing.assert_array_equal(got, unit(x))
            assert got.dtype == result.dtype
        # int8 in and out in one pass, about a zero point and at a scale of 1/40.
        x = rng.integers(-128, 128, (7, 90)).astype(np.int8)
        scale = {"a_zero_point": -3, "multiplier": round(2**19 / 40), "shift": 7, "offset": 2}
        back = {"result_multiplier": 40 << 6, "result_shift": 18, "zero_point": 5}
        got = acc.apply("gelu", x, **scale, **back)
        t = scaled((x.astype(object) + 3) * scale["multiplier"], 7, 2, "s16").astype(np.int64)
        y = build_unit("gelu", *UNIT.formats("gelu"))(t)
        np.testing.assert_array_equal(got, scaled(y.astype(object) * (40 << 6), 18, 5, "s8"))
        real = (x.astype(int) + 3) / 40
        true = 20 * real * (1 + np.vectorize(math.erf)(real / 2**0.5)) + 5
        assert np.abs(got - true.clip(-128, 127)).max() <= 0.55


def rows_case(rng, fmt, shape=(2, 3, 17)):
    return rng.integers(fmt.low, fmt.high + 1, shape)


def test_softmax():
    rng = np.random.default_rng(8)
    given, result = UNIT.formats("softmax")
    with accelerator() as acc:
        x = rng.integers(-3000, 3000, (2, 3, 17))
        flat = x.reshape(6, 17)
        for mask in (None, rng.integers(0, 2, 17), rng.integers(0, 2, (3, 1)) > 0, x > 0):
            kept = None if mask is None else np.broadcast_to(mask, x.shape).reshape(6, 17) != 0
            for log2, delta in ((False, 1.0), (True, 0.5)):
                got = acc.softmax(x, mask=mask, log2=log2, delta=delta)
                want = softmax(flat, given, result, mask=kept, log2=log2, delta=delta)
                np.testing.assert_array_equal(got.reshape(6, 17), want)
                assert got.dtype == (np.uint8 if log2 else np.uint16)
        powers = np.exp((x - x.max(-1, keepdims=True)) / 512)
        got = acc.softmax(x, result_multiplier=1, result_shift=7, c_format="u8")
        assert np.abs(got - 256 * powers / powers.sum(-1, keepdims=True)).max() <= 0.7


@pytest.mark.parametrize("name", ["layernorm", "rmsnorm"])
def test_normalizations_with_a_residual(name):
    rng = np.random.default_rng(9)
    given, result = UNIT.formats(name)
    formats = NormFormats(given, UNIT.gamma_format, UNIT.beta_format, result)
    kind = "layer" if name == "layernorm" else "rms"
    gamma, beta = rng.integers(-(2**15), 2**15, 40), rng.integers(-(2**15), 2**15, 40)
    with accelerator() as acc:
        norm = getattr(acc, name)
        x = rng.integers(-3000, 3000, (5, 40)).astype(np.int16)
        np.testing.assert_array_equal(
            norm(x, gamma, beta, epsilon=1e-3),
            layernorm(x.astype(np.int64), gamma, beta, formats, kind=kind, epsilon=1e-3),
        )
        # Add, normalize, requantize: one command.
        a, b = (rng.integers(-128, 128, (2, 5, 40)).astype(np.int8) for _ in range(2))
        before = acc.page.word("COMPLETED")
        got = norm(
            a, gamma, None, b, a_multiplier=300, b_multiplier=700, shift=5, a_zero_point=4,
            result_multiplier=3, result_shift=7, zero_point=-2,
        )  # fmt: skip
        assert acc.page.word("COMPLETED") - before == 1
        t = scaled((a.astype(object) - 4) * 300 + b.astype(object) * 700, 5, fmt="s16")
        rows = t.astype(np.int64).reshape(10, 40)
        y = layernorm(rows, gamma, 0 * beta, formats, kind=kind).reshape(a.shape)
        np.testing.assert_array_equal(got, scaled(y.astype(object) * 3, 7, -2, "s8"))
        # In real numbers: near what NumPy says.
        real = rows.reshape(a.shape) / 256
        mean = real.mean(-1, keepdims=True) * (kind == "layer")
        true = (real - mean) / np.sqrt(((real - mean) ** 2).mean(-1, keepdims=True) + 1e-5)
        codes = np.clip(true * gamma / 4096, -32, 32) * 1024
        assert np.abs(got - (codes * 3 / 128 - 2).clip(-128, 127)).max() <= 1


def test_matrices_are_transposed():
    rng = np.random.default_rng(14)
    with accelerator() as acc:
        for shape in ((5, 9), (2, 1, 7), (3, 2, 6, 4), (1, 1)):
            a = rng.integers(-128, 128, shape)
            np.testing.assert_array_equal(acc.transpose(a), a.swapaxes(-1, -2))
            wide = a.astype(np.int32) << 20
            got = acc.transpose(wide, 3, 21, a_zero_point=-1, zero_point=100, c_format="u8")
            want = scaled((wide.astype(object) + 1) * 3, 21, 100, "u8")
            np.testing.assert_array_equal(got, want.swapaxes(-1, -2))
        x, y = acc.alloc((6, 6, 6), np.int8), acc.alloc((6, 6, 6), np.int8)
        x.array[...] = rng.integers(-128, 128, x.array.shape)
        for cut in (np.s_[::-1, 1:4, 2:], np.s_[0, ::2, ::3]):
            a, c = x.array[cut], y.array[:, :, :3][:, :4][cut[0]]
            c = c[..., : a.shape[-1], : a.shape[-2]]
            assert np.shares_memory(acc.transpose(a, out=c), y.array)
            np.testing.assert_array_equal(c, a.swapaxes(-1, -2))
        with pytest.raises(UsageError, match="out must have no byte in common with a"):
            acc.transpose(x, out=x)


def commands_of(bus, acc, begin) -> list[dict[str, int]]:
    """Return the commands that a call makes; they are carried out as well."""
    bus.pace = 0
    job = begin()
    found = [dict(command) for command, _job in acc.flight.pending.values()]
    bus.pace = None
    job.result()
    return found


def test_what_lies_in_shared_memory_stays_there():
    rng = np.random.default_rng(10)
    bus = GoldenBus(HARDWARE, size=1 << 20)
    with Accelerator(bus) as acc:
        x = acc.alloc((6, 4, 50), np.int8)
        x.array[...] = rng.integers(-128, 128, x.array.shape)
        row = acc.alloc(50, np.uint16)
        row.array[...] = rng.integers(0, 1 << 16, 50)
        out = acc.alloc((6, 4, 50), np.int16)
        walks = {  # operands of an addition, and rows, columns and strides of a, b and c
            "whole": ((x.array, x.array[::-1, ::-1], None), None),
            "flat": ((x.array, x.array, out.array), [(1, 1024, 0, 0, 0), (1, 176, 0, 0, 0)]),
            "row": ((x.array, row.array, out.array), [(24, 50, 50, 0, 100)]),
            "reversed": ((x.array[::-1, 0], row.array, out.array[:, 1]), [(6, 50, -200, 0, 400)]),
            "part": ((x.array[:, 2, 5:9], x.array[0, 0, 1:5], None), [(6, 4, 200, 0, 8)]),
            "one": ((x.array[..., :3], row.array[7:8], None), None),
        }
        for name, ((a, b, c), want) in walks.items():
            given = {"c_format": "s16"} | ({} if c is None else {"out": c})
            found = commands_of(bus, acc, lambda: acc.jobs.add(a, b, **given))  # noqa: B023
            strides = ("a_stride", "b_stride", "c_stride")
            if want:
                got = [tuple(each[n] for n in ("m", "n", *strides)) for each in found]
                assert got == want, name
                start = a.__array_interface__["data"][0] - bus.memory.__array_interface__["data"][0]
                assert found[0]["a"] == bus.base + start, name
            result = acc.add(a, b, **given)
            np.testing.assert_array_equal(result, scaled(a.astype(object) + b, fmt="s16"))
            assert c is None or np.shares_memory(result, out.array)
        # In place, element for element.
        want = scaled(x.array.astype(object) * 2 + 1, fmt="s8")
        acc.add(x, np.array(1), a_multiplier=2, c_format="s8", out=x)
        np.testing.assert_array_equal(x.array, want)


def test_rows_of_anything():
    """Every way to cut, turn and repeat three axes: what is walked is what NumPy has."""
    rng = np.random.default_rng(11)
    cuts = (slice(None), slice(None, None, -1), slice(1, None), slice(None, None, 2), slice(0, 1))
    with accelerator() as acc:
        x = acc.alloc((3, 4, 6), np.int8)
        x.array[...] = rng.integers(-128, 128, x.array.shape)
        for _ in range(120):
            a, b = (
                x.array.transpose(rng.permutation(3))[
                    tuple(cuts[i] for i in rng.integers(5, size=3))
                ]
                for _ in range(2)
            )
            sides = [
                min(pair) if 1 not in pair else max(pair)
                for pair in zip(a.shape, b.shape, strict=True)
            ]
            a, b = (
                each[tuple(slice(0, side) for side in sides)][(0,) * int(rng.integers(0, 3))]
                for each in (a, b)
            )
            got = acc.add(a, b)
            np.testing.assert_array_equal(got, a.astype(int) + b)


def test_too_many_rows_or_columns_are_not_walked():
    long = np.broadcast_to(np.zeros((1, 1), np.int8), (1 << 24, 2))
    assert rows_of([long], whole=True) is None


def test_jobs_of_both_units_order_themselves():
    rng = np.random.default_rng(12)
    bus = GoldenBus(HARDWARE, pace=0)
    with Accelerator(bus) as acc:
        x, y, z = (acc.alloc((8, 8), np.int8) for _ in range(3))
        first = x.array[...] = rng.integers(-128, 128, (8, 8))
        w = rng.integers(-128, 128, (8, 8))
        with acc.weights(w, multiplier=[1], shift=[9]) as right:
            jobs = [
                acc.submit(x, right, out=y),
                acc.jobs.requantize(x, 1, 1, out=z),  # as well of x: no wait
                acc.jobs.add(y, z, shift=1, out=x),  # of both, and x is read until then
                acc.jobs.apply("gelu", x, multiplier=16, shift=0),
            ]
            flags = [
                command["flags"] & Flags.FENCE for command, _job in acc.flight.pending.values()
            ]
            assert [bool(each) for each in flags] == [False, False, True, True]
            bus.pace = None
            jobs[-1].result()
        product, half = gemm(first, w, multiplier=[1], shift=[9]), scaled(first, 1, fmt="s8")
        np.testing.assert_array_equal(x.array, scaled(product.astype(object) + half, 1, fmt="s8"))


@pytest.mark.parametrize("interrupts", [False, True])
def test_what_is_copied_waits_for_who_writes_it(interrupts):
    """Also behind caches: a job's result that another job has to copy is there by then."""
    rng = np.random.default_rng(13)
    with Accelerator(CachedBus(), interrupts=interrupts) as acc:
        acc.hardware = HARDWARE
        acc.bus.machine.hardware = HARDWARE
        x = rng.integers(-100, 100, (6, 6))
        wide, b = acc.alloc((6, 6), np.int16), rng.integers(-9, 9, (6, 6))
        for _ in range(3):
            acc.jobs.add(x, x, c_format="s16", out=wide)
            total = acc.jobs.add(wide.array.T, x)  # columns are no rows: copied
            np.testing.assert_array_equal(total.result(), 2 * x.T + x)
            acc.jobs.requantize(x, 1, 1, c_format="s16", out=wide)
            product = acc.submit(wide, b)  # of another type: copied
            np.testing.assert_array_equal(product.result(), gemm(scaled(x, 1).astype(int), b))
