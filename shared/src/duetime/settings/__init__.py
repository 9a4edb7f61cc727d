"""What a process is told from outside: frozen classes over `DUETIME_…` variables."""
