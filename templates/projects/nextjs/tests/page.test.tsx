import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import Home from "../app/page";

it("has a heading that says where one is", () => {
  render(<Home />);
  expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("project-name");
});

it("counts, and starts over", async () => {
  const user = userEvent.setup();
  render(<Home />);
  const over = screen.getByRole("button", { name: "Start over" });
  expect(over).toBeDisabled();

  await user.click(screen.getByRole("button", { name: "Count" }));
  await user.click(screen.getByRole("button", { name: "Count" }));

  expect(screen.getByRole("status")).toHaveTextContent("Counted to 2");
  await user.click(over);
  expect(screen.getByRole("status")).toHaveTextContent("Counted to 0");
});
