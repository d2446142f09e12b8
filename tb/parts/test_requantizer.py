"""The requantizer against its golden model: every scale, vectors of any bank without a bubble."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.sim import Simulator

from gemmule.golden.common.formats import Format
from gemmule.golden.common.requantize import (
    ROUNDINGS,
    Requantization,
    Rounding,
    normalize_scale,
    sum_width,
)
from gemmule.hw.common.requantize.requantizer import Requantizer, RequantizerParams


def some(rng, low, high, shape):
    """Draw random numbers of ``low..high``, half of them extremes or small."""
    values = rng.integers(low, high, shape, endpoint=True)
    corners = rng.choice([low, high, max(low, -1), 0, min(high, 1)], shape)
    return np.where(rng.random(shape) < 0.5, corners, values)


def some_scale(rng, params, rounding):
    """Draw a requantization of a bank, with ties and with shifts that fit its multipliers."""
    fmt = Format(bool(rng.integers(2)), int(rng.integers(2, params.out_width, endpoint=True)))
    low, high = sorted(map(int, some(rng, fmt.low, fmt.high, 2)))
    multiplier = some(rng, 0, 2**params.multiplier_width - 1, params.lanes)
    bias = some(rng, -(2**31), 2**31 - 1, params.lanes)
    small = rng.integers(-(2**params.acc_width) // 4, 2**params.acc_width // 4, params.lanes)
    # With settings by row, the shifts' sum is what the hardware holds.
    most = params.max_shift // 2 if params.row_scales else params.max_shift
    if params.row_scales and rng.random() < 0.3:
        most = int(rng.choice([0, params.max_shift]))
    return Requantization.check(
        params.lanes,
        bias=np.where(rng.random(params.lanes) < 0.5, np.clip(small, -(2**31), 2**31 - 1), bias),
        multiplier=np.where(rng.random(params.lanes) < 0.3, 1 << multiplier % 4, multiplier),
        shift=some(rng, 0, most, params.lanes),
        zero_point=some(rng, fmt.low, fmt.high, 1),
        rounding=rounding,
        c_format=fmt,
        clamp=(low, high) if rng.random() < 0.5 else None,
        out_width=params.out_width,
        multiplier_width=params.multiplier_width,
        max_shift=params.max_shift,
    )


def ties(rng, scale):
    """Make sums whose products lie halfway between two results, wherever there are any."""
    multiplier, shift = scale.multiplier, scale.shift
    if scale.row_multiplier is not None:
        multiplier, shift = multiplier * scale.row_multiplier, shift + scale.row_shift
    twos = np.bitwise_count((multiplier - 1) & ~multiplier).astype(np.int64)
    odd = 2 * rng.integers(-2, 2, len(twos)) + 1
    return odd << np.clip(shift - 1 - np.minimum(twos, 62), 0, 60)


def some_row(rng, params, scale):
    """Draw how a row is scaled, as ``i`` takes it, and what it makes of its bank's requantization.

    By its column alone, beside it, or instead of it.
    """
    if not params.row_scales:
        return {}, scale
    kind = rng.choice(["column", "beside", "instead"])
    room = params.max_shift - (int(scale.shift.max()) if kind == "beside" else 0)
    multiplier = some(rng, 0, 2**params.multiplier_width - 1, 1)
    if rng.random() < 0.4:
        multiplier = 1 << multiplier % 2
    shift, bias = some(rng, 0, room, 1), some(rng, -(2**31), 2**31 - 1, 1)
    scaled, drop = normalize_scale(multiplier, shift)
    row = {"offset": int(bias[0]), "multiplier": int(scaled[0]), "drop": int(drop[0])}
    given = {"by_row": int(kind != "column"), "beside": int(kind == "beside"), "row": row}
    if kind == "column":
        given["beside"] = int(rng.integers(2))
        return given, scale
    if kind == "beside":
        return given, replace(
            scale, row_multiplier=np.asarray(multiplier[0]), row_shift=np.asarray(shift[0])
        )
    alone = {"bias": bias, "multiplier": multiplier, "shift": shift}
    lanes = {name: np.broadcast_to(each, params.lanes) for name, each in alone.items()}
    return given, replace(scale, **lanes)


def load(dut, bank, scale, offset, zeros, used):
    """Return what to set on ``dut.load`` for a bank."""
    scaled, drop = scale.normalized()
    fields = [
        {"offset": int(offset[n]), "multiplier": int(scaled[n]), "drop": int(drop[n])}
        | ({"b_zero_point": int(zeros[n])} if dut.params.row_sum_width else {})
        for n in range(dut.params.lanes)
    ]
    settings = {
        "zero_point": scale.zero_point,
        "low": scale.low,
        "high": scale.high,
        "rounding": Rounding[scale.rounding.upper()],
        "used": used,
    }
    return {"bank": bank, "lanes": fields, "settings": settings, "valid": 1}


def run(params, seed, vectors=120, loads=8):
    """Load all banks, send vectors that name any of them, some cycles idle; again and again."""
    rng = np.random.default_rng(seed)
    dut = Requantizer(params, meta=8)
    expected, latencies = [], []
    low, high = -(1 << params.acc_width - 1), (1 << params.acc_width - 1) - 1
    rows = Format(True, max(params.row_sum_width, 1))
    room = Format(True, sum_width(params.acc_width))

    async def bench(ctx):
        sent, received, cycle = [], 0, 0
        later = {}  # by cycle: what to set, or to find, of the inputs and outputs that come late

        async def tick():
            nonlocal received, cycle
            for name, value in later.pop(cycle, []):
                if name == "kept_sum":
                    assert [ctx.get(dut.kept_sum[n]) for n in range(params.lanes)] == value
                else:
                    ctx.set(getattr(dut, name), value)
            if ctx.get(dut.o.valid):
                time, meta, values, width = sent[received]
                got = [ctx.get(dut.o.data[n]) for n in range(params.lanes)]
                wanted = [(v + (1 << width - 1)) % (1 << width) - (1 << width - 1) for v in values]
                assert (ctx.get(dut.o.meta), got) == (meta, wanted)
                latencies.append(cycle - time)
                received += 1
            await ctx.tick()
            cycle += 1

        for _ in range(loads):
            banks = []
            for bank in range(params.banks):
                scale = some_scale(rng, params, str(rng.choice(ROUNDINGS)))
                zeros = some(rng, -(2**8), 2**8 - 1, params.lanes)
                used = int(rng.integers(1, params.lanes, endpoint=True))
                banks.append((scale, zeros, used))
                for name, value in load(dut, bank, scale, scale.bias, zeros, used).items():
                    ctx.set(getattr(dut.load, name), value)
                await tick()
            ctx.set(dut.load.valid, 0)
            for _ in range(vectors // loads):
                bank = int(rng.integers(params.banks))
                scale, zeros, used = banks[bank]
                row_scale, scale = some_row(rng, params, scale)
                if row_scale.get("by_row") and not row_scale["beside"]:
                    zeros = zeros * 0
                for name, value in row_scale.items():
                    ctx.set(getattr(dut.i, name), value)
                row = int(some(rng, -rows.high, rows.high, 1)[0]) * int(rng.integers(2))
                acc = some(rng, low, high, params.lanes)
                tie = ties(rng, scale) - scale.bias + zeros * row
                possible = (tie >= low) & (tie <= high)
                acc = np.where(possible & (rng.random(params.lanes) < 0.5), tie, acc)
                total = acc - zeros * row
                legal = ((total + scale.bias >= room.low) & (total + scale.bias <= room.high)).all()
                valid = int(legal and rng.random() < 0.8)
                meta = int(rng.integers(256))
                ctx.set(dut.i.valid, valid)
                ctx.set(dut.i.bank, bank)
                ctx.set(dut.i.meta, meta)
                final, kept = int(rng.random() < 0.8), np.zeros(params.lanes, np.int64)
                if params.keeps:
                    most = 1 << params.input_width - 1
                    first = int(rng.random() < 0.3 and (acc >= -most).all() and (acc < most).all())
                    kept = np.clip(acc - some(rng, -most, most - 1, params.lanes), low, high)
                    before = kept * (1 - first)
                    ctx.set(dut.i.first, first)
                    times = params.times
                    later.setdefault(cycle + times["kept"], []).append(("kept", kept.tolist()))
                    if valid and not final:
                        found = ("kept_sum", acc.tolist())
                        later.setdefault(cycle + times["kept_sum"], []).append(found)
                    kept = before
                ctx.set(dut.i.final, final)
                ctx.set(dut.i.sums, (acc - kept).tolist())
                if params.row_sum_width:
                    later.setdefault(cycle + 1, []).append(("row_sum", row))
                if valid and final:
                    wanted = np.where(np.arange(params.lanes) < used, scale(total), 0)
                    sent.append((cycle, meta, wanted.tolist(), params.out_width))
                await tick()
            ctx.set(dut.i.valid, 0)
            for _ in range(params.latency - 1):
                await tick()
        await tick()
        assert received == len(sent)
        expected.extend(sent)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert len(expected) > vectors // 4
    assert set(latencies) == {params.latency}


@pytest.mark.parametrize(
    "params",
    [
        RequantizerParams(lanes=2),
        RequantizerParams(
            lanes=3, row_sum_width=25, b_zero_point_width=10, keeps=True, sums_width=20
        ),
        RequantizerParams(
            lanes=1, acc_width=48, out_width=48, multiplier_width=31, max_shift=63, banks=2
        ),
        RequantizerParams(lanes=2, acc_width=9, out_width=8, multiplier_width=8, max_shift=13),
        RequantizerParams(lanes=1, acc_width=6, out_width=2, max_shift=7, banks=1),
        RequantizerParams(lanes=3, row_sum_width=25, b_zero_point_width=10, row_scales=True),
        RequantizerParams(
            lanes=2,
            acc_width=48,
            out_width=48,
            multiplier_width=31,
            max_shift=63,
            keeps=True,
            sums_width=20,
            row_scales=True,
        ),
        RequantizerParams(
            lanes=2, acc_width=9, out_width=8, multiplier_width=8, max_shift=13, row_scales=True
        ),
        RequantizerParams(lanes=1, acc_width=6, out_width=2, max_shift=7, banks=1, row_scales=True),
    ],
    ids=[
        "default",
        "row_sum",
        "wide",
        "narrow",
        "least",
        "F default",
        "F wide",
        "F narrow",
        "F least",
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_equals_golden(params, seed):
    run(params, seed)
