"""Checks what the function beside this finds: `check.py URL LOG`, where LOG has what its component wrote."""

import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from checking import ended, expect

URL, LOG = sys.argv[1], Path(sys.argv[2])

FAILURES = {
    "sleep": "NotImplementedError: a function cannot wait",
    "exit": "SystemExit: 3",
    "recurse": "RecursionError: ",
    "divide": "    return 1 / 0\n",
    "import": "There are no files when a function is called: import at the top of function.py.",
    "open": "a function has no files; read them at the top of function.py",
    "nan": "TypeError: nan has no form in JSON",
    "thread": "RuntimeError: can't start new thread",
}


def ask(what, request_id="none", prefer="wait=10", **arguments):
    """The status and the JSON of an answer."""
    headers = {"Content-Type": "application/json", "X-Request-Id": request_id, "Prefer": prefer}
    request = urllib.request.Request(URL, json.dumps({"do": what, **arguments}).encode(), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


expect(ask("table"), (200, {"a": [1, None]}))
expect(ask("package"), (200, 3600.0))
expect(ask("imported"), (200, "AQ=="))
expect(
    ask("types", points=[{"x": 1}, {"x": 2, "y": 3}], colour="red"),
    (200, {"sum": {"x": 6.0, "y": 0.0}, "colour": "red", "is_red": True}),
)
status, problem = ask("types", points=[{"x": 1}, {"z": 2}])
expect((status, problem["code"], problem["pointer"]), (422, "invalid-body", "/points/1/x"))
expect(len({ask("random")[1] for _ in range(5)}), 5)
status, (now, moment, day) = ask("time")
# A datetime has microseconds.
expect((status, abs(now - time.time()) < 60, abs(moment - now) < 2e-6, len(day)), (200, True, True, 10))

# As a job, with the id of the request that brought it.
status, job = ask("print", "job-1", prefer="respond-async")
expect((status, job["status"]), (202, "queued"))
job = ended(URL.rsplit("/", 1)[0], job["id"])
expect((job["status"], job["result"]), ("succeeded", None))
expect("[job-1] to output\n" in LOG.read_text(encoding="utf-8"), True)

expect(ask("print", "abc-1"), (200, None))
written = LOG.read_text(encoding="utf-8")
for line in ["to output", "to error", "to the log"]:
    expect(f"[abc-1] {line}\n" in written, True)

for what, logged in FAILURES.items():
    before = len(LOG.read_text(encoding="utf-8"))
    status, problem = ask(what, f"id-{what}")
    # A trap would be told of by the host.
    expect((what, status, problem["type"]), (what, 500, "/about/problems/internal-error"))
    written = LOG.read_text(encoding="utf-8")[before:]
    if f"request id-{what}: POST /: internal-error: Traceback" not in written or logged not in written:
        sys.exit(f"{what}: the log has no '{logged}':\n{written}")
