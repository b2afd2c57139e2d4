"""Reading a reply: ours beside pulldown-cmark (both by criterion, in one program) and markdown-it."""

import json
import os
import shutil

from timing import Measure, run

MARKDOWN_IT = "markdown-it@15.0.3"
NODE = """const { createHash } = require("node:crypto");
const { readFileSync } = require("node:fs");
const MarkdownIt = require("markdown-it");
const text = readFileSync(process.argv[2], "utf8"), times = [];
let bodies;
for (let round = 0; round <= Number(process.argv[3]); round++) {
  const start = process.hrtime.bigint();
  bodies = new MarkdownIt("commonmark").parse(text, {}).filter((token) => token.type === "fence").map((token) => token.content);
  if (round > 0) times.push(Number(process.hrtime.bigint() - start) / 1e6);
}
times.sort((one, other) => one - other);
const sha256 = createHash("sha256").update(bodies.join("")).digest("hex");
console.log(JSON.stringify({ median: times[times.length >> 1], sha256 }));
"""
SIZES = (("small", "40 kB, 12 blocks", 40), ("large", "10 MB, 2,000 blocks", 3))


def measure(context):
    tools = context.folder("tools")
    run(["npm", "install", "--no-audit", "--no-fund", "--prefix", tools, MARKDOWN_IT], cwd=tools)
    script = os.path.join(tools, "markdown-it.cjs")
    with open(script, "w", encoding="utf-8") as file:
        file.write(NODE)
    replies, criterion = context.folder("replies"), context.folder("criterion")
    environment = {**os.environ, "SLUICE_BENCH_REPLIES": replies, "CRITERION_HOME": criterion}
    measures = {name: Measure(f"parse-{name}", f"Reading a reply of {title}", "pulldown-cmark")
                for name, title, _ in SIZES}
    for _ in range(context.rounds):
        shutil.rmtree(criterion)
        # The program compares our bodies with pulldown-cmark's before it times anything.
        run([context.bench("sluice-reply", "parse"), "--bench", "--noplot", "--warm-up-time", "0.5",
             "--measurement-time", "2", "--sample-size", "30"], env=environment)
        for name, _, rounds in SIZES:
            path = os.path.join(replies, name)
            theirs = json.loads(run(["node", script, path + ".md", str(rounds)]).stdout)
            with open(path + ".sha256", encoding="utf-8") as file:
                if theirs["sha256"] != file.read():
                    raise SystemExit(f"markdown-it has other bodies in {path}.md")
            times = {parser: median(criterion, name, parser) for parser in ("sluice", "pulldown-cmark")}
            measures[name].add({parser: [time] for parser, time in {**times, "markdown-it": theirs["median"]}.items()})
    for done in measures.values():
        done.note("Of each round the median. All three have the same bodies, byte for byte.")
        yield done.finish()


def median(criterion, group, parser):
    """Milliseconds that criterion found."""
    with open(os.path.join(criterion, group, parser, "new", "estimates.json"), encoding="utf-8") as file:
        return json.load(file)["median"]["point_estimate"] / 1e6
