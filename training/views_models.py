"""The pages of checkpoints and corpora."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_http_methods

from annotation.access import role_required
from annotation.models import Role
from training.models import Checkpoint, Corpus


@require_GET
@role_required(Role.LEAD)
def checkpoints(request: HttpRequest) -> HttpResponse:
    """Every checkpoint of the lead's projects, newest first."""
    rows = Checkpoint.objects.visible_to(request.user, Role.LEAD).select_related("project", "run").order_by("-id")
    return render(request, "training/checkpoints.html", {"checkpoints": rows})


@require_GET
@role_required(Role.LEAD)
def checkpoint(request: HttpRequest, checkpoint_id: int) -> HttpResponse:
    """One checkpoint."""
    found = get_object_or_404(Checkpoint.objects.visible_to(request.user, Role.LEAD), pk=checkpoint_id)
    return render(request, "training/checkpoint.html", {"checkpoint": found})


@require_http_methods(["GET", "POST"])
@role_required(Role.LEAD)
def checkpoint_import(request: HttpRequest) -> HttpResponse:
    """Brings a model from a folder or from the hub."""
    return render(request, "training/checkpoint_import.html")


@require_http_methods(["GET", "POST"])
@role_required(Role.LEAD)
def corpora(request: HttpRequest) -> HttpResponse:
    """The texts of the lead's projects, and a form to add one."""
    rows = Corpus.objects.visible_to(request.user, Role.LEAD).select_related("project").order_by("-id")
    return render(request, "training/corpora.html", {"corpora": rows})
