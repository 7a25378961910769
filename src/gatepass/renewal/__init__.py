"""Keeping files with credentials fresh, for as long as a pod lives: `gatepass watch`."""
