"""The door for programs."""

urlpatterns: list = []
