"""From a checkpoint's files to a model in memory: found, read, quantized, adapted, and its products sped up."""
