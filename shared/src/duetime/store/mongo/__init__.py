"""The read models in MongoDB. The only package of the store that knows pymongo."""

from duetime.store.mongo.adapter import MongoStore
from duetime.store.mongo.client import RefusedError, ReplacedError

__all__ = ["MongoStore", "RefusedError", "ReplacedError"]
