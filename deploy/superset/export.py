"""Write the dashboard, with its charts and queries, back to the files that it is kept in.

Run by `scripts/superset --export` with Superset's Python; the folder of the files comes on standard input.
What a release or an import brings anyway is left out.
"""  # noqa: INP001

import sys
from pathlib import Path
from typing import Any

import yaml
from superset.app import create_app

SLUG = "opportunity-cities"
FOLDERS = {"charts", "dashboards", "datasets"}
NOT_KEPT = {"datasource", "slice_id", "dashboards"}
OF_THE_RELEASE = {"description", "extra", "database_uuid", "version"}
OF_THE_IMPORT = "count"


class Dumper(yaml.SafeDumper):
    """Lays files out as those that are written by hand."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Indent lists too."""
        return super().increase_indent(flow, indentless=False)


def dumped_text(dumper: Dumper, text: str) -> yaml.ScalarNode:
    """A text; one of several lines as it is."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Dumper.add_representer(str, dumped_text)


def filled(values: dict[str, Any]) -> dict[str, Any]:
    """What is not left empty."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def kept_dataset(dataset: dict[str, Any]) -> dict[str, Any] | None:
    """A dataset without what the release says; None if nothing is left of it but the table."""
    of_the_release = OF_THE_RELEASE - ({"description"} if dataset["sql"] else set())
    kept = filled({name: value for name, value in dataset.items() if name not in of_the_release})
    kept["sql"] = dataset["sql"]
    columns = [filled(column) for column in dataset["columns"] if column["expression"]]
    metrics = [
        filled({name: value for name, value in metric.items() if name != "extra"})
        for metric in dataset["metrics"]
        if metric["metric_name"] != OF_THE_IMPORT
    ]
    kept |= {"columns": columns, "metrics": metrics}
    return kept if dataset["sql"] or columns or metrics else None


def kept(folder: str, content: dict[str, Any]) -> dict[str, Any] | None:
    """What of a file is kept; None if nothing."""
    if folder == "datasets":
        return kept_dataset(content)
    if folder == "charts":
        params = {name: value for name, value in content["params"].items() if name not in NOT_KEPT}
        return filled(content | {"params": params})
    return filled(content)


def exported() -> dict[str, Any]:
    """What Superset exports, by file name."""
    with create_app().app_context():
        # these can be imported within an application only
        from superset import db, security_manager  # noqa: PLC0415
        from superset.commands.dashboard.export import ExportDashboardsCommand  # noqa: PLC0415
        from superset.models.dashboard import Dashboard  # noqa: PLC0415
        from superset.utils.core import override_user  # noqa: PLC0415

        dashboard = db.session.query(Dashboard).filter_by(slug=SLUG).one()
        with override_user(security_manager.find_user("admin")):
            return {
                name: yaml.safe_load(text()) for name, text in ExportDashboardsCommand([dashboard.id]).run()
            }


def main() -> int:
    """Replace the files; one that holds what it held keeps its name."""
    root = Path(sys.stdin.read())
    paths = {yaml.safe_load(path.read_text(encoding="utf-8"))["uuid"]: path for path in root.rglob("*.yaml")}
    files = {}
    for name, found in exported().items():
        folder, _, file_name = name.partition("/")
        content = kept(folder, found) if folder in FOLDERS else None
        if content:
            path = paths.get(content["uuid"], root / folder / file_name.rpartition("/")[2].lower())
            files[path] = yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    for path in paths.values():
        path.unlink()
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
