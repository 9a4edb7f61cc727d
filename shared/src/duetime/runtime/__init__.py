"""The shell every service shares: one core protocol, one consuming loop, one life cycle."""
