"""What the machines are told: random commands and settings, right and wrong, and where they lie."""
