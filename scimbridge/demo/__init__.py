"""The demonstration: sample targets and an identity provider's traffic."""
