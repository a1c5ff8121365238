"""Every door. Each app lists its own pages; the programs' doors are under /api/."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("annotation.urls")),
    path("", include("training.urls")),
    path("", include("evals.urls")),
    path("api/", include("config.api")),
]
