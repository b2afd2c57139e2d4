"use client";

import { useState } from "react";

/** An example of a component with state; replace it with your own. */
export function Counter() {
  const [count, setCount] = useState(0);
  return (
    <section aria-label="Counter">
      <p role="status">Counted to {count}</p>
      <button
        type="button"
        onClick={() => {
          setCount(count + 1);
        }}
      >
        Count
      </button>
      <button
        type="button"
        disabled={count === 0}
        onClick={() => {
          setCount(0);
        }}
      >
        Start over
      </button>
    </section>
  );
}
