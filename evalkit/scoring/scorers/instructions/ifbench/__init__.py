"""The 58 constraints of IFBench, written anew from its paper and its checker (docs/reference/benchmarks.md)."""
