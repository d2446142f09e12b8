"""From a layer to a program: pure functions of one :class:`target.Target` and its operands."""
