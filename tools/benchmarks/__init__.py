"""The benchmarks: a module each, with ``rows()`` that lists its comparisons."""
