// @vitest-environment node
import { expect, it } from "vitest";
import { GET } from "../app/health/route";

it("says that the service is well", async () => {
  const response = GET();
  expect(response.status).toBe(200);
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toEqual({ status: "ok" });
});
