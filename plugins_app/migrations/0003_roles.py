from django.contrib.auth.management import create_permissions
from django.db import migrations

from plugins_app.roles import ensure_roles


def create(apps, schema_editor):
    # Permissions are made after all migrations; the groups need them now.
    for app_config in apps.get_app_configs():
        if app_config.label == "plugins_app":
            app_config.models_module = True
            create_permissions(app_config, apps=apps, verbosity=0)
            app_config.models_module = None
    ensure_roles(apps)


class Migration(migrations.Migration):
    dependencies = [
        ("plugins_app", "0002_append_only_audit"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
