"""A finding as the record holds it, and back."""

from typing import Any

import msgspec

from fleettui.diagnosis.finding import Finding


def finding_as_json(finding: Finding) -> dict[str, Any]:
    """Everything of it, in what JSON can hold."""
    plain: dict[str, Any] = msgspec.to_builtins(finding)
    return plain


def finding_from_json(plain: object) -> Finding:
    """The same finding. Raises ValueError for what is none."""
    return msgspec.convert(plain, Finding)
