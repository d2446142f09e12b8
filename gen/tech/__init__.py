"""Area and fit of the arrays on their boards."""
