"""Options of the accelerator that fix its convolution unit."""

from dataclasses import dataclass, fields

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options, flag, option, option_of
from gemmule.hw.conv.params import FORMAT_WIDTHS, S8, ConvParams, LayerParams, VolumeParams

__all__ = ["ConvolutionOptions"]

KINDS = {"conv2d": ConvParams, "conv3d": VolumeParams}
"""The blocks whose programs the unit can carry out, and what fixes their hardware."""


@dataclass(frozen=True, kw_only=True)
class ConvolutionOptions(Options):
    """What fixes the convolution unit, which is built where it is named. Widths are in bits."""

    convolution: str = option(
        "none",
        choices=("none", *KINDS),
        help="the block whose programs the convolution unit carries out; none: there is no unit",
    )
    dataflow: str = option_of(
        ConvParams,
        "dataflow",
        default="ws",
        choices=("ws", "both"),
        help="ws: all but the weight gradient of a convolution; both: it, too",
    )
    dy_format: Format = option(S8, widths=FORMAT_WIDTHS, help="format of dy")
    acc_depth: int = option_of(ConvParams, "acc_depth")
    x_depth: int = option_of(ConvParams, "x_depth")
    w_depth: int = option_of(ConvParams, "w_depth")
    c_depth: int = option_of(ConvParams, "c_depth")
    size_width: int = option_of(ConvParams, "size_width")
    stride_width: int = option_of(ConvParams, "stride_width")

    def check(self) -> None:
        kind = KINDS.get(self.convolution)
        known = {each.name for each in fields(kind)} if kind else set()
        for name, each in ConvolutionOptions.__dataclass_fields__.items():
            given = getattr(self, name)
            if name in known | {"convolution"} or given == each.default:
                continue
            needed = "conv2d" if kind else " or ".join(KINDS)
            raise UsageError(
                f"{flag(name)} {given} needs --convolution {needed}, not {self.convolution}"
            )
        if self.convolution == "conv3d" and self.dataflow != "ws":
            raise UsageError(
                f"--dataflow {self.dataflow} needs --convolution conv2d, not conv3d, which has no"
                " weight gradient"
            )
        super().check()

    def layer_params(self, **shared: object) -> LayerParams | None:
        """Return what fixes the unit, with what is not its own; None where it is not."""
        kind = KINDS.get(self.convolution)
        if kind is None:
            return None
        known = {each.name for each in fields(kind)}
        own = {each.name for each in fields(ConvolutionOptions)} & known
        return kind(**{name: getattr(self, name) for name in own}, **shared)
