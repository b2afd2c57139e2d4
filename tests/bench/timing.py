"""Runs commands, times them, and makes a table of what was found."""

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(argv, ok=(0,), **options):
    """Runs a command to its end; another exit code than `ok` ends the measurement with what the command said."""
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    done = subprocess.run(argv, capture_output=True, text=True, **options)
    if done.returncode not in ok:
        raise SystemExit(f"{argv} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done


def timed(argv, **options):
    """Milliseconds from start to end of a command, and what it wrote."""
    start = time.monotonic()
    done = run(argv, **options)
    return (time.monotonic() - start) * 1e3, done


def in_turns(rounds, contenders):
    """Calls every contender once a round, each round starting with another one, so that a busy moment of the
    machine meets them all. A contender gives `{name: milliseconds}`. The first round is not counted."""
    times = {}
    names = list(contenders)
    for number in range(rounds + 1):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            for part, took in contenders[name](number).items():
                if number > 0:
                    times.setdefault(part, []).append(took)
        say(f"  round {number} of {rounds}, load {os.getloadavg()[0]:.1f}")
    return times


def machine():
    """The machine, in one line."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} x {model}, {memory:.0f} GiB, Linux {platform.release()}"


def millis(value):
    if value >= 10_000:
        return f"{value / 1e3:.1f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.2f} ms"


class Measure:
    """One table: the contenders, and the one that the others are compared with."""

    def __init__(self, name, title, base):
        self.name, self.title, self.base = name, title, base
        self.load_before = os.getloadavg()
        self.times, self.notes = {}, []
        # What is no time: counts, kilobytes.
        self.figures = {}

    def add(self, times):
        for name, values in times.items():
            self.times.setdefault(name, []).extend(values)

    def note(self, text):
        self.notes.append(text)

    def finish(self):
        self.load_after = os.getloadavg()
        self.date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")
        return self

    def table(self):
        base = self.times[self.base]
        lines = [f"**{self.title}**", "", "| what | median | least | p90 | ratio in a round | n |", "|---|--:|--:|--:|--:|--:|"]
        for name, values in self.times.items():
            middle = statistics.median(values)
            # Of each round, and then the median of them: what was run at one time met the same machine.
            ratio = statistics.median(value / other for value, other in zip(values, base))
            high = sorted(values)[min(len(values) - 1, int(len(values) * 0.9))]
            lines.append(f"| {name} | {millis(middle)} | {millis(min(values))} | {millis(high)} "
                         f"| {ratio:.2f} | {len(values)} |")
        lines += ["", f"{self.date} UTC, load {self.load_before[0]:.1f} before, {self.load_after[0]:.1f} after."]
        return "\n".join(lines + self.notes)

    def keep(self, folder):
        os.makedirs(folder, exist_ok=True)
        kept = {key: getattr(self, key) for key in
                ("name", "title", "base", "date", "load_before", "load_after", "times", "notes", "figures")}
        with open(os.path.join(folder, f"{self.name}.json"), "w", encoding="utf-8") as file:
            json.dump({"machine": machine(), **kept}, file, indent=1)
