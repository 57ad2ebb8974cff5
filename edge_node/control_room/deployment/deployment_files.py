"""Write the configuration of a site's mosquitto, its bridge, the room's broker, nginx and systemd's units.

The files are templates beside this module, tried by a test with real brokers; the names of the site and of
the room's broker are written in.
"""

from __future__ import annotations

from pathlib import Path

from edge_node.control_room.new_files import write_new_files
from edge_node.errors import ConfigError
from edge_node.messages.topics import ID_WANTED, is_id
from edge_node.mqtt.endpoint import host_problems

FOLDER = Path(__file__).parent / "files"


def write_deployment_files(folder: Path, site: str, central: str) -> list[Path]:
    """Write the files into ``folder`` and return their paths.

    Args:
        folder: made if it is not there.
        site: whose robots the site's broker serves.
        central: host name of the broker that the room reads.

    Raises:
        ConfigError: a name cannot be used, or a file is there already or cannot be written.
    """
    if not is_id(site):
        raise ConfigError(f"--site {site!r}: wanted {ID_WANTED}")
    if problems := list(host_problems(central)):
        raise ConfigError(f"--central {central!r}: {problems[0]}")
    contents = {}
    for template in sorted(FOLDER.iterdir()):
        text = template.read_text(encoding="utf-8").replace("@SITE@", site).replace("@CENTRAL@", central)
        contents[template.name] = text.encode()
    return write_new_files(folder, contents)
