"""Run ``converter`` as ``python -m converter.cli``."""

import sys

from converter.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
