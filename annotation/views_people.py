"""The door and who may come in: sign in, sign up by invitation, members of a project, tokens of one's programs."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login as sign_in
from django.contrib.auth.views import LoginView, LogoutView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django.views.i18n import set_language

from annotation.access import caller, public, role_required, signed_in
from annotation.forms_people import InvitationForm, RoleForm, SignUpForm, TokenForm
from annotation.models import Invitation, Member, Project, Role
from annotation.people import digest_of

login = public(LoginView.as_view(redirect_authenticated_user=True))  # type: ignore[arg-type]
logout = public(LogoutView.as_view())  # type: ignore[arg-type]
language = public(require_POST(set_language))


@public
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, secret: str) -> HttpResponse:
    """An invitation: a new person signs up, a signed-in one is added to the project."""
    invitation = Invitation.objects.for_secret(secret).select_related("project", "created_by").first()
    if invitation is None:
        return render(request, "registration/invitation_over.html", status=404)
    form = None if request.user.is_authenticated else SignUpForm(request.POST or None)
    if request.method == "POST" and (form is None or form.is_valid()):
        return _enter(request, secret, form)
    status = 422 if request.method == "POST" else 200
    return render(request, "registration/join.html", {"invitation": invitation, "form": form}, status=status)


def _enter(request: HttpRequest, secret: str, form: SignUpForm | None) -> HttpResponse:
    """Takes a place under the invitation's lock, so that the last place is given once."""
    with transaction.atomic():
        invitation = Invitation.objects.select_for_update().get(digest=digest_of(secret))
        if not Invitation.objects.for_secret(secret).exists():
            return render(request, "registration/invitation_over.html", status=404)
        user = form.save() if form else caller(request)
        member, created = Member.objects.get_or_create(
            user=user, project=invitation.project, defaults={"role": invitation.role, "invitation": invitation}
        )
    if form:
        sign_in(request, user, backend="django.contrib.auth.backends.ModelBackend")
    words = _("Welcome to %(project)s.") if created else _("You were already a member of %(project)s.")
    messages.success(request, words % {"project": member.project})
    return redirect("home")


@role_required(Role.LEAD)
@never_cache
@require_http_methods(["GET", "POST"])
def members(request: HttpRequest, project_id: int) -> HttpResponse:
    """Who works here; a POST makes an invitation link, which is shown once."""
    project = get_object_or_404(Project.objects.visible_to(request.user, Role.LEAD), pk=project_id)
    form, link = InvitationForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        secret = form.issue(project, caller(request))[1]
        link = request.build_absolute_uri(reverse("join", args=[secret]))
        form = InvitationForm()
    context = {
        "project": project,
        "form": form,
        "link": link,
        "members": project.members.select_related("user").order_by("user__username"),
        "invitations": project.invitations.open().order_by("expires"),
        "roles": Role.choices,
    }
    return render(request, "annotation/members.html", context, status=422 if form.errors else 200)


def _other_member(request: HttpRequest, project_id: int, member_id: int) -> Member:
    """A member of the project who is not the caller: a lead who steps down could leave the project without any."""
    mine = Project.objects.visible_to(request.user, Role.LEAD).filter(pk=project_id)
    return get_object_or_404(Member.objects.filter(project__in=mine).exclude(user=caller(request)), pk=member_id)


@role_required(Role.LEAD)
@require_POST
def member_role(request: HttpRequest, project_id: int, member_id: int) -> HttpResponse:
    """Gives a member another role."""
    form = RoleForm(request.POST, instance=_other_member(request, project_id, member_id))
    if form.is_valid():
        member = form.save()
        messages.success(request, _("%(name)s is now %(role)s.") % {"name": member.user, "role": member.get_role_display().lower()})
    else:
        messages.error(request, _("There is no such role."))
    return redirect("members", project_id)


@role_required(Role.LEAD)
@require_POST
def member_remove(request: HttpRequest, project_id: int, member_id: int) -> HttpResponse:
    """Takes a member out of the project; what they judged stays."""
    member = _other_member(request, project_id, member_id)
    member.delete()
    messages.success(request, _("%(name)s is no longer a member.") % {"name": member.user})
    return redirect("members", project_id)


@role_required(Role.LEAD)
@require_POST
def invitation_revoke(request: HttpRequest, project_id: int, invitation_id: int) -> HttpResponse:
    """Closes an invitation link; those who came in by it stay."""
    mine = Project.objects.visible_to(request.user, Role.LEAD).filter(pk=project_id)
    invitation = get_object_or_404(Invitation.objects.filter(project__in=mine), pk=invitation_id)
    Invitation.objects.filter(pk=invitation.pk, revoked=None).update(revoked=timezone.now())
    messages.success(request, _("The link no longer works."))
    return redirect("members", project_id)


@signed_in
@never_cache
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The caller's API tokens; a POST makes one, whose secret is shown once."""
    form, secret = TokenForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        secret = form.issue(caller(request))[1]
        form = TokenForm()
    mine = caller(request).api_tokens.order_by("-created")
    context = {"form": form, "secret": secret, "tokens": mine, "now": timezone.now()}
    return render(request, "annotation/tokens.html", context, status=422 if form.errors else 200)


@signed_in
@require_POST
def token_revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """Ends a token of the caller's."""
    token = get_object_or_404(caller(request).api_tokens, pk=token_id)
    caller(request).api_tokens.filter(pk=token.pk, revoked=None).update(revoked=timezone.now())
    messages.success(request, _("The token “%(name)s” no longer works.") % {"name": token.name})
    return redirect("tokens")
