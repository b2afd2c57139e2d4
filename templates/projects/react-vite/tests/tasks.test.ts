import { expect, it } from "vitest";
import { addTask, openTasks, toggleTask } from "../src/tasks";

const two = addTask(addTask([], " Write "), "Read");

it("adds tasks at the end, without spaces around them", () => {
  expect(two).toEqual([
    { id: 1, title: "Write", done: false },
    { id: 2, title: "Read", done: false },
  ]);
});

it("takes a task as done, and back", () => {
  const done = toggleTask(two, 2);
  expect(done.map((task) => task.done)).toEqual([false, true]);
  expect(toggleTask(done, 2)).toEqual(two);
});

it("counts what is still to be done", () => {
  expect(openTasks([])).toBe(0);
  expect(openTasks(toggleTask(two, 1))).toBe(1);
});
