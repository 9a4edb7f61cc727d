"""What every log inside one process needs: groups, readers at the end, admission of records.

Knows members, positions and recent records; not how an adapter stores them.
"""
