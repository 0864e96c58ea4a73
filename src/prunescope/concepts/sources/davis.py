"""Videos in the layout of DAVIS or YouTube-VOS: folders of frames, and of maps of their objects."""

from collections.abc import Mapping
from pathlib import Path

from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.paths import IMAGE_SUFFIXES, find_files
from prunescope.concepts.paired import PairedFolder, open_paired
from prunescope.concepts.request import Request
from prunescope.concepts.video_maps import read_objects
from prunescope.concepts.voc.lists import read_lists, splits_in

FORM = "davis:DIR"
PATHS = ("classes",)
OPTIONS = {
    "resolution": "480p or Full-Resolution, where there are both",
    "classes": "a JSON file with the class of each object of each video",
}
_PICTURES, _MAPS = "JPEGImages", "Annotations"
_RESOLUTIONS = ("480p", "Full-Resolution", "1080p")
_LISTS = ("2017", "2019", "2016")


def open_set(request: Request) -> PairedFolder:
    """Open a folder."""
    root = request.path
    pictures, maps = (_at_resolution(request, root / name) for name in (_PICTURES, _MAPS))
    marked = _by_frame(maps, (".png",))
    if not marked:
        raise DataError(f"{maps} has no VIDEO/FRAME.png, and so the set is empty")
    videos = tuple(dict.fromkeys(map(_video, marked)))
    lists = next(filter(None, (read_lists(root, year) for year in _LISTS)), {})
    split_of = dict(zip(videos, splits_in(lists, videos, request.split), strict=True))
    return open_paired(
        request,
        where=root / "ImageSets" if lists else root,
        pictures=pictures,
        images={
            frame: path.relative_to(pictures).as_posix()
            for frame, path in _by_frame(pictures, IMAGE_SUFFIXES).items()
        },
        marked=marked,
        labelled=read_objects(root, request.option_path("classes"), videos),
        splits={frame: split_of[_video(frame)] for frame in marked},
    )


def _at_resolution(request: Request, folder: Path) -> Path:
    """Return the folder that holds the videos: the stated one, 480p or another, or `folder`."""
    if not folder.is_dir():
        raise DataError(f"{folder.parent} is no folder of videos: it has no folder {folder.name}")
    stated = request.options.get("resolution")
    if stated is None:
        found = (folder / name for name in _RESOLUTIONS)
        return next(filter(Path.is_dir, found), folder)
    if not (folder / stated).is_dir():
        kept = sorted(path.name for path in folder.iterdir() if path.is_dir())
        raise ConfigError(
            f"{folder} has no folder {stated}{nearest(stated, kept)}: give resolution="
        )
    return folder / stated


def _by_frame(folder: Path, suffixes: tuple[str, ...]) -> Mapping[str, Path]:
    """Return the files of all videos by VIDEO/FRAME; others lie in no folder, and are left out."""
    relative = {path: path.relative_to(folder) for path in find_files(folder, suffixes)}
    return {
        name.with_suffix("").as_posix(): path
        for path, name in relative.items()
        if len(name.parts) > 1
    }


def _video(frame: str) -> str:
    return frame.rpartition("/")[0]
