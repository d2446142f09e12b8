"""What the boards need: XDC and Tcl, copied into the packages that `generate --board` writes."""
