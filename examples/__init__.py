"""Examples: programs that the documentation runs."""
