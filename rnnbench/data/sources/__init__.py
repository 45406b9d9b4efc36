"""The built-in sources, one module for each kind of file."""
