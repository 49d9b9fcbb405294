"""The workshop of the embedded model: corpus, toy sets, tokenizer and weights, all made from fixed seeds."""
