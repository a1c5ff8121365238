"""What the pages of snapshots ask for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from annotation.models import Snapshot


class SnapshotForm(forms.ModelForm):
    """A name, and the shares of prompts that are kept from training."""

    validation = forms.FloatField(
        label=_("Validation, in percent"),
        min_value=0,
        max_value=99,
        initial=10,
        help_text=_("Of the prompts; looked at while training."),
    )
    test = forms.FloatField(
        label=_("Test, in percent"), min_value=0, max_value=99, initial=10, help_text=_("Of the prompts; looked at only to report.")
    )

    reliability = forms.BooleanField(
        label=_("Soft labels"),
        required=False,
        help_text=_("Adds how sure each preference is and how much each rater's word weighs, by a model of all rankings."),
    )

    class Meta:
        model = Snapshot
        fields = ["name"]

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        if Snapshot.objects.filter(project=self.instance.project, name=name).exists():
            raise forms.ValidationError(_("This project has a snapshot of this name."))
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("validation", 0) + data.get("test", 0) >= 100:
            self.add_error("test", _("Validation and test together must stay below 100 percent."))
        return data

    def save_for(self, user: User) -> Snapshot:
        """The snapshot, waiting to be frozen."""
        shares = {name: self.cleaned_data[name] / 100 for name in ("validation", "test")}
        soft = {"reliability": True} if self.cleaned_data["reliability"] else {}
        self.instance.options, self.instance.created_by = shares | soft, user
        return self.save()
