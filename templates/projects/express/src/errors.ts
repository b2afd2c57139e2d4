import type { ErrorRequestHandler, RequestHandler } from "express";
import { ZodError } from "zod";

/** Answers what no route took. */
export const notFound: RequestHandler = (request, response) => {
  response.status(404).json({ error: `${request.method} ${request.path} does not exist` });
};

/** Answers every error as JSON. What the client cannot mend goes to the log and not to the client. */
export const errorHandler: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) {
    next(error);
    return;
  }
  if (error instanceof ZodError) {
    const issues = error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
    response.status(422).json({ error: "The input is not valid", issues });
    return;
  }
  const status = clientStatus(error);
  if (status !== undefined && error instanceof Error) {
    response.status(status).json({ error: error.message });
    return;
  }
  console.error(error);
  response.status(500).json({ error: "Something went wrong" });
};

/** The status of an error that Express blames on the request, such as a body that is no JSON. */
function clientStatus(error: unknown): number | undefined {
  if (typeof error === "object" && error !== null && "status" in error) {
    const { status } = error;
    if (typeof status === "number" && status >= 400 && status < 500) {
      return status;
    }
  }
  return undefined;
}
