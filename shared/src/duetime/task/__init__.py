"""What a task is and may do. Pure: no I/O, no clock, no randomness."""
