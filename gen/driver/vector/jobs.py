"""What the vector unit computes, as jobs."""

from gemmule.gen.driver.maps.jobs import Maps

from .elements import Elements
from .functions import Functions

__all__ = ["Jobs"]


class Jobs(Elements, Functions, Maps):
    """What the vector unit computes, in one pass over memory; every method returns a job.

    Operands are arrays of integers or buffers, of any shape; two of them broadcast as NumPy's do.
    Jobs wait for those whose results they read, and else overlap. All methods have

    - ``out``, in shared memory, where the result goes: it may be an operand, element for element;
    - ``zero_point``, ``c_format``, ``clamp`` and ``rounding`` of the result;
    - ``wait``, ``wait_value`` and ``signal``, as ``submit`` of products.

    Methods of a function take ``x`` in the format that the function's block has, and give codes of
    its other format. Numbers of any other scale come in by ``a_zero_point`` and ``multiplier`` with
    ``shift``, and go out by ``result_multiplier`` with ``result_shift``::

        t = (x - a_zero_point) * multiplier / 2**shift + offset
        c = function(t) * result_multiplier / 2**result_shift + zero_point

    each quotient rounded once, to what the function takes and to ``c_format`` (s8). With a second
    operand ``b``, x is ``a`` of what ``combine`` ("add", "multiply", "maximum", "minimum") makes of
    them first, as the method of that name has it.

    Methods of feature maps are told at :class:`~.maps.jobs.Maps`.

    Examples
    --------
    >>> from gemmule.gen.driver.accelerator import Accelerator
    >>> from gemmule.gen.driver.buses.golden import GoldenBus
    >>> from gemmule.golden.soc.functions import VectorHardware
    >>> from gemmule.golden.soc.hardware import Hardware
    >>> vector = VectorHardware(functions=("softmax",))
    >>> acc = Accelerator(GoldenBus(Hardware(vector=vector)))
    >>> acc.add([[1, 2], [3, 4]], [10, 20], shift=[1])
    array([[ 6, 11],
           [ 6, 12]], dtype=int8)
    >>> acc.softmax([[0, 0]], result_multiplier=[1], result_shift=[8], c_format="u8")
    array([[64, 64]], dtype=uint8)
    """
