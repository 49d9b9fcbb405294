"""The parts of `benchmarks/local_speed.py`: the same model, rows and tasks for evalkit and for a peer."""
