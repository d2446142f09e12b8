"""The driver of an accelerator: plain Python and NumPy, on the board and in simulation alike.

`accelerator.Accelerator` takes arrays and gives arrays, by a bus: `buses.uio.UioBus`,
`buses.pynq.PynqBus`, `buses.xdma.XdmaBus`, `buses.golden.GoldenBus` without any hardware, and
`gemmule.gen.simulation.axi.open_simulation` for the Verilog.
"""
