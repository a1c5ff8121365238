"""The import of a file in two steps: it is sent and kept; then its columns are named, its problems shown, its good rows added.

The file stays until it is imported or a day has passed: nothing that is wrong with it or with how it is read loses it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation import importing, rowfiles, uploads
from annotation.access import role_required
from annotation.forms_import import ReadingForm, UploadForm, as_data
from annotation.models import Project, Role
from annotation.parts import names, part
from annotation.views_project import led

ROWS_SHOWN = 5
PREVIEWED = {
    "prompt": gettext_lazy("Prompt"),
    "language": gettext_lazy("Language"),
    "kind": gettext_lazy("Kind"),
    "response": gettext_lazy("Response"),
    "answers": gettext_lazy("Answers"),
    "best": gettext_lazy("Best"),
    "grades": gettext_lazy("Grades"),
    "rater": gettext_lazy("Rater"),
}


@role_required(Role.LEAD)
@require_http_methods(["GET", "POST"])
def import_file(request: HttpRequest, project_id: int) -> HttpResponse:
    """Step one: a file is sent, read to its end, and kept with what was found in it."""
    project = led(request, project_id)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("import_check", project.pk, _kept(project, form))
        except rowfiles.FileProblem as problem:
            form.add_error("file", str(problem))
    context = {
        "project": project,
        "form": form,
        "shapes": [_shape(name) for name in names("IMPORTS")],
    }
    return render(request, "annotation/import.html", context, status=422 if request.method == "POST" else 200)


def _shape(name: str) -> dict[str, Any]:
    module = part("IMPORTS", name)
    return {"title": module.TITLE, "help": module.HELP, "example": json.dumps(module.EXAMPLE, ensure_ascii=False)}


def _kept(project: Project, form: UploadForm) -> str:
    """The name under which the file is kept. FileProblem when not even its beginning can be read."""
    file, name = form.cleaned_data["file"], Path(str(form.cleaned_data["file"].name)).name
    look = importing.look(file.file, name)
    shape = form.cleaned_data["shape"] or look.shape or names("IMPORTS")[0]
    reading = importing.Reading(shape, look.guess(shape), form.defaults)
    about = {"project": project.pk, "name": name, **_checked(reading, file.file, name)}
    file.seek(0)
    return uploads.keep(file, about)


def _checked(reading: importing.Reading, file: Any, name: str) -> dict[str, Any]:
    """What is kept beside a file: how it is read, what it then holds, and what stops the reading, if anything does."""
    report, stopped = importing.Report(), ""
    try:
        report = importing.check(reading, file, name)
    except rowfiles.FileProblem as problem:
        stopped = str(problem)
    return {"reading": asdict(reading), "report": asdict(report), "stopped": stopped}


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def import_check(request: HttpRequest, project_id: int, upload: str) -> HttpResponse:
    """Step two: how the columns are read, the problems by line, the first good rows, and the choice.

    With a reading in its query the page shows what that makes of the first rows; when one is posted, the whole file is read so.
    """
    project = led(request, project_id)
    path, about = _upload(project, upload)
    with open(path, "rb") as file:
        look = importing.look(file, about["name"])
        form = ReadingForm(request.POST or request.GET or as_data(importing.Reading(**about["reading"])), look)
        valid = form.is_valid()
        if request.method == "POST" and valid:
            uploads.note(upload, about | _checked(form.reading, file, about["name"]))
            return redirect("import_check", project.pk, upload)
        trial = bool(request.GET or request.POST)
        report = asdict(_trial(form, file, about["name"])) if trial and valid else about["report"]
    context = {
        "project": project,
        "upload": upload,
        "name": about["name"],
        "stopped": about["stopped"],
        "form": form,
        "looks_like": part("IMPORTS", look.shape).TITLE if look.shape else "",
        "trial": trial,
        "trial_rows": importing.LOOKED_AT,
        "report": report,
        "more": report["bad"] - len(report["problems"]),
        **_table(look, form),
        **_preview(report["preview"]),
    }
    template = "annotation/import_check.html" + ("#reading" if getattr(request, "htmx", False) else "")
    return render(request, template, context, status=200 if valid else 422)


def _trial(form: ReadingForm, file: Any, name: str) -> importing.Report:
    """What the reading makes of the first rows."""
    return importing.check(form.reading, file, name, importing.LOOKED_AT)


def _table(look: importing.Look, form: ReadingForm) -> dict[str, Any]:
    """The first rows as they stand in the file, and over each column the field that is read from it."""
    used = {field.value(): field.label for field in form.columns() if field.value()}
    shown = [column for column in look.columns if "." not in column or column in used or any(column in row for row in look.rows)]
    cells = [[_cell(importing.columns.value_at(row, column)) for column in shown] for row in look.rows[:ROWS_SHOWN]]
    return {"raw_columns": [(column, used.get(column, "")) for column in shown], "raw_rows": cells}


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def _preview(rows: list[dict[str, Any]]) -> dict[str, Any]:
    columns = [column for column in PREVIEWED if any(column in row for row in rows)]
    return {
        "columns": [PREVIEWED[column] for column in columns],
        "rows": [[row.get(column, "") for column in columns] for row in rows],
    }


@role_required(Role.LEAD)
@require_safe
def import_problems(request: HttpRequest, project_id: int, upload: str) -> StreamingHttpResponse:
    """All problems of a file as CSV, one a line."""
    path, about = _upload(led(request, project_id), upload)
    reading = importing.Reading(**about["reading"])
    response = StreamingHttpResponse(_problems(path, about["name"], reading), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="problems.csv"'
    return response


def _problems(path: Path, name: str, reading: importing.Reading) -> Iterator[str]:
    yield _csv_line("line", "reason")
    with open(path, "rb") as file:
        try:
            yield from (_csv_line(*problem) for problem in importing.problems(reading, file, name))
        except rowfiles.FileProblem as problem:
            yield _csv_line("", str(problem))


def _csv_line(*cells: Any) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


@role_required(Role.LEAD)
@require_POST
def import_commit(request: HttpRequest, project_id: int, upload: str) -> HttpResponse:
    """Adds the good rows of a file, read as the page says. When that is refused the file and its page stay."""
    project = led(request, project_id)
    path, about = _upload(project, upload)
    try:
        with open(path, "rb") as file:
            outcome = importing.commit(
                project, _posted(request, about, file), file, about["name"], skip_bad="skip_bad" in request.POST
            )
    except ValueError as error:
        messages.error(request, str(error))
        return redirect("import_check", project.pk, upload)
    uploads.forget(upload)
    words = _("Imported: %(added)d new, %(known)d there already.") % {"added": outcome.added, "known": outcome.known}
    messages.success(request, words)
    return redirect("project", project.pk)


def _posted(request: HttpRequest, about: dict[str, Any], file: Any) -> importing.Reading:
    """The reading on the page, which may be newer than the one that was checked last."""
    if "shape" not in request.POST:
        return importing.Reading(**about["reading"])
    form = ReadingForm(request.POST, importing.look(file, about["name"]))
    if not form.is_valid():
        raise ValueError(_("A column was chosen that this file does not have: check again."))
    return form.reading


def _upload(project: Project, name: str) -> tuple[Path, dict[str, Any]]:
    found = uploads.find(name)
    if found is None or found[1]["project"] != project.pk:
        raise Http404(_("This upload is gone: send the file again."))
    return found
