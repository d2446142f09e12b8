"""Around a block with AXI ports: IP-XACT, Tcl, device tree, LiteX, data sheet, headers."""
