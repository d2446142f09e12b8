"""What fixes the hardware of the accelerator, and what its registers say of that."""

import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version

from gemmule.golden.common.memory import element_size
from gemmule.golden.common.options import option
from gemmule.golden.soc.commands import COUNTERS, VERSION
from gemmule.golden.soc.hardware import Hardware
from gemmule.golden.soc.words import convolution_words, unit_bits, vector_words, word_of
from gemmule.golden.systolic.beats import DIM_WIDTH
from gemmule.golden.systolic.gemm import largest_k
from gemmule.hw.conv.params import LayerParams
from gemmule.hw.systolic.params import ProductParams

from .control.layouts import UNITS
from .control.legality.windows import WINDOWS
from .convolution.options import ConvolutionOptions
from .product.params import RESULT, ProductUnitParams
from .register_map import register_map
from .vector.options import VectorOptions
from .vector.params import VectorUnitParams

__all__ = ["CELLS", "PACKS", "AcceleratorParams"]

CELLS = ("generic", "dsp48e1", "dsp48e2")
PACKS = ("none", "n")


@dataclass(frozen=True, kw_only=True)
class AcceleratorParams(ConvolutionOptions, VectorOptions, ProductUnitParams):
    """What fixes the hardware of an :class:`~.accelerator.Accelerator`. Widths are in bits."""

    id_width: int = option(1, low=1, high=16, help="bits of an AXI id, which is always 0")
    outstanding: int = option(
        16, low=2, high=64, help="bursts under way in each direction, a power of 2"
    )
    ring: bool = option(True, help="commands can come from a ring in memory, not only by registers")
    slverr: bool = option(
        False, help="answer accesses to no register by SLVERR: on Zynq a system error"
    )

    @property
    def max_k(self) -> int:
        """The largest k of a command."""
        return min(largest_k(self.x_format, self.w_format, self.acc_width), (1 << DIM_WIDTH) - 1)

    @property
    def element_sizes(self) -> tuple[int, int]:
        """Exponents of the bytes of an element of a and b."""
        return element_size(self.x_format.width), element_size(self.w_format.width)

    @cached_property
    def vector_unit(self) -> VectorUnitParams | None:
        """Parameters of the vector unit, where there is one."""
        return self.vector_params(
            multiplier_width=self.multiplier_width,
            max_shift=self.max_shift,
            cell=self.cell,
            address_width=self.address_width,
        )

    @cached_property
    def layer(self) -> LayerParams | None:
        """Parameters of the convolution unit, where there is one."""
        shared = (
            "rows",
            "cols",
            "x_format",
            "w_format",
            "acc_width",
            "pipeline",
            "cell",
            "pack",
            "multiplier_width",
            "max_shift",
        )
        return self.layer_params(out_width=RESULT, **{name: getattr(self, name) for name in shared})

    @property
    def array(self) -> ProductParams | None:
        return self.layer and self.layer.core

    @property
    def unit_names(self) -> tuple[str, ...]:
        """The units that are built in, in the order of their numbers."""
        there = {"product": True, "vector": self.vector_unit, "convolution": self.layer}
        return tuple(name for name in UNITS if there[name])

    @property
    def hardware(self) -> Hardware:
        """What commands may ask for."""
        return Hardware(
            a_format=self.x_format,
            b_format=self.w_format,
            acc_width=self.acc_width,
            multiplier_width=self.multiplier_width,
            max_shift=self.max_shift,
            b_zero_points=self.b_zero_points,
            address_width=self.address_width,
            data_width=self.data_width,
            ring=self.ring,
            vector=self.vector_unit and self.vector_unit.golden,
            convolution=self.layer and self.layer.golden,
        )

    @property
    def peak_macs_per_cycle(self) -> int:
        """Multiply-accumulates in a cycle."""
        return self.rows * self.cols

    @cached_property
    def config_hash(self) -> int:
        """A number that ties hardware and driver together: all parameters make it."""
        return zlib.crc32(json.dumps(self.as_dict(), sort_keys=True).encode())

    @cached_property
    def constants(self) -> dict[str, int]:
        """The word of each register that is constant."""
        major, minor, patch = (int(part) for part in version("gemmule").split(".")[:3])
        values = {
            "ROWS": self.rows,
            "COLS": self.cols,
            "A_FORMAT": word_of(self.x_format),
            "B_FORMAT": word_of(self.w_format),
            "ACC_WIDTH": self.acc_width,
            "OUT_WIDTH": RESULT,
            "MAX_K": self.max_k,
            "DATA_WIDTH": self.data_width,
            "ADDRESS_WIDTH": self.address_width,
            "ID_WIDTH": self.id_width,
            "BANK_BYTES": self.bank_bytes,
            "CELL": CELLS.index(self.cell),
            "PACK": PACKS.index(self.pack),
            "RING": int(self.ring),
            "COUNTERS": COUNTERS,
            "WINDOWS": WINDOWS,
            "MULTIPLIER_WIDTH": self.multiplier_width,
            "MAX_SHIFT": self.max_shift,
            "B_ZERO_POINTS": int(self.b_zero_points),
            "PIPELINE": self.pipeline,
            **vector_words(self.hardware.vector),
            **convolution_words(self.hardware.convolution),
        }
        units = unit_bits(self.hardware)
        first = register_map()["CONFIG_ROWS"].address
        return {
            "ID": int.from_bytes(b"GMUL", "little"),
            "VERSION": VERSION << 24 | major << 16 | minor << 8 | patch,
            "CONFIG_HASH": self.config_hash,
            "CAPS": units << 16 | self.ring << 12 | first,
            **{f"CONFIG_{name}": value for name, value in values.items()},
        }
