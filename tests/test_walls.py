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

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ("edge_node", "converter")

# The packages of the robot and the control room, each below those that it imports. Beside the named ones a
# package may import the modules at the top: errors, clock, signing, ...
EDGE_NODE = {
    "messages": "",
    "config": "messages",
    "view": "messages config",
    "mqtt": "messages config",
    "camera": "view",
    # Cameras hold their controls, and whoever keeps a camera running brings them to what is configured.
    "camera.controls": "config camera",
    "camera.backends": "config view camera camera.controls",
    "camera.capture": "messages config view camera camera.controls camera.backends",
    "spool": "messages config",
    "record": "messages",
    "inference": "messages config",
    "inspection": "messages config view camera inference",
    "evidence": "messages config view mqtt inspection",
    "findings": "messages config camera spool inspection",
    "update": "messages config mqtt camera inference inspection",
    "delivery": "messages config mqtt spool",
    "integrations": "messages config mqtt spool",
    "shadow": "messages config view camera spool inference inspection evidence",
    "monitoring": "messages config camera camera.capture spool inference inspection",
    # It looks at every part of a robot from outside, and changes none.
    "support": "messages config camera camera.capture spool record inference monitoring",
    "commands": "messages config mqtt camera spool inference inspection evidence findings update",
    "daemon": (
        "messages config view mqtt camera camera.capture spool inference inspection evidence findings "
        "update delivery integrations shadow monitoring commands"
    ),
    "demo": "messages config mqtt",
    "bench": (
        "messages config mqtt camera camera.backends camera.capture spool inference inspection "
        "evidence findings delivery shadow monitoring commands daemon"
    ),
    "control_room": "config mqtt",
    # where the database is, the configuration says
    "control_room.history.storage": "control_room",
    # Steps that upgrade older files; run by number, imported by nobody.
    "control_room.history.storage.versions": "control_room.history.storage",
    "control_room.history.shares": "control_room.history.storage",
    "control_room.history": "messages control_room control_room.history.storage control_room.history.shares",
    # Copies and rebuilds a history as a whole, beside a control room or while none runs.
    "control_room.history.recovery": "messages control_room.history control_room.history.storage",
    # what robots sign and chain is checked with the verdicts, in their transaction
    "control_room.history.record_proof": (
        "messages record control_room.history control_room.history.storage"
    ),
    # What processes that share a history tell each other stands in it.
    "control_room.history.processes": "control_room.history control_room.history.storage",
    "control_room.people": "messages config control_room control_room.history control_room.history.processes",
    # findings of all passes at one place, matched and decided of beside what the history stores
    "control_room.history.defects": "messages control_room.history control_room.history.storage",
    # The page's server counts a client's network as the robot's page does.
    "control_room.connections": "monitoring",
    "control_room.ingest": (
        "messages config mqtt control_room control_room.history control_room.history.record_proof "
        "control_room.history.shares"
    ),
    "control_room.report": (
        "messages record view inspection evidence control_room.history control_room.history.defects "
        "control_room.history.record_proof"
    ),
    "control_room.long_work": "control_room control_room.history control_room.report",
    "control_room.robots": "messages mqtt update control_room control_room.history",
    "control_room.requests": "monitoring",
    "control_room.metrics": (
        "messages record control_room control_room.connections control_room.history "
        "control_room.history.record_proof control_room.ingest "
        "control_room.long_work"
    ),
    "control_room.web.json": (
        "messages evidence control_room.history control_room.history.defects "
        "control_room.history.record_proof control_room.people control_room.ingest"
    ),
    "control_room.sharing": (
        "messages mqtt control_room control_room.history control_room.history.processes control_room.ingest"
    ),
    # Templates; names that are written into them are checked as a configuration's are.
    "control_room.deployment": "messages mqtt",
    "control_room.web": (
        "messages monitoring control_room control_room.history control_room.history.processes "
        "control_room.people "
        "control_room.ingest control_room.long_work control_room.requests control_room.metrics "
        "control_room.robots control_room.web.json"
    ),
    "control_room.web.routes": (
        "messages control_room.history control_room.history.defects control_room.history.record_proof "
        "control_room.people "
        "control_room.long_work control_room.requests "
        "control_room.robots control_room.web.json control_room.web"
    ),
    "control_room.service": (
        "messages config mqtt monitoring demo control_room control_room.connections control_room.history "
        "control_room.history.defects control_room.history.processes control_room.history.recovery "
        "control_room.people control_room.ingest control_room.long_work control_room.metrics "
        "control_room.robots control_room.sharing control_room.web control_room.web.routes"
    ),
    "cli": "messages config inference update integrations",
    "cli.robot": (
        "messages config view mqtt camera camera.controls camera.backends camera.capture spool record "
        "inference inspection shadow monitoring support commands daemon cli"
    ),
    "cli.control_room": (
        "messages mqtt update integrations control_room control_room.history control_room.people "
        "control_room.metrics control_room.report control_room.robots control_room.service cli"
    ),
    "cli.control_room.scale": (
        "control_room control_room.deployment control_room.ingest control_room.service cli cli.control_room"
    ),
    "cli.control_room.record": (
        "messages control_room.history.recovery control_room.service cli cli.control_room"
    ),
}
# The packages of the workstation; what they share with the robot stands under its full name.
CONVERTER = {
    "specimens": "",
    "architectures": "edge_node.inference",
    "nodes": "",
    "tflite": "",
    "graphs": "nodes tflite architectures edge_node.messages edge_node.inference",
    "data": "graphs edge_node.camera edge_node.inference",
    # What other tools wrote, in one form; it knows nothing of labels.csv.
    "data.foreign": "edge_node.camera",
    "data.exchange": "graphs data data.foreign edge_node.camera edge_node.inference",
    "quantize": "tflite graphs edge_node.inference",
    "evaluation": "graphs data quantize edge_node.messages edge_node.inference edge_node.inspection",
    # The process of the source models must not see how the converter read them: nothing but itself.
    "source_model": "",
    "proof": "graphs data evaluation source_model edge_node.camera edge_node.inference",
    "conversion": (
        # its report shows pictures, which it reads where they lie
        "specimens tflite graphs data quantize evaluation proof edge_node.messages edge_node.camera "
        "edge_node.inference "
        "edge_node.inspection edge_node.update"
    ),
    "training": "architectures graphs data edge_node.messages edge_node.inference",
    # A run folder keeps what a training reports, and draws the pictures that it got wrong.
    "runs": "data training edge_node.inference edge_node.inspection",
    "study": "data evaluation training",
    "cli.graphs": (
        "architectures nodes graphs quantize evaluation conversion "
        "edge_node.camera edge_node.inference edge_node.inspection"
    ),
    "cli.training": "architectures data training runs study edge_node.messages",
    "cli.bundles": (
        "data evaluation conversion edge_node.messages edge_node.camera edge_node.inference "
        "edge_node.inspection edge_node.update"
    ),
    "cli.data": "data data.foreign data.exchange",
    # `convert` is also a command of its own, so the command line reaches for its module.
    "cli": "specimens cli.graphs edge_node.cli",
}

# Who alone imports a library, so that another one could take its place.
SOLE_IMPORTERS = {
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
