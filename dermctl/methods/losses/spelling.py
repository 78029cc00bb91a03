"""Losses as a user writes them: ``nt_xent``, ``TripletMarginLoss(margin=0.1)``."""

from __future__ import annotations

import ast
from typing import Any

from dermctl.errors import ConfigError


def parse_loss(text: str) -> tuple[str, dict[str, Any]]:
    """A name, or a name with parameters in parentheses -> (name, parameters).

    Nothing is run: parameters are plain literals, given by name.

    Raises:
        ConfigError: it is written in another way.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise _unreadable(text) from error
    if isinstance(tree, ast.Name):
        return tree.id, {}
    if not (isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and not tree.args):
        raise _unreadable(text)
    parameters: dict[str, Any] = {}
    for keyword in tree.keywords:
        if keyword.arg is None:  # **something
            raise _unreadable(text)
        try:
            parameters[keyword.arg] = ast.literal_eval(keyword.value)
        except ValueError as error:
            raise _unreadable(text) from error
    return tree.func.id, parameters


def _unreadable(text: str) -> ConfigError:
    return ConfigError(
        f"'{text}' cannot be read as a loss",
        where="loss",
        hint="Write a name, with parameters in parentheses: 'TripletMarginLoss(margin=0.1)'",
    )
