// @vitest-environment node
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, expect, it } from "vitest";

let server: ViteDevServer;

beforeAll(async () => {
  server = await createServer({ logLevel: "error", server: { port: 0 } });
  await server.listen();
});

afterAll(async () => {
  await server.close();
});

it("answers at /health that it is well", async () => {
  const [url] = server.resolvedUrls?.local ?? [];
  const response = await fetch(new URL("/health", url));
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toContain("application/json");
  expect(await response.json()).toEqual({ status: "ok" });
});
