import { Router } from "express";

/** Says that the process answers. Look at what it depends on here, once it depends on something. */
export function health(): Router {
  const router = Router();
  router.get("/health", (_request, response) => {
    response.set("Cache-Control", "no-store").json({ status: "ok" });
  });
  return router;
}
