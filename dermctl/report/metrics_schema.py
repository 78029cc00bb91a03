"""The published JSON schema of ``metrics.json``: ``metrics.schema.json`` beside this module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMA_ID = "urn:dermctl:metrics:1"
"""Names the schema in every ``metrics.json``, under ``$schema``; its number is the version."""


def metrics_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12)."""
    schema: dict[str, Any] = json.loads(
        Path(__file__).with_name("metrics.schema.json").read_text(encoding="utf-8")
    )
    return schema
