"""Users and groups, as the documentation of django-scim2 has them."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django_scim.models import AbstractSCIMGroupMixin, AbstractSCIMUserMixin


class Group(AbstractSCIMGroupMixin):
    """A group."""

    name = models.CharField(max_length=80, unique=True)


class User(AbstractSCIMUserMixin, AbstractUser):
    """Somebody who may sign in while ``is_active``."""

    scim_groups = models.ManyToManyField(Group, related_name="user_set")
