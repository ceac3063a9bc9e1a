"""What each method of a view needs. The roles of `plugins_app.roles` are sets of these permissions."""

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from plugins_app.roles import ROLES


class HasItsPermission(BasePermission):
    """Asks `view.needs`, a codename by method. A method without one is open to all who logged in."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        needs: Mapping[str, str] = view.needs
        codename = needs.get("GET" if request.method == "HEAD" else request.method)
        if codename and not request.user.has_perm(f"plugins_app.{codename}"):
            roles = " or ".join(role for role, held in ROLES.items() if codename in held)
            raise PermissionDenied(
                f"That needs the permission {codename!r}, which the role {roles} has. "
                "Ask an administrator for it."
            )
        return True
