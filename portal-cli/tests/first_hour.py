#!/usr/bin/env python3
"""Runs docs/first-hour.md: every box of shell lines in their order, in one shell and an empty folder, with the
real programs; what is shown below a box is compared with what it printed. Wants portal-server, portal-cli and the
example `client` in the folder of programs that is given, and port 8787 of this machine."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 120  # seconds, for the whole hour


def boxes(text):
    """Shell boxes, each with what is shown below it; None where nothing is."""
    found = re.findall(r"^```(sh|text)\n(.*?)^```$", text, re.M | re.S)
    hour = []
    for kind, body in found:
        if kind == "sh":
            hour.append([body, None])
        else:
            if not hour or hour[-1][1] is not None:
                sys.exit(f"first hour: this stands below no box:\n{body}")
            hour[-1][1] = body
    return hour


def is_shown(expected, printed):
    """Whether it is what is shown: the same lines, with `...` for anything within one."""
    expected, printed = expected.strip("\n").split("\n"), printed.strip("\n").split("\n")
    as_pattern = lambda line: ".*".join(re.escape(part) for part in line.split("..."))
    return len(expected) == len(printed) and all(
        re.fullmatch(as_pattern(line), is_line) for line, is_line in zip(expected, printed)
    )


def wait_until_free():
    """Another server of this machine may be on its way out."""
    for _ in range(30):
        try:
            socket.create_connection(("127.0.0.1", 8787), 1).close()
        except OSError:
            return
        time.sleep(1)
    sys.exit("first hour: something listens on port 8787")


def main():
    document, programs = sys.argv[1], os.path.abspath(sys.argv[2])
    with open(document, encoding="utf-8") as file:
        hour = boxes(file.read())
    script = "set -euo pipefail\n"
    for number, (lines, _) in enumerate(hour):
        script += f"{lines}\necho '@@ {number}'\n"
    wait_until_free()
    with tempfile.TemporaryDirectory() as folder:
        shell = subprocess.Popen(
            ["bash", "--norc", "-c", script],
            cwd=folder,
            env={"PATH": f"{programs}:{os.environ['PATH']}", "HOME": folder, "USER": "tester"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = shell.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            output, _ = shell.communicate()
            output += f"\nit did not end within {PATIENCE} s"
        finally:
            # A server that a box started and none stopped.
            try:
                os.killpg(shell.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
    printed = re.split(r"^@@ \d+\n", output, flags=re.M)
    for number, (lines, expected) in enumerate(hour):
        if number + 1 >= len(printed):
            sys.exit(f"first hour: this failed:\n{lines}\nand printed:\n{printed[-1]}")
        if expected is not None and not is_shown(expected, printed[number]):
            sys.exit(f"first hour: of\n{lines}\nthis is shown:\n{expected}\nand this was printed:\n{printed[number]}")
    print(f"first hour: all good, {len(hour)} boxes")


main()
