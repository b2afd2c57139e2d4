import { render, screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { ErrorBoundary } from "../src/ErrorBoundary";

function Broken(): never {
  throw new Error("broken");
}

it("shows what goes well", () => {
  render(<ErrorBoundary>fine</ErrorBoundary>);
  expect(screen.getByText("fine")).toBeInTheDocument();
});

it("shows a way out where something fails, and tells the console", () => {
  const log = vi.spyOn(console, "error").mockReturnValue();
  render(
    <ErrorBoundary>
      <Broken />
    </ErrorBoundary>,
  );
  expect(screen.getByRole("alert")).toHaveTextContent("Something went wrong");
  expect(log).toHaveBeenCalled();
});
