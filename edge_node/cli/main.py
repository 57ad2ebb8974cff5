"""Run the ``edge-node`` command: choose among its subcommands."""

from __future__ import annotations

import sys

from edge_node.cli.framework import Subcommand, run_command

COMMANDS = {
    "demo": Subcommand(
        "edge_node.demo.run", "see it work: embedded broker, real daemon, sample clip, verdicts"
    ),
    "run": Subcommand("edge_node.cli.robot.run", "the daemon: camera -> verdicts -> broker"),
    "classify": Subcommand(
        "edge_node.cli.robot.classify", "judge pictures, folders and videos; one JSON verdict a line"
    ),
    "watch": Subcommand("edge_node.cli.control_room.watch", "subscribe to a broker and print what arrives"),
    "command": Subcommand(
        "edge_node.cli.control_room.command",
        "ask a robot: ping, pause, snapshot, review, ...; make a signing key",
    ),
    "retire": Subcommand(
        "edge_node.cli.control_room.retire", "clear what a robot that is gone left on the broker"
    ),
    "mission": Subcommand(
        "edge_node.cli.control_room.mission",
        "make reports (PDF, CSV) and data sets from a control room's history",
    ),
    "control-room": Subcommand(
        "edge_node.cli.control_room.server",
        "run the control room: the page for people, and the record of all robots",
    ),
    "spool": Subcommand(
        "edge_node.cli.robot.spool",
        "the queue on disk: status, export (to a USB stick), requeue; verify a record",
    ),
    "audit": Subcommand(
        "edge_node.cli.robot.audit", "what this robot was asked, by whom, and what became of it"
    ),
    "clock": Subcommand(
        "edge_node.cli.robot.clock", "this robot's clock and its floor of time; correct the floor"
    ),
    "schema": Subcommand(
        "edge_node.cli.schema", "write JSON Schemas and the AsyncAPI document of all messages"
    ),
    "bundle": Subcommand(
        "edge_node.cli.bundle", "verify, install, list, rollback, send: signed bundles on their way and here"
    ),
    "init": Subcommand("edge_node.cli.robot.init", "write a commented example configuration"),
    "check-config": Subcommand(
        "edge_node.cli.robot.check_config", "judge a configuration; touches no hardware"
    ),
    "install": Subcommand(
        "edge_node.cli.robot.install", "put the node in place as a service, or take it away"
    ),
    "cameras": Subcommand(
        "edge_node.cli.robot.cameras", "which cameras are there; try one and save its picture"
    ),
    "support": Subcommand(
        "edge_node.cli.robot.support", "pack what helps to find a fault into one file to mail, no passwords"
    ),
    "replay": Subcommand(
        "edge_node.cli.robot.replay", "which verdicts on a recording would another bundle change"
    ),
    "bench": Subcommand(
        "edge_node.bench.report", "what the node costs beside the bare interpreter, in one run"
    ),
    "version": Subcommand(
        "edge_node.cli.version", "versions of the node, its runtime and the default bundle"
    ),
}


def main() -> int:
    """Run ``edge-node`` with the process's arguments and return its exit code."""
    return run_command(
        "edge-node",
        "Corrosion inspection on a robot: frames in, verdicts over MQTT out, none lost.",
        COMMANDS,
        sys.argv[1:],
        epilog="`edge-node COMMAND --help` says more. Start with `edge-node demo`.",
    )


if __name__ == "__main__":
    sys.exit(main())
