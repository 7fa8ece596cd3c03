"""The generator's and the package check's refusals."""

import contextlib
import io
import shutil
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "scripts/functions"), str(ROOT / "scripts")]

import contract
import manifests
import new
import packages


class InFolder(unittest.TestCase):
    """Tests in a folder of their own."""

    def setUp(self):
        """Makes the folder."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        sys.dont_write_bytecode = True

    def exit_of(self, function, *arguments):
        """What a tool says when it gives up."""
        with self.assertRaises(SystemExit) as raised:
            function(*arguments)
        return str(raised.exception)


class New(InFolder):
    """New functions, in a repository with a manifest."""

    def setUp(self):
        """Copies the manifest."""
        super().setUp()
        for name in (*manifests.MANIFESTS, manifests.PERMISSIONS):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)

    def test_a_new_function_has_its_files_and_a_current_contract(self):
        """Everything that names it is there, and the example holds."""
        new.add(self.root, "trial-words")
        folder = self.root / "functions/trial-words"
        self.assertEqual((folder / "contract.json").read_text(encoding="utf-8"), contract.text(folder))
        self.assertIn('"result": 2.33', contract.text(folder))
        manifest = (self.root / "spin.toml").read_text(encoding="utf-8")
        self.assertTrue((self.root / "spin.no-speech.toml").read_text(encoding="utf-8").endswith(manifest[-2000:]))
        table = tomllib.loads((self.root / manifests.PERMISSIONS).read_text(encoding="utf-8"))["spin.toml"]
        self.assertIn("allowed_outbound_hosts: http://trial-words-function.spin.internal", table["worker"])
        self.assertEqual(table["trial-words-python"], [])
        self.assertIn('route = "/trial-words"\ncomponent = "trial-words"', manifest)
        self.assertIn('{ component = "trial-words-python" }', manifest)
        before, after = (
            tomllib.loads((root / "spin.toml").read_text(encoding="utf-8"))["component"]["worker"]["allowed_outbound_hosts"]
            for root in (ROOT, self.root)
        )
        self.assertEqual(after, [*before, "http://trial-words-function.spin.internal"])
        self.assertIn('cors_allowed_origins = "{{ cors_allowed_origins }}"\n', manifest)
        cases = (self.root / "runtime-tests/cases/trial-words.toml").read_text(encoding="utf-8")
        self.assertIn("GET /trial-words?", cases)

    def test_without_a_worker_nothing_is_written(self):
        """Its jobs would have no way to the function."""
        manifest = self.root / "spin.toml"
        text = manifest.read_text(encoding="utf-8").replace("[component.worker]", "[component.another]")
        manifest.write_text(text, encoding="utf-8")
        with self.assertRaisesRegex(new.Refused, "the route cannot be added: spin.toml has no component 'worker'"):
            new.add(self.root, "trial-words")
        self.assertEqual((manifest.read_text(encoding="utf-8"), (self.root / "functions").exists()), (text, False))

    def test_names_that_cannot_be_are_refused(self):
        """Bad ones, and those that are taken."""
        for name in ["", "-", "Bmi", "a--b", "a-", "2x", "a_b", "a/b", "../x", "ünder", "a" * 41]:
            with self.assertRaisesRegex(new.Refused, "is not a name for a route"):
                new.add(self.root, name)
        for name in ["class", "lambda"]:
            with self.assertRaisesRegex(new.Refused, "is a word of Python's own"):
                new.add(self.root, name)
        for name in ["ping", "hello", "v2"]:
            with self.assertRaisesRegex(new.Refused, f"the name '{name}' is taken: spin.toml has "):
                new.add(self.root, name)
        new.add(self.root, "trial-mean")
        with self.assertRaisesRegex(new.Refused, "the name 'trial-mean' is taken"):
            new.add(self.root, "trial-mean")


class Packages(InFolder):
    """Requirements."""

    def requirements(self, text):
        """A file of requirements."""
        path = self.root / "requirements.txt"
        path.write_text(text, encoding="utf-8")
        return str(path)

    def test_requirements_are_pinned(self):
        """To one version each."""
        packages.check(self.requirements("# a comment\n\nisodate==0.7.2\nattrs[x] == 26.1.0 --hash=sha256:1 \\\n  --hash=sha256:2\n"))
        for line in ["isodate", "isodate>=0.7", "isodate==0.*", "-r other.txt", "git+https://example.com/x"]:
            path = self.requirements(f"attrs==26.1.0\n{line}\n")
            self.assertEqual(self.exit_of(packages.check, path), f"{path}:2: '{line}' is not pinned; write 'package==version'")

    def test_native_code_is_refused_by_name(self):
        """Whether pip finds no wheel of Python alone, or one has a library in it."""
        log = "ERROR: Could not find a version that satisfies the requirement numpy==2.3.5 (from versions: none)\n"
        log += "ERROR: No matching distribution found for numpy==2.3.5\n"
        self.assertEqual(
            self.exit_of(packages.explain, "R", log),
            "R: there is no pure-Python wheel of numpy==2.3.5; native code does not run in WebAssembly",
        )
        self.assertEqual(self.exit_of(packages.explain, "R", "x\nERROR: no network\n"), "R: pip failed: no network")
        (self.root / "fast/inner").mkdir(parents=True)
        (self.root / "fast/__init__.py").touch()
        packages.native("R", str(self.root))
        (self.root / "fast/inner/speed.cpython-311.so").touch()
        self.assertEqual(
            self.exit_of(packages.native, "R", str(self.root)),
            "R: the package fast has native code (fast/inner/speed.cpython-311.so); native code does not run in WebAssembly",
        )

    def test_a_contract_is_a_python_module(self):
        """With the same value."""
        path = self.root / "contract.json"
        path.write_text('{"a": [null, true, 1.5, "é"]}', encoding="utf-8")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            packages.bake(str(path))
        names = {}
        exec(printed.getvalue(), names)  # noqa: S102
        self.assertEqual(names["CONTRACT"], {"a": [None, True, 1.5, "é"]})


if __name__ == "__main__":
    unittest.main()
