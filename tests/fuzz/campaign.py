"""Coverage-guided fuzzing of everything that reads what others may have made.

    python tests/fuzz/campaign.py --seconds 60

Each target of fuzz_targets.py runs in a process of its own, two at a time, for an equal share of the time. An
input that crashes a target, takes more than two seconds, or lifts the memory by more than 300 MB ends with
exit code 1 and is kept in the folder of --corpus, from which ``test_fuzz_regressions.py`` is fed by hand.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SECONDS_PER_INPUT = 2
MEGABYTES = 300
LONGEST = 8192
_FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.", "socket.", "ctypes.dlopen")
TARGETS = (
    *("yaml_reader", "schedule_file", "override", "expression"),
    *("stored_trace", "metric_column", "safetensors", "weight_index", "parameter_list", "checkpoint"),
)


def main() -> int:
    """Fuzz the targets named, or all; 1 where one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together (default: 60)")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (default: 2)")
    parser.add_argument("--corpus", type=Path, help="keep inputs here, and start from what is there")
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], metavar="TARGET")
    asked = parser.parse_args()
    names = asked.targets or TARGETS
    share = max(1, asked.seconds * asked.jobs // len(names))
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(asked.jobs) as pool:
        corpus = (asked.corpus or Path(scratch)).resolve()
        ended = list(pool.map(lambda name: _run(name, corpus / name, share), names))
    return max(ended)


def _run(name: str, corpus: Path, seconds: int) -> int:
    """One target in a process of its own; what it says is shown where it fails."""
    corpus.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, __file__, "--child", name, str(corpus), str(seconds)],
        check=False, capture_output=True, text=True, errors="replace", cwd=corpus,
    )  # fmt: skip
    lines = done.stderr.splitlines()
    runs = next((line for line in lines if line.startswith("Done ")), "stopped early")
    print(f"{name}: {runs}{'' if done.returncode == 0 else ' -- FAILED'}", flush=True)
    if done.returncode:
        print("\n".join(lines[-60:]), flush=True)
    return int(done.returncode != 0)


def _fuzz(name: str, corpus: str, seconds: str) -> None:
    import atheris  # noqa: PLC0415 - not on every system; only a campaign needs it

    with atheris.instrument_imports(include=["lrsched_cli"]):
        from fuzz_targets import TARGETS as FUNCTIONS  # noqa: PLC0415 - while imports are instrumented
    from fuzz_seeds import seeds, words  # noqa: PLC0415 - as it imports the same

    folder = Path(corpus)
    target = FUNCTIONS[name]
    for number, seed in enumerate(seeds(name)):
        (folder / f"seed-{number}").write_bytes(seed)
        target(seed)  # what is imported late and kept in caches is neither slow nor large afterwards
    watching = [False]
    sys.addaudithook(lambda event, _: _refuse(event) if watching[0] else None)

    def one_input(data: bytes) -> None:
        watching[0] = True
        try:
            target(data)
        finally:
            watching[0] = False

    dictionary = folder.parent / f"{name}.dict"
    dictionary.write_text("".join(f'"{_quoted(word)}"\n' for word in words()), encoding="ascii")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    options = {
        "max_total_time": seconds,
        "timeout": SECONDS_PER_INPUT,
        "rss_limit_mb": before + MEGABYTES,
        "max_len": LONGEST,
        "dict": dictionary,
        "print_final_stats": 1,
        "verbosity": 1,
    }
    atheris.Setup([name, *(f"-{key}={value}" for key, value in options.items()), corpus], one_input)
    atheris.Fuzz()


def _refuse(event: str) -> None:
    """End the process where an input makes anything happen that reading never needs."""
    if event.startswith(_FORBIDDEN):
        print(f"an input led to {event}", file=sys.stderr, flush=True)
        os.abort()


def _quoted(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"')


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _fuzz(*sys.argv[2:])
    else:
        sys.exit(main())
