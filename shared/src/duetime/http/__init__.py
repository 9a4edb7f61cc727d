"""What every HTTP surface of Duetime shares: problems, health. Plain ASGI, no framework."""
