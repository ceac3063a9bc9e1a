"""What the benchmarks start in processes of their own: these act when they are imported."""
