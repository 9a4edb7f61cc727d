"""The event log: its port, its topics and the adapters behind it."""
