"""Licences as SPDX writes them."""

from __future__ import annotations

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from dermctl.errors import UsageFault


def check_license(text: str) -> str:
    """An SPDX expression in its canonical form: ``cc-by-nc-4.0`` -> ``CC-BY-NC-4.0``.

    Raises:
        UsageFault: it is none.
    """
    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression as error:
        raise UsageFault(
            f"'{text}' is no licence that SPDX knows",
            where="--license",
            hint="Take its SPDX identifier (Apache-2.0, CC-BY-NC-4.0, … as spdx.org/licenses lists "
            "them), or LicenseRef-NAME for terms of your own",
        ) from error
