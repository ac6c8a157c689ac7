#!/usr/bin/env python3
"""Times the rows of `Tools/bench run` in other programs, in turn with ours, and prints the ratios."""

import argparse
import json
import os
import pathlib
import select
import statistics
import subprocess
import sys
import tempfile
import time

FOLDER = pathlib.Path(__file__).resolve().parent
MODULES = {
    "torch": ["torch"], "torch-tuned": ["torch"], "torch-compile": ["torch"],
    "onnxruntime": ["torch", "onnxscript", "onnxruntime"], "openvino": ["torch", "openvino"], "jax": ["jax"],
    "numpy": ["numpy"], "numpy-tuned": ["numpy"],
}
HELP = """usage: Tools/bench peers [ROW...] [options]

Times the work of rows (see `Tools/bench run --list`) in other programs: each in a process of its own, with as many
threads and the same sizes, all of them in turn with ours (A B C A B C ...), so that a machine whose speed drifts is
the same for all. Prints medians in ms, and how many times as long as ours each takes. Without a ROW it takes the usual
rows, those marked * by `run --list`.

  --peers NAME,...  torch (as it comes: eager), torch-tuned (AVX-512 asked for in MKL where the processor has it, fused
                    AdamW, channels last), torch-compile (tuned, and by torch.compile: needs a C++ compiler), jax,
                    openvino (f32), onnxruntime, numpy, numpy-tuned (OpenBLAS told to use AVX-512);
                    without it all that this Python has, but torch-compile
  --python PATH     the Python that has the peers; else that in SLUICE_BENCH_PYTHON, or python3.
                    A virtual environment: python3 -m venv DIR; DIR/bin/pip install -r Tools/oracle/requirements-bench.txt
  --threads N,...   numbers of threads; 1,2
  --rounds N        how often the turn goes round; 5
  --seconds S       how long each is timed in all, at least one call a round; 2
  --cc COMPILER     the C compiler of ours, as for `run`
  --flags FLAGS     its optimisation, as for `run`
  --all             all rows
  --json            one JSON object a measurement, on lines of their own

What is the same in all: f32, the sizes, the threads, inputs in memory, results of every call made (a training step also
reads its loss). A training step is forward, backward, clipping where the row says so, and AdamW. `ica-epoch` draws its
order within the call. Peers that lack a row are left out, with the reason on the standard error.

Exit codes: 0 all went well, 1 no peer could be timed, 64 wrong usage, 70 our program failed."""


class Failed(Exception):
    """A process did not answer."""


class Contestant:
    """A process that times its work when asked."""

    def __init__(self, name, command, environment, log):
        self.name, self.samples, self.log = name, [], log
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)

    def read(self, limit=1800):
        ready, _, _ = select.select([self.process.stdout], [], [], limit)
        line = self.process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        self.process.kill()
        self.process.wait()
        self.log.seek(0)
        said = [text for text in self.log.read().splitlines() if text.strip()]
        raise Failed(f"no answer in {limit} s" if not ready else said[-1] if said else "it ended")

    def ask(self, text):
        try:
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # `read` tells why
        return self.read()

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


def environment(peer, threads):
    values = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        values[name] = str(threads)
    values.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if peer in ("torch-tuned", "torch-compile", "numpy-tuned") and has_avx512():
        values |= {"MKL_ENABLE_INSTRUCTIONS": "AVX512", "OPENBLAS_CORETYPE": "SkylakeX"}
    return values


def has_avx512():
    try:
        return " avx512f " in pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def available(python, peers):
    """The peers whose modules this Python finds; the others with what is missing."""
    names = sorted({name for peer in peers for name in MODULES[peer]})
    code = "import importlib.util as u, sys; print(*[n for n in sys.argv[1:] if u.find_spec(n)])"
    try:
        run = subprocess.run([python, "-c", code, *names], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(usage(f"`--python {python}` is no Python that runs: {error}"))
    found = set(run.stdout.split())
    lacks = {peer: [name for name in MODULES[peer] if name not in found] for peer in peers}
    return [peer for peer in peers if not lacks[peer]], {peer: names for peer, names in lacks.items() if names}


def usage(message):
    print(f"error: {message}; see Tools/bench peers --help", file=sys.stderr)
    return 64


class Parser(argparse.ArgumentParser):
    def error(self, message):
        sys.exit(usage(message))

    def print_help(self, file=None):
        print(HELP)


def parsed():
    parser = Parser(add_help=True)
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--bench", required=True)
    parser.add_argument("--peers")
    parser.add_argument("--python", default=os.environ.get("SLUICE_BENCH_PYTHON") or "python3")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--cc")
    parser.add_argument("--flags")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        options.threads = [int(text) for text in options.threads.split(",")]
    except ValueError:
        parser.error(f"`--threads` takes numbers with commas, got `{options.threads}`")
    if options.rounds < 1 or options.seconds < 0 or any(not 1 <= count <= 64 for count in options.threads):
        parser.error("numbers of threads are 1 to 64, of rounds at least 1, seconds not negative")
    options.isAsked = options.peers is not None
    options.peers = options.peers.split(",") if options.peers else [p for p in MODULES if p != "torch-compile"]
    unknown = [peer for peer in options.peers if peer not in MODULES]
    if unknown:
        parser.error(f"there is no peer `{unknown[0]}`; there are {', '.join(MODULES)}")
    return options


def chosen(options):
    """The names of the rows, as `run` understands them."""
    listing = subprocess.run([options.bench, "run", "--list"], capture_output=True, text=True, check=True).stdout
    rows = {line.split()[0]: line.split()[1] == "*" for line in listing.splitlines()}
    if not options.rows:
        return [row for row, usual in rows.items() if usual or options.all]
    names = []
    for word in options.rows:
        found = [word] if word in rows else [row for row in rows if row.startswith(word + "-")]
        if not found:
            sys.exit(usage(f"there is no row `{word}`"))
        names += found
    return names


def measured(options, row, threads, peers):
    """Ours and the peers that answer, timed in turn; with the peak of our machine."""
    command = [options.bench, "run", row, "--serve", "--cached", "--threads", str(threads)]
    command += ["--cc", options.cc] if options.cc else []
    command += ["--flags", options.flags] if options.flags else []
    log = tempfile.TemporaryFile("w+")
    contestants = [Contestant("sluice", command, None, log)]
    try:
        contestants[0].flop = contestants[0].read()["flop"]
        contestants[0].peak = contestants[0].ask(f"begin {threads}")["peak_flops"]
        for peer in peers:
            command = [options.python, str(FOLDER / "worker.py"), peer, row, str(threads)]
            contestant = Contestant(peer, command, environment(peer, threads), tempfile.TemporaryFile("w+"))
            try:
                answer = contestant.read()
                if "missing" in answer:
                    raise Failed(answer["missing"])
                contestant.version = answer["version"]
                contestant.ask("begin")
                contestants.append(contestant)
            except Failed as reason:
                if str(reason) != "not written for this row" or options.isAsked:
                    print(f"{row}: {peer} is left out: {reason}", file=sys.stderr)
                contestant.end()
        for _ in range(options.rounds):
            for contestant in list(contestants):
                # Threads of the one before may still be spinning.
                time.sleep(0.3)
                try:
                    answer = contestant.ask(f"time {options.seconds / options.rounds} 1")
                    contestant.samples += answer["seconds"]
                except Failed as reason:
                    if contestant is contestants[0]:
                        raise
                    print(f"{row}: {contestant.name} is left out: {reason}", file=sys.stderr)
                    contestants.remove(contestant)
                    contestant.end()
        return contestants
    finally:
        for contestant in contestants:
            contestant.end()


def show(options, row, threads, contestants):
    ours = statistics.median(contestants[0].samples)
    if options.json:
        for contestant in contestants:
            middle = statistics.median(contestant.samples)
            print(json.dumps({
                "row": row, "threads": threads, "program": contestant.name,
                "version": getattr(contestant, "version", None), "ms": round(middle * 1e3, 6),
                "least_ms": round(min(contestant.samples) * 1e3, 6), "samples": len(contestant.samples),
                "times_ours": round(middle / ours, 4),
            }), flush=True)
        return
    cells = [f"{row:<18}{threads:>4}{figure(ours * 1e3):>10}"]
    flop, peak = contestants[0].flop, contestants[0].peak
    cells.append(f"{100 * flop / ours / peak:>6.1f}%" if flop else " " * 7)
    peers = sorted(contestants[1:], key=lambda c: statistics.median(c.samples))
    for contestant in peers:
        middle = statistics.median(contestant.samples)
        cells.append(f"  {contestant.name} {figure(middle * 1e3)} ({middle / ours:.2f}x)")
    print("".join(cells), flush=True)


def figure(ms):
    return f"{ms:.0f}" if ms >= 1000 else f"{ms:.1f}" if ms >= 100 else f"{ms:.2f}" if ms >= 1 else f"{ms:.4f}"


def main():
    options = parsed()
    rows = chosen(options)
    peers, lacking = available(options.python, options.peers)
    for peer, names in lacking.items():
        print(f"{peer} is left out: `{options.python}` has no {', '.join(names)}", file=sys.stderr)
    if not peers:
        print(
            "error: no peer is there; make a virtual environment with Tools/oracle/requirements-bench.txt and name its "
            "Python with --python", file=sys.stderr)
        return 1
    if not options.json:
        print(f"{'row':<18}{'thr':>4}{'ours ms':>10}{'peak':>7}  peers: ms (times ours; above 1 ours is faster)")
    count = 0
    for row in rows:
        for threads in options.threads:
            try:
                contestants = measured(options, row, threads, peers)
            except Failed as reason:
                print(f"error: {row}: our program failed: {reason}", file=sys.stderr)
                return 70
            count += len(contestants) - 1
            show(options, row, threads, contestants)
    return 0 if count else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
