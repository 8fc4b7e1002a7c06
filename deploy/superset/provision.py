"""Bring Superset's own database up to date: its schema, the roles, the administrator, the dashboard.

Run by `scripts/superset` with Superset's Python. On standard input comes JSON: the files to import, the
password that the administrator gets, and the one that it gets only if it is new.
"""  # noqa: INP001

import json
import sys

from flask_migrate import upgrade
from superset.app import create_app

ADMINISTRATOR = "admin"


def administrator(password: str, initial_password: str) -> object:
    """Give the administrator, created if there is none, with the password if there is one."""
    from superset import security_manager  # noqa: PLC0415

    user = security_manager.find_user(ADMINISTRATOR)
    if user is None:
        role = security_manager.find_role("Admin")
        mail = f"{ADMINISTRATOR}@localhost"
        return security_manager.add_user(
            ADMINISTRATOR, "Administrator", "", mail, role, password or initial_password
        )
    if password:
        security_manager.reset_password(user.id, password)
    return user


def main() -> int:
    """Do what is left to do."""
    request = json.load(sys.stdin)
    with create_app().app_context():
        # these can be imported within an application only
        from superset import appbuilder, security_manager  # noqa: PLC0415
        from superset.commands.importers.v1.assets import ImportAssetsCommand  # noqa: PLC0415
        from superset.utils.core import override_user  # noqa: PLC0415

        upgrade()
        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        with override_user(administrator(request["password"], request["initial_password"])):
            ImportAssetsCommand(request["files"]).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
