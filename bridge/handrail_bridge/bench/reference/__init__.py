"""What the benchmarks compare with: clients of others, and loops as one writes by hand."""
