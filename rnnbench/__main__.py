"""``python -m rnnbench`` is the ``rnnbench`` command."""

from rnnbench.cli.app import main

if __name__ == "__main__":
    main()
