"""Every setting, read from the environment. `docs/operator.md` lists the variables; the parts that can be added are listed last."""

import os
import secrets
import sys
from pathlib import Path

import dj_database_url
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parent.parent
CRISOL_HOME = Path(os.environ.get("CRISOL_HOME", BASE_DIR / "var")).resolve()
CRISOL_HOME.mkdir(parents=True, exist_ok=True)


def _flag(name: str) -> bool:
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def _words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def _secret_key() -> str:
    """The key from the environment, else one made at the first start that only this user can read."""
    if key := os.environ.get("CRISOL_SECRET_KEY"):
        return key
    path = CRISOL_HOME / "secret_key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        # A process that starts at the same instant may have made the file and not yet filled it.
        for _attempt in range(50):
            if key := path.read_text().strip():
                return key
            import time

            time.sleep(0.02)
        raise SystemExit(f"{path} is empty: delete it and start again.") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(key := secrets.token_urlsafe(50))
    return key


DEBUG = _flag("CRISOL_DEBUG")
SECRET_KEY = _secret_key()
ALLOWED_HOSTS = _words("CRISOL_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = _words("CRISOL_ORIGINS")
HTTPS = _flag("CRISOL_HTTPS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "annotation",
    "training",
    "evals",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.turnstile.turnstile",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "config.zone.reader_zone",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["annotation.templatetags.crisol", "annotation.templatetags.written_once"],
            "libraries": {"i18n": "annotation.templatetags.written_once"},
        },
    }
]

# Local disk only for SQLite. FULL, because NORMAL may lose an acknowledged judgement when the power fails.
DATABASES = {"default": dj_database_url.config(default=f"sqlite:///{CRISOL_HOME / 'crisol.sqlite3'}", conn_max_age=60)}
if "sqlite3" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-20000;",
    }
else:  # A rater's statements are planned once a connection, not once a judgement: a quarter of the database's work at the desk.
    DATABASES["default"]["OPTIONS"] = {"server_side_binding": True, "prepare_threshold": 3}
SILENCED_SYSTEM_CHECKS = ["templates.W003"]  # two libraries are called i18n on purpose
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "annotation.accounts.RoleBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SESSION_ENGINE = "annotation.sessions"
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "login", "home", "login"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("es", _("Spanish"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = os.environ.get("CRISOL_TIME_ZONE", "UTC")
USE_I18N = USE_TZ = True

# Served from where they lie; nothing is collected.
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "annotation.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["annotation.tokens.ScopePermission", "annotation.api_access.AccessPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["annotation.api_parser.StorableJSONParser", "rest_framework.parsers.MultiPartParser"],
    "DEFAULT_PAGINATION_CLASS": "annotation.api_pages.IdCursorPagination",
    "DEFAULT_SCHEMA_CLASS": "annotation.api_schema.DoorSchema",
    "EXCEPTION_HANDLER": "annotation.doors.explain",
    "URL_FORMAT_OVERRIDE": None,  # `?format=` names an export shape
    "PAGE_SIZE": 100,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Crisol",
    "DESCRIPTION": "Human judgement into better language models. Authenticate with `Authorization: Bearer <token>`.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/",
    "COMPONENT_SPLIT_REQUEST": True,
    "TAGS": [
        {"name": name, "description": description}
        for name, description in {
            "projects": "Guidelines, members, invitations.",
            "prompts": "What is asked; files of prompts, demonstrations and rankings.",
            "samples": "Answers, of people and of models.",
            "tasks": "Work wanted from people.",
            "seats": "For programs that rate: claim, draft, submit, hand back.",
            "judgements": "What raters answered.",
            "snapshots": "Judgements frozen into rows to train on.",
            "corpora": "Plain text for tokenizers and base models.",
            "runs": "Recipes and their executions.",
            "checkpoints": "What runs made, with its lineage.",
            "evaluations": "Measures and blind comparisons.",
        }.items()
    ],
    "ENUM_NAME_OVERRIDES": {
        "ProjectState": "annotation.models.Project.State",
        "RunState": "training.models.Run.State",
        "MemberRole": "annotation.people.Role",
        "CheckpointRole": "training.models.Checkpoint.Role",
        "QuestionKind": "config.settings.KINDS",
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("CRISOL_LOG", "WARNING" if "test" in sys.argv else "INFO")},
    "loggers": {"axes": {"level": "WARNING"}},
}

# How many attempts run at once on this machine; the others wait in the queue.
CRISOL_LOCAL_SLOTS = int(os.environ.get("CRISOL_LOCAL_SLOTS", "1"))

# ---------------------------------------------------------------------------------------------------------------------------
# The parts. Each is one file and one line here; `tests/test_parts.py` walks them.

KINDS = {
    "write": "annotation.kinds.write",
    "rank": "annotation.kinds.rank",
    "compare": "annotation.kinds.compare",
    "rate": "annotation.kinds.rate",
    "edit": "annotation.kinds.edit",
}
POLICIES = {
    "in_order": "annotation.policies.in_order",
    "random": "annotation.policies.random",
    "fewest": "annotation.policies.fewest",
    "disagreement": "annotation.policies.disagreement",
}
IMPORTS = {
    "prompts": "annotation.imports.prompts",
    "demonstrations": "annotation.imports.demonstrations",
    "rankings": "annotation.imports.rankings",
    "logged": "annotation.imports.logged",
    "comparisons": "annotation.imports.comparisons",
    "argilla": "annotation.imports.argilla",
    "label_studio": "annotation.imports.label_studio",
    "openassistant": "annotation.imports.openassistant",
    "hh_rlhf": "annotation.imports.hh_rlhf",
    "arena": "annotation.imports.arena",
}
FORMATS = {
    "preference": "annotation.formats.preference",
    "ranking": "annotation.formats.ranking",
    "sft": "annotation.formats.sft",
    "unpaired": "annotation.formats.unpaired",
    "logged": "annotation.formats.logged",
}
RECIPES = {
    "clean": "training.recipes.clean",
    "tokenizer": "training.recipes.tokenizer",
    "pretrain": "training.recipes.pretrain",
    "sft": "training.recipes.sft",
    "reward": "training.recipes.reward",
    "ppo": "training.recipes.ppo",
    "dpo": "training.recipes.dpo",
    "kto": "training.recipes.kto",
    "orpo": "training.recipes.orpo",
    "simpo": "training.recipes.simpo",
    "awr": "training.recipes.awr",
    "best_of_n": "training.recipes.best_of_n",
    "grpo": "training.recipes.grpo",
    "rloo": "training.recipes.rloo",
    "sample": "training.recipes.sample",
    "fetch": "training.recipes.fetch",
    "evaluate": "evals.recipe",
    "score": "evals.score",
}
# What is written from the database into a run's folder before it starts, by the word that its recipe calls MATERIAL.
MATERIALS = {
    "waiting_answers": "training.materials.waiting_answers",
}
# What becomes of a run's `out/` folder when it has succeeded, by the word that its recipe calls OUTCOME.
OUTCOMES = {
    "checkpoint": "training.outcomes.checkpoint",
    "corpus": "training.outcomes.corpus",
    "samples": "training.outcomes.samples",
    "rewards": "training.outcomes.rewards",
    "scores": "evals.outcomes.scores",
    "findings": "training.outcomes.findings",
}
# Who looks at a live run at every pass of the supervisor, once its events are read, by the kind of event that they wait for.
LISTENERS = {
    "audit": "evals.audits.ask",
}
ENGINES = {
    "local": "training.engines.local",
}
METRICS = {
    "perplexity": "evals.metrics.perplexity",
    "token_accuracy": "evals.metrics.token_accuracy",
    "bleu": "evals.metrics.bleu",
    "rouge": "evals.metrics.rouge",
    "chrf": "evals.metrics.chrf",
    "reward": "evals.metrics.reward",
    "reward_accuracy": "evals.metrics.reward_accuracy",
}
