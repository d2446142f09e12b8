"""The parameters of the sparse family's blocks."""

from dataclasses import dataclass

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options, option

__all__ = ["Prune24Params"]


@dataclass(frozen=True, kw_only=True)
class Prune24Params(Options):
    """What fixes the hardware of a :class:`hw.sparse.Prune24`. Widths are in bits."""

    lanes: int = option(8, low=1, high=64, help="groups of four that pass in a cycle")
    w_format: Format = option(Format(True, 8), widths=(2, 16), help="format of the weights")
    metric_format: Format = option(
        Format(False, 16), widths=(1, 32), help="format of the metric, unsigned"
    )

    def check(self) -> None:
        if self.metric_format.signed:
            raise UsageError(f"--metric-format must be unsigned, not {self.metric_format}")
