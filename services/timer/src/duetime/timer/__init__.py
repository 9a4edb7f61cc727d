"""The timer: says what is due. One core per partition, its state in the log's `schedule`."""
