import { Module } from "@nestjs/common";
import { GreetingsModule } from "./greetings/greetings.module.js";
import { HealthModule } from "./health/health.module.js";

@Module({ imports: [GreetingsModule, HealthModule] })
export class AppModule {}
