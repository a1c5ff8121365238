"""What the people pages ask for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.models import ApiToken, Invitation, Member, Project, Role, Scope
from annotation.simulated import is_simulated


class RoleForm(forms.ModelForm):
    class Meta:
        model = Member
        fields = ["role"]


class InvitationForm(forms.Form):
    """A link for some people, for some days."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.RATER)
    places = forms.IntegerField(label=_("People who may use it"), min_value=1, max_value=1000, initial=1)
    days = forms.IntegerField(label=_("Days until it expires"), min_value=1, max_value=365, initial=14)

    def issue(self, project: Project, lead: User) -> tuple[Invitation, str]:
        """The invitation and its secret, which is shown this once."""
        data = self.cleaned_data
        expires = timezone.now() + timedelta(days=data["days"])
        return Invitation.issue(project=project, created_by=lead, role=data["role"], places=data["places"], expires=expires)


class SignUpForm(UserCreationForm):
    class Meta:
        model = User
        fields = ["username"]

    def clean_username(self) -> str:
        name = super().clean_username()
        if is_simulated(name):
            raise forms.ValidationError(_("Names that begin with “sim-” are for simulated raters: choose another."))
        return name


class TokenForm(forms.Form):
    """A program's key: a name to recognise it by, what it may do, and for how long."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("What it is for, so that you know it again."))
    scopes = forms.MultipleChoiceField(
        label=_("It may"), choices=Scope.choices, initial=[Scope.READ], widget=forms.CheckboxSelectMultiple
    )
    days = forms.IntegerField(
        label=_("Days until it expires"), min_value=1, max_value=3650, required=False, help_text=_("Empty: never.")
    )

    def issue(self, user: User) -> tuple[ApiToken, str]:
        """The token and its secret, which is shown this once."""
        data: dict[str, Any] = self.cleaned_data
        expires = timezone.now() + timedelta(days=data["days"]) if data["days"] else None
        return ApiToken.issue(user=user, name=data["name"], scopes=data["scopes"], expires=expires)
