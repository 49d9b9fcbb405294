"""The workshop of the embedded model: corpus, sample sets, tokenizer and weights, all made from fixed seeds."""
