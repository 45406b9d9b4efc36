"""From stored runs to a folder of static pages: ``rnnbench site``."""
