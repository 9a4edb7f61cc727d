"""Duetime in one process over SQLite: the same cores, events and API as the distributed system."""
