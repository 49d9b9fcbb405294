"""From prompts to the text and the token ids that a model reads. Knows no tensors."""
