"""Template words that every page has."""

from django import template

from annotation.models import Member, Role

register = template.Library()


@register.filter
def leads_something(user) -> bool:
    """Whether the leads' pages are for this user."""
    return user.is_superuser or Member.objects.filter(user_id=user.pk, role=Role.LEAD).exists()
