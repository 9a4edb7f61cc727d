"""When: rules and their nominal times. Pure: no I/O, no clock."""
