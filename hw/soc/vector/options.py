"""Options of the accelerator that fix its vector unit."""

from dataclasses import dataclass, fields

from gemmule.golden.common.errors import UsageError
from gemmule.golden.common.formats import Format
from gemmule.golden.common.options import Options, flag, option
from gemmule.golden.soc.functions import Q4_12, VECTOR_FUNCTIONS, VectorHardware
from gemmule.golden.soc.words import COEFFICIENTS

from .params import VectorUnitParams

__all__ = ["VectorOptions"]

NO_FUNCTIONS = "none"


@dataclass(frozen=True, kw_only=True)
class VectorOptions(Options):
    """What fixes the vector unit, which is built where it has lanes. Widths are in bits."""

    vector_lanes: int = option(
        0, low=0, high=64, help="elements that the vector unit takes a cycle, a power of 2; 0: none"
    )
    functions: str = option(
        NO_FUNCTIONS,
        help=f"functions of the vector unit: {NO_FUNCTIONS}, or of {', '.join(VECTOR_FUNCTIONS)}"
        " those that are named, with commas between them",
    )
    in_format: Format | None = option(
        None, widths=(2, 16), help="format of what all functions take, else each its block's own"
    )
    out_format: Format | None = option(
        None, widths=(2, 16), help="format of what all functions give, else each its block's own"
    )
    coefficients: str = option(
        "exact",
        choices=COEFFICIENTS,
        help="set of coefficients of functions whose blocks have it, others are exact",
    )
    gamma_format: Format = option(Q4_12, widths=(2, 16), help="format of gamma of normalizations")
    beta_format: Format = option(Q4_12, widths=(2, 16), help="format of beta of normalizations")
    max_length: int = option(
        512, low=1, high=4096, help="most columns of softmax and normalizations"
    )

    def check(self) -> None:
        super().check()
        if self.vector_lanes & (self.vector_lanes - 1):
            raise UsageError(f"--vector-lanes must be 0 or a power of 2, not {self.vector_lanes}")
        object.__setattr__(self, "functions", ",".join(self.function_names) or NO_FUNCTIONS)
        if not self.vector_lanes:
            for name, each in VectorOptions.__dataclass_fields__.items():
                if getattr(self, name) != each.default:
                    raise UsageError(
                        f"{flag(name)} {getattr(self, name)} needs a vector unit: --vector-lanes"
                        " of at least 1, not 0"
                    )
        unit = self.vector_params()
        for name in unit.blocks if unit else ():
            try:
                unit.block(name)
            except UsageError as error:
                raise UsageError(f"{error}, for {name}") from None

    @property
    def function_names(self) -> tuple[str, ...]:
        """The functions that are built in, in the order of their codes."""
        if self.functions == NO_FUNCTIONS:
            return ()
        names = [name.strip() for name in self.functions.split(",")]
        if len({*names}) != len(names) or not {*names} <= {*VECTOR_FUNCTIONS}:
            raise UsageError(
                f"--functions must be {NO_FUNCTIONS}, or some of {', '.join(VECTOR_FUNCTIONS)},"
                f" each once, with commas between them, not {self.functions!r}"
            )
        return tuple(name for name in VECTOR_FUNCTIONS if name in names)

    def vector_params(self, **shared: object) -> VectorUnitParams | None:
        """Return the unit's parameters, with those that are not its own; None where it is not."""
        if not self.vector_lanes:
            return None
        same = {each.name for each in fields(VectorHardware)} - {"lanes", "functions"}
        own = {name: getattr(self, name) for name in same}
        return VectorUnitParams(
            lanes=self.vector_lanes, functions=self.function_names, **own, **shared
        )
