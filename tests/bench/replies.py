"""Reading a reply: ours beside pulldown-cmark (events and the text of code blocks) and markdown-it."""

import json
import os
import random

from timing import Measure, run

NODE = """const { readFileSync } = require("node:fs");
const MarkdownIt = require("markdown-it");
const text = readFileSync(process.argv[2], "utf8"), times = [];
for (let round = 0; round <= Number(process.argv[3]); round++) {
  const start = process.hrtime.bigint();
  new MarkdownIt("commonmark").parse(text, {}).filter((token) => token.type === "fence").length;
  if (round > 0) times.push(Number(process.hrtime.bigint() - start) / 1e6);
}
console.log(JSON.stringify(times));
"""


def measure(context):
    tools = context.folder("tools")
    run(["npm", "install", "--no-audit", "--no-fund", "--prefix", tools, "markdown-it@15.0.3"], cwd=tools)
    script = os.path.join(tools, "markdown-it.cjs")
    with open(script, "w", encoding="utf-8") as file:
        file.write(NODE)
    driver = os.path.join(context.release, "examples", "bench_parse")
    for name, size, blocks, rounds in (("small", 40_000, 12, 40), ("large", 10_000_000, 2_000, 3)):
        path = os.path.join(context.folder("replies"), f"{name}.md")
        with open(path, "w", encoding="utf-8") as file:
            file.write(reply(size, blocks))
        measure = Measure(f"parse-{name}", f"Reading a reply of {size / 1000:,.0f} kB with {blocks:,} blocks",
                          "pulldown-cmark")
        for _ in range(context.rounds):
            found = json.loads(run([driver, str(rounds + 1), path]).stdout)
            if found["blocks"] != found["their_blocks"]:
                raise SystemExit(f"the readers disagree about {path}: {found['blocks']}, {found['their_blocks']}")
            measure.add({"sluice": found["ours"][1:], "pulldown-cmark": found["pulldown_cmark"][1:],
                         "markdown-it": json.loads(run(["node", script, path, str(rounds)]).stdout)})
        yield measure.finish()


def reply(size, blocks):
    """A reply as agents write them: prose, a path in the info string, code."""
    chance = random.Random(7)
    words = "const export function return await value items map filter error request response if else".split()
    each = size // blocks
    parts = []
    for number in range(blocks):
        lines = [f"\nNext comes part {number}. It **reads** the [list](https://example.invalid/{number}) and uses "
                 f"`handle{number}`:\n\n- one point\n- another one, with `code`\n",
                 f"```ts:src/part{number // 50}/file{number}.ts"]
        length = sum(map(len, lines))
        while length < each - 8:
            depth = chance.randrange(4)
            line = "  " * depth + " ".join(chance.choice(words) for _ in range(chance.randrange(2, 10)))
            line += chance.choice([";", " {", "(x) => { /* `tick` */ }", ""])
            lines.append(line)
            length += len(line) + 1
        lines.append("```\n")
        parts.append("\n".join(lines))
    return "# The service\n" + "".join(parts)
