"""The parts of `benchmarks/score_parity.py`: the same rows for evalkit's tasks and for lm-eval's own task files."""
