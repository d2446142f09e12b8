"""The systems that Gemmule draws from: what of each is here, and our figure beside the paper's.

Our figures come from tables in ``figures/``, which are the ``--json`` of the benchmark that is
named; no number of ours is typed. Figures of a paper are those of its abstract, unless said.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .tables import markdown

__all__ = ["FIGURES", "PAPERS", "Figure", "Paper", "papers_table"]

FIGURES = Path(__file__).with_name("figures")
"""Tables as benchmarks print them; the file's name is the benchmark's."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Figure:
    """A figure of a paper; ours, taken from a benchmark's table, where there is one.

    ``how`` are the options that the benchmark ran with.
    """

    theirs: str
    benchmark: str = ""
    ours: Callable[[Rows], str] | None = None
    how: str = "--quick"

    def text(self) -> str:
        """Return both figures, and the command that makes ours."""
        if self.ours is None:
            return f"paper: {self.theirs}"
        rows = json.loads((FIGURES / f"{self.benchmark}.json").read_text())
        command = " ".join(["gemmule bench", self.benchmark, self.how]).strip()
        return f"ours: {self.ours(rows)} (`{command}`); paper: {self.theirs}"


@dataclass(frozen=True)
class Paper:
    """A system: what of it is here, figures, and what is not reproduced and why.

    ``blocks`` and ``benchmarks`` are those that hold what is here; none where nothing is.
    """

    name: str
    source: str
    here: str
    missing: str
    blocks: tuple[str, ...] = ()
    benchmarks: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()


def _factor(rows: Rows, step: str) -> str:
    found = [
        row["hwpq_is_faster_by"]
        for row in rows
        if row["step"] == step and "hwpq_is_faster_by" in row
    ]
    return f"{found[0]:.1f} times as fast as a Hessian method of ours"


def _spread(values: Iterable[float], digits: int = 2) -> str:
    listed = list(values)
    return f"{min(listed):.{digits}f} to {max(listed):.{digits}f}"


def _selected(rows: Rows) -> str:
    speedups = [row["speedup"] for row in rows if row.get("keep") == "SPViT"]
    return f"{_spread(speedups)} times by selection alone, with SPViT's keep rates"


def _change(rows: Rows, measure: str) -> str:
    means = [row for row in rows if row.get("layer") == "mean change, percent"]
    means = [row for row in means if row["measure"] == measure]
    ours = (f"{_spread((row[method] for row in means), 1)} %" for method in METHODS)
    return "{} by the paper's method, {} zero-free".format(*ours)


METHODS = ("bp_im2col", "zero_free")
NOT_BUILT = "its unit is not built"

PAPERS = (
    Paper(
        "HWPQ, SwiftPrune",
        "arXiv 2501.16376",
        "2:4 pruning in a stream; one-shot pruning without a sort and without a Hessian, golden"
        " alone; the product that uses the weights",
        "the metric is known second-hand in two forms, so it is a parameter, and the constants of"
        " the moving average are ours; no language model was pruned and no accuracy is claimed;"
        " the times are of NumPy on one matrix of random numbers",
        ("prune24", "sparse_gemm", "sparse_array"),
        ("hwpq", "sparse"),
        (
            Figure("pruning 12.29 times as fast", "hwpq", lambda rows: _factor(rows, "prune")),
            Figure("quantization 5.97 times", "hwpq", lambda rows: _factor(rows, "quantize")),
        ),
    ),
    Paper(
        "BP-im2col",
        "ICCD 2022, arXiv 2209.09434",
        "its address generation, inserted zeros detected and masked, as one of three methods of the"
        " backward passes; our order that meets no zero beside it",
        "its buffers, array and layers are not known to us, so ours differ; floating point is not"
        " here, gradients are integers",
        ("bp_im2col", "zero_free", "conv2d"),
        ("bp-im2col", "agu", "train"),
        (
            Figure(
                "runtime of the backward pass -34.9 %",
                "bp-im2col",
                lambda rows: _change(rows, "cycles"),
            ),
            Figure(
                "off-chip traffic at least -22.7 %",
                "bp-im2col",
                lambda rows: _change(rows, "words"),
            ),
            Figure(
                "on-chip buffer reads at least -70.6 %",
                "bp-im2col",
                lambda rows: _change(rows, "zero_reads"),
            ),
            Figure(
                "extra storage at least -74.78 %",
                "bp-im2col",
                lambda rows: _change(rows, "storage"),
            ),
        ),
    ),
    Paper(
        "Uniform 2D and 3D deconvolution",
        "ISCAS 2019, arXiv 1903.02550",
        "transposed convolution in two and three dimensions by one generator, without its inserted"
        " zeros",
        "the input-oriented array with queues between neighbors is not built: ours walks the"
        " output, phase by phase; no board was run, so no TOPS and no energy",
        ("conv2d", "conv3d"),
        (),
        (Figure("up to 3.0 TOPS, skipped zeros counted; 63.3 times a CPU"),),
    ),
    Paper(
        "Metaflow",
        "APNet 2019, arXiv 1901.05571",
        "nothing",
        "scheduling of flows in a data center; what would carry over, an arbiter that serves first"
        " what unlocks the most, waits for a machine with several engines",
        figures=(Figure("1.78 times a coflow schedule"),),
    ),
    Paper(
        "Linear arrays with work stealing",
        "ISCAS 2018, arXiv 1803.03790",
        "tiling of any product on an array of any size, in integers",
        "floating-point cells and several arrays with queues of work are not built",
        ("gemm",),
        ("gemm-cycles",),
    ),
    Paper(
        "CP-ViT",
        "arXiv 2203.04570",
        "column maxima summed over heads and layers as scores, the rank threshold, and zeroed"
        " tokens in place",
        "no vision transformer was run on images; heads are not pruned, since how is not known",
        ("token_score", "token_select", "token_pack"),
        (),
        (Figure("over 40 % of the operations saved at 1 % loss or less"),),
    ),
    Paper(
        "LUT Tensor Core",
        "ISCA 2025, arXiv 2408.06003",
        "nothing",
        NOT_BUILT,
        figures=(Figure("4 to 6 times less power and area (second-hand)"),),
    ),
    Paper(
        "Sparsity training for GPUs (approximate random dropout)",
        "TCAD 2022, arXiv 2203.05705",
        "nothing",
        "training of dropout patterns; the address pattern of kept rows is not built",
        figures=(Figure("1.18 to 2.16 times on an MLP (second-hand)"),),
    ),
    Paper(
        "L3, CHIME",
        "ISCA 2026, arXiv 2504.17584",
        "nothing",
        "processing in DRAM; the units of bank and rank are not built",
        figures=(Figure("up to 6.1 times HBM-PIM"),),
    ),
    Paper(
        "SME",
        "ICCD 2021, arXiv 2103.01705",
        "nothing",
        "crossbars of memory cells; a digital model is not built",
        figures=(Figure("8.7 times fewer crossbars for ResNet-50"),),
    ),
    Paper(
        "MCMA",
        "arXiv 1810.08379",
        "nothing",
        f"{NOT_BUILT}: small networks with weights that switch",
    ),
    Paper(
        "AXNet",
        "ICCAD 2018, arXiv 1807.10458",
        "nothing",
        f"{NOT_BUILT}: small networks with a gate on each layer",
        figures=(Figure("50.7 % more invocations than before"),),
    ),
    Paper(
        "RoRA",
        "",
        "nothing",
        "a constant of training; the side path that it scales is not built",
        figures=(Figure("6.5 % over LoRA on LLaMA-7B"),),
    ),
    Paper(
        "EdgeQAT",
        "",
        "its score, the first column of attention summed over heads; its choice of half the tokens",
        "products of 4 and 8 bits row by row are not built; training is not ours",
        ("token_score", "token_select"),
        (),
        (Figure("2.37 times FP16 on edge devices"),),
    ),
    Paper(
        "Agile-Quant",
        "AAAI 2024",
        "softmax in 4-bit codes of the logarithm; token selection by the first column",
        "the product that shifts by those codes is not built, nor the layout of its 4-bit"
        " multiplier, which is not known to us",
        ("softmax", "token_score", "token_select"),
        ("nonlinear",),
        (Figure("2.55 times FP16 on phones"),),
    ),
    Paper(
        "SupeRBNN",
        "MICRO 2023, arXiv 2309.12212",
        "nothing",
        "superconducting logic; a digital emulation is not built, and energy could not"
        " be reproduced by one",
        figures=(Figure("7.8e4 times the energy efficiency of a ReRAM design"),),
    ),
    Paper(
        "Data-level lottery tickets",
        "",
        "the selection of patches by the class token's attention, with a package of the rest",
        "a theory of training: only the selector is hardware",
        ("token_score", "selector"),
        (),
    ),
    Paper(
        "HeatViT",
        "HPCA 2023, arXiv 2211.08110",
        "the selector with its classifier, package token and keep rates; GELU, softmax and sigmoid"
        " with its coefficients",
        "its accelerator and board; no trained weights, so no accuracy; keep rates of its own are"
        " not known, ours are SPViT's",
        ("selector", "token_score", "gelu", "softmax", "sigmoid"),
        ("heatvit", "minilm-tokens", "nonlinear"),
        (
            Figure(
                "1.82 to 2.58 times (second-hand) of 3.46 to 4.89 times in all",
                "heatvit",
                _selected,
            ),
        ),
    ),
    Paper(
        "Peeling the Onion",
        "AAAI 2023",
        "the level of tokens: top-k by the class token's attention",
        "the level of attention, a mask for each row, is not built; that of examples is training",
        ("token_score", "token_select"),
        (),
        (Figure("15.2 % faster training at 0.4 % more accuracy"),),
    ),
    Paper(
        "SPViT",
        "ECCV 2022",
        "the selector, which HeatViT shares; its keep rates in the benchmark",
        "softmax with its mask term is not built: masked entries are zeros here",
        ("selector", "token_score"),
        ("heatvit",),
        (Figure("DeiT-T in 26 ms on a phone"),),
    ),
    Paper(
        "GRIM",
        "TPAMI 2021, arXiv 2108.11033",
        "nothing",
        f"{NOT_BUILT}: blocks of rows and columns that are pruned",
        figures=(Figure("up to 14.08 times frameworks on phones"),),
    ),
    Paper(
        "Mobile or FPGA?",
        "ACM TECS 2022, 10.1145/3528578",
        "nothing",
        "a study; its comparison needs pruned blocks, which are not built",
    ),
    Paper(
        "ITERA-LLM",
        "arXiv 2505.08981",
        "nothing",
        f"{NOT_BUILT}: products of low rank",
        figures=(Figure("up to 41.1 % lower latency of linear layers"),),
    ),
    Paper(
        "Align2LLaVA",
        "",
        "no hardware: data are chosen by reward models. A threshold or top-k over scores is all"
        " that carries over, and that is `token_select`",
        "a method of curation, with nothing of it to build",
        ("token_select",),
        (),
        (Figure("158 k examples to 14 k"),),
    ),
    Paper(
        "HASS",
        "FPL 2024, arXiv 2406.03088",
        "nothing",
        "an engine for unstructured sparsity in a pipeline of layers is not built",
        figures=(Figure("1.3 to 4.2 times the efficiency; MobileNetV3 at 4,895 images/s"),),
    ),
    Paper(
        "SMOF",
        "FCCM 2024, arXiv 2403.18921",
        "nothing",
        "streaming pipelines whose buffers move off chip are not built",
        figures=(Figure("up to 10.65 times the throughput"),),
    ),
    Paper(
        "AutoWS",
        "DATE 2024, arXiv 2311.04764",
        "nothing",
        "weights that stream into a pipeline by a fixed schedule are not built",
        figures=(Figure("ResNet-18 at 168.5 frames/s on ZCU102, by the authors' model"),),
    ),
    Paper(
        "SATAY",
        "FPT 2023, arXiv 2309.01587",
        "the hard swish of its layers",
        "its pipelines of YOLO are not built",
        ("hardswish",),
        (),
        (Figure("YOLOv5n at 5.85 ms on VCU118, in the authors' tables"),),
    ),
    Paper(
        "MASE",
        "arXiv 2307.15517",
        "nothing",
        "from a graph to a streaming pipeline: not built",
    ),
    Paper(
        "PASS",
        "FPL 2023, arXiv 2307.07821",
        "nothing",
        "the engine that skips zero activations is not built",
        figures=(Figure("1.41 to 1.93 times the throughput per DSP block"),),
    ),
    Paper(
        "Mixed-TD",
        "FPL 2023",
        "nothing",
        f"{NOT_BUILT}: chains of decomposed layers",
        figures=(Figure("1.73 to 10.29 times the throughput per DSP block"),),
    ),
    Paper(
        "SVD-NAS",
        "WACV 2023",
        "nothing",
        "a search, offline; its two-convolution layer is two calls of `conv2d`, and no"
        " block of its own",
        figures=(Figure("2.06 to 12.85 points of accuracy at equal size"),),
    ),
)


def papers_table() -> str:
    """Return a row for each system."""
    rows = (
        (
            ", ".join(filter(None, (paper.name, paper.source))),
            paper.here,
            _where(paper),
            "; ".join(each.text() for each in paper.figures) or "none known to us",
            paper.missing,
        )
        for paper in PAPERS
    )
    return markdown(
        ["system", "what of it is here", "where", "figures", "not reproduced, and why"], rows
    )


def _where(paper: Paper) -> str:
    benchmarks = [f"bench `{name}`" for name in paper.benchmarks]
    return ", ".join([*(f"`{name}`" for name in paper.blocks), *benchmarks]) or "-"
