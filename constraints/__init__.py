"""What Vivado needs: templates of the XDC and Tcl that go into every package."""
