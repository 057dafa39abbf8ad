"""``scimbridge drill``: breaks a bridge of its own in four ways, and says what survived."""
