"""Whether a command is legal: its fields, and the bytes that it reads and writes."""
