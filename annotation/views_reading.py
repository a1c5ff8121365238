"""What helps to read: the words in which two answers, or an answer and its edit, differ. Fragments of a page, asked for by it."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotation import asking
from annotation.access import role_required
from annotation.differences import as_html, only_here, words
from annotation.models import Role, Sample, Seat
from annotation.rendering import plain
from annotation.written import checked_text


def _answers(request: HttpRequest, seat_id: int) -> dict[str, Sample]:
    """The answers of a seat that the caller holds, by the letters under which they see them."""
    held = Seat.objects.held_by(request.user).select_related("project", "task")
    ask = asking.of_seat(get_object_or_404(held, pk=seat_id))
    return {ask.letters[sample.pk]: sample for sample in ask.samples}


@role_required(Role.RATER)
@never_cache
@require_safe
def differences(request: HttpRequest, seat_id: int) -> HttpResponse:
    """The answer `a` with marks on the words that the answer `b` does not have; both by letter, so that nothing else is told."""
    answers = _answers(request, seat_id)
    one, other = (answers.get(request.GET.get(name, "")) for name in ("a", "b"))
    if one is None or other is None:
        return _refused(request, [_("Name two answers by their letters: ?a=A&b=B.")])
    marked = mark_safe(only_here(plain(one.messages), plain(other.messages)))
    return _shown(request, marked, other=request.GET["b"])


@role_required(Role.RATER)
@require_POST
def changes(request: HttpRequest, seat_id: int) -> HttpResponse:
    """What the posted `text` changes in the one answer that the seat asks to improve; nothing is kept."""
    answers = list(_answers(request, seat_id).values())
    if len(answers) != 1:
        return _refused(request, [_("This question does not ask to improve one answer.")])
    try:
        text = checked_text(request.POST.get("text", ""), "text")
    except ValidationError as error:
        return _refused(request, error.messages)
    return _shown(request, mark_safe(as_html(words(answers[0].text, text))))


def _shown(request: HttpRequest, marked: SafeString, other: str = "") -> HttpResponse:
    return render(request, "annotation/differences.html", {"marked": marked, "other": other})


def _refused(request: HttpRequest, errors: list[str]) -> HttpResponse:
    return render(request, "annotation/differences.html", {"errors": errors}, status=422)
