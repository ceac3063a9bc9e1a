"""The four roles and what each may do. Made as groups by a migration; operators may add their own."""

from collections.abc import Mapping
from typing import Any, Final

VIEWER: Final = "Viewer"
OPERATOR: Final = "Operator"
MANAGER: Final = "Manager"
AUDITOR: Final = "Auditor"

_SEE: Final = frozenset(
    f"view_{model}"
    for model in ("plugin", "transition", "run", "runevent", "artifact", "upload", "worker")
)
_OPERATE: Final = _SEE | {"start_run", "cancel_run", "add_upload"}
_MANAGE: Final = _OPERATE | {"restart_plugin", "reload_plugin", "configure_plugin"}

ROLES: Final[Mapping[str, frozenset[str]]] = {
    VIEWER: _SEE,
    OPERATOR: _OPERATE,
    MANAGER: _MANAGE,
    AUDITOR: _SEE | {"view_auditentry"},
}


def ensure_roles(apps: Any) -> None:
    """Make the groups that are missing, with their permissions; leave others' changes alone.

    APPS is a registry of models: the real one, or a migration's.
    """
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    permissions = permission_model.objects.filter(content_type__app_label="plugins_app")
    for role, codenames in ROLES.items():
        group, is_new = group_model.objects.get_or_create(name=role)
        if is_new:
            group.permissions.set(permissions.filter(codename__in=codenames))
