import { Module } from "@nestjs/common";
import { GreetingsController } from "./greetings.controller.js";
import { GreetingsService } from "./greetings.service.js";

/** An example of a module; replace it with your own. */
@Module({ controllers: [GreetingsController], providers: [GreetingsService] })
export class GreetingsModule {}
