"""The pages of evaluations: list, new, report, and the report as files."""

from django.urls import path

from evals import views

urlpatterns = [
    path("evaluations/", views.evaluations, name="evaluations"),
    path("evaluations/new/", views.evaluation_new, name="evaluation_new"),
    path("evaluations/<int:evaluation_id>/", views.evaluation, name="evaluation"),
    path("evaluations/<int:evaluation_id>/report.html", views.evaluation_file, name="evaluation_file"),
    path("evaluations/<int:evaluation_id>/report.json", views.evaluation_json, name="evaluation_json"),
]
