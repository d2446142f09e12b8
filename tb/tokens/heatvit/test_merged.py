"""The classifier's merged products give what the classifier gives, to the bit."""

import numpy as np
import pytest
from scipy.linalg import block_diag

from gemmule.gen.blocks.tokens.schedule.chains import MatMul, Need, Plan
from gemmule.gen.blocks.tokens.schedule.classifier_products import Merged, Part, add, merge, ways
from gemmule.gen.blocks.tokens.schedule.encoder import DEIT
from gemmule.golden.common.formats import Format
from gemmule.golden.systolic.gemm import gemm
from gemmule.golden.tokens.heatvit import SUM, Ops, Selector, mean_scale

from .classifier import FloatSelector, quantized

COUNT, D = 5, 64
GELU = Ops().gelu
BEFORE = {"mlp2": "mlp1", "mlp3": "mlp2", "head2": "head1"}


def _operands(each, shape, layers, tokens, valid, sums):
    """Return both operands and the requantization of a product."""
    if each.parts[0].layer == "mean":
        there = valid[each.low : each.high]
        halves = [_input(part, tokens, sums)[each.low : each.high] for part in each.parts]
        return there.astype(np.int64)[None], np.hstack(halves), mean_scale(int(there.sum()))
    weights, columns = [], {"bias": [], "multiplier": [], "shift": []}
    for name, head in each.parts:
        layer, outputs = layers[name], shape.layer(name)[1]
        weight, bias = layer.weight, layer.bias
        if weight.ndim == 3:
            weight, bias = weight[head], bias[head]
        weights.append(np.repeat(weight, D, axis=0) if name == "head1" else weight)
        columns["bias"].append(bias)
        columns["multiplier"].append(np.repeat(layer.multiplier, outputs))
        columns["shift"].append(np.repeat(layer.shift, outputs))
    scale = {name: np.concatenate(values) for name, values in columns.items()}
    a = np.hstack([_input(part, tokens, sums) for part in each.parts])[each.low : each.high]
    return a, block_diag(*weights), scale | {"c_format": f"s{SUM.width}"}


def _input(part, tokens, sums):
    """Return what a layer reads, of all tokens."""
    name, head = part
    if name == "feature":
        return tokens[:, D * head : D * (head + 1)]
    if name == "head1":
        return tokens
    if name in BEFORE:
        return GELU(sums[Part(BEFORE[name], head)])
    local, shared = np.hsplit(GELU(sums[Part("feature", head)]), 2)
    return shared if name == "mean" else np.hstack([local, sums[Part("mean", head)]])


def _evaluate(merged: list[Merged], shape, layers, tokens, valid):
    """Compute the sums of every part, of the shapes that are scheduled."""
    sums = {}
    for each in merged:
        a, b, scale = _operands(each, shape, layers, tokens, valid, sums)
        assert (*a.shape, b.shape[1]) == each.product(shape)
        outputs = [shape.layer(part.layer)[1] for part in each.parts]
        pieces = np.hsplit(gemm(a, b, **scale), np.cumsum(outputs)[:-1])
        for part, piece in zip(each.parts, pieces, strict=True):
            whole = sums.setdefault(part, np.zeros((shape.rows, piece.shape[1]), np.int64))
            whole[each.low : each.high] = piece
    return sums


def _golden(selector: Selector, tokens, valid):
    """Return the classifier's logits ``[heads, N, 2]`` and sums of weights ``[N, heads]``."""
    seen = []

    def record(x, *_):
        seen.append(x)
        return x

    ops = Ops(softmax=record, sigmoid=record)
    selector.heads_of(tokens, valid, Format(signed=False, width=16), ops)
    return seen[0].reshape(-1, len(tokens), 2), seen[1]


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("model", ["DeiT-T", "DeiT-S"])
@pytest.mark.parametrize(("rows", "cols"), [(16, 16), (64, 32), (32, 64), (2, 2)])
def test_merged_products_are_exact(model, rows, cols, images):
    rng = np.random.default_rng(53)
    shape = DEIT[model].classifier(COUNT, images)
    heads = shape.heads
    arrays = quantized(
        FloatSelector.random(heads, D, heads, rng), rng.normal(0, 1, (shape.rows, heads * D))
    )
    selector, tokens = Selector.check(arrays), arrays["tokens"]
    valid = np.arange(shape.rows) % COUNT != 2
    golden = [
        _golden(selector, tokens[low : low + COUNT], valid[low : low + COUNT])
        for low in range(0, shape.rows, COUNT)
    ]
    logits = np.concatenate([each for each, _ in golden], axis=1)
    weights = np.concatenate([each for _, each in golden])
    for merged in ways(shape, rows, cols):
        sums = _evaluate(merged, shape, selector.layers, tokens, valid)
        for head in range(heads):
            assert (sums[Part("mlp3", head)] == logits[head]).all()
        assert (sums[Part("head2")] == weights).all()


def test_products_wait_for_what_they_read():
    """On 64 x 32: two heads' second layers are one product, all third ones and `head2` another."""
    shape, plan = DEIT["DeiT-T"].classifier(197), Plan()
    tokens = [plan.add(MatMul(197, 768, D)) for _ in range(3)]
    add(plan, merge(shape, 64, 32), shape, tokens)
    features, means, heads, seconds = (3, 4, 5), (6, 7, 8), 9, (13, 14)
    assert plan[features[1]] == (MatMul(197, D, D), (Need(tokens[1]),))
    assert plan[means[0]] == (MatMul(1, 197, 32), (Need(features[0], right=True),))
    assert plan[heads].needs == tuple(Need(tokens[head], head * D) for head in range(3))
    assert plan[10] == (MatMul(197, D, 32), (Need(features[0]), Need(means[0], 32)))
    assert plan[-1].product == MatMul(197, 3 * 16 + 3, 3 * 2 + 3)
    assert plan[-1].needs == (
        Need(seconds[0]),
        Need(seconds[0], 16),
        Need(seconds[1], 32),
        Need(heads, 48),
    )
