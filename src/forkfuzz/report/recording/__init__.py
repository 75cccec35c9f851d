"""What happened in a run, step by step, and how the whole state was before each."""
