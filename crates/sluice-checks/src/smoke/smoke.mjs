// Builds and starts the service of the current folder, asks its health route, and writes what came of it.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';

const OUT = '/sluice/out/smoke.json';
const routes = (process.env.SLUICE_SMOKE_HEALTH || '/health,/healthz').split(',');
const wanted = Number(process.env.PORT || 3000);
const START_MS = 60_000;
// A service that is still warming up answers 5xx; one that answers 4xx does not know the route.
const REFUSED_MS = 3_000;

function finish(ok, stage, message) {
  writeFileSync(OUT, JSON.stringify({ ok, stage, message: message.slice(0, 4000) }));
  console.log(`smoke: ${stage}: ${message}`);
  // Every other process ends with this one, which is the first of the sandbox.
  process.exit(ok ? 0 : 1);
}

function run(args) {
  return spawn('npm', args, { stdio: ['ignore', 'inherit', 'inherit'] });
}

// Ports that something listens on; we are alone in this network.
function listening() {
  const ports = new Set();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let text = '';
    try { text = readFileSync(file, 'utf8'); } catch { continue; }
    for (const line of text.split('\n').slice(1)) {
      const words = line.trim().split(/\s+/);
      if (words[3] === '0A') ports.add(parseInt(words[1].split(':').pop(), 16));
    }
  }
  return [...ports];
}

function ask(host, port, path) {
  return new Promise((resolve) => {
    const req = request({ host, port, path, timeout: 5000 }, (res) => {
      let body = '';
      res.on('data', (chunk) => { if (body.length < 2000) body += chunk; });
      res.on('end', () => resolve({ status: res.statusCode, body }));
      res.on('error', (error) => resolve({ error: error.message }));
    });
    req.on('timeout', () => req.destroy(new Error('no answer in 5 s')));
    req.on('error', (error) => resolve({ error: error.message }));
    req.end();
  });
}

async function probe(ports) {
  let last = null;
  let refused = false;
  for (const port of ports) {
    for (const path of routes) {
      for (const host of ['127.0.0.1', '::1']) {
        const answer = await ask(host, port, path);
        if (answer.status >= 200 && answer.status < 300) return { good: `GET ${path} on port ${port} gave ${answer.status}` };
        if (answer.status) refused = answer.status < 500;
        if (answer.status) last = `GET ${path} on port ${port} gave ${answer.status}: ${answer.body.slice(0, 300)}`;
        else last ??= `GET ${path} on port ${port}: ${answer.error}`;
      }
    }
  }
  return { last, refused };
}

if (process.env.SLUICE_SMOKE_BUILD) {
  const code = await new Promise((resolve) => run(['run', 'build']).on('exit', resolve));
  if (code !== 0) finish(false, 'build', `npm run build left with exit code ${code}`);
}
// The build has the time of the whole check; this is the time to start.
const started = Date.now();
const before = new Set(listening());
const service = run(['start']);
service.on('exit', (code, signal) => finish(false, 'start', `npm start ended with ${signal ?? `exit code ${code}`} before its health route answered`));
let last = `nothing listened on port ${wanted} within ${START_MS / 1000} s; listen on the port in PORT`;
let refusedSince = null;
for (;;) {
  const ports = listening().filter((port) => !before.has(port)).sort((a, b) => (b === wanted) - (a === wanted));
  if (ports.length > 0) {
    const answer = await probe(ports);
    if (answer.good) { service.removeAllListeners('exit'); finish(true, 'health', answer.good); }
    last = answer.last ?? last;
    refusedSince = answer.refused ? refusedSince ?? Date.now() : null;
  }
  const refusedLong = refusedSince !== null && Date.now() - refusedSince > REFUSED_MS;
  if (refusedLong || Date.now() - started > START_MS) { service.removeAllListeners('exit'); finish(false, 'health', last); }
  await new Promise((resolve) => setTimeout(resolve, 50));
}
