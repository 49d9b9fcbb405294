"""Log-likelihoods of many sequences: planned as a prefix tree, every shared token computed once."""
