import { expect, it } from "vitest";
import { readConfig } from "../src/config.js";

it("has defaults for development", () => {
  expect(readConfig({})).toEqual({ host: "127.0.0.1", port: 3000 });
});

it("reads HOST and PORT", () => {
  expect(readConfig({ HOST: "0.0.0.0", PORT: "8080" })).toEqual({ host: "0.0.0.0", port: 8080 });
});

it.each(["", "http", "-1", "65536", "80.5"])("refuses %j as a port", (PORT) => {
  expect(() => readConfig({ PORT })).toThrow("PORT");
});
