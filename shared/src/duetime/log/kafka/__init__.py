"""The event log on Apache Kafka 4, through aiokafka; only this package names that driver.

What the driver does not promise, and how each module makes up for it, stands at its top. Where
aiokafka offers no way, its parts are used one level below its documented classes; the version is
therefore held to one minor line, and the contract suite is what says that a newer one serves.
"""
