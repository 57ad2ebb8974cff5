"""Run the ``edge-node`` command: choose among its subcommands."""

from __future__ import annotations

import sys

from edge_node.cli.framework import Subcommand, run_command

COMMANDS = {
    "demo": Subcommand(
        "edge_node.demo.run", "show the node at work: sample clip, real daemon, embedded broker"
    ),
    "run": Subcommand(
        "edge_node.cli.robot.run", "run the node: judge the camera's frames, deliver the verdicts"
    ),
    "classify": Subcommand(
        "edge_node.cli.robot.classify", "judge pictures, folders and videos; print one JSON verdict a line"
    ),
    "watch": Subcommand("edge_node.cli.control_room.watch", "subscribe to a broker and print what arrives"),
    "command": Subcommand(
        "edge_node.cli.control_room.command",
        "send a command to a robot: ping, pause, snapshot, review, ...; make a key",
    ),
    "retire": Subcommand(
        "edge_node.cli.control_room.retire",
        "clear the retained messages of a robot that is gone from the broker",
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
        "show, export and requeue what waits for the broker; verify a record",
    ),
    "audit": Subcommand(
        "edge_node.cli.robot.audit", "list the commands that this robot received, with their results"
    ),
    "clock": Subcommand(
        "edge_node.cli.robot.clock", "show this robot's clock and its floor of time; correct the floor"
    ),
    "schema": Subcommand(
        "edge_node.cli.schema", "write JSON Schemas and the AsyncAPI document of all messages"
    ),
    "bundle": Subcommand(
        "edge_node.cli.bundle", "verify, install, list, roll back, confirm and send signed bundles"
    ),
    "init": Subcommand("edge_node.cli.robot.init", "write a commented example configuration"),
    "check-config": Subcommand(
        "edge_node.cli.robot.check_config", "name every problem of a configuration; touches no hardware"
    ),
    "install": Subcommand(
        "edge_node.cli.robot.install", "install the node as a systemd service, or uninstall it"
    ),
    "cameras": Subcommand(
        "edge_node.cli.robot.cameras", "list the cameras of this robot; try one and save its picture"
    ),
    "support": Subcommand(
        "edge_node.cli.robot.support", "pack logs and states, without passwords, into one file to mail"
    ),
    "replay": Subcommand(
        "edge_node.cli.robot.replay", "list the verdicts on a recording that another bundle would change"
    ),
    "bench": Subcommand(
        "edge_node.bench.report", "measure the node's processor time beside the bare interpreter's"
    ),
    "version": Subcommand(
        "edge_node.cli.version", "print the versions of the node, its runtime and the default bundle"
    ),
}


def main() -> int:
    """Run ``edge-node`` with the process's arguments and return its exit code."""
    return run_command(
        "edge-node",
        "Inspect surfaces for corrosion on a robot, and deliver the verdicts over MQTT without losing any.",
        COMMANDS,
        sys.argv[1:],
        epilog="`edge-node COMMAND --help` says more. Start with `edge-node demo`.",
    )


if __name__ == "__main__":
    sys.exit(main())
