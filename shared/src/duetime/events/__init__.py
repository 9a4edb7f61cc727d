"""The wire contract: the facts that services exchange through the log, and their bytes."""
