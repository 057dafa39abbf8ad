"""What is asked of the API, and what it answers."""
