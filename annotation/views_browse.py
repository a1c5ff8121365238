"""The browser of leads and reviewers: prompts, samples and judgements by filters and words, each with all about its prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from annotation import browsing
from annotation.access import role_required
from annotation.forms_browse import BrowseForm, JudgementsForm, PromptsForm, SamplesForm
from annotation.models import Project, Prompt, Role


@role_required(Role.REVIEWER)
@require_safe
def browse(request: HttpRequest, project_id: int) -> HttpResponse:
    """What the project asks."""
    return _tab(request, project_id, "prompts", PromptsForm(request.GET), browsing.prompts)


@role_required(Role.REVIEWER)
@require_safe
def browse_samples(request: HttpRequest, project_id: int) -> HttpResponse:
    """What people and models answered."""
    return _tab(request, project_id, "samples", SamplesForm(request.GET), browsing.samples)


@role_required(Role.REVIEWER)
@require_safe
def browse_judgements(request: HttpRequest, project_id: int) -> HttpResponse:
    """What people judged."""

    def rows(project: Project, asked: browsing.Asked) -> QuerySet[Any]:
        return browsing.judgement_rows(browsing.judgements(project, asked))

    return _tab(request, project_id, "judgements", JudgementsForm(request.GET), rows)


@role_required(Role.REVIEWER)
@require_safe
def browse_prompt(request: HttpRequest, project_id: int, prompt_id: int) -> HttpResponse:
    """All about one prompt; for htmx without the page around it. The query string may name the row that it was opened from."""
    prompts = Prompt.objects.visible_to(request.user, Role.REVIEWER).select_related("project")
    prompt = get_object_or_404(prompts, pk=prompt_id, project=project_id)
    marked = {name: request.GET.get(name, "") for name in ("sample", "judgement")}
    leads = prompt.project.role_of(request.user) == Role.LEAD
    context = {"project": prompt.project, "leads": leads, "about": browsing.about(prompt), "marked": marked}
    return render(request, f"annotation/browse_prompt.html{'#about' if request.htmx else ''}", context)  # type: ignore[attr-defined]


def _tab(
    request: HttpRequest, project_id: int, tab: str, form: BrowseForm, rows_of: Callable[[Project, browsing.Asked], QuerySet[Any]]
) -> HttpResponse:
    """A page of the rows that the form asks for; of none when it asks for what cannot be."""
    project = get_object_or_404(Project.objects.visible_to(request.user, Role.REVIEWER), pk=project_id)
    valid = form.is_valid()
    asked = form.asked() if valid else {}
    rows = rows_of(project, asked) if valid else Prompt.objects.none()
    page = browsing.page(rows, form.cleaned_data.get("before"), form.cleaned_data.get("after"))
    if tab == "judgements":
        page.rows[:] = map(browsing.judgement_row, page.rows)
    context = {
        "project": project,
        "leads": project.role_of(request.user) == Role.LEAD,
        "tab": tab,
        "form": form,
        "asked": asked,
        "page": page,
        "count": browsing.counted(rows, page),
        "most": browsing.COUNTED,
    }
    return render(request, "annotation/browse.html", context, status=200 if valid else 422)
