"""Wrong traffic for the sparse product, and what its `status` says of it."""

from gemmule.tb.systolic.faults import product_rows

__all__ = ["TABLE"]

TABLE = {
    "sparse_gemm-ws": product_rows("sparse_gemm", "ws", dense=True),
    "sparse_gemm-os": product_rows("sparse_gemm", "os", dense=True),
}
