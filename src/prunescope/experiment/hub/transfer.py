"""How do files get to the Hugging Face Hub and back, and what is said where they do not?"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from prunescope.base.errors import ConfigError, DataError, DownloadError, first_line
from prunescope.base.files import cannot_write, is_full

_LOGIN = "log in with `hf auth login`, or set HF_TOKEN"


def send(
    name: str, repo_type: str, files: Mapping[str, Path | bytes], *, private: bool, message: str
) -> str:
    """Send files in one commit to a repository, which is made if it is not there; return its URL.

    files: by their paths there; what else is there stays. private: of a new repository.
    Raises ConfigError where nobody is logged in or may not write there, DownloadError where the
    Hub cannot be reached.
    """
    import huggingface_hub as hub

    if hub.get_token() is None:
        raise ConfigError(f"nobody is logged in to the Hugging Face Hub: {_LOGIN}")
    with _asking(name):
        api = hub.HfApi()
        url = api.create_repo(name, repo_type=repo_type, private=private, exist_ok=True)
        operations = [
            hub.CommitOperationAdd(path_in_repo=path, path_or_fileobj=content)
            for path, content in files.items()
        ]
        api.create_commit(name, operations, repo_type=repo_type, commit_message=message)
    return str(url)


def resolve(name: str, revision: str | None) -> tuple[str, str]:
    """Return the type of a repository, and the commit that a revision of it means.

    Raises ConfigError for one that is not there, or not to be seen.
    """
    import huggingface_hub as hub
    from huggingface_hub.errors import RepositoryNotFoundError

    with _asking(name):
        for repo_type in ("model", "dataset"):
            try:
                found = hub.HfApi().repo_info(name, repo_type=repo_type, revision=revision)
            except RepositoryNotFoundError:
                continue
            return repo_type, str(found.sha)
    raise ConfigError(
        f"there is no {name} on the Hugging Face Hub that you may see: give NAMESPACE/NAME; if it "
        f"is private, {_LOGIN}"
    )


def fetch_file(name: str, repo_type: str, commit: str, file: str, folder: Path) -> Path:
    """Fetch a file of a repository into a folder. Raises DataError where there is none."""
    import huggingface_hub as hub
    from huggingface_hub.errors import EntryNotFoundError

    with _asking(name):
        try:
            return Path(
                hub.hf_hub_download(
                    name, file, repo_type=repo_type, revision=commit, local_dir=folder
                )
            )
        except EntryNotFoundError as error:
            if isinstance(error, FileNotFoundError):  # nothing is known of the Hub
                raise
            raise DataError(
                f"{name} was not shared by `prunescope push`: it has no {file}"
            ) from error


def fetch_all(name: str, repo_type: str, commit: str, folder: Path) -> None:
    """Fetch every file of a repository into a folder."""
    import huggingface_hub as hub

    with _asking(name):
        hub.snapshot_download(name, repo_type=repo_type, revision=commit, local_dir=folder)


@contextmanager
def _asking(name: str) -> Iterator[None]:
    """Explain in a line what the Hub's client raises; hide its bars and warnings meanwhile."""
    from huggingface_hub import errors
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    shown = not are_progress_bars_disabled()
    if shown:
        disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own code, and of tables beside a model
            yield
    except (ConfigError, DataError):
        raise
    except errors.HFValidationError:
        raise ConfigError(
            f'"{name}" is no name on the Hugging Face Hub: give NAMESPACE/NAME, in letters, '
            "digits, - _ and ."
        ) from None
    except errors.RevisionNotFoundError as error:
        raise ConfigError(f"{name} has no such revision: {_reason(error)}") from error
    except errors.OfflineModeIsEnabled:
        raise DownloadError(
            "the Hugging Face Hub is not asked, since HF_HUB_OFFLINE is set: unset it"
        ) from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise ConfigError(
                f"the Hugging Face Hub refuses {name} ({status}): {_LOGIN}, with a token that may "
                "write there"
            ) from error
        raise DownloadError(
            f"the Hugging Face Hub answers with {status} for {name}: {_reason(error)}"
        ) from error
    except OSError as error:
        if is_full(error) or error.filename is not None:  # of this machine, not of the network
            raise cannot_write(error.filename or name, error) from error
        raise _unreached(name, error) from error
    except Exception as error:  # of whichever library the Hub's client asks with
        raise _unreached(name, error) from error
    finally:
        if shown:
            enable_progress_bars()


def _unreached(name: str, error: BaseException) -> DownloadError:
    return DownloadError(
        f"the Hugging Face Hub cannot be reached for {name}: {_reason(error)}; try again when "
        "there is a network"
    )


def _reason(error: BaseException) -> str:
    """Return the first line of an error, never with the token in it."""
    from huggingface_hub import get_token

    said, token = first_line(error).rstrip("."), get_token()
    return said.replace(token, "***") if token else said
