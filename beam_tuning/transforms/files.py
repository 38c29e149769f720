"""Paths and files of any of Beam's file systems."""

from __future__ import annotations

from typing import BinaryIO

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from google.api_core.exceptions import Forbidden, NotFound


def join(folder: str, name: str) -> str:
    """A path below a local or remote folder."""
    path: str = FileSystems.join(folder, *name.split("/"))
    return path


def open_file(path: str) -> BinaryIO:
    """Opens a file for reading bytes as they are stored.

    Raises:
      OSError: it cannot be opened. Beam lets the Cloud Storage client's own errors through; here they become OSErrors.
    """
    try:
        return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    except NotFound as error:
        raise FileNotFoundError(2, "There is no such object", path) from error
    except Forbidden as error:
        raise PermissionError(13, "The account that runs the job may not read it", path) from error
