"""Tests of deciding programs."""
