"""The api: takes requests, appends events, answers from the read models."""
