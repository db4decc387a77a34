"""Townsend beside hand-written SQL, on made-up worlds: one command, one table."""
