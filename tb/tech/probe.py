"""A primitive behind streams: one beat of pins in, one clock for it, P out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from amaranth import Cat, ClockSignal, Const, Instance, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from numpy.typing import NDArray

from gemmule.gen.simulation.engine import build_emitted
from gemmule.gen.verilog.emit import emit_component
from gemmule.golden.common.lanes import from_words, to_words

__all__ = ["ENABLES", "RESETS", "Probe", "Variant", "pins", "play"]

PORT = {"DSP48E1": 25, "DSP48E2": 27}
OPMODE = {"DSP48E1": 7, "DSP48E2": 9}
ENABLES = (
    "CEA1",
    "CEA2",
    "CEB1",
    "CEB2",
    "CEC",
    "CED",
    "CEAD",
    "CEM",
    "CEP",
    "CEINMODE",
    "CECTRL",
    "CEALUMODE",
    "CECARRYIN",
)
RESETS = (
    "RSTA",
    "RSTB",
    "RSTC",
    "RSTD",
    "RSTM",
    "RSTP",
    "RSTINMODE",
    "RSTCTRL",
    "RSTALUMODE",
    "RSTALLCARRYIN",
)


def pins(primitive: str) -> dict[str, int]:
    """Return the pins that a beat holds, and their widths."""
    return {
        "A": 30,
        "B": 18,
        "C": 48,
        "D": PORT[primitive],
        "PCIN": 48,
        "INMODE": 5,
        "OPMODE": OPMODE[primitive],
        "ALUMODE": 4,
        "CARRYIN": 1,
        "CARRYINSEL": 3,
        **dict.fromkeys([*ENABLES, *RESETS], 1),
    }


@dataclass(frozen=True)
class Variant:
    """An instance in the probe: the module's name, its attributes, its parameters in words."""

    module: str
    attributes: Mapping[str, object]


class Probe(wiring.Component):
    """Instances of a primitive, side by side, that all see the same pins.

    A beat's pins meet one clock edge; in between all pins are low, so that the instances stand
    still however the streams stall, and none sees an OPMODE that its model refuses.

    Members
    -------
    pins : In(stream of the pins)
    p : Out(stream of [variants] x unsigned(48)), P before the edge
    """

    def __init__(self, primitive: str, variants: Sequence[Variant]):
        self._primitive = primitive
        self._variants = variants
        super().__init__({
            "pins": In(stream.Signature(data.StructLayout(pins(primitive)))),
            "p": Out(stream.Signature(data.ArrayLayout(48, len(variants)))),
        })

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.pins.ready.eq(self.p.ready), self.p.valid.eq(self.pins.valid)]
        go = self.pins.valid & self.p.ready
        held = {name: Mux(self.pins.valid, self.pins.p[name], 0) for name in pins(self._primitive)}
        held |= {name: held[name] & go for name in (*ENABLES, *RESETS)}
        unused = {
            "ACIN": 30,
            "BCIN": 18,
            "CARRYCASCIN": 1,
            "MULTSIGNIN": 1,
        }
        outputs = {
            "ACOUT": 30,
            "BCOUT": 18,
            "CARRYCASCOUT": 1,
            "CARRYOUT": 4,
            "MULTSIGNOUT": 1,
            "OVERFLOW": 1,
            "PATTERNBDETECT": 1,
            "PATTERNDETECT": 1,
            "PCOUT": 48,
            "UNDERFLOW": 1,
            **({"XOROUT": 8} if self._primitive == "DSP48E2" else {}),
        }
        for index, variant in enumerate(self._variants):
            m.submodules[f"variant_{index}"] = Instance(
                variant.module,
                **{f"p_{name}": value for name, value in variant.attributes.items()},
                i_CLK=ClockSignal(),
                **{f"i_{name}": value for name, value in held.items()},
                **{f"i_{name}": Const(0, width) for name, width in unused.items()},
                **{f"o_{name}": Signal(width, name=name) for name, width in outputs.items()},
                o_P=self.p.payload[index],
            )
        # A register of the domain, so that the probe has a clock and a reset.
        beat = Signal()
        m.d.sync += beat.eq(Cat(go).any())
        return m


def play(
    primitive: str,
    variants: Sequence[Variant],
    words: Mapping[str, NDArray[np.int64]],
    *,
    extra: str = "",
    stall: float = 0.0,
) -> NDArray[np.int64]:
    """Return P of each variant, signed ``[cycles, variants]``, for the pins in ``words``."""
    emitted = emit_component(Probe(primitive, variants), "probe", {}, "a probe")
    emitted = type(emitted)(emitted.verilog + extra, emitted.manifest, emitted.top)
    beats = to_words(*((words[name], width) for name, width in pins(primitive).items()))
    result = build_emitted(emitted).run({"pins": beats}, {"p": len(beats)}, stall=stall, seed=1)
    return from_words(result.received["p"], 0, 48, len(variants), signed=True)
