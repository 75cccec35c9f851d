"""Driving a run by hand."""
