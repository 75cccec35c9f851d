"""The race table: which steps matter, in whose columns, in which words."""
