"""The leads' pages: runs, checkpoints, corpora."""

from django.urls import path

from training import views_models, views_new, views_runs, views_tokens

urlpatterns = [
    path("runs/", views_runs.runs, name="runs"),
    path("runs/new/", views_new.recipes, name="recipes"),
    path("runs/new/<str:recipe>/", views_new.run_new, name="run_new"),
    path("runs/<int:run_id>/", views_runs.run, name="run"),
    path("runs/<int:run_id>/live/", views_runs.run_live, name="run_live"),
    path("runs/<int:run_id>/stop/", views_runs.run_stop, name="run_stop"),
    path("runs/<int:run_id>/resume/", views_runs.run_resume, name="run_resume"),
    path("runs/<int:run_id>/start/", views_runs.run_start, name="run_start"),
    path("runs/<int:run_id>/raters/", views_runs.run_raters, name="run_raters"),
    path("checkpoints/", views_models.checkpoints, name="checkpoints"),
    path("checkpoints/import/", views_models.checkpoint_import, name="checkpoint_import"),
    path("checkpoints/<int:checkpoint_id>/", views_models.checkpoint, name="checkpoint"),
    path("checkpoints/<int:checkpoint_id>/tokens/", views_tokens.checkpoint_tokens, name="checkpoint_tokens"),
    path("corpora/", views_models.corpora, name="corpora"),
]
