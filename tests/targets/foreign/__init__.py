"""SCIM servers that nobody here wrote, each in a process and an environment of its own."""
