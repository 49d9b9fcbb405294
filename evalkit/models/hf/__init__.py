"""Models that transformers runs on this machine. Only `provider` is imported before a model is asked something."""
