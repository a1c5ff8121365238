"""Doors of `training/`, under /api/."""

urlpatterns: list = []
