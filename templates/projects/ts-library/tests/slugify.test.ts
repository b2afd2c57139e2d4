import { describe, expect, it } from "vitest";
import { slugify } from "../src/index.js";

describe("slugify", () => {
  it.each([
    ["Hello, World!", "hello-world"],
    ["  Crème   brûlée  ", "creme-brulee"],
    ["C++ in 21 days", "c-in-21-days"],
    ["ﬁne print", "fine-print"],
    ["---", ""],
    ["", ""],
  ])("turns %j into %j", (title, slug) => {
    expect(slugify(title)).toBe(slug);
  });

  it("keeps whole words within the length", () => {
    expect(slugify("one two three", { maxLength: 7 })).toBe("one-two");
    expect(slugify("one two three", { maxLength: 8 })).toBe("one-two");
    expect(slugify("one two three", { maxLength: 13 })).toBe("one-two-three");
  });

  it("cuts a first word that is longer than the length", () => {
    expect(slugify("incomprehensible", { maxLength: 4 })).toBe("inco");
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses a length of %d", (maxLength) => {
    expect(() => slugify("title", { maxLength })).toThrow(RangeError);
  });
});
