"""Which concept sets are there, are they sound, and what do they show?"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.text import counted
from prunescope.cli.console import print_result, progress_shown
from prunescope.cli.options import Device, Json, OptionsOf, Stated, as_option
from prunescope.cli.single import CONCEPTS, DISSECTION, NAMED, chosen_concepts

if TYPE_CHECKING:
    from prunescope.base.progress import Progress
    from prunescope.concepts.protocol import Divisible
    from prunescope.dissection.settings import ConceptSettings

SEGMENTATION = "networks.segmentation.settings:SegmentationSettings"
_SET = Annotated[Stated, OptionsOf(model=CONCEPTS, names=NAMED, arguments={"source": "SET"})]


def list_sets(as_json: Json = False) -> None:
    """Say which concept sets there are."""
    from prunescope.concepts.sources import kinds

    sets = kinds()
    width = max(map(len, sets)) + 2
    text = "\n".join(f"{name:<{width}}{what}" for name, what in sets.items())
    print_result({"sets": sets}, text, as_json=as_json)


def check(
    concepts: _SET,
    as_json: Json = False,
) -> None:
    """Read every image and label map of a set, and say what is wrong with it."""
    from prunescope.concepts.check import check_concepts

    chosen = chosen_concepts(concepts, "concepts check")
    with progress_shown() as progress:
        opened = _opened(chosen, progress, lenient=True)
        faults = check_concepts(opened, progress=progress)
    print_result(faults.as_dict(), str(faults), as_json=as_json)
    if faults.problems:
        raise typer.Exit(2)


def preview(
    concepts: _SET,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("preview"),
    images: Annotated[int, typer.Option(min=1, help="Number of photographs shown.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Another draw of them.")] = 0,
    as_json: Json = False,
) -> None:
    """Draw photographs of a set beside their labels."""
    from prunescope.report.preview import preview_concepts
    from prunescope.results.layout import PAGE

    chosen = chosen_concepts(concepts, "concepts preview")
    with progress_shown() as progress:
        opened = _opened(chosen, progress)
        sheets = preview_concepts(opened, out, images=images, seed=seed, progress=progress)
    paths, page = [str(sheet) for sheet in sheets], str(out / PAGE)
    values = {"sheets": paths, "page": page}
    text = "\n".join([*paths, page])
    print_result(values, text, as_json=as_json)


def convert(
    concepts: _SET,
    settings: Annotated[Stated, OptionsOf(model=DISSECTION, only=("skip_broken",))],
    out: Annotated[Path, typer.Option(help="Folder for the set; a new one.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Write a set of any kind as a folder in Broden's layout."""
    from prunescope.concepts.broken import WithoutBroken
    from prunescope.concepts.convert import convert_concepts
    from prunescope.results.left_out import LEFT_OUT

    chosen = chosen_concepts(concepts, "concepts convert")
    with progress_shown() as progress:
        opened = _opened(chosen, progress, **settings)
        made = convert_concepts(opened, out, progress=progress)
    images, labels = len(made.images), len(made.labels)
    values: dict[str, object] = {"set": f"broden:{out}", "images": images, "labels": labels}
    if isinstance(opened, WithoutBroken):
        values[LEFT_OUT] = [asdict(each) for each in opened.left_out]
    text = f"broden:{out} is ready: {counted(images, 'image')}, {counted(labels, 'label')}"
    print_result(values, text, as_json=as_json)


def segment(
    images: Annotated[
        str,
        typer.Argument(
            metavar="IMAGES",
            help="A folder of photographs, or a concept set, whose own labels are not used.",
            show_default=False,
        ),
    ],
    *,
    settings: Annotated[Stated, OptionsOf(model=SEGMENTATION)],
    out: Annotated[Path, typer.Option(help="Folder for the set; a new one.", show_default=False)],
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Have a network label the pixels of photographs, and write them as a set."""
    from prunescope.concepts.label_makers import labels_note
    from prunescope.experiment.segmenting import segment as segment_images
    from prunescope.networks.segmentation.settings import SegmentationSettings

    SegmentationSettings.validate_from(settings, "concepts segment", as_option)
    with progress_shown() as progress:
        made = segment_images(images, out=out, device=device, progress=progress, **settings)
    count, labels, by = len(made.images), len(made.labels), labels_note(made)
    values = {"set": made.name, "images": count, "labels": labels, "note": by}
    text = f"{made.name} is ready: {counted(count, 'image')}, {counted(labels, 'label')}; {by}"
    print_result(values, text, as_json=as_json)


def download(
    name: Annotated[str, typer.Argument(metavar="broden", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for the set.", show_default=False)],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL|DIR|ZIP",
            help="Another server or folder with Broden's archives, or one archive.",
        ),
    ] = None,
    resolution: Annotated[
        int, typer.Option(help="Pixels across, where the archive is to be chosen: 224, 227 or 384.")
    ] = 224,
    as_json: Json = False,
) -> None:
    """Bring Broden onto this disk; it goes on where it was cut off."""
    from prunescope.concepts.download import download_broden

    if name != "broden":
        raise ConfigError(f'"{name}" cannot be downloaded{nearest(name, ["broden"])}: only broden')
    with progress_shown() as progress:
        checked, already = download_broden(
            out, source=source, resolution=resolution, progress=progress
        )
    values = {"set": f"broden:{out}", "already": already, **asdict(checked)}
    state = "was there already" if already else "is ready"
    pixels = f"as many pixels as published of {', '.join(checked.pixels)}" if checked.pixels else ""
    compared = pixels or "no published totals to compare with"
    text = f"{checked.archive}, {checked.images:,} labelled images, {compared}"
    print_result(values, f"broden:{out} {state}: {text}", as_json=as_json)


def _opened(
    chosen: "ConceptSettings",
    progress: "Progress",
    *,
    lenient: bool = False,
    skip_broken: bool = False,
) -> "Divisible":
    from prunescope.concepts import open_concepts

    return open_concepts(
        chosen.source,
        split=chosen.split,
        limit=chosen.limit,
        mask_size=chosen.mask_size,
        lenient=lenient,
        skip_broken=skip_broken,
        progress=progress,
    )
