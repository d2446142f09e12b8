"""The blocks, a family a folder: adapters, data sheets, and the families' lists."""
