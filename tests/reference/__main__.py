"""Write what README's guides say of configuration and messages from the code: ``python -m tests.reference``.

``--check`` writes nothing and ends with 1 where a page says something else than the code.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from tests.reference.pages import PAGES, ROOT, render_page

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare only")
    given = parser.parse_args(arguments)
    stale = []
    for page in PAGES:
        path = ROOT / page
        if (wanted := render_page(page)) != path.read_text(encoding="utf-8"):
            stale.append(page)
            if not given.check:
                path.write_text(wanted, encoding="utf-8")
    print(*(f"{page}: {'says something else' if given.check else 'written'}" for page in stale), sep="\n")
    return 1 if given.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
