"""Projects, who works in them, how they came in, and the tokens with which their programs call."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


def digest_of(secret: str) -> str:
    """The SHA-256 under which a random secret is kept; the secret itself is shown once and never stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Role(models.TextChoices):
    RATER = "rater", _("Rater")
    REVIEWER = "reviewer", _("Reviewer")
    LEAD = "lead", _("Lead")

    @property
    def rank(self) -> int:
        return [Role.RATER, Role.REVIEWER, Role.LEAD].index(self)

    @classmethod
    def at_least(cls, role: Role) -> list[Role]:
        """The roles that may do whatever `role` may do."""
        return [other for other in cls if other.rank >= role.rank]


class Member(models.Model):
    """One user's role in one project."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    project = models.ForeignKey("annotation.Project", models.CASCADE, related_name="members")
    role = models.CharField(max_length=10, choices=Role)
    languages = models.JSONField(
        default=list, blank=True, help_text=_("The languages in which this member judges, best first. Empty: any.")
    )
    invitation = models.ForeignKey("annotation.Invitation", models.SET_NULL, null=True, blank=True, related_name="members")
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "project"], name="one_role_per_user_and_project"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="member_has_a_known_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.project} · {self.get_role_display()}"


def project_ids(user: User | AnonymousUser, role: Role = Role.RATER) -> models.QuerySet[Any, Any] | None:
    """The ids of the projects in which `user` has at least `role`, as a subquery; None for a superuser, who has every role."""
    if user.is_superuser:
        return None
    return Member.objects.filter(user_id=user.pk or 0, role__in=Role.at_least(role)).values("project_id")


class ProjectScoped(models.QuerySet):
    """Rows that belong to a project: a caller sees those of the projects in which they have a role."""

    project_path = "project_id"

    def visible_to(self, user: User | AnonymousUser, role: Role = Role.RATER):
        ids = project_ids(user, role)
        return self if ids is None else self.filter(**{f"{self.project_path}__in": ids})


class ProjectQuerySet(ProjectScoped):
    project_path = "id"


class Project(models.Model):
    """A piece of work for people: guidelines, members, prompts."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        PAUSED = "paused", _("Paused")
        CLOSED = "closed", _("Closed")

    name = models.CharField(_("name"), max_length=120, unique=True)
    description = models.TextField(_("description"), blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    overlap = models.PositiveSmallIntegerField(
        _("overlap"), default=1, help_text=_("How many people judge each new task. More seats can be added to a task later.")
    )
    hold_minutes = models.PositiveIntegerField(
        _("hold, in minutes"),
        default=45,
        help_text=_("After this long without a sign of life a rater's seat may go to somebody else."),
    )
    undo_minutes = models.PositiveIntegerField(
        _("undo, in minutes"),
        default=10,
        help_text=_("How long raters may change the judgement that they sent last. 0: not at all."),
    )
    policy = models.CharField(_("next task"), max_length=20, default="in_order", help_text=_("Which task a rater gets next."))
    most_per_rater = models.PositiveIntegerField(
        _("most per rater"),
        null=True,
        blank=True,
        help_text=_("After this many judgements a rater gets no more here. Empty: no limit."),
    )
    comment_required = models.BooleanField(
        _("comments are required"), default=False, help_text=_("Each judgement must say why, in a comment.")
    )
    aspects = models.JSONField(
        _("aspects"), default=list, blank=True, help_text=_("What “rate” asks of each answer: names, titles and scales.")
    )
    gold_percent = models.PositiveSmallIntegerField(
        _("known answers, in percent"),
        default=0,
        validators=[MaxValueValidator(50)],
        help_text=_("This share of each rater's tasks are ones whose answer is known; raters cannot tell which."),
    )
    pass_percent = models.PositiveSmallIntegerField(
        _("entry test, in percent"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(100)],
        help_text=_("Raters first judge the entry tasks and must be this right to go on. Empty: no test."),
    )
    created = models.DateTimeField(default=timezone.now, editable=False)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(overlap__gte=1), name="overlap_is_at_least_one"),
            models.CheckConstraint(condition=Q(gold_percent__lte=50), name="known_answers_are_at_most_half"),
            models.CheckConstraint(condition=Q(pass_percent=None) | Q(pass_percent__lte=100), name="a_test_is_passed_by_percent"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def guidelines(self) -> Guidelines | None:
        """The guidelines in force: the newest version."""
        return self.guidelines_versions.order_by("-version").first()

    def role_of(self, user: User | AnonymousUser) -> Role | None:
        """The user's role here; a superuser is lead everywhere."""
        if user.is_superuser:
            return Role.LEAD
        member = self.members.filter(user_id=user.pk or 0).first()
        return Role(member.role) if member else None


class Guidelines(models.Model):
    """One version of what raters are told. Never edited: a change is a new version, and judgements name theirs."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="guidelines_versions")
    version = models.PositiveIntegerField()
    text = models.TextField()
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "guidelines"
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="one_text_per_guidelines_version")]

    def __str__(self) -> str:
        return f"{self.project} v{self.version}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> InvitationQuerySet:
        used = models.Count("members")
        return self.annotate(used=used).filter(revoked=None, expires__gt=timezone.now(), used__lt=models.F("places"))

    def for_secret(self, secret: str) -> InvitationQuerySet:
        return self.open().filter(digest=digest_of(secret))


class Invitation(models.Model):
    """A link with which `places` people may sign up to a project; only its hash is stored."""

    project = models.ForeignKey("annotation.Project", models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role, default=Role.RATER)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    places = models.PositiveIntegerField(default=1)
    expires = models.DateTimeField()
    revoked = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    objects = InvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.project} · {self.get_role_display()} · {self.places}"

    @classmethod
    def issue(cls, **fields: Any) -> tuple[Invitation, str]:
        """A new invitation and its secret, which is shown this once."""
        secret = secrets.token_urlsafe(24)
        return cls.objects.create(digest=digest_of(secret), **fields), secret


class Scope(models.TextChoices):
    READ = "read", _("Read what its owner may read")
    RATE = "rate", _("Claim seats and submit judgements")
    WRITE = "write", _("Create and change what its owner may change")


def every_scope() -> list[str]:
    return list(Scope.values)


class ApiToken(models.Model):
    """A program's key. It acts as its owner, within its scopes; only its hash is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=every_scope)
    created = models.DateTimeField(default=timezone.now, editable=False)
    expires = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @classmethod
    def issue(cls, **fields: Any) -> tuple[ApiToken, str]:
        """A new token and its secret, which is shown this once."""
        secret = f"crisol_{secrets.token_urlsafe(32)}"
        return cls.objects.create(prefix=secret[:12], digest=digest_of(secret), **fields), secret
