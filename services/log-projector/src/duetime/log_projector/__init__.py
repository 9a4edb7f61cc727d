"""The log-projector: it alone writes the read models, from what `tasks` and `executions` hold."""
