"""Tests of campaigns; a package, so that they share the toy targets."""
