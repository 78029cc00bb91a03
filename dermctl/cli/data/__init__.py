"""``dermctl data …``: one module a command."""

import typer

from dermctl.cli.data import (
    audit,
    check,
    download,
    prepare,
    reasons,
    sample,
    split,
    taxonomy,
    validate,
)
from dermctl.cli.data import list as list_

app = typer.Typer(no_args_is_help=True, help="Sources, datasets and what is in them.")
app.command("list", epilog=list_.EXAMPLE)(list_.list_data)
app.command("download", epilog=download.EXAMPLE)(download.download)
app.command("validate", epilog=validate.EXAMPLE)(validate.validate)
app.command("reasons", epilog=reasons.EXAMPLE)(reasons.reasons)
app.command("prepare", epilog=prepare.EXAMPLE)(prepare.prepare)
app.command("split", epilog=split.EXAMPLE)(split.split)
app.command("audit", epilog=audit.EXAMPLE)(audit.audit)
app.command("check", epilog=check.EXAMPLE)(check.check)
app.command("taxonomy", epilog=taxonomy.EXAMPLE)(taxonomy.taxonomy)
app.command("sample", epilog=sample.EXAMPLE)(sample.sample)
