"""What every block of the catalog promises of its outputs: small parameters, and invariants."""

from collections.abc import Callable
from pathlib import Path

from amaranth import Signal, Value
from amaranth.lib.wiring import Component

from gemmule.gen.catalog import catalog
from gemmule.golden.nonlinear.functions import FUNCTIONS

from .prove import Claims, Model
from .streams import offers_stand

__all__ = ["PROOFS", "STEPS", "WITHOUT", "model"]

STEPS = 2
"""Cycles of the induction."""

KEPT = 32
"""Rows of memories that the proofs look into; reads of larger ones give anything."""

PRODUCT = {"rows": 2, "cols": 2, "acc_width": 8, "out_width": 8, "acc_depth": 4}
PRODUCT |= {"multiplier_width": 2, "max_shift": 3}
OPERANDS = {"a_format": "s2", "b_format": "s2"}
LAYER = {"x_format": "s2", "w_format": "s2", "x_depth": 16, "w_depth": 16, "c_depth": 4}
LAYER |= {"size_width": 4, "stride_width": 2}
WALK = {"address_width": 4, "size_width": 3}
ROWS = {"lanes": 1, "max_length": 4, "in_format": "sq2.2"}
TOKENS = {"max_tokens": 4, "score_format": "u2"}
PACKAGES = TOKENS | {"token_format": "s2", "lanes": 1, "max_length": 4, "weight_width": 4}


def _small() -> dict[str, dict[str, object]]:
    """Return small parameters of each block that has streams."""
    lanes = {}
    for name in FUNCTIONS:
        usual = catalog()[name].params()
        formats = {each: getattr(usual, each).signed for each in ("in_format", "out_format")}
        small = {each: "sq2.2" if signed else "uq1.3" for each, signed in formats.items()}
        lanes[name] = {"lanes": 1, **small}
    affine = {"out_format": "sq2.2", "gamma_format": "sq2.2", "beta_format": "sq2.2"}
    return lanes | {
        "gemm": PRODUCT | OPERANDS,
        "sparse_gemm": PRODUCT | OPERANDS,
        "prune24": {"lanes": 1, "w_format": "s2", "metric_format": "u2"},
        "conv2d": PRODUCT | LAYER | {"dy_format": "s2"},
        "conv3d": PRODUCT | LAYER,
        "im2col": WALK,
        "zero_free": WALK,
        "bp_im2col": WALK | {"stride_width": 2},
        "softmax": ROWS | {"out_format": "uq1.3"},
        "layernorm": ROWS | affine,
        "token_score": {
            "lanes": 1, "max_tokens": 4, "max_heads": 2, "dividers": 1,
            "attention_format": "u4", "head_format": "u4",
        },
        "token_select": TOKENS,
        "token_pack": PACKAGES,
        "selector": PACKAGES,
        "accelerator": {
            "rows": 2, "cols": 2, "bank_bytes": 1024, "data_width": 32, "address_width": 32,
            "outstanding": 2,
        },
    }  # fmt: skip


PROOFS = _small()
"""The blocks that are proven, for all time, by their parameters; no block is checked less."""

VECTOR_UNIT = PROOFS["accelerator"] | {"vector_lanes": 1}
"""The accelerator with both units, of the fewest lanes."""

WITHOUT = ("array", "sparse_array")
"""The blocks that have no streams."""


def model(name: str, folder: Path, parameters: dict[str, object] | None = None) -> Model:
    """Build a block, of other parameters if given, and its claims.

    Products may be anything, and so may reads of large memories.

    Both let the block do more than it can, so that what is proven holds of the block itself.
    """
    block = catalog()[name]
    component = block.component(block.params(**(parameters or PROOFS[name])))
    claim = INVARIANTS.get(name, _lane if name in FUNCTIONS else offers_stand)
    return Model(component, claim, folder, cut=("$mul",), most=KEPT)


def _lent(claims: Claims, path: str, pipeline: str) -> None:
    """Claim that a queue of credits lends each place once: it is free, taken, or on its way."""
    free, queued, start, end, room = (
        claims.inside(f"{path}.{name}") for name in ("free", "queued", "start", "end", "room")
    )
    coming = [stage[0] for stage in _stages(claims, pipeline)]
    claims.holds(sum(coming, free + queued) == 1 << len(start))
    claims.holds((room == (free != 0)) & (end == (start + queued)[: len(start)]))


def _stages(claims: Claims, name: str) -> list[Signal]:
    """Return the registers that :func:`~gemmule.hw.common.pipeline.delay` made."""
    found = []
    while True:
        try:
            found.append(claims.inside(f"{name}_{len(found) + 1}"))
        except LookupError:
            return found


def _lane(claims: Claims, component: Component) -> None:
    offers_stand(claims, component)
    _lent(claims, "results", "inside")


def _softmax(claims: Claims, component: Component) -> None:
    offers_stand(claims, component)
    _lent(claims, "results", "quotient_frame")


def _layernorm(claims: Claims, component: Component) -> None:
    offers_stand(claims, component)
    _lent(claims, "results", "norm_frame")


def _convolution(claims: Claims, component: Component) -> None:
    """Claim it whatever the product gives, the operands' buffers do, and the scales are."""
    offers_stand(claims, component)
    for part in ("product", "a_buffer", "b_buffer", "scales"):
        claims.free(part)


def _accelerator(claims: Claims, component: Component) -> None:
    """Claim it whatever the units do and ask for, and all of control but its reset.

    What remains are the registers, both DMAs, and the supervisor, which resets the DMAs only when
    nothing is offered on the bus.
    """
    offers_stand(claims, component)
    claims.free("product")
    if component.params.vector_unit:
        claims.free("vector")
    for part in PARTS_OF_CONTROL:
        claims.free(f"control.{part}")
    offered = component.m_axi_arvalid | component.m_axi_awvalid | component.m_axi_wvalid
    claims.holds(~claims.inside("control.machine_reset") | ~offered)
    head, complete, tail = (
        claims.inside(f"write.bursts.{n}") for n in ("head", "complete", "tail")
    )
    bits = len(head)

    def behind(place: Signal) -> Value:
        return (place - tail)[:bits]

    claims.holds((behind(head) <= 1 << (bits - 1)) & (behind(complete) <= behind(head)))


PARTS_OF_CONTROL = (
    "buffer", "check", "fetch", "dependencies", "dispatch", "completion", "coalescing", "failure",
    "counters",
)  # fmt: skip

INVARIANTS: dict[str, Callable[[Claims, Component], None]] = {
    "conv2d": _convolution,
    "conv3d": _convolution,
    "softmax": _softmax,
    "layernorm": _layernorm,
    "accelerator": _accelerator,
}
"""Claims of the blocks whose outputs need more than themselves; the others need nothing."""
