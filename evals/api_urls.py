"""Doors of `evals/`, under /api/."""

urlpatterns: list = []
