"""Doors of `training/`, under /api/."""

from django.urls import path

from training import api, api_models, api_recipes

urlpatterns = [
    path("recipes/", api_recipes.Recipes.as_view(), name="api_recipes"),
    path("projects/<int:project_id>/corpora/", api_models.Corpora.as_view(), name="api_corpora"),
    path("projects/<int:project_id>/checkpoints/", api_models.Checkpoints.as_view(), name="api_checkpoints"),
    path("projects/<int:project_id>/runs/", api.Runs.as_view(), name="api_runs"),
    path("checkpoints/<int:checkpoint_id>/", api_models.OneCheckpoint.as_view(), name="api_checkpoint"),
    path("runs/<int:run_id>/", api.OneRun.as_view(), name="api_run"),
    path("runs/<int:run_id>/events/", api.Events.as_view(), name="api_events"),
    path("runs/<int:run_id>/findings/", api.Findings.as_view(), name="api_findings"),
    path("runs/<int:run_id>/log/", api.Log.as_view(), name="api_log"),
    path("runs/<int:run_id>/stop/", api.Stop.as_view(), name="api_stop"),
    path("runs/<int:run_id>/resume/", api.Resume.as_view(), name="api_resume"),
]
