// Asked each time, and not once at the build.
export const dynamic = "force-dynamic";

/** Says that the process answers. Look at what it depends on here, once it depends on something. */
export function GET(): Response {
  return Response.json({ status: "ok" }, { headers: { "Cache-Control": "no-store" } });
}
