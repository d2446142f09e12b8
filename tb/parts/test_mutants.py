# amaranth: UnusedElaboratable=no
"""The tests of the shared parts are seen to fail: each mutant breaks one line of one part."""

import pytest

from gemmule.hw.common.requantize.params import RequantizerParams
from gemmule.tb.common.module_mutants import infect
from gemmule.tb.parts import (
    test_guard,
    test_nested,
    test_plumbing,
    test_queues,
    test_requantizer,
    test_transposer,
)

NARROW = RequantizerParams(
    lanes=2,
    acc_width=12,
    out_width=8,
    multiplier_width=8,
    max_shift=13,
    row_sum_width=9,
    keeps=True,
    sums_width=10,
)


def queue(tests):
    for stalls in ((0, 0), (0.5, 0), (0, 0.5)):
        tests.in_order(tests.Fifo(8, 3), list(range(1, 60)), stalls, 1)


def skid(tests):
    for stalls in ((0, 0), (0.5, 0), (0, 0.5)):
        tests.in_order(tests.SkidBuffer(8), list(range(1, 60)), stalls, 1)


def guard(tests):
    tests.run([(2, 2), (1, 4), (4, 1), (1, 1), (3, 3), (2, 3)], (0.3, 0.3), 1)


def nested(tests):
    tests.run([(5, [(3, 1), (2, 20), (2, -7)]), (1, [(1, 3), (1, 3), (2, 3)])], 0.3, 1)


def plumbing(tests):
    tests.test_fork.hypothesis.inner_test([1, 2, 3, 4, 5, 6], (0.0, 0.5, 0.9), 1)
    packets = [[1, 2, 3], [4], [5, 6, 7, 8, 9]]
    tests.test_widen_and_narrow.hypothesis.inner_test(packets, 2, (0.0, 0.5, 0.5), 1)


def transposer(tests):
    for stalls in ((0, 0), (0.6, 0), (0, 0.6)):
        tests.run(3, [3, 1, 3, 3, 2, 2, 1, 1, 3], stalls, 1)


def requantizer(tests):
    tests.run(NARROW, 1, vectors=400, loads=40)


PLACES = {
    **{name: f"common.stream.{name}" for name in ("skid", "fifo", "guard", "fork", "width")},
    "nested": "common.nested",
    "transposer": "common.transposer",
    "requantizer": "common.requantize.requantizer",
    "requantizer_lane": "common.requantize.lane",
}
"""Where in `hw` the parts are that are named shorter here."""
QUEUES, PLUMBING = test_queues, test_plumbing
MUTANTS = [
    ("skid", QUEUES, skid, "self.i.ready.eq(~waiting)", "self.i.ready.eq(1)"),
    ("skid", QUEUES, skid, "waiting.eq(0),", ""),
    ("fifo", QUEUES, queue, "self.level != self.depth)", "1)"),
    ("fifo", QUEUES, queue, "push - pop", "push"),
    ("fifo", QUEUES, queue, "address == self.depth - 1", "address == self.depth"),
    ("fifo", QUEUES, queue, "& (~self.o.valid | self.o.ready)", ""),
    ("guard", test_guard, guard, "& last & ~self.final", "& last"),
    ("guard", test_guard, guard, "with m.If(self.i.valid & last)", "with m.If(self.i.valid)"),
    ("guard", test_guard, guard, 'm.next = "fill"', 'm.next = "pass"'),
    ("nested", test_nested, nested, "stands[: n + 1]]", "stands[:n]]"),
    ("nested", test_nested, nested, "self.active.eq(self.load)", "self.active.eq(0)"),
    ("nested", test_nested, nested, "lasts[: n + 1]", "lasts[n]"),
    ("fork", PLUMBING, plumbing, "self.i.valid & ~served[n]", "self.i.valid"),
    ("width", PLUMBING, plumbing, "m.d.sync += part.eq(0)", "m.d.sync += part.eq(part)"),
    ("width", PLUMBING, plumbing, "self.i.payload.last & final", "self.i.payload.last"),
    *(
        ("transposer", test_transposer, transposer, old, new)
        for old, new in [
            ("ended | (wanted & self.i.payload.last)", "ended"),
            ("~first | leaving", "leaving"),
            ("wanted & (~leaving | self.o.ready)", "wanted"),
            ("downward.eq(~downward)", "downward.eq(0)"),
            ("given[size - 1 - col]", "given[col]"),
            ("Mux(wanted, Value.cast(self.i.payload.data[lane]), 0)", "self.i.payload.data[lane]"),
        ]
    ),
    *(
        ("requantizer_lane", test_requantizer, requantizer, old, new)
        for old, new in [
            ("half & (rest | upward", "half & (upward"),
            ("| upward | ~(even | sign)", "| ~(even | sign)"),
            ("| ~(even | sign)", "| ~even"),
            ("half & even)", "half)"),
            ("perhaps & quotient[0]", "perhaps"),
            ("lower | wide[since : end - 1].any()", "lower"),
            ("above[-1] | differs", "above[-1]"),
            ("Mux(fine, kept[STEP:]", "Mux(fine, kept[STEP - 1 :]"),
            ("outside & ~negative", "outside"),
            ("above | (beyond & ~least)", "above | beyond"),
            ("under | (distance[-1] & ~over)", "under"),
            ("Mux(self.used, result, 0)", "result"),
        ]
    ),
    *(
        (part, test_requantizer, requantizer, old, new)
        for part, old, new in [
            ("requantizer", 'delay(m, "clamp_low", low, 3)', 'delay(m, "clamp_low", low, 2)'),
            ("requantizer", "self.i.valid & self.i.final", "self.i.valid"),
            ("requantizer", "used > n)", "used >= n)"),
            ("tech.product", "partial + carry", "partial"),
            ("tech.total", "Mux(self.first, 0, self.kept)", "self.kept"),
            ("tech.total", "total - correction", "total + correction"),
        ]
    ),
]


@pytest.mark.parametrize(
    ("part", "tests", "run", "old", "new"),
    MUTANTS,
    ids=[f"{part}-{n}" for n, (part, *_) in enumerate(MUTANTS)],
)
def test_mutant_is_caught(part, tests, run, old, new, monkeypatch):
    infect(monkeypatch, f"gemmule.hw.{PLACES.get(part, part)}", old, new)
    with pytest.raises((AssertionError, TimeoutError)):
        run(tests)


@pytest.mark.parametrize(
    ("run", "tests"),
    dict.fromkeys((run, tests) for _, tests, run, *_ in MUTANTS),
    ids=lambda each: each.__name__.rpartition(".")[2],
)
def test_the_unbroken_part_passes(run, tests):
    run(tests)
