import { Counter } from "./counter";

export default function Home() {
  return (
    <main>
      <h1>project-name</h1>
      <p>This page was made on the server; the counter below lives in the browser.</p>
      <Counter />
    </main>
  );
}
