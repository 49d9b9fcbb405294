"""Embedding models that run on this machine, by sentence-transformers. Importing this loads no torch."""
