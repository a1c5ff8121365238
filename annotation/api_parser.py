"""How a body is read: JSON that a database can keep, or a refusal that says why not."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.status import HTTP_413_REQUEST_ENTITY_TOO_LARGE

from annotation import rowfiles


class TooLarge(APIException):
    """A body beyond what one call may send."""

    status_code = HTTP_413_REQUEST_ENTITY_TOO_LARGE


class StorableJSONParser(JSONParser):
    """JSON without NUL characters, halves of surrogate pairs or a depth that would end in a crash further in."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(most + 1)
        if len(body) > most:
            raise TooLarge(_("The body is larger than %(bytes)d bytes: send less in one call, or a file.") % {"bytes": most})
        try:
            value = super().parse(BytesIO(body), media_type, parser_context)
            rowfiles.check_storable(value)
        except RecursionError:
            raise ParseError(_("The body is nested too deep.")) from None
        except ValueError as error:
            raise ParseError(_("The body %(problem)s.") % {"problem": error}) from None
        return value
