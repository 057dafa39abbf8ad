"""Who knocks, and how often in vain: what SCIM, the API and the pages share."""
