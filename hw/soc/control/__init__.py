"""Commands: fetched, checked, handed to units, completed."""
