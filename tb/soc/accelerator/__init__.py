"""The accelerator beside the golden machine: random commands, errors, resets."""
