"""The forms of the import: the file that is sent, and how its columns are read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from annotation import importing, rowfiles, uploads
from annotation.parts import names, part

MAP = "map-"


def shapes() -> list[tuple[str, str]]:
    """The shapes by name and title."""
    return [(name, part("IMPORTS", name).TITLE) for name in names("IMPORTS")]


class CommonForm(forms.Form):
    """What the rows of a file have in common."""

    language = forms.CharField(
        label=_("Language"), max_length=12, required=False, help_text=_("For rows that name none, e.g. “en”.")
    )
    source = forms.CharField(label=_("Source"), max_length=200, required=False, help_text=_("Where the rows come from."))
    licence = forms.CharField(
        label=_("Licence"), max_length=120, required=False, help_text=_("E.g. “CC-BY-4.0”. Snapshots carry it along.")
    )

    @property
    def defaults(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in importing.DEFAULTED}


class UploadForm(CommonForm):
    """A file, what its rows are, if that is known, and what they have in common."""

    file = forms.FileField(label=_("File"), help_text=_("JSONL or JSON (also .gz), CSV or Parquet."))
    shape = forms.ChoiceField(
        label=_("What the rows are"), required=False, help_text=_("You can change it when you see the first rows.")
    )
    field_order = ["file", "shape"]

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["shape"].choices = [("", _("Find out from the columns")), *shapes()]  # type: ignore[attr-defined]
        self.fields["file"].widget.attrs["accept"] = ",".join((*rowfiles.SUFFIXES, ".gz"))

    def clean_file(self) -> UploadedFile:
        file = self.cleaned_data["file"]
        if file.size > uploads.LARGEST:
            raise forms.ValidationError(
                _("The file is larger than %(most)s: split it.") % {"most": filesizeformat(uploads.LARGEST)}
            )
        try:
            rowfiles.suffix_of(file.name)
        except rowfiles.FileProblem as problem:
            raise forms.ValidationError(str(problem)) from None
        return file


class ReadingForm(CommonForm):
    """Which column of a file is which field of a shape. Fields of which nothing is said are shown as they are guessed."""

    shape = forms.ChoiceField(label=_("What the rows are"))
    skip_bad = forms.BooleanField(label=_("Leave out the bad rows"), required=False)

    def __init__(self, data: Any, look: importing.Look, **kwargs: Any):
        shape = data.get("shape")
        self.fields_of = part("IMPORTS", shape).FIELDS if shape in names("IMPORTS") else ()
        guessed = look.guess(shape) if self.fields_of else {}
        unsaid = {MAP + field.name: guessed.get(field.name, "") for field in self.fields_of if MAP + field.name not in data}
        super().__init__({**{name: data[name] for name in data}, **unsaid}, **kwargs)
        self.fields["shape"].choices = shapes()  # type: ignore[attr-defined]
        columns = [("", _("not in this file")), *((column, column) for column in look.columns)]
        for field in self.fields_of:
            self.fields[MAP + field.name] = forms.ChoiceField(label=field.title, choices=columns, required=False)

    @property
    def reading(self) -> importing.Reading:
        mapping = {field.name: self.cleaned_data[MAP + field.name] for field in self.fields_of}
        return importing.Reading(self.cleaned_data["shape"], mapping, self.defaults)

    def columns(self) -> list[forms.BoundField]:
        """The selects of the columns."""
        return [self[MAP + field.name] for field in self.fields_of]


def as_data(reading: importing.Reading) -> dict[str, str]:
    """A reading as the form's data."""
    return {"shape": reading.shape, **reading.defaults, **{MAP + name: column for name, column in reading.mapping.items()}}
