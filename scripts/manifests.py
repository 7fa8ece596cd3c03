"""The manifests of the API, and the table of what their components may reach, for what adds components to them."""

import re

MANIFESTS = ("spin.toml", "spin.no-speech.toml")
PERMISSIONS = "runtime-tests/tests/app/permissions.toml"


def add(root, components, grants, worker_host=None):
    """Adds components to each manifest, and lines to the table of permissions; nothing where one of them is not as expected.

    `worker_host` is a host that the worker may call from now on. Raises LookupError.
    """
    changed = {}
    for name in MANIFESTS:
        text = (root / name).read_text(encoding="utf-8")
        if worker_host:
            hosts = re.compile(r"(\n\[component\.worker\]\n(?:(?!\[).*\n)*?allowed_outbound_hosts = \[[^]]*)\]")
            text, times = hosts.subn(rf'\1, "{worker_host}"]', text)
            if times != 1:
                raise LookupError(f"{name} has no component 'worker' with allowed_outbound_hosts")
        changed[name] = text + components
    table = (root / PERMISSIONS).read_text(encoding="utf-8")
    application, heading, worker = table.partition('\n["spin.worker.toml"]')
    if worker_host:
        host = re.compile(r"(\nworker = \[\n)")
        application, times = host.subn(rf'\1    "allowed_outbound_hosts: {worker_host}",\n', application)
        if times != 1:
            raise LookupError(f"{PERMISSIONS} has no component 'worker'")
    if not heading:
        raise LookupError(f"{PERMISSIONS} has no [\"spin.worker.toml\"]")
    changed[PERMISSIONS] = application + grants + heading + worker
    for name, text in changed.items():
        (root / name).write_text(text, encoding="utf-8")
