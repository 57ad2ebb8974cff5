"""The walls of the house: which package may import which, who alone imports a library, what is never loaded.

Imports are read from the source (``ast``), those under ``TYPE_CHECKING`` and inside functions too: a type
that points upwards ties two packages together as firmly as a call.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.import_table import CONVERTER, EDGE_NODE

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ("edge_node", "converter")


# Who alone imports a library, so that another one could take its place.
SOLE_IMPORTERS = {
    ("edge_node", "apprise"): {"edge_node.control_room.alerts.apprise_sender"},
    ("edge_node", "paho"): {"edge_node.mqtt.paho_client", "edge_node.mqtt.session"},
    # Two programs, two files, two schemas: the robot's spool and the control room's history.
    ("edge_node", "sqlite3"): {"edge_node.spool.transaction"},
    ("edge_node", "cryptography"): {"edge_node.signing"},
    ("edge_node", "argon2"): {
        "edge_node.control_room.people.passwords",
        "edge_node.cli.control_room.room_option",  # looks whether it is installed
    },
    ("edge_node", "ai_edge_litert"): {"edge_node.inference.interpreter"},
    ("edge_node", "tflite_runtime"): {"edge_node.inference.interpreter"},
    ("edge_node", "tensorflow"): set[str](),
    # TensorFlow itself is imported by one module; five others reach for parts that it does not export.
    ("converter", "tensorflow"): {
        "converter.tensorflow_import",
        "converter.graphs.freezing",
        "converter.nodes.side_inputs",
        "converter.quantize.int8_builder",
        "converter.source_model.model_file",
        "converter.training.retrained_graph",
    },
    # The schema of .tflite files: to read them, and to add and remove operators.
    ("converter", "ai_edge_litert"): {"converter.tflite.tflite_edit", "converter.tflite.tflite_file"},
    ("converter", "keras"): {"converter.graphs.keras_file", "converter.source_model.model_file"},
    ("converter", "tf_keras"): {"converter.graphs.keras_file", "converter.source_model.model_file"},
    ("converter", "cryptography"): set[str](),
    ("converter", "yaml"): {"converter.data.foreign.yolo_reader"},
    ("converter", "sqlite3"): set[str](),
    ("converter", "paho"): set[str](),
}

# The packages whose modules alone import a library, and what lies below them.
SOLE_PACKAGES = {
    ("edge_node", "sqlalchemy"): "edge_node.control_room.history",
    ("edge_node", "alembic"): "edge_node.control_room.history.storage",
    ("edge_node", "psycopg"): "edge_node.control_room",
}

# Modules that stay pure, or at least free of a neighbour's library.
LOADS_NONE_OF = [
    ("edge_node.spool.spool", ("paho", "cv2", "numpy", "converter", "tensorflow")),
    ("edge_node.delivery.publisher", ("sqlite3", "cv2", "numpy", "converter", "tensorflow", "cryptography")),
    ("edge_node.delivery.send_window", ("paho", "sqlite3", "cv2")),
    ("edge_node.messages.command", ("paho", "sqlite3", "cv2")),
    ("edge_node.update.state", ("paho", "sqlite3", "cv2", "numpy", "cryptography")),
    ("edge_node.cli.main", ("sqlalchemy", "alembic")),
    ("edge_node.daemon.assembly", ("sqlalchemy", "alembic")),
    ("edge_node.update.transport_file", ("paho", "sqlite3", "cv2", "numpy", "cryptography")),
]

UNMIRRORED = ROOT / "tests" / "unmirrored.txt"


@cache
def modules() -> dict[str, Path]:
    """Return every module of both programs by its dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for program in PROGRAMS
        for path in sorted((ROOT / program).rglob("*.py"))
    }


@cache
def imports(module: str) -> frozenset[str]:
    """Return the dotted names that ``module`` imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & modules().keys()
            found |= inner or {node.module}
    return frozenset(found)


def package(module: str) -> str:
    """Return the package that ``module`` stands in; a package's own name for its face."""
    return module if modules()[module].name == "__init__.py" else module.rpartition(".")[0]


@cache
def package_imports() -> dict[str, dict[str, list[str]]]:
    """Return for each package the packages that it imports, with "module -> module" for each import."""
    found: dict[str, dict[str, list[str]]] = {package(module): {} for module in modules()}
    for module in modules():
        for name in imports(module):
            if name in modules() and package(name) != package(module):
                found[package(module)].setdefault(package(name), []).append(f"{module} -> {name}")
    return found


@cache
def allowed() -> dict[str, frozenset[str]]:
    """Return the table with full names: per package those that it may import."""
    found = {"edge_node": frozenset[str]()}
    found |= {
        f"edge_node.{name}": frozenset(f"edge_node.{other}" for other in others.split())
        for name, others in EDGE_NODE.items()
    }
    found["converter"] = frozenset()
    for name, others in CONVERTER.items():
        full = (other if other.startswith("edge_node.") else f"converter.{other}" for other in others.split())
        found[f"converter.{name}"] = frozenset(full)
    return found


def importers(library: str, program: str) -> set[str]:
    """Return the modules of ``program`` that import ``library`` or name a module of it in a text."""
    return {
        module
        for module in modules()
        if module.split(".")[0] == program
        and any(name.split(".")[0] == library for name in imports(module) | dotted_texts(module))
    }


@cache
def dotted_texts(module: str) -> frozenset[str]:
    """Return the string constants of ``module`` that read as a dotted name."""
    nodes = ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8")))
    texts = {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    return frozenset(text for text in texts if "." in text and all(map(str.isidentifier, text.split("."))))


def loaded_by(code: str) -> set[str]:
    """Return the names of all modules that a fresh interpreter has loaded after ``code``."""
    program = f"import sys\n{code}\nprint('loaded:', *sys.modules, sep='\\n')"
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(ran.stdout.rpartition("loaded:\n")[2].split())


@pytest.mark.parametrize("name", sorted(package_imports()))
def test_a_package_imports_what_the_table_allows_and_nothing_else(name: str) -> None:
    """An import that is not in the table fails with its two modules; a word that no import needs goes."""
    found = package_imports()[name]
    named = {other: found[other] for other in found if other not in PROGRAMS}
    assert {other: named[other] for other in named.keys() - allowed()[name]} == {}
    assert allowed()[name] - named.keys() == set()


def test_imports_run_one_way() -> None:
    """Each package of the table stands below all that it imports, so there is no circle of packages."""
    order = list(allowed())
    assert set(order) == package_imports().keys()
    for at, name in enumerate(order):
        assert allowed()[name] <= set(order[:at]), name
    assert not [name for name in package_imports()["edge_node"] if name.startswith("converter")]


def test_no_module_imports_itself_round_a_circle() -> None:
    """Also within a package every import leads on to a module that does not lead back."""
    done: set[str] = set()
    for start in modules():
        path: list[str] = []

        def follow(module: str, path: list[str] = path) -> None:
            assert module not in path, " -> ".join([*path, module])
            if module not in done:
                path.append(module)
                for name in sorted(imports(module) & modules().keys()):
                    follow(name)
                done.add(path.pop())

        follow(start)


@pytest.mark.parametrize(("program", "library"), SOLE_IMPORTERS)
def test_a_library_has_one_door(program: str, library: str) -> None:
    """Only the named modules know a library that another could replace."""
    assert importers(library, program) == SOLE_IMPORTERS[program, library]


@pytest.mark.parametrize(("program", "library"), SOLE_PACKAGES)
def test_a_library_stays_in_its_package(program: str, library: str) -> None:
    """A robot imports neither; in the control room all statements stand beside each other."""
    inside = SOLE_PACKAGES[program, library]
    assert {name for name in importers(library, program) if not name.startswith(f"{inside}.")} == set()


def test_no_folder_holds_more_than_16_modules() -> None:
    """Whoever looks for a module reads one short list."""
    folders = Counter(path.parent for path in modules().values() if path.name != "__init__.py")
    assert {str(folder): count for folder, count in folders.items() if count > 16} == {}


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_loads_no_library(program: str) -> None:
    """``--help`` answers at once: it imports the standard library and the command line alone."""
    code = "\n".join(
        (
            f"from {program}.cli import main",
            "sys.argv = ['x', '--help']",
            "try:",
            "    main()",
            "except SystemExit:",
            "    pass",
        )
    )
    found = loaded_by(code) - loaded_by("")
    libraries = {name.split(".")[0] for name in found} - {*sys.stdlib_module_names, *PROGRAMS}
    assert libraries == set()
    assert {package(name) for name in found & modules().keys()} <= {
        "edge_node",
        "edge_node.cli",
        "converter",
        "converter.cli",
    }


@pytest.mark.parametrize(("module", "forbidden"), LOADS_NONE_OF)
def test_a_module_does_not_load_its_neighbours(module: str, forbidden: tuple[str, ...]) -> None:
    """What is pure stays pure, and the publisher does not open the database."""
    assert not {name.split(".")[0] for name in loaded_by(f"import {module}")} & set(forbidden)


def test_the_process_of_the_source_models_loads_nothing_of_the_converters_reading() -> None:
    """What proves a conversion must not see its contract: the process imports its own package alone."""
    found = loaded_by("import converter.source_model.worker") & modules().keys()
    found = {name for name in found if not name.startswith("converter.source_model.")}
    assert found <= {
        "converter",
        "converter.source_model",
        "converter.child_process",
        "converter.tensorflow_import",
        "edge_node",
        "edge_node.errors",
    }


def test_the_parts_of_the_daemon_are_whole_when_they_are_made() -> None:
    """Assembly assigns no attribute: what a part needs, its constructor takes."""
    steps = ("edge_node.daemon.assembly", "edge_node.daemon.storage_assembly")
    assigned = [
        ast.unparse(node)
        for step in steps
        for node in ast.walk(ast.parse(modules()[step].read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    ]
    assert assigned == []


def test_every_module_has_a_mirrored_test_or_stands_on_the_list() -> None:
    """A module's tests are in ``tests/PROGRAM/PACKAGE/test_MODULE.py``; the list of others only shrinks."""
    without = {
        module
        for module, path in modules().items()
        if not path.name.startswith("__")
        and not (ROOT / "tests" / path.relative_to(ROOT).parent / f"test_{path.name}").is_file()
    }
    listed = set(UNMIRRORED.read_text(encoding="utf-8").split())
    assert without - listed == set(), "write its test file"
    assert listed - without == set(), "it has one now: take it off the list"
