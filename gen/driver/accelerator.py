"""The accelerator: NumPy arrays in and out."""

from contextlib import nullcontext, suppress
from typing import Any

from numpy.typing import ArrayLike, NDArray

from .buffers import Buffer
from .buses.bus import Bus
from .convolution.filters import Filters, filters
from .device import Device
from .job import Job
from .jobs import Jobs
from .product.commands import Weights
from .product.jobs import submit, weights

__all__ = ["Accelerator", "Filters", "Weights"]


class Accelerator(Device):
    """A Gemmule accelerator behind a bus.

    It is reset at the beginning, and takes commands that read and write the bus's memory alone,
    whatever they say. Nothing waits for ever: whatever does not happen in ``bus.timeout`` seconds,
    or those that a call names, is a :class:`~.errors.DriverTimeout`.

    Every method that computes returns its result; :meth:`submit` and the methods of ``jobs``, which
    have the same names and take the same, return a :class:`~.job.Job` while it runs.

    Parameters
    ----------
    bus
    config_hash
        The configuration that is expected; None takes any.
    ring
        Commands that can wait in memory, a power of two; 0 writes them to registers, one at a
        time, as hardware without a ring must be asked.
    interrupts
        Whether to wait for interrupts, or to look at memory now and then. Without them a job costs
        one access to a register: the doorbell.
    halt_on_error
        Whether commands behind one that failed wait for :meth:`resume`.
    watchdog
        Cycles without progress after which the hardware resets itself; 0 is never.
    coherent
        Whether the port to memory takes part in the coherence of the processor's caches.

    Attributes
    ----------
    jobs : :class:`~.driver.jobs.Jobs`
    hardware : what commands may ask for
    config : all of the hardware's parameters, by name
    page : the registers

    Examples
    --------
    >>> import numpy as np
    >>> from gemmule.gen.driver.buses.golden import GoldenBus
    >>> acc = Accelerator(GoldenBus())
    >>> acc.gemm(np.array([[1, 2]]), np.array([[3], [4]]), multiplier=[1], shift=[1])
    array([[6]], dtype=int8)
    >>> with acc.weights(np.eye(3, dtype=int)) as b:
    ...     jobs = [acc.submit(np.full((2, 3), n), b) for n in range(2)]
    ...     [int(job.result().sum()) for job in jobs]
    [0, 6]
    """

    def __init__(
        self,
        bus: Bus,
        *,
        config_hash: int | None = None,
        ring: int | None = None,
        interrupts: bool = True,
        halt_on_error: bool = False,
        watchdog: int = 0,
        coherent: bool = False,
    ):
        super().__init__(
            bus,
            config_hash=config_hash,
            ring=ring,
            interrupts=interrupts,
            halt_on_error=halt_on_error,
            watchdog=watchdog,
            coherent=coherent,
        )
        self.jobs = Jobs(self)

    def __enter__(self) -> "Accelerator":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        # What went wrong inside counts, not that the hardware cannot be closed after it.
        with suppress(Exception) if kind else nullcontext():
            self.close()

    # Products

    def weights(self, b: ArrayLike | Buffer, **scale: Any) -> Weights:
        """Prepare the right operand of products, and how their sums are scaled.

        ``scale`` is what :func:`golden.systolic.gemm.gemm` takes beside formats and widths:
        ``a_zero_point``, ``b_zero_point``, ``bias``, ``multiplier``, ``shift``, ``zero_point``,
        ``rounding``, ``c_format``, ``clamp``.
        """
        return weights(self, b, **scale)

    def gemm(
        self,
        a: ArrayLike | Buffer,
        b: ArrayLike | Buffer | Weights,
        *,
        out: NDArray | Buffer | None = None,
        timeout: float | None = None,
        **scale: Any,
    ) -> NDArray:
        """Return ``requantize((a - a_zero_point) @ (b - b_zero_point))``, as golden's ``gemm``.

        Parameters
        ----------
        a : ``[M, K]`` or ``[batch, M, K]``
        b : ``[K, N]`` or ``[batch, K, N]``, or of :meth:`weights`, which has its ``scale``
        out : in shared memory, where the result goes; without it the result is an array of its own
        timeout : seconds
        scale : as of :meth:`weights`
        """
        return self.submit(a, b, out=out, **scale).result(timeout)

    def submit(
        self,
        a: ArrayLike | Buffer,
        b: ArrayLike | Buffer | Weights,
        *,
        out: NDArray | Buffer | None = None,
        wait: int = 0,
        wait_value: int = 0,
        signal: int = 0,
        **scale: Any,
    ) -> Job:
        """Hand a product over, and return while it runs; all else is as of :meth:`gemm`.

        ``a``, ``b`` and ``out`` must not be changed before its result is there. A job that reads
        what an earlier one writes waits for it by itself. Its commands begin
        when the dependency counter ``wait`` is at least ``wait_value``, modulo 2**16; each adds 1
        to the counter ``signal``.
        """
        order = {"wait": wait, "wait_value": wait_value, "signal": signal}
        return submit(self, a, b, out=out, **order, **scale)

    # Convolutions: whatever the methods of `jobs` take

    def filters(self, w: ArrayLike | Buffer, **options: Any) -> Filters:
        """Prepare the weights of convolutions, with their options, for many operands.

        ``options`` are those of :meth:`conv2d` or :meth:`conv3d`, which then take ``w`` from here.
        """
        return filters(self, w, **options)

    def conv2d(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return a convolution or a gradient: :meth:`~.convolution.layers.Layers.conv2d`."""
        return self.jobs.conv2d(*operands, **options).result(timeout)

    def conv3d(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return a convolution of volumes: :meth:`~.convolution.layers.Layers.conv3d`."""
        return self.jobs.conv3d(*operands, **options).result(timeout)

    # Elements and rows: whatever the methods of `jobs` take

    def add(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return the sum of two scaled arrays: :meth:`~.vector.elements.Elements.add`."""
        return self.jobs.add(*operands, **options).result(timeout)

    def multiply(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return the scaled product of two arrays: :meth:`~.vector.elements.Elements.multiply`."""
        return self.jobs.multiply(*operands, **options).result(timeout)

    def maximum(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return the greater of two arrays, scaled: :meth:`~.vector.elements.Elements.maximum`."""
        return self.jobs.maximum(*operands, **options).result(timeout)

    def minimum(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return the lesser of two arrays, scaled: :meth:`~.vector.elements.Elements.minimum`."""
        return self.jobs.minimum(*operands, **options).result(timeout)

    def requantize(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return an array scaled anew: :meth:`~.vector.elements.Elements.requantize`."""
        return self.jobs.requantize(*operands, **options).result(timeout)

    def transpose(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return matrices transposed, of bytes: :meth:`~.vector.elements.Elements.transpose`."""
        return self.jobs.transpose(*operands, **options).result(timeout)

    def apply(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return a function of each element: :meth:`~.vector.functions.Functions.apply`."""
        return self.jobs.apply(*operands, **options).result(timeout)

    def softmax(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return softmax of each row: :meth:`~.vector.functions.Functions.softmax`."""
        return self.jobs.softmax(*operands, **options).result(timeout)

    def layernorm(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return each row normalized: :meth:`~.vector.functions.Functions.layernorm`."""
        return self.jobs.layernorm(*operands, **options).result(timeout)

    def rmsnorm(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return rows over their norms: :meth:`~.vector.functions.Functions.rmsnorm`."""
        return self.jobs.rmsnorm(*operands, **options).result(timeout)

    # Feature maps, channels last: as above

    def max_pool(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return the greatest of each window: :meth:`~.maps.jobs.Maps.max_pool`."""
        return self.jobs.max_pool(*operands, **options).result(timeout)

    def average_pool(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return the mean of each window: :meth:`~.maps.jobs.Maps.average_pool`."""
        return self.jobs.average_pool(*operands, **options).result(timeout)

    def global_average_pool(
        self, *operands: Any, timeout: float | None = None, **options: Any
    ) -> NDArray:
        """Return the mean of each channel: :meth:`~.maps.jobs.Maps.global_average_pool`."""
        return self.jobs.global_average_pool(*operands, **options).result(timeout)

    def concat(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return parts side by side, each scaled: :meth:`~.maps.jobs.Maps.concat`."""
        return self.jobs.concat(*operands, **options).result(timeout)

    def slice(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return a part of an array, scaled: :meth:`~.maps.jobs.Maps.slice`."""
        return self.jobs.slice(*operands, **options).result(timeout)

    def resize(self, *operands: Any, timeout: float | None = None, **options: Any) -> NDArray:
        """Return maps of repeated elements: :meth:`~.maps.jobs.Maps.resize`."""
        return self.jobs.resize(*operands, **options).result(timeout)
