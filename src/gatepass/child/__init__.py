"""What `gatepass exec` gives its command, what it keeps from it, and how it stays beside it."""
