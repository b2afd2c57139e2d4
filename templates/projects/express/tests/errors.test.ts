import express from "express";
import request from "supertest";
import { expect, it, vi } from "vitest";
import { errorHandler } from "../src/errors.js";

it("tells the log what happened, and the client nothing of it", async () => {
  const log = vi.spyOn(console, "error").mockReturnValue();
  const fault = new Error("the password is hunter2");
  const app = express();
  app.get("/", () => {
    throw fault;
  });
  app.use(errorHandler);

  const response = await request(app).get("/");

  expect(response.status).toBe(500);
  expect(response.body).toEqual({ error: "Something went wrong" });
  expect(log).toHaveBeenCalledWith(fault);
});
