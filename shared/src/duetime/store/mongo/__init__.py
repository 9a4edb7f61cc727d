"""The read models in MongoDB. The only package of the store that knows pymongo."""
