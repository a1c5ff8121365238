"""The import of a file in two steps: what is good and what is wrong is shown first; then the good rows are added, or not."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from annotation import importing, rowfiles, uploads
from annotation.access import role_required
from annotation.forms import UploadForm
from annotation.models import Project, Role
from annotation.parts import names, part
from annotation.views_project import led


@role_required(Role.LEAD)
@require_http_methods(["GET", "POST"])
def import_file(request: HttpRequest, project_id: int) -> HttpResponse:
    """Step one: a file is sent, read to its end, and kept with what was found in it."""
    project = led(request, project_id)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("import_check", project.pk, _kept(project, form.cleaned_data))
        except rowfiles.FileProblem as problem:
            form.add_error("file", str(problem))
    context = {
        "project": project,
        "form": form,
        "shapes": [_shape(name) for name in names("IMPORTS")],
        "suffixes": rowfiles.SUFFIXES,
    }
    return render(request, "annotation/import.html", context, status=422 if request.method == "POST" else 200)


def _shape(name: str) -> dict[str, Any]:
    module = part("IMPORTS", name)
    return {"title": module.TITLE, "help": module.HELP, "example": json.dumps(module.EXAMPLE, ensure_ascii=False)}


def _kept(project: Project, data: dict[str, Any]) -> str:
    file: UploadedFile = data["file"]
    defaults = {name: data[name] for name in importing.DEFAULTED}
    report = importing.check(data["shape"], file.file, str(file.name), defaults)  # type: ignore[arg-type]
    about = {
        "project": project.pk,
        "shape": data["shape"],
        "name": Path(str(file.name)).name,
        "defaults": defaults,
        "report": asdict(report),
    }
    file.seek(0)
    return uploads.keep(file, about)


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD"])
def import_check(request: HttpRequest, project_id: int, upload: str) -> HttpResponse:
    """Step two: the problems by line, the first good rows, and the choice."""
    project = led(request, project_id)
    _path, about = _upload(project, upload)
    report = about["report"]
    columns = list(report["preview"][0]) if report["preview"] else []
    context = {
        "project": project,
        "upload": upload,
        "name": about["name"],
        "title": part("IMPORTS", about["shape"]).TITLE,
        "report": report,
        "columns": columns,
        "rows": [[row.get(column, "") for column in columns] for row in report["preview"]],
        "more": report["bad"] - len(report["problems"]),
    }
    return render(request, "annotation/import_check.html", context)


@role_required(Role.LEAD)
@require_POST
def import_commit(request: HttpRequest, project_id: int, upload: str) -> HttpResponse:
    """Adds the good rows of a file that was checked."""
    project = led(request, project_id)
    path, about = _upload(project, upload)
    try:
        with open(path, "rb") as file:
            outcome = importing.commit(project, about["shape"], file, about["name"], defaults=about["defaults"], skip_bad=True)
    except ValueError as error:
        messages.error(request, str(error))
        return redirect("import", project.pk)
    uploads.forget(upload)
    words = ngettext("%(count)d row was imported.", "%(count)d rows were imported.", outcome.added) % {"count": outcome.added}
    if outcome.known:
        words += " " + _("%(count)d were there already.") % {"count": outcome.known}
    messages.success(request, words)
    return redirect("project", project.pk)


def _upload(project: Project, name: str) -> tuple[Path, dict[str, Any]]:
    found = uploads.find(name)
    if found is None or found[1]["project"] != project.pk:
        raise Http404(_("This upload is gone: send the file again."))
    return found
