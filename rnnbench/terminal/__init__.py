"""Reading from the terminal, and printing on it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=["console", "options"]
)
