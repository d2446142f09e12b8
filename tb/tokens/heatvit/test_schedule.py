"""The scheduler of products: chains take the cycles of the `gemm` block's own model."""

import pytest

from gemmule.gen.blocks.tokens.schedule.chains import MatMul, Need, Plan, Schedule
from gemmule.golden.systolic.cycles import cycles
from gemmule.hw.systolic.params import GemmParams

PRODUCTS = [MatMul(*size) for size in ((29, 64, 192), (123, 64, 30), (1, 75, 96), (64, 300, 20))]
ARRAYS = [(16, 16), (64, 32), (32, 64)]


def _cycles(schedule: Schedule) -> int:
    """Count the cycles of the products as they were put, back to back."""
    params = GemmParams(rows=schedule.rows, cols=schedule.cols, row_scales=True)
    tilings = [placed.tiling for placed in schedule.placed.values()]
    return cycles(tilings, result_latency=params.result_latency)


@pytest.mark.parametrize(("rows", "cols"), ARRAYS)
def test_what_needs_nothing_is_one_chain(rows, cols):
    plan = Plan()
    for each in PRODUCTS:
        plan.add(each)
    schedule = Schedule(rows, cols).run(plan)
    assert list(schedule.placed) == list(range(len(plan)))
    assert schedule.cycles == _cycles(schedule)


@pytest.mark.parametrize(("rows", "cols"), ARRAYS)
def test_what_needs_all_before_it_waits_for_it(rows, cols):
    plan, alone = Plan(), 0
    for number, each in enumerate(PRODUCTS):
        plan.add(each, *(Need(number - 1, right=bool(number % 2)) for _ in range(number > 0)))
        single = Schedule(rows, cols).run([plan[-1]._replace(needs=())])
        assert single.cycles == _cycles(single)
        alone += single.cycles
    assert Schedule(rows, cols).run(plan).cycles == alone


def test_another_product_fills_the_time_that_results_take():
    """The first of the plan whose needs are met goes first, whatever is before it."""
    plan = Plan()
    first = plan.add(MatMul(64, 64, 32))
    plan.add(MatMul(64, 64, 32), Need(first))
    plan.add(MatMul(197, 64, 32))
    schedule = Schedule(64, 32).run(plan)
    assert list(schedule.placed) == [0, 2, 1]
    assert schedule.cycles == _cycles(schedule)


def test_results_may_come_while_what_is_before_them_is_read():
    """A long K of which only the end waits joins the chain; if its beginning waits, it does not."""
    chains = {}
    for start in (0, 192):
        plan = Plan()
        first = plan.add(MatMul(64, 64, 32))
        plan.add(MatMul(128, 256, 32), Need(first, start))
        schedule = Schedule(64, 32).run(plan)
        chains[start] = schedule.cycles
        assert (schedule.cycles == _cycles(schedule)) == (start > 0)
    assert chains[192] < chains[0]


def test_operands_are_swapped_where_that_is_cheaper():
    """29 rows cannot load the weights of 64 rows in time; as columns they fill 29 of 32."""
    plan = Plan()
    plan.add(MatMul(29, 192, 192))
    placed = Schedule(64, 32).run(plan).placed[0]
    assert placed.tiling.by_row
    assert (placed.tiling.m, placed.tiling.n) == (192, 29)


def test_a_fork_leaves_the_schedule_as_it_was():
    plan = Plan()
    plan.add(PRODUCTS[0])
    schedule = Schedule(16, 16).run(plan)
    before = schedule.cycles
    plan.add(PRODUCTS[1], Need(0))
    assert schedule.fork().run(plan).cycles > before
    assert schedule.cycles == before
    assert list(schedule.placed) == [0]
