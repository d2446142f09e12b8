"""The blocks that compute a function of each element."""

import numpy as np
from numpy.typing import NDArray

from gemmule.gen.block import Array, Arrays, Beats, Block, Job
from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import check_array, check_values
from gemmule.golden.common.lanes import from_words, last_of, to_words
from gemmule.golden.common.options import Options
from gemmule.golden.nonlinear.functions import FUNCTIONS, Function
from gemmule.hw.nonlinear.elementwise import COMPONENTS
from gemmule.hw.nonlinear.params import PARAMS, ElementwiseParams

from .elementwise_sheet import elementwise_sheet

__all__ = ["ELEMENTWISE"]


class Elementwise:
    """Any array, in row-major order, ``lanes`` elements a beat; the last beat is filled up."""

    Run = Options
    inputs = (Array("x", "any", "--in-format", "arguments of the function"),)
    outputs = (Array("y", "as x", "--out-format", "the function of each element"),)

    def check(self, params: ElementwiseParams, run: Options, arrays: Arrays) -> None:
        """Refuse an array without elements, or with values beyond the format."""
        x = arrays["x"]
        if 0 in np.shape(x):
            raise UsageError(f"x must hold at least one element, not shape {list(np.shape(x))}")
        check_values("x", x, params.in_format)

    def plan(self, params: ElementwiseParams, run: Options, arrays: Arrays) -> Job:
        """Lay out one packet that holds the whole array."""
        self.check(params, run, arrays)
        x = check_array("x", arrays["x"], params.in_format)
        beats = -(-x.size // params.lanes)
        flat = np.pad(x.ravel(), (0, beats * params.lanes - x.size)).reshape(beats, params.lanes)
        last = last_of(beats)
        out = params.out_format

        def decode(received: dict[str, Beats]) -> dict[str, NDArray]:
            y = from_words(received["y"], 0, out.width, params.lanes, signed=out.signed)
            return {"y": y.ravel()[: x.size].reshape(x.shape).astype(out.dtype)}

        return Job(
            send={"x": to_words((flat, params.in_format.width), (last, 1))},
            receive={"y": beats},
            decode=decode,
            golden={"y": params.unit(x).astype(out.dtype)},
            results=lambda: {"y": to_words((params.unit(flat), out.width), (last, 1))},
        )


def _block(function: Function) -> Block:
    narrow = {"in_format": "sq4.4", "out_format": "sq4.4"}
    return Block(
        function.name,
        f"Compute {function.title} of each element.",
        PARAMS[function.name],
        COMPONENTS[function.name],
        Elementwise(),
        presets={"int8": narrow, "16-bit": {}},
        sheet=elementwise_sheet,
    )


ELEMENTWISE = tuple(_block(function) for function in FUNCTIONS.values())
