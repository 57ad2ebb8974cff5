"""A camera's password in a file."""

from __future__ import annotations

import pytest

from tests.support.camera_login import SECRET


@pytest.fixture
def password_file(tmp_path):
    """Return a file with the password."""
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    return str(file)
