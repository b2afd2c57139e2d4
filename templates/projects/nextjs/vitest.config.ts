import { defineConfig } from "vitest/config";

export default defineConfig({
  // tsconfig.json leaves JSX to Next.js; here it must be turned into code.
  oxc: { jsx: { runtime: "automatic" } },
  test: {
    environment: "jsdom",
    include: ["tests/**/*.test.{ts,tsx}"],
    setupFiles: ["tests/setup.ts"],
    // A simulated browser is slow on a busy machine.
    testTimeout: 20_000,
  },
});
