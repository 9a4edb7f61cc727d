"""The executor: starts what is due and says how it went. One core per partition."""
