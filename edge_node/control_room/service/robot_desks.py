"""Open what sends to robots for the people at the page: reviews, commands, updates."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_node.control_room.robots.bundle_shelf import BundleShelf
from edge_node.control_room.robots.command_desk import CommandDesk
from edge_node.control_room.robots.review_sender import ReviewSender
from edge_node.control_room.robots.review_service import ReviewService
from edge_node.control_room.robots.update_desk import UpdateDesk
from edge_node.errors import ConfigError, CorrosionError
from edge_node.signing import load_signer

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
def open_desks(  # noqa: PLR0913  # each is a part, by name
    settings: RoomSettings,
    endpoint: Endpoint,
    history: History,
    on_reviewed: Callable[[str, str], None],
    on_command: Callable[[str, str], None],
    *,
    sends_reviews: bool = True,
) -> Iterator[RobotDesks]:
    """Give what sends to robots, until the end of the ``with`` block.

    Args:
        settings: of the room.
        endpoint: the broker, and the credentials by which commands are sent.
        history: keeps reviews and commands.
        on_reviewed: called with subject and site of a review.
        on_command: called with site and robot when something is known of a command.
        sends_reviews: False where another process sends what this one stores.

    Raises:
        ConfigError: the key of ``[commands]`` cannot be used.
    """
    if not settings.commands.enabled:
        yield RobotDesks()
        return
    with contextlib.ExitStack() as stack:
        sender = open_review_sender(settings, endpoint, history, on_reviewed) if sends_reviews else None
        if sender is not None:
            sender.start()
        reviews = ReviewService(history, on_reviewed, sender)
        stack.callback(reviews.close)
        commands = CommandDesk(settings.commands, endpoint, history, on_command)
        shelf = BundleShelf(settings.commands.bundles_dir, Path(settings.room.state_dir) / "bundles")
        updates = UpdateDesk(commands, shelf)
        stack.callback(updates.close)
        yield RobotDesks(reviews, commands, updates)


def open_review_sender(
    settings: RoomSettings, endpoint: Endpoint, history: History, on_reviewed: Callable[[str, str], None]
) -> ReviewSender:
    """Return what sends reviews to robots, not started.

    Raises:
        ConfigError: the key of ``[commands]`` cannot be used.
    """
    sign = load_key(settings)
    try:
        return ReviewSender(endpoint, sign, history, on_reviewed)
    except CorrosionError as err:
        raise ConfigError(f"[commands] key_file: {err}") from err


def load_key(settings: RoomSettings) -> Callable[[bytes], str] | None:
    """Return what signs commands; None where they are not signed.

    Raises:
        ConfigError: the key of ``[commands]`` cannot be used.
    """
    key_file = settings.commands.key_file
    try:
        return load_signer(Path(key_file)) if key_file else None
    except CorrosionError as err:
        raise ConfigError(f"[commands] key_file: {err}") from err
