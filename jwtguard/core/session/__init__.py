"""Sessions of sites with a login form, whose tokens only the server can read."""
