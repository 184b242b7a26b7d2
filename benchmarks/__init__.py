"""Measurements of Pellucid, alone and beside other libraries; see benchmarks/README.md."""
