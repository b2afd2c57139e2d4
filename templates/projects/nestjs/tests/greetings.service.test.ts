import { expect, it } from "vitest";
import { GreetingsService } from "../src/greetings/greetings.service.js";

it("greets by name", () => {
  expect(new GreetingsService().greet("Ada")).toBe("Hello, Ada!");
});
