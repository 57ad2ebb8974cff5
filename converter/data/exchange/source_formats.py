"""Tell by its files which tool wrote a data set, and read it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from converter.data.foreign.coco_reader import find_coco_files, is_coco, read_coco
from converter.data.foreign.json_file import read_json
from converter.data.foreign.label_studio_reader import is_label_studio, is_label_studio_min, read_label_studio
from converter.data.foreign.mask_folder_reader import (
    PICTURE_FOLDERS,
    find_mask_folder,
    has_masks_beside_pictures,
    read_mask_folder,
)
from converter.data.foreign.picture_finder import PictureFinder
from converter.data.foreign.yolo_reader import find_yaml, has_label_files, read_class_folders, read_yolo
from edge_node.errors import DatasetError
from edge_node.labels_csv import LABELS_NAME

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from converter.data.foreign.foreign_set import ForeignSet, LeftOut


_REASONS_SHOWN = 3
_PICTURES_HINT = "; give the folder of its pictures with --pictures"


class Format(str, Enum):
    """What wrote a data set."""

    COCO = "coco"
    YOLO = "yolo"
    LABEL_STUDIO = "label-studio"
    MASKS = "masks"
    CLASSES = "classes"


def read_foreign_set(
    source: Path,
    pictures: Path | None,
    chosen: Format | None,
    left_out: LeftOut,
    on_read: Callable[[int, int], None] = lambda _done, _total: None,
) -> ForeignSet:
    """Read a data set of another tool.

    Args:
        source: its file or folder.
        pictures: the folder outside of which no picture is read; by default the source's.
        chosen: what wrote it; None: its files tell.
        left_out: collects what is left out.
        on_read: called with pictures read and all, where reading takes long.

    Raises:
        DatasetError: nothing there, nothing that can be read, or no picture in it.
    """
    if not source.exists():
        raise DatasetError(f"{source}: nothing there; wanted a data set's file or folder")
    if pictures is not None and not pictures.is_dir():
        raise DatasetError(f"--pictures {pictures}: no folder")
    finder = PictureFinder(pictures or (source if source.is_dir() else source.parent))
    found = _read(source, pictures, chosen or find_format(source), finder, left_out, on_read)
    told = [f"{reason} ({names[0]})" for reason, names in left_out.names.items()][:_REASONS_SHOWN]
    if not found.pictures:
        reasons = "; ".join(told) or "it names none"
        hint = "" if pictures is not None or "--pictures" in reasons else _PICTURES_HINT
        raise DatasetError(f"{source}: no picture of it can be used: {reasons}{hint}")
    if any(one.is_incomplete for one in found.pictures) and not any(one.regions for one in found.pictures):
        raise DatasetError(f"{source}: none of its marks can be read: {'; '.join(told)}")
    return found


def find_format(source: Path) -> Format:
    """Return what wrote a data set.

    Raises:
        DatasetError: its files do not tell, or several formats are there.
    """
    if source.is_file():
        return _find_format_of_file(source)
    if (source / LABELS_NAME).is_file():
        raise DatasetError(
            f"{source}: holds {LABELS_NAME}, which every command reads as it is; give --format to import what"
            " else is there"
        )
    found = _list_formats(source)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(one.value for one in found)
        raise DatasetError(f"{source}: holds {names}; say which one with --format")
    for path in sorted(source.glob("*.json")):
        read_json(path)  # says what is wrong with one that was to be read
    if any(inner.is_dir() for inner in source.iterdir()):
        return Format.CLASSES
    raise DatasetError(
        f"{source}: nothing known in it; wanted COCO or Label Studio JSON, YOLO's data.yaml or labels,"
        " a folder of masks, or a folder per class"
    )


def _find_format_of_file(path: Path) -> Format:
    if path.suffix.lower() in {".yaml", ".yml"}:
        return Format.YOLO
    content = read_json(path)
    if is_coco(content):
        return Format.COCO
    if _is_label_studio(content):
        return Format.LABEL_STUDIO
    raise DatasetError(
        f"{path}: neither COCO (images, annotations, categories) nor Label Studio (a list of tasks)"
    )


def _list_formats(folder: Path) -> list[Format]:
    holds = {
        Format.COCO: bool(find_coco_files(folder)),
        Format.YOLO: find_yaml(folder) is not None or has_label_files(folder),
        Format.LABEL_STUDIO: _find_label_studio(folder) is not None,
        Format.MASKS: find_mask_folder(folder) is not None or has_masks_beside_pictures(folder),
    }
    return [one for one, is_there in holds.items() if is_there]


def _read(  # noqa: PLR0913, PLR0917  # what each reader is given
    source: Path,
    pictures: Path | None,
    chosen: Format,
    finder: PictureFinder,
    left_out: LeftOut,
    on_read: Callable[[int, int], None],
) -> ForeignSet:
    if chosen is Format.COCO:
        files = find_coco_files(source) if source.is_dir() else [source]
        if not files:
            raise DatasetError(f"{source}: no COCO file in it")
        return read_coco(files, finder, left_out)
    if chosen is Format.LABEL_STUDIO:
        file = _find_label_studio(source) if source.is_dir() else source
        if file is None:
            raise DatasetError(f"{source}: no one export of Label Studio in it; name the file")
        return read_label_studio(read_json(file), file, finder, left_out)
    if chosen is Format.YOLO:
        return read_yolo(source, finder, left_out)
    if chosen is Format.MASKS:
        masks = find_mask_folder(source) or source
        inner = (source / name for name in PICTURE_FOLDERS)
        of_pictures = pictures or next((folder for folder in inner if folder.is_dir()), source)
        return read_mask_folder(masks, of_pictures, finder, left_out, on_read)
    found = read_class_folders(source, finder)
    if found is None:
        raise DatasetError(f"{source}: wanted pictures in two or more folders named after classes")
    return found


def _is_label_studio(content: object) -> bool:
    return is_label_studio(content) or is_label_studio_min(content)


def _find_label_studio(folder: Path) -> Path | None:
    """Return the one export of Label Studio in a folder; None if there is none, or several."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            content = read_json(path)
        except DatasetError:
            continue
        if _is_label_studio(content):
            found.append(path)
    return found[0] if len(found) == 1 else None
