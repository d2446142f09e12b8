"""The command line: one module a group of verbs, and what all verbs share."""
