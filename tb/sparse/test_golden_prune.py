"""Pruning and quantization against sorting, a literal EWMA loop and ml_dtypes."""

import ml_dtypes
import numpy as np
import pytest

from gemmule.golden import prune as pruning
from gemmule.golden.common.errors import UsageError
from gemmule.golden.prune import EwmaThreshold, prune, prune_stream
from gemmule.golden.sparse.format import TWO_FOUR, Pattern, expand
from gemmule.golden.sparse.metric import contribution, input_factor
from gemmule.golden.sparse.quantize import dequantize, from_e4m3, to_e4m3
from gemmule.golden.sparse.select import keep_groups, keep_share, prune24


@pytest.mark.parametrize("pattern", [Pattern(1, 4), TWO_FOUR, Pattern(4, 8)], ids=str)
def test_keep_groups_is_a_stable_sort(pattern):
    metric = np.random.default_rng(1).integers(0, 4, (40, 64))
    groups = metric.reshape(40, -1, pattern.size)
    order = np.argsort(-groups, axis=-1, kind="stable")[..., : pattern.kept]
    want = np.zeros(groups.shape, bool)
    np.put_along_axis(want, order, True, axis=-1)
    assert np.array_equal(keep_groups(metric, pattern), want.reshape(metric.shape))


def test_prune24_keeps_what_the_mask_says():
    rng = np.random.default_rng(2)
    w, metric = rng.integers(-8, 8, (23, 6)), rng.integers(0, 5, (23, 6))
    for given, rank in ((None, np.abs(w)), (metric, metric)):
        values, indices = prune24(w, given)
        padded = np.pad(rank, ((0, 1), (0, 0)), constant_values=0)
        keep = keep_groups(padded.T).T[:23]
        assert np.array_equal(expand(values, indices, k=23), w * keep)


def test_keep_share_is_a_sort():
    metric = np.random.default_rng(3).random((9, 50))
    keep = keep_share(metric, 0.3)
    assert (keep.sum(axis=1) == 35).all()
    assert (np.where(keep, metric, 2).min(1) > np.where(keep, -1, metric).max(1)).all()
    assert keep_share(metric, 0.0).all()


def test_metric_forms_follow_the_formula():
    rng = np.random.default_rng(4)
    w, x2 = rng.normal(size=(3, 8)), rng.random(8)
    for o in range(3):
        for i in range(8):
            half = w[o, i] ** 2 / 2
            for energy, share in ((x2, x2[i] / x2.sum()), (None, w[o, i] ** 2 / (w[o] ** 2).sum())):
                assert contribution(w, energy, "mul")[o, i] == pytest.approx(half * (1 - share))
                assert contribution(w, energy, "div")[o, i] == pytest.approx(half / (1 - share))


def test_div_ranks_as_optimal_brain_surgeon_does():
    rng = np.random.default_rng(5)
    w, x = rng.normal(size=(4, 12)), rng.normal(size=12)
    inverse = np.linalg.inv(np.outer(x, x) + 1e-9 * np.eye(12))
    saliency = w**2 / (2 * np.diag(inverse))
    ours = contribution(w, x**2, "div")
    assert np.array_equal(np.argsort(saliency, axis=None), np.argsort(ours, axis=None))


def literal_stream(metric, threshold):
    """Follow the docstring of EwmaThreshold, one weight at a time, in float64."""
    keep = np.empty(metric.shape, bool)
    for row, kept in zip(metric.astype(float), keep, strict=True):
        mean, variance = row[: threshold.warm_up].mean(), row[: threshold.warm_up].var()
        k = pruning.normal_k(threshold.sparsity)
        for i, value in enumerate(row):
            kept[i] = not value < mean - k * variance**0.5
            delta = value - mean
            mean += (1 - threshold.beta) * delta
            variance += (1 - threshold.beta) * (delta**2 - variance)
            k += threshold.gain * ((not kept[i]) - threshold.sparsity)
    return keep


@pytest.mark.parametrize("sparsity", [0.3, 0.5, 0.7])
def test_stream_is_the_formula(sparsity):
    w = np.random.default_rng(6).normal(size=(32, 384)).astype(np.float32)
    threshold = EwmaThreshold(sparsity=sparsity)
    done = prune_stream(w, threshold=threshold)
    want = literal_stream(contribution(w), EwmaThreshold(sparsity=sparsity))
    # Float32 against float64: a weight that meets its threshold may fall to either side.
    assert (done.keep != want).mean() < 1e-3
    assert abs(done.sparsity - sparsity) < 0.02


@pytest.mark.parametrize("form", pruning.FORMS)
@pytest.mark.parametrize("shape", [(256, 4096), (512, 384)])
def test_stream_keeps_the_metric(form, shape):
    rng = np.random.default_rng(7)
    w, energy = rng.normal(size=shape), rng.random(shape[1]) ** 2
    for given in (None, energy):
        done = prune_stream(w, energy=given, form=form)
        metric = contribution(w, given, form)
        assert abs(done.sparsity - 0.5) < 0.02
        assert (metric * done.keep).sum() >= 0.97 * (metric * keep_share(metric)).sum()


def test_constant_k_and_degenerate_rows():
    w = np.zeros((4, 100))
    w[1] = 1.0
    w[2, 50] = 5.0
    done = prune_stream(w, threshold=EwmaThreshold(gain=0.0), target="int8")
    assert done.keep[2, 50]
    assert done.codes[2, 50] == 127
    assert np.isfinite(done.scales).all()


@pytest.mark.parametrize("target", pruning.TARGETS)
@pytest.mark.parametrize("method", pruning.METHODS)
def test_one_pass_quantizes_as_two_would(method, target):
    rng = np.random.default_rng(8)
    w, energy = rng.normal(size=(16, 64)).astype(np.float32), rng.random(64)
    done = prune(w, method, energy=energy, target=target)
    assert done.sparsity == 0.5
    limit = np.abs(w).max(axis=1, keepdims=True) / (127 if target == "int8" else 448)
    back = dequantize(done.codes, done.scales, target)
    assert not back[~done.keep].any()
    step = 0.5001 * limit if target == "int8" else np.maximum(np.abs(w) / 16, limit * 2**-9) * 1.001
    assert (np.abs(back - w) <= step)[done.keep].all()
    stream = prune_stream(w, energy=energy, target=target)
    again = dequantize(stream.codes, stream.scales, target)
    both = stream.keep & done.keep
    assert np.array_equal(again[both], back[both])


def test_e4m3_is_ml_dtypes():
    codes = np.arange(256, dtype=np.uint8)
    finite = codes & 0x7F != 0x7F
    want = codes.view(ml_dtypes.float8_e4m3fn).astype(np.float32)
    assert np.array_equal(from_e4m3(codes)[finite], want[finite])
    rng = np.random.default_rng(9)
    x = (rng.normal(size=20000) * 2.0 ** rng.integers(-12, 8, 20000)).astype(np.float32)
    ties = (want[finite][:-1] + want[finite][1:]) / 2
    x = np.clip(np.concatenate([x, ties, want[finite]]), -448, 448)
    assert np.array_equal(to_e4m3(x), x.astype(ml_dtypes.float8_e4m3fn).view(np.uint8))
    assert to_e4m3([1e6, -1e6]).tolist() == [0x7E, 0xFE]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prune(np.ones((2, 5))), "a multiple of 4 inputs, not 5"),
        (lambda: prune(np.ones((2, 4)), "best"), "method must be one of magnitude, wanda, hwpq"),
        (lambda: prune(np.ones((2, 4)), "wanda"), "energy is missing"),
        (lambda: prune(np.ones((2, 4)), form="sub"), "form must be one of mul, div"),
        (lambda: prune_stream(np.ones((2, 4)), form="sub"), "form must be one of mul, div"),
        (lambda: prune(np.ones((2, 4)), target="int4"), "target must be one of int8, fp8"),
        (lambda: prune(np.ones(4)), "w must be a matrix"),
        (lambda: prune(np.full((2, 4), np.nan)), "w must hold finite numbers"),
        (lambda: input_factor(np.ones(4), "sub"), "form must be one of mul, div"),
    ],
)
def test_wrong_use_is_named(call, message):
    with pytest.raises(UsageError, match=message):
        call()
