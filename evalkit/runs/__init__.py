"""Runs: one task on one model, what is written down of it, and runs that other harnesses made."""
