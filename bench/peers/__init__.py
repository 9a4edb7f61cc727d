"""Other schedulers, given the same work as Duetime in one run: `make bench ARGS="peers"`.

Knows how they are fetched, started at their fastest sane settings, and told what is to be done.
Their packages never enter the project's environment: they lie in .build/peers/.
"""
