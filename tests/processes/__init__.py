"""Real processes of the bridge for tests, and what stands around them."""
