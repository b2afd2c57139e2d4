import type { Server } from "node:http";
import type { INestApplication } from "@nestjs/common";
import { Test } from "@nestjs/testing";
import request from "supertest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppModule } from "../src/app.module.js";
import { configure } from "../src/configure.js";

let app: INestApplication<Server>;

beforeAll(async () => {
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = module.createNestApplication();
  configure(app);
  await app.init();
});

afterAll(async () => {
  await app.close();
});

describe("GET /health", () => {
  it("says that the service is well", async () => {
    const response = await request(app.getHttpServer()).get("/health");
    expect(response.status).toBe(200);
    expect(response.body).toEqual({ status: "ok" });
    expect(response.headers["cache-control"]).toBe("no-store");
  });
});

describe("POST /api/greetings", () => {
  it("greets by name", async () => {
    const response = await request(app.getHttpServer())
      .post("/api/greetings")
      .send({ name: " Ada " });
    expect(response.status).toBe(201);
    expect(response.body).toEqual({ message: "Hello, Ada!" });
  });

  it.each([{}, { name: "" }, { name: "x".repeat(81) }, { name: 1 }, { name: "Ada", age: 36 }])(
    "refuses %j",
    async (body) => {
      const response = await request(app.getHttpServer()).post("/api/greetings").send(body);
      expect(response.status).toBe(422);
      expect(response.body).toMatchObject({ statusCode: 422 });
    },
  );
});

it("answers JSON where there is no route", async () => {
  const response = await request(app.getHttpServer()).get("/nowhere");
  expect(response.status).toBe(404);
  expect(response.body).toMatchObject({ statusCode: 404, message: "Cannot GET /nowhere" });
});
