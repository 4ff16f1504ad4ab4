"""The ``handrail`` command. Exit codes: 0 done, 1 refused or failed, 2 wrong usage."""

from __future__ import annotations

import sys

import typer
from handrail_drivers.errors import HandrailError, InvalidRequest

from handrail_bridge.cli import calls, operate
from handrail_bridge.cli.approve import approve
from handrail_bridge.cli.audit import audit
from handrail_bridge.cli.bench import bench
from handrail_bridge.cli.calibrate import calibrate
from handrail_bridge.cli.cell import cell
from handrail_bridge.cli.demo import demo
from handrail_bridge.cli.discover import discover
from handrail_bridge.cli.doctor import doctor
from handrail_bridge.cli.driver import driver
from handrail_bridge.cli.firmware import firmware
from handrail_bridge.cli.mail import mail
from handrail_bridge.cli.mcp import mcp
from handrail_bridge.cli.modbus import modbus
from handrail_bridge.cli.output import show_error
from handrail_bridge.cli.plugins import plugins
from handrail_bridge.cli.sim import sim
from handrail_bridge.cli.talk import agent as talk
from handrail_bridge.cli.up import up
from handrail_bridge.cli.wire import capture, replay

app = typer.Typer(
    name="handrail",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The rail between an agent's hands and the real world.",
)
for command in (up, sim, calls.tools, calls.call, calls.check, calls.run, calls.stop, calls.state):
    app.command()(command)
for command in (operate.arm, operate.disarm, operate.reset):
    app.command()(command)
app.command()(approve)
app.command()(talk)
app.command()(operate.park)
app.command()(operate.remove_torque)
app.command()(mcp)
app.command()(bench)
app.command()(demo)
app.command()(plugins)
app.command()(discover)
app.command()(doctor)
app.command()(capture)
app.command()(replay)
app.add_typer(operate.lease, name="lease")
app.add_typer(calibrate, name="calibrate")
app.add_typer(cell, name="cell")
app.add_typer(audit, name="audit")
app.add_typer(modbus, name="modbus")
app.add_typer(driver, name="driver")
app.add_typer(mail, name="mail")
app.add_typer(firmware, name="firmware")


def _told(error: OSError | OverflowError) -> HandrailError:
    """Say what the system said: a traceback would teach nothing."""
    name = str(getattr(error, "filename", None) or "a file or a port that was named")
    return InvalidRequest(f"{name}: {getattr(error, 'strerror', None) or error}.", field=name)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except HandrailError as error:
        show_error(error, as_json="--json" in sys.argv)
        sys.exit(1)
    except (OSError, OverflowError) as error:  # of a file or a port that was named
        show_error(_told(error), as_json="--json" in sys.argv)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(1)


if __name__ == "__main__":
    main()
