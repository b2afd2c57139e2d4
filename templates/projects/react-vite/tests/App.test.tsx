import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { App } from "../src/App";

it("has a heading that says where one is", () => {
  render(<App />);
  expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("project-name");
});

it("adds a task and takes it as done", async () => {
  const user = userEvent.setup();
  render(<App />);

  await user.type(screen.getByLabelText("New task"), "Water the plants{Enter}");

  expect(screen.getByRole("status")).toHaveTextContent("1 to do");
  expect(screen.getByLabelText("New task")).toHaveValue("");
  await user.click(screen.getByRole("checkbox", { name: "Water the plants" }));
  expect(screen.getByRole("status")).toHaveTextContent("0 to do");
});

it("says what is wrong with an empty task", async () => {
  const user = userEvent.setup();
  render(<App />);

  await user.click(screen.getByRole("button", { name: "Add" }));

  expect(screen.getByRole("alert")).toHaveTextContent("Write down what is to be done.");
  expect(screen.getByLabelText("New task")).toBeInvalid();
  expect(screen.queryByRole("checkbox")).not.toBeInTheDocument();
});
