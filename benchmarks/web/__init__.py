"""What `benchmarks.http` starts in processes of their own."""
