"""The accelerator: what its commands, settings and completions mean."""
