"""The table of allowed imports: for each package, those that it may import; ``test_walls.py`` holds it."""

from __future__ import annotations

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
    # A mission is found in the verdicts alone; which defects it saw is for the comparison of two.
    "control_room.history.missions": "messages control_room.history control_room.history.storage",
    # Copies and rebuilds a history as a whole, beside a control room or while none runs.
    "control_room.history.recovery": "messages control_room.history control_room.history.storage",
    "control_room.history.drawings": "control_room.history control_room.history.storage",
    # what robots sign and chain is checked with the verdicts, in their transaction
    "control_room.history.record_proof": (
        "messages record control_room.history control_room.history.storage"
    ),
    # What processes that share a history tell each other stands in it.
    "control_room.history.processes": "control_room.history control_room.history.storage",
    # What rules found and told, and what they look at.
    "control_room.history.alerts": "messages control_room.history control_room.history.storage",
    # findings of all passes at one place, matched and decided of beside what the history stores
    "control_room.history.defects": "messages control_room.history control_room.history.storage",
    # It watches the history alone, so that any process of a room can run it.
    "control_room.alerts": (
        "messages config control_room control_room.history control_room.history.alerts "
        "control_room.history.defects"
    ),
    "control_room.comparison": (
        "messages control_room.history control_room.history.missions control_room.history.defects"
    ),
    "control_room.people": "messages config control_room control_room.history control_room.history.processes",
    # The page's server counts a client's network as the robot's page does.
    "control_room.connections": "monitoring",
    "control_room.ingest": (
        "messages config mqtt control_room control_room.history control_room.history.record_proof "
        "control_room.history.shares control_room.history.missions"
    ),
    "control_room.report": (
        "messages record view inspection evidence control_room.history control_room.history.record_proof "
        "control_room.history.missions control_room.history.defects control_room.comparison"
    ),
    "control_room.long_work": (
        "control_room control_room.history control_room.history.missions control_room.comparison "
        "control_room.report"
    ),
    "control_room.history.commands": "messages control_room.history control_room.history.storage",
    "control_room.robots": (
        "messages mqtt update control_room control_room.history control_room.history.commands"
    ),
    "control_room.requests": "monitoring",
    "control_room.metrics": (
        "messages record control_room control_room.connections control_room.history "
        "control_room.history.record_proof control_room.ingest "
        "control_room.long_work control_room.alerts control_room.history.alerts"
    ),
    "control_room.web.json": (
        "messages evidence control_room.history control_room.history.defects control_room.history.drawings "
        "control_room.history.record_proof control_room.people control_room.ingest"
    ),
    "control_room.sharing": (
        "messages mqtt control_room control_room.history control_room.history.processes control_room.ingest"
    ),
    # Templates; names that are written into them are checked as a configuration's are.
    "control_room.deployment": "messages mqtt control_room",
    "control_room.web": (
        "messages monitoring control_room control_room.history "
        "control_room.history.processes "
        "control_room.people "
        "control_room.ingest control_room.long_work control_room.requests control_room.metrics "
        "control_room.robots control_room.web.json control_room.alerts"
    ),
    "control_room.web.routes": (
        "messages control_room control_room.history control_room.history.commands "
        "control_room.history.defects control_room.history.drawings control_room.history.record_proof "
        "control_room.history.missions control_room.people control_room.comparison "
        "control_room.long_work control_room.requests "
        "control_room.robots control_room.web.json control_room.web control_room.alerts"
    ),
    "control_room.service": (
        "messages config mqtt monitoring demo control_room control_room.connections control_room.history "
        "control_room.history.defects control_room.history.drawings control_room.history.processes "
        "control_room.history.recovery control_room.people control_room.ingest control_room.long_work "
        "control_room.metrics control_room.robots control_room.sharing control_room.web "
        "control_room.web.routes control_room.alerts"
    ),
    "cli": "messages config inference update integrations",
    "cli.robot": (
        "messages config view mqtt camera camera.controls camera.backends camera.capture spool record "
        "inference inspection shadow monitoring support commands daemon cli"
    ),
    "cli.control_room": (
        "messages mqtt update integrations control_room control_room.history control_room.people "
        "control_room.metrics control_room.report control_room.robots control_room.service cli "
        "control_room.alerts control_room.history.missions control_room.comparison control_room.long_work"
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
    # What is no metal, also behind the parts of a world.
    "specimens.things": "specimens",
    "specimens.worlds": "specimens specimens.things",
    "specimens.sets": "specimens specimens.things specimens.worlds",
    "architectures": "edge_node.inference",
    "nodes": "",
    "tflite": "",
    "graphs": "nodes tflite architectures edge_node.messages edge_node.inference",
    "data": "graphs edge_node.camera edge_node.inference",
    # What other tools wrote, in one form; it knows nothing of labels.csv.
    "data.foreign": "edge_node.camera",
    # it reads the map that a robot left in its picture
    "data.exchange": "graphs data data.foreign edge_node.camera edge_node.inference edge_node.evidence",
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
    # What takes the steps knows activations and labels, neither recipes nor pictures.
    "training.steps": "data",
    "training": "architectures graphs data training.steps edge_node.messages edge_node.inference",
    # Each member of a training is quantized and judged as a bundle is.
    "risk": (
        "architectures graphs data quantize evaluation conversion training.steps training "
        "edge_node.messages edge_node.inference"
    ),
    # A run folder keeps what a training reports, and draws the pictures that it got wrong.
    "runs": (
        "data training.steps training evaluation risk edge_node.messages edge_node.inference "
        "edge_node.inspection"
    ),
    "study": "data evaluation training.steps training",
    "cli.graphs": (
        "architectures data nodes graphs quantize evaluation conversion "
        "edge_node.camera edge_node.inference edge_node.inspection"
    ),
    "cli.training": (
        "architectures data training.steps training runs study risk edge_node.messages edge_node.inference"
    ),
    "cli.bundles": (
        "data evaluation conversion runs edge_node.messages edge_node.camera edge_node.inference "
        "edge_node.inspection edge_node.update"
    ),
    "cli.data": "data data.foreign data.exchange",
    # `convert` is also a command of its own, so the command line reaches for its module.
    "cli": "specimens specimens.sets cli.graphs edge_node.cli",
}
