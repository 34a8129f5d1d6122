"""Unit files, read when a unit first names them: what a hash names never changes."""

from fleettui.registry.image import Image
from fleettui.registry.keys import UNIT
from fleettui.registry.line import Line

_FEW = 8
"""Files that are asked for one by one; more are read with the whole folder."""


class Files:
    """Sees to it that every unit of the image has its file, where there is one."""

    def __init__(self, line: Line, image: Image) -> None:
        self._source, self._pace = line.source, line.pace
        self._image = image
        self._not_there: set[str] = set()

    def read_missing(self) -> bool:
        """Read files that the last snapshot lacks and nobody asked for yet; whether there were any.

        Raises RegistryUnavailable.
        """
        wanted = self._image.missing_files - self._not_there
        if not wanted:
            return False
        if len(wanted) > _FEW:
            self._read_folder()
        else:
            self._image.load_files(self._source.read_files(wanted, self._pace.read_within))
        self._not_there |= wanted
        return True

    def ask_again(self) -> bool:
        """Let what was not there be asked for once more, unless it is much; whether it is any."""
        if not 0 < len(self._not_there) <= _FEW:
            return False
        self._not_there.clear()
        return True

    def _read_folder(self) -> None:
        for part, found in self._source.read_folders((UNIT,), self._pace.read_within, quorum=False):
            self._image.load_folder(part, found.node, found.index)
