"""Run ``edge-node`` as ``python -m edge_node.cli``."""

import sys

from edge_node.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
