"""Say where a history's rows and pictures lie: in a file of the state folder, or on a PostgreSQL server."""

from __future__ import annotations

import msgspec


class DatabasePlace(msgspec.Struct, frozen=True, kw_only=True):
    """A PostgreSQL database that several processes share.

    Attributes:
        url: of the database, ``postgresql+psycopg://USER@HOST[:PORT][,HOST[:PORT]]/NAME``; no password.
        password_file: that holds the user's password; None where the server asks for none, or libpq finds it.
        pictures_dir: folder of the evidence pictures; None: ``pictures`` in the state folder.
    """

    url: str
    password_file: str | None = None
    pictures_dir: str | None = None
