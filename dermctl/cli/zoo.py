"""``dermctl zoo …``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dermctl.cli.options import JSON, example, unpack
from dermctl.cli.output import Output

if TYPE_CHECKING:
    from dermctl.core.zoo.list import ZooListing
    from dermctl.core.zoo.results import InZoo

app = typer.Typer(
    no_args_is_help=True,
    help="Encoders by name, with licence and checksum; in zoo/, or where DERMCTL_ZOO says.",
)

_SPDX = "Licence of the weights, as SPDX names it: CC-BY-NC-4.0, Apache-2.0, LicenseRef-OURS."
_ALONE = "Weights alone, without about.json"
Replace = Annotated[bool, typer.Option("--replace", help="An encoder of that name may go.")]
Cite = Annotated[str | None, typer.Option(metavar="TEXT", help="Whom to cite.")]


@app.callback()
def zoo() -> None:
    """Encoders by name, with licence and checksum."""


@app.command("list", epilog=example("dermctl zoo list", "dermctl zoo list --json"))
def list_encoders(ctx: typer.Context, json: JSON = False) -> None:
    """The encoders of the zoo, and those that can be pulled by name."""
    from dermctl.core.zoo.list import list_zoo

    workspace, output, _ = unpack(ctx, json=json)
    listing = list_zoo(workspace)
    if json:
        output.document(listing.to_json())
    else:
        _show_listing(output, listing)


@app.command(
    "add",
    epilog=example(
        "dermctl zoo add derm-vit-s runs/x/checkpoints/best.ckpt --license CC-BY-NC-4.0",
        "dermctl pretrain --init derm-vit-s",
        "dermctl finetune --from derm-vit-s",
    ),
)
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called from now on.")],
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CKPT", exists=True, dir_okay=False, help="Of a run.")
    ],
    spdx: Annotated[str, typer.Option("--license", metavar="SPDX", help=_SPDX)],
    cite: Cite = None,
    replace: Replace = False,
    json: JSON = False,
) -> None:
    """The encoder of a run's checkpoint, by a name, with the record of what it has seen."""
    from dermctl.core.zoo.add import add as run

    workspace, output, _ = unpack(ctx, json=json)
    added = run(workspace, name, checkpoint, license=spdx, citation=cite, replace=replace)
    _show(output, added, "Added")


@app.command(
    "pull",
    epilog=example(
        "dermctl zoo pull /lab/zoo/derm-vit-s",
        "dermctl zoo pull https://lab.example/zoo/derm-vit-s --sha256 HEX",
        "dermctl zoo pull model.safetensors --name ours --encoder vit_small_patch16_224 "
        "--license Apache-2.0",
    ),
)
def pull(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="NAME|URL|DIR",
            help="A name that zoo list knows; the address or the folder of an encoder; or a file "
            "of weights.",
        ),
    ],
    name: Annotated[
        str | None, typer.Option(help="What it is called here; default: as it is there.")
    ] = None,
    sha256: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="That the weights must have; default: as its about.json."),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="TIMM",
            rich_help_panel=_ALONE,
            help="Their timm name; with a tag, that tag's normalisation, else ImageNet's.",
        ),
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(
            min=16, max=1024, rich_help_panel=_ALONE, help="Pixels a side; default: timm's."
        ),
    ] = None,
    spdx: Annotated[
        str | None,
        typer.Option("--license", metavar="SPDX", rich_help_panel=_ALONE, help=_SPDX),
    ] = None,
    cite: Annotated[
        str | None, typer.Option(metavar="TEXT", rich_help_panel=_ALONE, help="Whom to cite.")
    ] = None,
    replace: Replace = False,
    json: JSON = False,
) -> None:
    """An encoder from elsewhere, verified; run again to go on with what has come.

    What weights without about.json have seen is unknown; from an address they need --sha256.
    """
    from dermctl.core.zoo.pull import PullRequest
    from dermctl.core.zoo.pull import pull as run

    workspace, output, progress = unpack(ctx, json=json)
    request = PullRequest(
        source=source,
        name=name,
        sha256=sha256,
        encoder=encoder,
        image_size=image_size,
        license=spdx,
        citation=cite,
        replace=replace,
    )
    _show(output, run(workspace, request, progress), "Pulled")


def _show(output: Output, added: InZoo, how: str) -> None:
    if output.json:
        output.document(added.to_json())
        return
    about = added.about
    output.heading(f"{how}: {added.name}")
    output.facts(
        {
            "encoder": f"{about.encoder}, {about.image_size} px",
            "trained by": _trained(added),
            "licence": about.license,
            "cite": about.citation or "–",
            "sha256": about.sha256,
            "has seen": added.exposure,
            "folder": added.folder,
        }
    )
    output.next_steps(f"dermctl finetune --from {added.name}")


def _trained(each: InZoo) -> str:
    about = each.about
    method = about.method or "–"
    datasets = ", ".join(about.datasets) + (" (synthetic)" if about.synthetic else "")
    return f"{method}, on {datasets}" if datasets else method


def _show_listing(output: Output, listing: ZooListing) -> None:
    output.heading(f"Encoders in {listing.folder}")
    if listing.encoders:
        output.table(
            ("name", "encoder", "trained by", "licence", "sha256", "has seen"),
            [
                (
                    each.name,
                    f"{each.about.encoder}, {each.about.image_size} px",
                    _trained(each),
                    each.about.license,
                    each.short_sha256,
                    each.exposure,
                )
                for each in listing.encoders
            ],
        )
    else:
        output.line("  none yet")
    if listing.damaged:
        output.heading("Damaged")
        output.facts({each.name: each.what for each in listing.damaged})
    output.heading("To be pulled by name")
    if listing.known:
        output.table(
            ("name", "licence", "from"),
            [(each.name, each.license, each.url) for each in listing.known],
        )
    else:
        output.line("  none is built in: pull from an address or from another lab's folder")
    if not listing.encoders:
        output.next_steps(
            "dermctl zoo add NAME CKPT --license SPDX", "dermctl zoo pull URL    # or a folder"
        )
