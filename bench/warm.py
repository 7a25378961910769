"""How much a stored credential costs, beside the floor: ratios of whole processes, side by side.

    python bench/warm.py [ROUNDS]

Each round runs every command once, in turn, so that noise falls on all of them. What is printed
are medians in milliseconds and each one's ratio to its own floor, measured in the same run.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from gatepass.sandbox import Sandbox, clean

BIN = Path(sys.executable).parent


def main(rounds: int) -> None:
    with Sandbox() as sandbox:
        env = {**clean(os.environ), **sandbox.environment("file")}
        null = {**env, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
        ours = {**env, "PYTHON_KEYRING_BACKEND": "gatepass.keyring_backend.GatepassKeyring"}
        index = sandbox.index_url
        python, keyring = [sys.executable], [str(BIN / "keyring"), "get", index, "__token__"]
        rows: dict[str, tuple[list[str], dict[str, str], str]] = {
            "python -c pass": ([*python, "-c", "pass"], env, "python -c pass"),
            "gatepass get, stored": ([str(BIN / "gatepass"), "get", index], env, "python -c pass"),
            "keyring get, null backend": (keyring, null, "keyring get, null backend"),
            "keyring get, ours alone, stored": (keyring, ours, "keyring get, null backend"),
            "keyring get, all backends, stored": (keyring, env, "keyring get, null backend"),
        }
        times: dict[str, list[float]] = {name: [] for name in rows}
        for number in range(rounds + 1):
            for name, (command, environment, _) in rows.items():
                began = time.perf_counter()
                subprocess.run(command, env=environment, capture_output=True, check=False)
                if number:  # the first round fills the store and the disk cache
                    times[name].append(time.perf_counter() - began)
        assert sandbox.count("exchange") == 1, "the warm rows must not exchange"
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"{'':36}{'median ms':>10}{'ratio':>8}   to")
    for name, (_, _, floor) in rows.items():
        ratio = medians[name] / medians[floor]
        print(f"{name:36}{medians[name] * 1000:10.1f}{ratio:8.2f}   {floor}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
