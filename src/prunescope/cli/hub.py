"""How are results shared on the Hugging Face Hub, and fetched from there?"""

from pathlib import Path
from typing import Annotated

import typer

from prunescope.cli.console import print_result
from prunescope.cli.options import Json
from prunescope.experiment.hub.kinds import Kind

_REPOSITORY = Annotated[
    str,
    typer.Argument(
        metavar="NAMESPACE/NAME", help="The repository on the Hugging Face Hub.", show_default=False
    ),
]


def push(
    place: Annotated[
        str,
        typer.Argument(
            help="The folder of a dissection or a level, a .safetensors file of weights, or a "
            "concept set in the layout of masks: or broden:.",
            show_default=False,
        ),
    ],
    repository: _REPOSITORY,
    kind: Annotated[
        Kind | None,
        typer.Option(
            help="As what it is shared.",
            show_default="what it is; of a level its weights",
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Nobody else sees a repository that is new.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Share a dissection, weights or a concept set on the Hugging Face Hub."""
    from prunescope.experiment.hub.api import push as push_result

    url = push_result(place, repository, kind=kind, private=private)
    print_result({"url": url}, f"shared at {url}", as_json=as_json)


def pull(
    repository: _REPOSITORY,
    out: Annotated[Path, typer.Option(help="Folder for it; a new one.", show_default=False)],
    revision: Annotated[
        str | None,
        typer.Option(help="A branch, a tag or a commit.", show_default="the newest"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Fetch what somebody shared from the Hugging Face Hub, and check that it came whole."""
    from prunescope.experiment.hub.api import pull as pull_result

    place = pull_result(repository, out, revision=revision)
    print_result({"place": place}, f"{place} is ready", as_json=as_json)
