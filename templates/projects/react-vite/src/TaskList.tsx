import { useId, useState, type SubmitEvent } from "react";
import { addTask, openTasks, toggleTask, type Task } from "./tasks";

/** An example of a component with state; replace it with your own. */
export function TaskList() {
  const [tasks, setTasks] = useState<readonly Task[]>([]);
  const [title, setTitle] = useState("");
  const [problem, setProblem] = useState("");
  const field = useId();
  const hint = useId();

  function submit(event: SubmitEvent) {
    event.preventDefault();
    if (title.trim() === "") {
      setProblem("Write down what is to be done.");
      return;
    }
    setTasks(addTask(tasks, title));
    setTitle("");
    setProblem("");
  }

  return (
    <section aria-labelledby={`${field}-heading`}>
      <h2 id={`${field}-heading`}>Tasks</h2>
      <form onSubmit={submit} noValidate>
        <label htmlFor={field}>New task</label>
        <input
          id={field}
          value={title}
          maxLength={120}
          required
          aria-invalid={problem !== ""}
          aria-describedby={problem === "" ? undefined : hint}
          onChange={(event) => {
            setTitle(event.target.value);
          }}
        />
        <button type="submit">Add</button>
        {problem !== "" && (
          <p id={hint} role="alert">
            {problem}
          </p>
        )}
      </form>
      <p role="status">{openTasks(tasks)} to do</p>
      <ul>
        {tasks.map((task) => (
          <li key={task.id}>
            <label>
              <input
                type="checkbox"
                checked={task.done}
                onChange={() => {
                  setTasks(toggleTask(tasks, task.id));
                }}
              />
              {task.title}
            </label>
          </li>
        ))}
      </ul>
    </section>
  );
}
