"""What every test stands on: a database of its own, a home folder of its own, a project with a lead and a rater."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation

from annotation.models import Member, Project, Role

DATABASE = {"db", "transactional_db", "live_server"}  # fixtures of pytest-django


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--only-database", action="store_true", help="only the tests that use the database")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest file comes first: begun last, it would keep one worker busy alone.

    With `--only-database` the tests that use none stay out: they say the same whichever there is. None can use it unseen, for
    pytest-django refuses whoever has not asked.
    """
    items.sort(key=lambda item: item.path.name != "test_river.py")
    if not config.getoption("--only-database"):
        return
    chosen = [item for item in items if item.get_closest_marker("django_db") or DATABASE & set(getattr(item, "fixturenames", ()))]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory, django_db_modify_db_settings):
    """SQLite in a file instead of memory, so that threads and the live server meet the locks that users meet."""
    database = django_settings.DATABASES["default"]
    if "sqlite3" in database["ENGINE"]:
        database.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(scope="session", autouse=True)
def static_files_are_found_when_asked_for() -> None:
    """Else each client of each test would look at every one of them before its first request."""
    django_settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """A page in Spanish leaves its thread speaking Spanish; the next test starts in English."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def crisol_home(tmp_path, settings):
    """CRISOL_HOME of this test: snapshots, runs and checkpoints land here."""
    settings.CRISOL_HOME = tmp_path / "home"
    settings.CRISOL_HOME.mkdir()
    return settings.CRISOL_HOME


@pytest.fixture
def lead(db) -> User:
    return User.objects.create_user("lead")


@pytest.fixture
def rater(db) -> User:
    return User.objects.create_user("rater")


@pytest.fixture
def project(lead, rater) -> Project:
    """A project, open, overlap 1, in which `lead` leads and `rater` rates."""
    project = Project.objects.create(name="River")
    Member.objects.create(project=project, user=lead, role=Role.LEAD)
    Member.objects.create(project=project, user=rater, role=Role.RATER)
    return project


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """`client_of(user)`: a browser in which they have signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in
