import { Controller, Get, Header } from "@nestjs/common";

@Controller("health")
export class HealthController {
  /** Says that the process answers. Look at what it depends on here, once it depends on something. */
  @Get()
  @Header("Cache-Control", "no-store")
  check(): { status: "ok" } {
    return { status: "ok" };
  }
}
