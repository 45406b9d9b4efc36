"""``python tests/campaigns``: see ``all_campaigns.py``."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # else the modules here would hide others

from campaigns.all_campaigns import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
