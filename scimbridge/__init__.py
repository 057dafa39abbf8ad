"""SCIM 2.0 deprovisioning bridge."""
