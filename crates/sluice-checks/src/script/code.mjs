// Runs a function or a program of JavaScript on cases, each in a process of its own, and writes what came of each.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';

const OUT = '/sluice/out/code.json';
const SPEC = JSON.parse(process.env.SLUICE_CODE);

async function load() {
  const path = resolve(SPEC.file);
  let fault;
  try {
    const module = await import(pathToFileURL(path).href);
    const found = [module[SPEC.function], module.default?.[SPEC.function], module.default];
    const fits = (one, at) => typeof one === 'function' && (at < 2 || one.name === SPEC.function);
    const chosen = found.find(fits);
    if (chosen) return chosen;
  } catch (error) {
    fault = error;
  }
  if (fault) throw fault;
  // A file that exports nothing is a script, whose functions are global.
  vm.runInThisContext(readFileSync(path, 'utf8'), { filename: path });
  return vm.runInThisContext(SPEC.function);
}

async function call(args) {
  let run;
  try {
    run = await load();
  } catch (error) {
    return { load: `${error?.name ?? 'Error'}: ${error?.message ?? error}` };
  }
  try {
    return { value: (await run(...args)) ?? null };
  } catch (error) {
    const names = new Set([error?.name]);
    for (let one = error; one; one = Object.getPrototypeOf(one)) names.add(one.constructor?.name);
    return { error: [...names].filter((name) => name && name !== 'Object'), message: String(error?.message ?? error) };
  }
}

function one(at, given) {
  const result = join(mkdtempSync('/tmp/case-'), 'result');
  const argv = SPEC.function === null ? [SPEC.file] : [process.argv[1], String(at)];
  const ended = spawnSync(process.execPath, argv, {
    input: given.stdin ?? '',
    timeout: SPEC.timeout_seconds * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 20,
    env: { ...process.env, SLUICE_CODE_RESULT: result },
    encoding: 'utf8',
  });
  const seen = {
    timed_out: ended.error?.code === 'ETIMEDOUT',
    exit_code: ended.status,
    stdout: ended.stdout ?? '',
    stderr: (ended.stderr ?? '').slice(-4000),
    answer: null,
  };
  try {
    seen.answer = JSON.parse(readFileSync(result, 'utf8'));
  } catch {
    // It ended before it answered.
  }
  return seen;
}

if (process.argv.length > 2) {
  const answer = await call(SPEC.cases[Number(process.argv[2])].args ?? []);
  writeFileSync(process.env.SLUICE_CODE_RESULT, JSON.stringify(answer));
  process.exit(0);
} else {
  const seen = SPEC.cases.map((given, at) => one(at, given));
  writeFileSync(OUT, JSON.stringify({ cases: seen }));
  console.log(`${seen.length} cases were run`);
}
