"""The blocks that the accelerator stands for, by the name that ``--as`` gives."""

from collections.abc import Mapping

from gemmule.golden.nonlinear.functions import FUNCTIONS
from gemmule.golden.soc.functions import VECTOR_FUNCTIONS

from .concat import Concat
from .convolution import CONVOLUTIONS
from .elements import Add, Multiply, Requantize, Transpose
from .functions import ElementwiseRole, NormRole, SoftmaxRole
from .pool import Pool
from .product import Product
from .role import Role

__all__ = ["ROLES", "Role"]

ROLES: Mapping[str, Role] = {
    "gemm": Product(),
    **CONVOLUTIONS,
    "add": Add(),
    "mul": Multiply(),
    "requantize": Requantize(),
    "transpose": Transpose(),
    "concat": Concat(),
    "pool": Pool(),
    **{name: ElementwiseRole(name) for name in VECTOR_FUNCTIONS if name in FUNCTIONS},
    "softmax": SoftmaxRole("softmax"),
    "layernorm": NormRole("layernorm"),
    "rmsnorm": NormRole("rmsnorm"),
}
