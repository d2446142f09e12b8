"""Ways to an accelerator: a golden machine, Linux's UIO, PYNQ, a card behind PCI Express."""
