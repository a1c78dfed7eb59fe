"""Benchmarks, one program a claim: ``python -m benchmarks.sparsity --help``."""
