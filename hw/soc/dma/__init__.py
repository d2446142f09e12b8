"""Direct memory access: requests and vectors on one side, AXI4 on the other."""
