"""The page on which a lead sees how a checkpoint's tokenizer cuts a text."""

from __future__ import annotations

from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from annotation.access import role_required
from annotation.models import Role
from training import tokens_shown
from training.models import Checkpoint

MOST_CHARACTERS = 20_000
SAMPLE = "El río baja crecido: ¿quién lo cruza?\nThe river runs high, and nobody crosses it. 🌊 x = 3.14159\n"


@role_required(Role.LEAD)
@require_http_methods(["GET", "POST"])
def checkpoint_tokens(request: HttpRequest, checkpoint_id: int) -> HttpResponse:
    """The text that was sent, in tokens; only those where htmx asks. It is sent in the body, so that no log keeps it."""
    found = get_object_or_404(Checkpoint.objects.visible_to(request.user, Role.LEAD), pk=checkpoint_id)
    text = request.POST.get("text", "").replace("\r\n", "\n") if request.method == "POST" else SAMPLE
    context = {"checkpoint": found, "text": text, **_shown(Path(found.path), text)}
    return render(request, "training/tokens_shown.html" if "HX-Request" in request.headers else "training/tokens.html", context)


def _shown(folder: Path, text: str) -> dict[str, object]:
    if len(text) > MOST_CHARACTERS:
        said = _("The text has %(length)d characters; at most %(most)d are shown. Take a part of it.")
        return {"wrong": said % {"length": len(text), "most": MOST_CHARACTERS}}
    try:
        return {"cut": tokens_shown.cut(folder, text)}
    except tokens_shown.NoTokenizer as error:
        return {"wrong": _("This checkpoint has no tokenizer that can be read: %(why)s") % {"why": error}}
