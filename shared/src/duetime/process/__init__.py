"""A process of the distributed system: its health port, its patience, its signals, its end."""
