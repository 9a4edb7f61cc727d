"""The event log in one SQLite file: the adapter of the embedded mode.

Knows SQLite (apsw), and alone does; not events, not who reads.
"""

from duetime.log.sqlite.adapter import SqliteLog

__all__ = ["SqliteLog"]
