# amaranth: UnusedElaboratable=no
"""The smallest and the oddest hardware that the options allow."""

import numpy as np
import pytest

from gemmule.gen.blocks.tokens.packing import SelectorRun
from gemmule.gen.blocks.tokens.score import ScoreRun
from gemmule.gen.catalog import find
from gemmule.golden.tokens.packing import PACKAGES
from gemmule.golden.tokens.selection import Selection
from gemmule.tb.common.sampling import values
from gemmule.tb.tokens.amaranth_stages import passes

SMALLEST = {"lanes": 1, "max_tokens": 2, "max_length": 1, "score_format": "u2", "weight_width": 2}
ODD = {"lanes": 3, "max_tokens": 5, "max_length": 7, "score_format": "u9", "dividers": 3}


@pytest.mark.parametrize(
    ("options", "length"),
    [
        (SMALLEST | {"token_format": "u2"}, 1),
        (SMALLEST | {"token_format": "s2"}, 1),
        (ODD | {"token_format": "u3", "weight_width": 32}, 7),
        (ODD | {"token_format": "s16", "weight_width": 5}, 2),
    ],
)
def test_selector(options, length):
    rng, block = np.random.default_rng(71), find("selector")
    params = block.params(**options)
    stages = []
    for number in range(9):
        count = 1 + number % params.max_tokens
        run = SelectorRun(package=PACKAGES[number % 3], keep=number % 2)
        arrays = {
            "tokens": values(rng, params.token_format, (count, length)),
            "scores": values(rng, params.score_format, (count,)),
            "previous_package": values(rng, params.token_format, (length,)),
            "previous_weight": [(1 << params.weight_width) - 1],
        }
        stages.append((run, arrays))
    passes(block, params, stages)


@pytest.mark.parametrize(("score_format", "most"), [("s2", 2), ("u16", 3), ("s9", 4)])
def test_token_select(score_format, most):
    rng, block = np.random.default_rng(73), find("token_select")
    params = block.params(score_format=score_format, max_tokens=most)
    stages = [
        (
            Selection(policy="threshold", threshold=number - 2),
            {"scores": values(rng, params.score_format, (1 + number % most,))},
        )
        for number in range(6)
    ]
    passes(block, params, stages)


@pytest.mark.parametrize(
    ("options", "heads"),
    [
        ({"lanes": 1, "max_tokens": 2, "max_heads": 1, "dividers": 1}, 1),
        ({"lanes": 3, "max_tokens": 5, "max_heads": 3, "dividers": 5, "score_format": "u3"}, 3),
    ],
)
def test_token_score(options, heads):
    rng, block = np.random.default_rng(79), find("token_score")
    params = block.params(attention_format="u2", head_format="u2", **options)
    stages = []
    for number in range(6):
        count = 1 + number % params.max_tokens
        attention = values(rng, params.attention_format, (heads, count, count))
        run = ScoreRun(score=("column_max", "first_column", "class_attention")[number % 3])
        rows = attention[:, 0] if number % 3 == 2 else attention
        stages.append((run, {"attention": rows}))
    passes(block, params, stages)
