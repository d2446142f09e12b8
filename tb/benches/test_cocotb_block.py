"""The bench that all blocks share: a good block passes it, and each kind of bad one does not."""

import numpy as np
import pytest

from gemmule.gen.docs.examples.own_block import ADDER, AdderParams
from gemmule.gen.verilog.emit import emit
from gemmule.tb.benches.how import How
from gemmule.tb.benches.verify import verify
from gemmule.tb.common.verilog_mutants import mutated

PARAMS = AdderParams(lanes=3)
RUN = ADDER.adapter.Run(bias=-2)
TESTS = 3


@pytest.fixture(scope="module")
def arrays():
    x, y = np.random.default_rng(11).integers(-128, 127, size=(2, 4, 36), endpoint=True)
    x[0], y[0], x[1], y[1] = -128, -128, 127, 127
    return {"x": x, "y": y}


def test_a_good_block_passes(arrays):
    result = verify(ADDER, PARAMS, RUN, arrays, How(seed=5))
    assert result.passed, result.log
    assert result.ran == TESTS


MUTANTS = {
    "wrong sum": (r"assign (_\d+_) = \$signed\(x\) \+ \$signed\(y\);", r"assign \1 = y;", 3),
    "offer changes": ("assign free = .*;", "assign free = 1'h1;", 2),
    "reset forgotten": (r"assign (_\d+_) = rst \? 1'h0 : (_04_);", r"assign \1 = \2;", 1),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_bad_block_fails(arrays, name):
    pattern, replacement, least = MUTANTS[name]
    result = verify(
        ADDER, PARAMS, RUN, arrays, emitted=mutated(emit(ADDER, PARAMS), pattern, replacement)
    )
    assert result.ran == TESTS, result.log
    assert result.failed >= least, result.log
