"""Doors of `evals/`, under /api/."""

from django.urls import path

from evals import api

urlpatterns = [
    path("projects/<int:project_id>/evaluations/", api.Evaluations.as_view(), name="api_evaluations"),
    path("evaluations/<int:evaluation_id>/", api.OneEvaluation.as_view(), name="api_evaluation"),
]
