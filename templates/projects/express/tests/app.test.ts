import request from "supertest";
import { describe, expect, it } from "vitest";
import { createApp } from "../src/app.js";

const app = createApp();

describe("GET /health", () => {
  it("says that the service is well", async () => {
    const response = await request(app).get("/health");
    expect(response.status).toBe(200);
    expect(response.body).toEqual({ status: "ok" });
    expect(response.headers["cache-control"]).toBe("no-store");
  });
});

describe("POST /api/greetings", () => {
  it("greets by name", async () => {
    const response = await request(app).post("/api/greetings").send({ name: " Ada " });
    expect(response.status).toBe(201);
    expect(response.body).toEqual({ message: "Hello, Ada!" });
  });

  it.each([{}, { name: "" }, { name: "x".repeat(81) }, { name: 1 }, { name: "Ada", age: 36 }])(
    "refuses %j",
    async (body) => {
      const response = await request(app).post("/api/greetings").send(body);
      expect(response.status).toBe(422);
      expect(response.body).toMatchObject({ error: "The input is not valid" });
    },
  );

  it("refuses a body that is no JSON", async () => {
    const response = await request(app)
      .post("/api/greetings")
      .set("Content-Type", "application/json")
      .send("{");
    expect(response.status).toBe(400);
    expect(response.body).toHaveProperty("error");
  });
});

describe("every answer", () => {
  it("is JSON where there is no route", async () => {
    const response = await request(app).get("/nowhere");
    expect(response.status).toBe(404);
    expect(response.body).toEqual({ error: "GET /nowhere does not exist" });
  });

  it("carries headers that keep browsers careful", async () => {
    const { headers } = await request(app).get("/health");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers).not.toHaveProperty("x-powered-by");
  });
});
