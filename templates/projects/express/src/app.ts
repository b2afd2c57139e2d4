import express, { type Express } from "express";
import helmet from "helmet";
import { errorHandler, notFound } from "./errors.js";
import { greetings } from "./greetings.js";
import { health } from "./health.js";

/** The whole application, without a socket, so that tests can ask it directly. */
export function createApp(): Express {
  const app = express();
  app.use(helmet());
  app.use(express.json({ limit: "100kb" }));
  app.use(health());
  app.use("/api/greetings", greetings());
  app.use(notFound);
  app.use(errorHandler);
  return app;
}
