"""What Duetime costs, measured from the outside: `make bench` runs it.

Knows the HTTP API and what actions write down; asks no part of Duetime about itself.
"""
