"""What a process tells about itself: metrics and log lines."""
