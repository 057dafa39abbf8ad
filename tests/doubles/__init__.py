"""Stand-ins for services that cannot be reached from a test: strict, stateful, over real HTTP.

Each holds every call against the vendor's own machine-readable description, and refuses what that does not have.
"""
