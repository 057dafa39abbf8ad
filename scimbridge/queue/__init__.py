"""The courier: RQ on Redis. It wakes workers up, and loses nothing that matters when it loses everything."""
