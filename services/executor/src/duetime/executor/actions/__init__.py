"""What a run can do: actions behind one port."""
