"""Runs: a plan, its tasks on its models, what is written down of them, and runs that other harnesses made.

Two runs next to each other are `comparing`'s; what a page shows of one is `reporting`'s.
"""
