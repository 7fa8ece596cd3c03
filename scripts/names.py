"""Names of new routes."""

import re


class Refused(Exception):
    """Why a name cannot be that of a new route."""


def check(root, name, suffixes, files):
    """The name is good as a segment of a path and a component's id, and is free in the repository at `root`.

    `suffixes` are those of the ids of its other components; `files` are the paths that the route brings.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*", name) or len(name) > 40:
        raise Refused(f"'{name}' is not a name for a route: words of a-z and 0-9 that start with a letter, joined by single hyphens")
    manifest = (root / "spin.toml").read_text(encoding="utf-8")
    components = [f"[component.{name}{suffix}]" for suffix in ("", *suffixes)]
    for taken in (*components, f'route = "/{name}"', f'route = "/{name}/...'):
        if taken in manifest:
            raise Refused(f"the name '{name}' is taken: spin.toml has {taken}")
    for path in files:
        if (root / path).exists():
            raise Refused(f"the name '{name}' is taken: there is {path}")
