import { Body, Controller, Post } from "@nestjs/common";
import { CreateGreetingDto } from "./create-greeting.dto.js";
import { GreetingsService } from "./greetings.service.js";

@Controller("api/greetings")
export class GreetingsController {
  constructor(private readonly greetings: GreetingsService) {}

  @Post()
  create(@Body() { name }: CreateGreetingDto): { message: string } {
    return { message: this.greetings.greet(name) };
  }
}
