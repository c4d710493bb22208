"""Measurements: `make bench` prints the tables of docs/bench.md."""
