"""Benchmark `minilm-tokens`: real sentences, tokens dropped by RTL, the embedding's cosine."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.blocks.tokens.packing import SelectorRun
from gemmule.gen.catalog import find
from gemmule.gen.simulation.simulate import simulate
from gemmule.golden.common.options import Options
from gemmule.tb.common.minilm import SENTENCES, MiniLM, Ops, cosine, load

__all__ = ["SUMMARY", "run"]

SUMMARY = "MiniLM on real text: cosine of the embedding against the share of tokens kept"

LAYERS = (0, 1, 2)
"""After which of the first layers tokens are selected, one at a time."""
RATES = (1.0, 0.9, 0.7, 0.5, 0.3, 0.1)
Row = dict[str, Any]


def run(out: Path, quick: bool) -> list[Row]:
    """Return a row for each layer and rate: means over the texts."""
    model = load()
    texts = [" ".join(SENTENCES[first : first + 4]) for first in range(0, len(SENTENCES), 4)]
    layers, rates = (LAYERS, RATES)
    if quick:
        texts, layers, rates = texts[:1], layers[1:2], (1.0, 0.5)
    rows = [_row(model, texts, layer, rate) for layer in layers for rate in rates]
    _plot(rows, out)
    return rows


def _row(model: MiniLM, texts: list[str], layer: int, rate: float) -> Row:
    found: dict[str, list[float]] = {}
    for text in texts:
        dense = model.embed(text)
        for name, kind in (
            ("cosine", Stage(layer, rate)),
            ("without package", Stage(layer, rate, package="none", rtl=False)),
            ("random tokens", Stage(layer, rate, shuffled=True, rtl=False)),
        ):
            embedding = kind.embed(model, text)
            found.setdefault(name, []).append(cosine(embedding, dense))
            if name == "cosine":
                found.setdefault("tokens", []).append(kind.before)
                found.setdefault("kept", []).append(kind.kept)
                found.setdefault("RTL cycles", []).append(kind.cycles)
    means = {name: float(np.mean(values)) for name, values in found.items()}
    exact = {"tokens", "kept", "RTL cycles"}
    return {
        "layer": layer,
        "keep": rate,
        **{name: round(value, 1 if name in exact else 4) for name, value in means.items()},
    }


@dataclass
class Stage:
    """Selection after one layer: scores, selection and packing by the token blocks' RTL.

    The class token's attention in that layer, averaged over heads, is the score; tokens are int8,
    one scale a channel. The package stands for the dropped tokens in the mean that the embedding
    is. ``shuffled``: the same scores, dealt out at random. Without ``rtl`` the golden models do it,
    which are enough for what is compared with.
    """

    layer: int
    rate: float
    package: str = "mean"
    shuffled: bool = False
    rtl: bool = True
    attention: NDArray = field(default_factory=lambda: np.zeros(0))
    before: int = 0
    kept: int = 0
    cycles: int = 0

    def embed(self, model: MiniLM, text: str) -> NDArray:
        """Embed a text: the mean of the hidden states that are left, scaled to length one."""
        plain = Ops()

        def softmax(name: str, x: NDArray) -> NDArray:
            y = plain.softmax(name, x)
            if name == f"encoder.layer.{self.layer}.attention.softmax":
                self.attention = np.rint(y[:, 0] * 65535).astype(np.int64)
            return y

        def layer_norm(name: str, x: NDArray, gamma: NDArray, beta: NDArray) -> NDArray:
            y = plain.layer_norm(name, x, gamma, beta)
            return self.select(y) if name == f"encoder.layer.{self.layer}.output.LayerNorm" else y

        hidden = model.encode(text, Ops(softmax=softmax, layer_norm=layer_norm))
        weights = np.ones(len(hidden))
        if len(hidden) > self.kept:
            weights[-1] = self.before - self.kept
        mean = weights @ hidden
        return mean / np.linalg.norm(mean)

    def select(self, x: NDArray) -> NDArray:
        """Return the kept rows of ``x``, and the package where there is one."""
        scores = self._block("token_score", {"attention": self.attention})["scores"]
        if self.shuffled:
            scores = np.random.default_rng(len(scores)).permutation(scores)
        scale = np.abs(x).max(axis=0) / 127
        tokens = np.rint(x / scale).astype(np.int64)
        run = SelectorRun(policy="fraction", fraction=self.rate, protect=1, package=self.package)
        packed = self._block("selector", {"tokens": tokens, "scores": scores}, run)
        self.before, self.kept = len(x), int(packed["count"])
        rows = [packed["kept"]]
        if self.package != "none" and self.kept < self.before:
            rows.append(packed["package"][None])
        return (np.concatenate(rows) * scale).astype(x.dtype)

    def _block(
        self, name: str, arrays: dict[str, NDArray], run: Options | None = None
    ) -> dict[str, NDArray]:
        """Run a block's RTL or its golden model; return its outputs."""
        block = find(name)
        if not self.rtl:
            return block.adapter.plan(block.params(), run or block.adapter.Run(), arrays).golden
        simulation = simulate(block, block.params(), arrays, run=run)
        self.cycles += simulation.cycles
        return simulation.outputs


def _plot(rows: list[Row], out: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    styles = {"cosine": "o-", "without package": "s--", "random tokens": "x:"}
    for layer in sorted({row["layer"] for row in rows}):
        chosen = [row for row in rows if row["layer"] == layer]
        for name, style in styles.items():
            axes.plot(
                [row["kept"] / row["tokens"] for row in chosen],
                [row[name] for row in chosen],
                style,
                color=f"C{layer}",
                label=f"after layer {layer + 1}" if name == "cosine" else None,
            )
    axes.set_xlabel("share of tokens kept (dashed: no package; dotted: random)")
    axes.set_ylabel("cosine with the dense embedding")
    axes.legend()
    figure.tight_layout()
    figure.savefig(out / "minilm-tokens.png", dpi=150, metadata={"Software": None})
    plt.close(figure)
