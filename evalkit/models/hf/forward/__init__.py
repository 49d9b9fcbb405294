"""One pass through a transformers model: attention over shared prefixes and slots, logits where wanted."""
