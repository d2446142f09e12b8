"""2:4 sparsity: format, pruning, arrays."""
