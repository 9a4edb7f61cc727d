"""The read models: their port, their documents and the adapters behind it."""
