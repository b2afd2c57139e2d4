// Holds requests against GitHub's own description of its API: each is sent to Prism, which must not refuse it.
//
//   node check.mjs HOME requests FILE        a list of requests, as the fake writes them down
//   node check.mjs HOME serve                lists of requests that are posted to the port that it prints; until nobody
//                                            has asked for a minute
//   node check.mjs HOME answers URL TOKEN PATH...
//                                            what a fake answers to each of these, held against the same description
//
// HOME is where scripts/contract.sh installed. What is refused is printed, a line of JSON for each; the last line says
// how many were held. The end is 0 if nothing was refused, 1 if something was, 2 if nothing could be held.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createListener } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";

const METHODS = ["get", "put", "post", "delete", "patch"];
// Of the connection, not of the request; and the token, which nobody kept.
const OURS = ["host", "connection", "content-length", "transfer-encoding", "authorization", "expect", "accept-encoding"];

/** How long it serves after the last question, in milliseconds. */
const PATIENCE = 60_000;

const [home, mode, ...rest] = process.argv.slice(2);
const description = JSON.parse(
  await readFile(join(home, "node_modules/@octokit/openapi/generated/api.github.com.json"), "utf8"),
);

/** What a path's template matches, as a pattern; a ref or a path may have slashes. */
function pattern(template) {
  const escaped = template.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replace(/\{(ref|path|branch|basehead)\}/g, "(.+)").replace(/\{[^}]+\}/g, "([^/]+)")}$`);
}

const templates = Object.keys(description.paths).map((template) => [template, pattern(template)]);
const fixed = (template) => template.replace(/\{[^}]+\}/g, "").length;

/** The template that is meant by a path: of those that match, the one that says most. */
function meant(path) {
  const found = templates.filter(([, is]) => is.test(path)).map(([template]) => template);
  return found.sort((one, other) => fixed(other) - fixed(one)).slice(0, 1);
}

/** The path with the slashes within a name escaped, since Prism takes them for the end of the name. */
function escaped(path) {
  const [template] = meant(path);
  if (!template) return path;
  const names = pattern(template).exec(path).slice(1);
  return template.replace(/\{[^}]+\}/g, () => encodeURIComponent(decodeURIComponent(names.shift())));
}

/** The path as the description has it: of a moved repository GitHub gives the number, which it does not describe. */
function described(path) {
  return path.replace(/^\/api\/v3(?=\/)/, "").replace(/^\/repositories\/\d+/, "/repos/somebody/something");
}

/** Follows a reference within the description. */
function followed(what) {
  return what?.$ref ? what.$ref.slice(2).split("/").reduce((at, key) => at[key], description) : what;
}

/** The description of these paths alone, with all that it refers to. */
function trimmed(wanted, keepAnswers) {
  const found = { openapi: description.openapi, info: description.info, paths: {}, components: {} };
  for (const template of wanted) {
    const item = structuredClone(description.paths[template]);
    for (const method of METHODS.filter((method) => item[method])) {
      const operation = item[method];
      const body = operation.requestBody?.content?.["application/json"]?.schema;
      if (body?.properties && !body.oneOf && !body.anyOf && !body.allOf) {
        // GitHub ignores what it does not know; a field that is ignored is a mistake of ours.
        body.additionalProperties ??= false;
      }
      if (keepAnswers) {
        for (const [status, answer] of Object.entries(operation.responses)) {
          operation.responses[status] = spoken(followed(answer));
        }
      } else {
        // Without answers of GitHub's, Prism says in its own words what it refuses.
        operation.responses = { 200: { description: "held" } };
      }
    }
    found.paths[template] = item;
  }
  const waiting = [found.paths];
  while (waiting.length > 0) {
    const at = waiting.pop();
    for (const [key, value] of Object.entries(at ?? {})) {
      if (key === "$ref" && typeof value === "string") {
        const [kind, name] = value.slice("#/components/".length).split("/");
        const kept = (found.components[kind] ??= {});
        if (!kept[name]) {
          kept[name] = description.components[kind][name];
          waiting.push(kept[name]);
        }
      } else if (typeof value === "object") {
        waiting.push(value);
      }
    }
  }
  return found;
}

/** An answer in all media types that clients ask for; examples are left out, since some of GitHub's own do not hold. */
function spoken(answer) {
  const json = answer.content?.["application/json"];
  if (!json) return answer;
  const plain = { schema: json.schema };
  const content = { "application/vnd.github+json": plain, "application/vnd.github.v3+json": plain };
  return { ...answer, headers: undefined, content: { ...content, "application/json": plain } };
}

/** A port that nobody listens on now. */
async function freePort() {
  const server = createListener();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Serves a description with Prism while something is done with it. */
async function withPrism(spec, words, act) {
  const folder = await mkdtemp(join(tmpdir(), "contract-"));
  const file = join(folder, "description.json");
  await writeFile(file, JSON.stringify(spec));
  const port = await freePort();
  const [kind, ...more] = words;
  const args = [join(home, "node_modules/.bin/prism"), kind, "--host", "127.0.0.1", "--port", `${port}`, file, ...more];
  const prism = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  try {
    await new Promise((done, failed) => {
      const hear = (piece) => {
        said += piece;
        if (said.includes("Prism is listening")) done();
      };
      prism.stdout.on("data", hear);
      prism.stderr.on("data", hear);
      prism.on("exit", () => failed(new Error(`Prism ended: ${said}`)));
    });
    return await act(`http://127.0.0.1:${port}`);
  } finally {
    prism.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

/** Names in a query that the operation does not have. */
function unknownInQuery(method, path, query) {
  const names = [...new URLSearchParams(query).keys()];
  if (names.length === 0) return [];
  const known = meant(path).flatMap((template) => {
    const item = description.paths[template];
    const all = [...(item.parameters ?? []), ...(item[method.toLowerCase()]?.parameters ?? [])];
    return all.map(followed).filter((one) => one.in === "query").map((one) => one.name);
  });
  return names.filter((name) => !known.includes(name));
}

async function holdRequest(base, request) {
  const [path, query] = [described(request.path.split("?")[0]), request.path.split("?")[1] ?? ""];
  const unknown = unknownInQuery(request.method, path, query);
  if (unknown.length > 0) return { status: 400, detail: `not in the description's query: ${unknown.join(", ")}` };
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !OURS.includes(name)));
  // Its answers have no content here, so there is nothing to negotiate.
  headers.accept = "*/*";
  const has = !["GET", "HEAD"].includes(request.method) && request.body !== "";
  if (has) headers["content-type"] ??= "application/json";
  const body = has ? request.body : undefined;
  const answer = await fetch(`${base}${escaped(path)}${query && `?${query}`}`, { method: request.method, headers, body });
  const detail = await answer.text();
  return answer.status >= 400 ? { status: answer.status, detail } : null;
}

async function holdAnswer(base, token, path) {
  const [plain, query] = path.split("?");
  const answer = await fetch(`${base}${escaped(plain)}${query ? `?${query}` : ""}`, {
    headers: { authorization: `Bearer ${token}`, accept: "application/vnd.github+json", "user-agent": "contract" },
  });
  const detail = await answer.text();
  const violations = answer.headers.get("sl-violations");
  if (answer.status >= 400) return { status: answer.status, detail };
  return violations ? { status: answer.status, detail: violations } : null;
}

/** Holds those requests of a list that are of the API. */
async function holdAll(base, requests) {
  const refused = [];
  const wanted = requests.filter((one) => one.kind === "api");
  for (const request of wanted) {
    const problem = await holdRequest(base, request);
    if (problem) refused.push({ method: request.method, path: request.path, ...problem });
  }
  return { held: wanted.length, refused };
}

/** Holds what is posted, until nobody asks any more. */
function serve(base) {
  return new Promise((end) => {
    let idle = setTimeout(end, PATIENCE);
    const server = createServer(async (request, response) => {
      clearTimeout(idle);
      try {
        response.end(JSON.stringify(await holdAll(base, await json(request))));
      } catch (error) {
        response.writeHead(500).end(String(error));
      }
      clearTimeout(idle);
      idle = setTimeout(end, PATIENCE);
    });
    server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
  });
}

/** Says what was refused, and ends. */
function conclude({ held, refused }) {
  for (const one of refused) console.log(JSON.stringify(one));
  console.log(JSON.stringify({ held, refused: refused.length }));
  process.exit(held === 0 ? 2 : refused.length > 0 ? 1 : 0);
}

if (mode === "serve") {
  await withPrism(trimmed(Object.keys(description.paths), false), ["mock"], serve);
  process.exit(0);
} else if (mode === "requests") {
  const requests = JSON.parse(await readFile(rest[0], "utf8"));
  const paths = new Set(requests.map((one) => described(one.path.split("?")[0])));
  const spec = trimmed([...new Set([...paths].flatMap(meant))], false);
  conclude(await withPrism(spec, ["mock"], (base) => holdAll(base, requests)));
} else if (mode === "answers") {
  const [url, token, ...paths] = rest;
  const spec = trimmed([...new Set(paths.flatMap((path) => meant(described(path.split("?")[0]))))], true);
  const refused = [];
  await withPrism(spec, ["proxy", url], async (base) => {
    for (const path of paths) {
      const problem = await holdAnswer(base, token, path);
      if (problem) refused.push({ method: "GET", path, ...problem });
    }
  });
  conclude({ held: paths.length, refused });
} else {
  console.error("say requests, serve or answers; the first lines of this file say more");
  process.exit(2);
}
