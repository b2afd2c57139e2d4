import { TaskList } from "./TaskList";

export function App() {
  return (
    <>
      <header>
        <h1>project-name</h1>
      </header>
      <main>
        <TaskList />
      </main>
    </>
  );
}
