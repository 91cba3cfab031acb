"""The tests, as a package: a library of the benchmarks installs one of the same name."""
