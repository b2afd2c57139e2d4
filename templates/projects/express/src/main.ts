import { createServer } from "node:http";
import { createApp } from "./app.js";
import { readConfig } from "./config.js";

/** How long requests may take to end after a signal, in milliseconds. */
const GRACE_MS = 10_000;

const { host, port } = readConfig(process.env);
const server = createServer(createApp());

server.on("error", (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
server.listen(port, host, () => {
  console.info(`Listening on http://${host}:${String(port)}`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    console.info(`${signal}: closing`);
    server.close();
    setTimeout(() => {
      server.closeAllConnections();
    }, GRACE_MS).unref();
  });
}
