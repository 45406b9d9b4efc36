"""Where corpora come from, one module a kind of source."""
