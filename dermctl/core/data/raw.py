"""Where ``data prepare`` and ``data validate`` read a source from; downloaded where that is due."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dermctl.core.data.download import Downloaded, DownloadRequest, download
from dermctl.core.data.loss import loss_of
from dermctl.core.data.selection import Selection, read_selection, table_of
from dermctl.datasets.fetch.failures import FAILURES_FILE, REASONS, read_failures
from dermctl.datasets.fetch.partial import PARTIAL_FOLDER
from dermctl.datasets.sources.base import ImageSearch, ReadOptions, Source, SourceTable
from dermctl.errors import DataError
from dermctl.progress import SILENT, Progress
from dermctl.workspace import Workspace


@dataclass(frozen=True)
class Raw:
    """A raw folder.

    Args:
        folder: where it lies.
        downloaded: what the download that filled it came to; None: the folder is the user's.
    """

    folder: Path
    downloaded: Downloaded | None = None

    def why_missing(self) -> dict[str, str]:
        """For each file that could not be downloaded, why."""
        return {
            failure.file: f"its download failed ({REASONS[failure.reason].explanation})"
            for failure in read_failures(self.folder / FAILURES_FILE)
        }


def existing_raw(workspace: Workspace, source: Source, given: Path | None) -> Raw:
    """The folder that is given, or the source's own in the workspace.

    Raises:
        DataError: it is not there.
    """
    folder = given if given is not None else workspace.raw / source.name
    if not folder.is_dir():
        raise DataError(
            "no such folder of raw images"
            if given
            else f"'{source.name}' is not in this workspace",
            where=folder,
            hint="Check --raw DIR" if given else source.how_to_get,
        )
    return Raw(folder)


def complete_raw(
    workspace: Workspace,
    source: Source,
    given: Path | None,
    read: ReadOptions,
    *,
    allow_missing: bool = False,
    progress: Progress = SILENT,
) -> Raw:
    """The same, downloaded first where nothing is given and it is absent or incomplete.

    A folder that `data download` has not filled and that can be read is the user's own: nothing
    is added to it.

    Raises:
        DataError: it is not there and may not be downloaded, or not all of it could be now.
    """
    folder = workspace.raw / source.name
    if given is not None or source.access != "download" or _is_the_users(folder, source, read):
        return existing_raw(workspace, source, given)
    part = read_selection(folder)
    if part is None and isinstance(source.images, ImageSearch):
        raise DataError(
            f"'{source.name}' is not in this workspace, and all of it is {source.size}",
            where=folder,
            hint=f"Choose a part with: dermctl data download {source.name} --collection N, or name "
            "its folder with --raw DIR",
        )
    part = part or Selection(source.name)
    csv = read.csv if table_of(source) is not None and part.edition is None else None
    progress.say(f"{source.name}: downloading what is missing in {folder}")
    request = DownloadRequest(
        source.name,
        edition=part.edition,
        collections=part.collections,
        query=part.query,
        limit=part.limit,
        csv=csv,
    )
    downloaded = download(workspace, request, progress)
    if downloaded.missing and downloaded.loss is None:  # the table itself is not there
        raise DataError(
            f"'{source.name}' could not be fetched ({_listed(downloaded)})",
            where=folder / FAILURES_FILE,
            hint=f"Try again with: dermctl data download {source.name} --retry-failed",
        )
    if downloaded.passing and not allow_missing:
        passing = _listed(downloaded, final=False)
        count = "1 file" if downloaded.passing == 1 else f"{downloaded.passing:,} files"
        raise DataError(
            f"{count} of '{source.name}' could not be fetched now ({passing})",
            where=folder / FAILURES_FILE,
            hint="Run the same command again to go on, or do without them with --allow-missing",
        )
    return Raw(folder, downloaded)


def refuse_lost_classes(raw: Raw, table: SourceTable, *, allow_missing: bool) -> None:
    """Stop where a download lost more than half of a class: what is left may stand for nothing.

    Raises:
        DataError: naming the classes.
    """
    if raw.downloaded is None or not raw.downloaded.missing or allow_missing:
        return
    lost = loss_of(table.table, raw.downloaded.asked_ids).too_much()
    if lost:
        named = ", ".join(
            f"{name} {share.missing:,} of {share.rows:,}" for name, share in list(lost.items())[:5]
        )
        more = f" and {len(lost) - 5:,} more" if len(lost) > 5 else ""
        raise DataError(
            f"the download lost more than half of a class: {named}{more}",
            where=raw.folder / FAILURES_FILE,
            hint="Try again with: dermctl data download "
            f"{raw.downloaded.source} --retry-failed, or go on without them with --allow-missing",
        )


def _listed(downloaded: Downloaded, *, final: bool = True) -> str:
    """Reason and count of what is missing; without ``final``, of what is asked for again."""
    counts = downloaded.failures.items()
    kept = [(code, count) for code, count in counts if final or not REASONS[code].final]
    return ", ".join(f"{code} {count:,}" for code, count in kept)


def _is_the_users(folder: Path, source: Source, read: ReadOptions) -> bool:
    ours = read_selection(folder) is not None or (folder / PARTIAL_FOLDER).exists()
    if not folder.is_dir() or ours:
        return False
    try:
        source.read(folder, ReadOptions(csv=read.csv))
    except DataError:
        return False
    return True
