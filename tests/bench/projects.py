"""The projects that checks are timed on: the demo's after G9, and a larger one with a user interface."""

import json
import os
import shutil

from timing import run, say

PACKAGE = {
    "name": "larger", "version": "0.1.0", "private": True, "type": "module",
    "scripts": {"build": "tsc -p . && vite build", "test": "vitest run", "lint": "eslint ."},
    "dependencies": {"react": "19.1.0", "react-dom": "19.1.0"},
    "devDependencies": {
        "@testing-library/react": "16.3.0", "@types/react": "19.1.8", "@types/react-dom": "19.1.6",
        "@vitejs/plugin-react": "4.7.0", "eslint": "9.39.5", "jsdom": "26.1.0", "rollup": "4.62.0", "typescript": "5.9.3",
        "typescript-eslint": "8.73.0", "vite": "6.4.6", "vitest": "3.2.7",
    },
}
TSCONFIG = {
    "compilerOptions": {
        "target": "ES2022", "module": "ESNext", "moduleResolution": "bundler", "jsx": "react-jsx", "noEmit": True,
        "strict": True, "skipLibCheck": True, "lib": ["ES2023", "DOM", "DOM.Iterable"],
    },
    "include": ["src", "vite.config.ts"],
}
FILES = {
    "index.html": '<!doctype html><title>Larger</title><div id="root"></div>'
                  '<script type="module" src="/src/main.tsx"></script>\n',
    ".gitignore": "node_modules\ndist\n.turbo\n",
    "vite.config.ts": 'import react from "@vitejs/plugin-react";\nimport { defineConfig } from "vitest/config";\n'
                      'export default defineConfig({ plugins: [react()], test: { environment: "jsdom" } });\n',
    "eslint.config.js": 'import tseslint from "typescript-eslint";\nexport default tseslint.config(\n'
                        '  { ignores: ["dist", "eslint.config.js"] },\n  ...tseslint.configs.recommendedTypeChecked,\n'
                        "  { languageOptions: { parserOptions: { projectService: true } } },\n);\n",
}
WIDGET = """import {{ useMemo, useState }} from "react";

export interface Item{n} {{ id: number; name: string; price: number }}

export function total{n}(items: readonly Item{n}[]): number {{
  return items.reduce((sum, item) => sum + item.price, 0);
}}

export function Widget{n}({{ items }}: {{ items: readonly Item{n}[] }}) {{
  const [filter, setFilter] = useState("");
  const shown = useMemo(() => items.filter((item) => item.name.includes(filter)), [items, filter]);
  return (
    <section>
      <input aria-label="filter {n}" value={{filter}} onChange={{(event) => {{ setFilter(event.target.value); }}}} />
      <ul>{{shown.map((item) => <li key={{item.id}}>{{item.name}}</li>)}}</ul>
      <output>{{total{n}(shown)}}</output>
    </section>
  );
}}
"""
TEST = """import {{ render, screen }} from "@testing-library/react";
import {{ expect, test }} from "vitest";
import {{ Widget{n}, total{n} }} from "./Widget{n}";

const items = [{{ id: 1, name: "one", price: {n} }}, {{ id: 2, name: "two", price: 2 }}];

test("adds up", () => {{ expect(total{n}(items)).toBe({n} + 2); }});
test("shows all", () => {{
  render(<Widget{n} items={{items}} />);
  expect(screen.getAllByRole("listitem")).toHaveLength(2);
}});
"""


def demo_project(context):
    """The demo's project after G9, as a plain folder."""
    to = os.path.join(context.work, "guestbook")
    if not os.path.isdir(to):
        source = context.project
        if source is None:
            kept = os.path.join(context.work, "demo-project")
            say("the demo makes the project")
            run([context.sluice, "demo", "--engine", "native", "--keep", kept])
            source = os.path.join(kept, "git", "guestbook.git")
        run(["git", "clone", "--quiet", source, to])
    return to


def larger_project(context):
    """25 files: React, vite, vitest with jsdom, eslint with types."""
    to = os.path.join(context.work, "larger")
    if os.path.isdir(to):
        return to
    files = dict(FILES)
    files["package.json"] = json.dumps(PACKAGE, indent=2) + "\n"
    files["tsconfig.json"] = json.dumps(TSCONFIG, indent=2) + "\n"
    numbers = range(1, 15)
    for n in numbers:
        files[f"src/Widget{n}.tsx"] = WIDGET.format(n=n)
        if n <= 4:
            files[f"src/Widget{n}.test.tsx"] = TEST.format(n=n)
    imports = "".join(f'import {{ Widget{n} }} from "./Widget{n}";\n' for n in numbers)
    widgets = "".join(f"<Widget{n} items={{[]}} />" for n in numbers)
    files["src/main.tsx"] = ('import { createRoot } from "react-dom/client";\n' + imports +
                             'const root = document.getElementById("root");\n'
                             f"if (root) createRoot(root).render(<>{widgets}</>);\n")
    return written(to, files)


SMALL_PACKAGE = {
    "name": "small", "version": "0.1.0", "private": True, "type": "module",
    "scripts": {"build": "vite build", "test": "vitest run", "lint": "eslint ."},
    "devDependencies": {name: PACKAGE["devDependencies"][name]
                        for name in ("eslint", "rollup", "typescript", "typescript-eslint", "vite", "vitest")},
}
SMALL = {
    "index.html": '<!doctype html><title>Small</title><script type="module" src="/src/main.ts"></script>\n',
    ".gitignore": "node_modules\ndist\n",
    "vite.config.ts": 'import { defineConfig } from "vitest/config";\nexport default defineConfig({ test: { environment: "node" } });\n',
    "eslint.config.js": 'import tseslint from "typescript-eslint";\n'
                        'export default tseslint.config({ ignores: ["dist"] }, ...tseslint.configs.recommended);\n',
    "src/main.ts": 'import { add } from "./add";\nconsole.log(add(1, 2));\n',
    "src/add.ts": "export function add(one: number, other: number): number {\n  return one + other;\n}\n",
    "src/add.test.ts": 'import { expect, test } from "vitest";\nimport { add } from "./add";\n'
                       'test("adds", () => { expect(add(1, 2)).toBe(3); });\n',
}


def small_project(context):
    """vite, vitest and eslint on three files: many runs in little time, and the same places to write to."""
    files = {**SMALL, "package.json": json.dumps(SMALL_PACKAGE, indent=2) + "\n"}
    return written(os.path.join(context.work, "small"), files)


def written(to, files):
    """A project of these files with a lockfile, as a git repository."""
    if os.path.isdir(to):
        return to
    part = to + ".part"
    shutil.rmtree(part, ignore_errors=True)
    for path, text in files.items():
        path = os.path.join(part, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    run(["npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=part)
    run(["git", "init", "--quiet"], cwd=part)
    run(["git", "add", "--all"], cwd=part)
    run(["git", "-c", "user.name=Bench", "-c", "user.email=bench@example.invalid", "commit", "--quiet", "-m", "all"],
        cwd=part)
    os.rename(part, to)
    return to


def installed(context, project, name):
    """A copy of a project with its dependencies, for runs without a sandbox."""
    to = os.path.join(context.work, name)
    if not os.path.isdir(to):
        shutil.copytree(project, to + ".part")
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=to + ".part")
        os.rename(to + ".part", to)
    return to
