"""The race as a picture: lanes, rows and the arrows between them."""
