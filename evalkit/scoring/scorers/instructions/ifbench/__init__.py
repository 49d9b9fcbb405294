"""The 58 constraints of IFBench, written anew from what its paper and its checker define (docs/benchmarks.md)."""
