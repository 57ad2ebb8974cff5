"""Open what sends to robots for the people at the page: reviews, commands, updates."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_node.control_room.robots.bundle_shelf import BundleShelf
from edge_node.control_room.robots.command_desk import CommandDesk
from edge_node.control_room.robots.review_service import ReviewService
from edge_node.control_room.robots.update_desk import UpdateDesk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge_node.control_room.history.history import History
    from edge_node.control_room.settings import RoomSettings
    from edge_node.mqtt.types import Endpoint


class RobotDesks(NamedTuple):
    """What sends to robots; None where ``[commands] enabled = false``."""

    reviews: ReviewService | None = None
    commands: CommandDesk | None = None
    updates: UpdateDesk | None = None


@contextlib.contextmanager
def open_desks(
    settings: RoomSettings,
    endpoint: Endpoint,
    history: History,
    on_reviewed: Callable[[str, str], None],
    on_command: Callable[[str, str], None],
) -> Iterator[RobotDesks]:
    """Give what sends to robots, until the end of the ``with`` block.

    Args:
        settings: of the room.
        endpoint: the broker, and the credentials by which commands are sent.
        history: keeps reviews and commands.
        on_reviewed: called with subject and site of a review.
        on_command: called with site and robot when something is known of a command.

    Raises:
        ConfigError: the key of ``[commands]`` cannot be used.
    """
    if not settings.commands.enabled:
        yield RobotDesks()
        return
    with contextlib.ExitStack() as stack:
        reviews = ReviewService(settings.commands, endpoint, history, on_reviewed)
        stack.callback(reviews.close)
        commands = CommandDesk(settings.commands, endpoint, history, on_command)
        shelf = BundleShelf(settings.commands.bundles_dir, Path(settings.room.state_dir) / "bundles")
        updates = UpdateDesk(commands, shelf)
        stack.callback(updates.close)
        yield RobotDesks(reviews, commands, updates)
