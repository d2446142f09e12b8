"""A transformer's block as one list of commands, over both units."""
