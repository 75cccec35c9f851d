"""A run as a trace for a viewer of timelines."""
