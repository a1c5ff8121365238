"""How a body is read: JSON that a database can keep, or a refusal that says why not."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from annotation import rowfiles


class StorableJSONParser(JSONParser):
    """JSON without NUL characters, halves of surrogate pairs or a depth that would end in a crash further in."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            value = super().parse(stream, media_type, parser_context)
            rowfiles.check_storable(value)
        except RecursionError:
            raise ParseError(_("The body is nested too deep.")) from None
        except ValueError as error:
            raise ParseError(_("The body %(problem)s.") % {"problem": error}) from None
        return value
