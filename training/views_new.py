"""Where a lead starts a run: pick a recipe, fill its form."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from annotation.access import role_required
from annotation.models import Role
from annotation.parts import names


@require_GET
@role_required(Role.LEAD)
def recipes(request: HttpRequest) -> HttpResponse:
    """The recipes, each with its sentence."""
    return render(request, "training/recipes.html", {"recipes": names("RECIPES")})


@require_http_methods(["GET", "POST"])
@role_required(Role.LEAD)
def run_new(request: HttpRequest, recipe: str) -> HttpResponse:
    """The recipe's form."""
    if recipe not in names("RECIPES"):
        raise Http404
    return render(request, "training/run_new.html", {"recipe": recipe})
