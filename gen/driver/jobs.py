"""What the accelerator's units compute beside products, as jobs."""

from .convolution.layers import Layers
from .vector.jobs import Jobs as VectorJobs

__all__ = ["Jobs"]


class Jobs(VectorJobs, Layers):
    """What the vector unit computes, and the convolutions; every method returns a job."""
