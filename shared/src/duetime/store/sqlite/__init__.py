"""The read models in a SQLite file. The only package of the store that knows apsw."""

from duetime.store.sqlite.adapter import SqliteStore

__all__ = ["SqliteStore"]
