import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import ErrorPage from "../app/error";

it("names the error, tells the console, and offers another try", async () => {
  const log = vi.spyOn(console, "error").mockReturnValue();
  const reset = vi.fn();
  const error = Object.assign(new Error("the password is hunter2"), { digest: "4711" });
  render(<ErrorPage error={error} reset={reset} />);

  expect(screen.getByRole("alert")).toHaveTextContent("Error 4711");
  expect(screen.getByRole("alert")).not.toHaveTextContent("hunter2");
  expect(log).toHaveBeenCalledWith(error);
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(reset).toHaveBeenCalledOnce();
});
