"""The reviewers' room: one judgement after the other, to approve, to return, or to overrule."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from annotation import asking, reviewing
from annotation.access import MOST_ID, caller, role_required
from annotation.correcting import ask_of
from annotation.forms_tasks import titles
from annotation.models import Judgement, Project, Role
from annotation.parts import names
from annotation.said import said_of
from annotation.views_desk import form_of


class QueueForm(forms.Form):
    """Which judgements, and in which order. `after`: the last one that was put off."""

    order = forms.ChoiceField(label=gettext_lazy("Order"), choices=list(reviewing.ORDERS.items()), required=False)
    rater = forms.CharField(label=gettext_lazy("Rater"), max_length=150, required=False)
    kind = forms.ChoiceField(label=gettext_lazy("Question"), required=False)
    flagged = forms.BooleanField(label=gettext_lazy("Only flagged tasks"), required=False)
    after = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1, max_value=MOST_ID)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [("", gettext_lazy("All")), *titles(names("KINDS"))]  # type: ignore[attr-defined]

    def queue(self, project: Project, reviewer: Any) -> list[int]:
        """Ids of what waits; of nothing when the form asks for what cannot be."""
        if not self.is_valid():
            return []
        asked = {name: self.cleaned_data[name] for name in ("rater", "kind", "flagged")}
        rows = reviewing.waiting(project, reviewer, **asked)
        return reviewing.queue(rows, self.cleaned_data["order"] or next(iter(reviewing.ORDERS)))

    def following(self, ids: list[int]) -> list[int]:
        """Those that come after the one that was put off."""
        after = self.cleaned_data.get("after")
        return ids[ids.index(after) + 1 :] if after in ids else ids


def _project(request: HttpRequest, project_id: int) -> Project:
    return get_object_or_404(Project.objects.visible_to(request.user, Role.REVIEWER), pk=project_id)


def _judgement(project: Project, judgement_id: int) -> Judgement:
    rows = Judgement.objects.filter(seat__project=project).select_related(
        "seat__project", "task__prompt", "rater", "written__origin", "guidelines"
    )
    return get_object_or_404(rows, pk=judgement_id)


@role_required(Role.REVIEWER)
@never_cache
@require_safe
def review(request: HttpRequest, project_id: int) -> HttpResponse:
    """The first judgement that waits for a reviewer, by the order and the filters of the query string."""
    project, form = _project(request, project_id), QueueForm(request.GET)
    ids = form.queue(project, caller(request))
    rest = form.following(ids) if ids else []
    judgement = _judgement(project, rest[0]) if rest else None
    return _page(request, project, form, judgement, waiting=len(ids))


@role_required(Role.REVIEWER)
@never_cache
@require_http_methods(["GET", "POST"])
def review_judgement(request: HttpRequest, project_id: int, judgement_id: int) -> HttpResponse:
    """One judgement; a POST approves or returns it, and the next one follows."""
    project = _project(request, project_id)
    judgement = _judgement(project, judgement_id)
    if request.method == "GET":
        return _page(request, project, QueueForm(request.GET), judgement)
    verdict, comment = request.POST.get("verdict", ""), request.POST.get("comment", "")
    try:
        if verdict == "approved":
            reviewing.approve(judgement, caller(request))
        else:
            reviewing.send_back(judgement, caller(request), comment)
    except ValidationError as error:
        more = {"errors": error.messages, "comment": comment}
        return _page(request, project, QueueForm(request.GET), judgement, status=422, **more)
    except reviewing.Refused as refused:
        messages.warning(request, str(refused))
    else:
        messages.success(request, _("Approved.") if verdict == "approved" else _("Returned to its rater."))
    return redirect(_queue_url(project, request.GET))


@role_required(Role.REVIEWER)
@never_cache
@require_http_methods(["GET", "POST"])
def review_ruling(request: HttpRequest, project_id: int, judgement_id: int) -> HttpResponse:
    """The question of a judgement, for the reviewer to answer; a POST is their ruling."""
    project = _project(request, project_id)
    judgement = _judgement(project, judgement_id)
    ask, errors = ask_of(judgement), []
    draft: dict[str, Any] = form_of(request, ask) if request.method == "POST" else {"comment": ""}
    try:
        if request.method == "GET":
            reviewing.check_ruling(judgement, caller(request))
        else:
            payload = asking.payload_from_post(ask, request.POST)
            reviewing.rule(judgement, caller(request), payload, seconds=draft["seconds"], comment=draft["comment"])
            messages.success(request, _("Your ruling stands: snapshots take it in place of what the raters said."))
            return redirect(_queue_url(project, request.GET))
    except ValidationError as error:
        errors = error.messages
    except reviewing.Refused as refused:
        messages.warning(request, str(refused))
        return redirect(_queue_url(project, request.GET))
    context = {
        "project": project,
        "judgement": judgement,
        "question": ask.kind,
        "prompt": judgement.task.prompt,
        "comment": draft["comment"],
        "errors": errors,
        "query": request.GET.urlencode(),
        **asking.context(ask, draft),
    }
    return render(request, "annotation/review_ruling.html", context, status=422 if errors else 200)


def _queue_url(project: Project, query: QueryDict) -> str:
    url = reverse("review", args=[project.pk])
    return f"{url}?{query.urlencode()}" if query else url


def _page(request: HttpRequest, project: Project, form: QueueForm, judgement: Judgement | None, **more: Any) -> HttpResponse:
    later = request.GET.copy()
    if judgement:
        later["after"] = str(judgement.pk)
    context = {
        "project": project,
        "form": form,
        "judgement": judgement,
        "said": said_of(judgement) if judgement else None,
        "latest": reviewing.LATEST,
        "query": request.GET.urlencode(),
        "later": later.urlencode(),
        **_hindrance(judgement, request),
        **more,
    }
    return render(request, "annotation/review.html", context, status=more.get("status", 200))


def _hindrance(judgement: Judgement | None, request: HttpRequest) -> dict[str, str]:
    """Why the caller cannot review what they look at, if so: told before they press a button."""
    try:
        if judgement:
            reviewing.check(judgement, caller(request))
    except reviewing.Refused as refused:
        return {"hindrance": str(refused)}
    return {}
