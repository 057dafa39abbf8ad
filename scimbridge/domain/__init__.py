"""The rules of deprovisioning: no I/O, no clock, no frameworks."""
