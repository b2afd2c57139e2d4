import { Router } from "express";
import { z } from "zod";

const Greeting = z.strictObject({
  name: z.string().trim().min(1).max(80),
});

/** An example of a route that checks its input; replace it with your own. */
export function greetings(): Router {
  const router = Router();
  router.post("/", (request, response) => {
    const { name } = Greeting.parse(request.body);
    response.status(201).json({ message: `Hello, ${name}!` });
  });
  return router;
}
