"""Runs the tests of a client."""


def run(names):
    """Calls each function of a module whose name begins with `test_`; stops at the first failure."""
    for name, test in list(names.items()):
        if name.startswith("test_"):
            try:
                test()
            except Exception as error:
                raise SystemExit(f"{name}: {type(error).__name__}: {error}") from error
