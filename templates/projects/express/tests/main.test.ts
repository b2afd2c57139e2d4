import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";

it("serves until it is told to stop, and leaves cleanly", { timeout: 30_000 }, async () => {
  const server = spawn(process.execPath, ["--import", "tsx", "src/main.ts"], {
    env: { ...process.env, HOST: "127.0.0.1", PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(server.stdout, "data")) as [Buffer];
  expect(line.toString()).toMatch(/^Listening on http:\/\/127\.0\.0\.1:\d+/);
  server.kill("SIGTERM");
  const [code] = (await once(server, "exit")) as [number | null];
  expect(code).toBe(0);
});
