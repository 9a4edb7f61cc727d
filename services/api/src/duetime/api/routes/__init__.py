"""The paths of the api. Thin: they read a request, ask a handler, and write the answer."""
