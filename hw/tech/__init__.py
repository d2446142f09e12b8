"""Device primitives behind one interface, with behavioral models."""
