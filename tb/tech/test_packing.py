"""Packing is exact: every product of a cell, every sum of a chain, and the hardware's unpacking."""

import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from amaranth import Elaboratable, Module, Signal, signed
from amaranth.back import rtlil
from hypothesis import given
from hypothesis import strategies as st

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format, product_range
from gemmule.golden.tech.packing import (
    ACCUMULATOR,
    MAX_DEPTH,
    NARROW_PORT,
    WIDE_PORT,
    Packing,
    packing,
)
from gemmule.hw.tech.operands import split

CELLS = ("dsp48e1", "dsp48e2")
KNOWN = {
    ("dsp48e2", "n", "s8", "s8"): (18, 8),
    ("dsp48e1", "n", "s8", "s8"): (16, 2),
    ("dsp48e2", "m", "u8", "s8"): (18, 4),
    ("dsp48e2", "n", "s8", "u8"): (18, 4),
    ("dsp48e1", "n", "u8", "s8"): (16, 1),
    ("dsp48e2", "quad", "s4", "s4"): (11, 17),
    ("dsp48e2", "quad", "u4", "s2"): (11, 45),
}


def made(cell: str, kind: str, a: str, b: str) -> Packing:
    return packing(cell, kind, Format.parse(a), Format.parse(b))


@pytest.mark.parametrize(("case", "known"), KNOWN.items(), ids=lambda v: "-".join(map(str, v)))
def test_spacing_and_depth_are_the_largest_that_fit(case, known):
    plan = made(*case)
    assert (plan.spacing, plan.depth) == known
    low, high = product_range(plan.a_format, plan.b_format)
    for depth, fits in ((plan.depth, True), (plan.depth + 1, False)):
        assert plan.bias(depth) + depth * low == 0
        assert (plan.bias(depth) + depth * high < 1 << plan.spacing) == fits


@pytest.mark.parametrize("cell", CELLS)
def test_every_product_of_a_cell_int8(cell):
    plan = made(cell, "n", "s8", "s8")
    values = np.arange(-128, 128)
    pairs = np.stack(np.meshgrid(values, values, indexing="ij"), axis=-1).reshape(-1, 2)
    wide = plan.wide(pairs)
    port = {"dsp48e1": 25, "dsp48e2": 27}[cell]
    assert wide.min() >= -(1 << port - 1)
    assert wide.max() < 1 << port - 1
    for a in values:
        fields = plan.unpack(wide * plan.narrow([a]) + plan.constant(1), 1)
        assert (fields[:, 0, :] == pairs * a).all()


@pytest.mark.parametrize("sides", ["s4-s4", "u4-s4", "s4-u4", "u4-u4"])
def test_every_product_of_a_quad_int4(sides):
    a_format, b_format = map(Format.parse, sides.split("-"))
    plan = packing("dsp48e2", "quad", a_format, b_format)
    a = np.array(list(product(range(a_format.low, a_format.high + 1), repeat=2)))
    b = np.array(list(product(range(b_format.low, b_format.high + 1), repeat=2)))
    total = plan.wide(b)[None, :] * plan.narrow(a)[:, None] + plan.constant(1)
    fields = plan.unpack(total, 1)
    assert (fields == a[:, None, :, None] * b[None, :, None, :]).all()


@pytest.mark.parametrize("case", KNOWN, ids="-".join)
def test_every_sum_of_a_chain(case):
    """Each field takes every sum that it can hold; its neighbor the extremes and some between."""
    plan = made(*case)
    low, high = (plan.depth * each for each in product_range(plan.a_format, plan.b_format))
    every = np.arange(low, high + 1)
    some = np.array([low, low + 1, -1, 0, 1, high - 1, high])
    for index in range(plan.fields):
        for neighbor in some:
            sums = np.full((len(every), plan.fields), neighbor)
            sums[:, index] = every
            total = sum(sums[:, i] << plan.spacing * i for i in range(plan.fields))
            fields = plan.unpack(total + plan.constant(plan.depth), plan.depth)
            # `unpack` gives [rows, columns], the fields count the rows fastest.
            flat = fields.swapaxes(-1, -2).reshape(len(every), plan.fields)
            assert (flat == sums).all()


def test_every_packing_that_there_is_room_for():
    """A: find whatever spacing does; what is refused has none."""
    formats = [Format(signed, width) for signed in (True, False) for width in (2, 3, 4, 8, 15, 16)]
    for cell, kind, a, b in product(CELLS, ("n", "m", "quad"), formats, formats):
        wide, narrow = (b, a) if kind != "m" else (a, b)
        low, high = product_range(a, b)
        most = 0
        for spacing in range(1, 48):
            step = 2 * spacing if kind == "quad" else spacing
            if step + wide.width + 1 > WIDE_PORT[cell]:
                continue
            if kind == "quad" and spacing + narrow.width + 1 > NARROW_PORT:
                continue
            fields = 4 if kind == "quad" else 2
            depths = (d for d in range(1, MAX_DEPTH + 1))
            for depth in depths:
                span = depth * (high - low)
                top = spacing * (fields - 1) + span.bit_length() + 1
                if span >= 1 << spacing or top > ACCUMULATOR:
                    break
                most = max(most, depth)
        try:
            assert packing(cell, kind, a, b).depth == most
        except UsageError:
            assert most == 0


@given(st.data())
def test_any_packing_unpacks_to_the_sums(data):
    cell = data.draw(st.sampled_from(CELLS))
    kind = data.draw(st.sampled_from(["none", "n", "m", "quad"]))
    formats = st.builds(Format, st.booleans(), st.integers(2, 9))
    a_format, b_format = data.draw(formats), data.draw(formats)
    try:
        plan = packing(cell, kind, a_format, b_format)
    except UsageError:
        return
    depth = data.draw(st.integers(1, min(plan.depth, 20)))
    draw = {
        "a": st.sampled_from([a_format.low, 0, a_format.high]),
        "b": st.sampled_from([b_format.low, 0, b_format.high]),
    }
    a = np.array([[data.draw(draw["a"]) for _ in range(plan.rows)] for _ in range(depth)])
    b = np.array([[data.draw(draw["b"]) for _ in range(plan.columns)] for _ in range(depth)])
    wide, narrow = (a, b) if kind == "m" else (b, a)
    total = int((plan.wide(wide) * plan.narrow(narrow)).sum()) + plan.constant(depth)
    assert (plan.unpack([total], depth)[0] == a.T @ b).all()


class Proof(Elaboratable):
    """``wrong`` is 1 for sums that a chain can hold and the hardware's `split` gets wrong."""

    def __init__(self, plan: Packing):
        self.plan = plan
        low, high = (plan.depth * each for each in product_range(plan.a_format, plan.b_format))
        self.low, self.high = low, high
        width = max(abs(low), high).bit_length() + 1
        self.sums = [Signal(signed(width), name=f"sum_{i}") for i in range(plan.fields)]
        self.wrong = Signal()

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        total = Signal(signed(48))
        shifted = [each << plan.spacing * i for i, each in enumerate(self.sums)]
        m.d.comb += total.eq(sum(shifted, plan.constant(plan.depth)))
        possible, wrong = 1, 0
        for index, (field, each) in enumerate(
            zip(split(total, plan, plan.depth), self.sums, strict=True)
        ):
            bias = plan.bias(plan.depth) if index < plan.fields - 1 else 0
            wrong |= field - bias != each
            possible &= (each >= self.low) & (each <= self.high)
        m.d.comb += self.wrong.eq(possible & wrong)
        return m


def prove(plan: Packing, folder: Path) -> str:
    """Return what Yosys's SAT solver, in a process of its own, says of :class:`Proof`."""
    proof = Proof(plan)
    text = rtlil.convert(proof, name="top", ports=[*proof.sums, proof.wrong], emit_src=False)
    (folder / "proof.il").write_text(text)
    passes = ["read_rtlil proof.il", "proc", "flatten", "opt", "sat -prove wrong 0 top"]
    script = "from pyosys import libyosys\ndesign = libyosys.Design()\n" + "".join(
        f"libyosys.Pass.call(design, {each!r})\n" for each in passes
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("case", KNOWN, ids="-".join)
def test_the_hardware_unpacks_every_sum_proven(case, tmp_path):
    plan = made(*case)
    assert "SAT proof finished - no model found: SUCCESS!" in prove(plan, tmp_path)
    # The proof can fail: with one row more than fits it does.
    assert "model found: FAIL!" in prove(replace(plan, depth=plan.depth + 1), tmp_path)
