import react from "@vitejs/plugin-react";
import type { Connect, Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Answers `/health` with `public/health.json`, which every other host of the built files serves as it is. */
function health(): Plugin {
  const rewrite: Connect.NextHandleFunction = (request, _response, next) => {
    if (request.url === "/health") {
      request.url = "/health.json";
    }
    next();
  };
  return {
    name: "health",
    configureServer: ({ middlewares }) => void middlewares.use(rewrite),
    configurePreviewServer: ({ middlewares }) => void middlewares.use(rewrite),
  };
}

const host = process.env.HOST ?? "127.0.0.1";
const port = Number(process.env.PORT ?? 5173);

export default defineConfig({
  plugins: [react(), health()],
  build: { sourcemap: true },
  server: { host, port },
  preview: { host, port, strictPort: true },
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.{ts,tsx}"],
    setupFiles: ["tests/setup.ts"],
    // A simulated browser is slow on a busy machine.
    testTimeout: 20_000,
  },
});
