"""Who may come in: credentials, addresses, and how often."""
