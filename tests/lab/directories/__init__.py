"""Directory servers of every flavor, real ones, for tests."""
