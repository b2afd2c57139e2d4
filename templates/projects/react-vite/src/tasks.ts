/** Something to be done. */
export interface Task {
  readonly id: number;
  readonly title: string;
  readonly done: boolean;
}

/** The tasks with one more at the end. */
export function addTask(tasks: readonly Task[], title: string): readonly Task[] {
  const id = (tasks.at(-1)?.id ?? 0) + 1;
  return [...tasks, { id, title: title.trim(), done: false }];
}

/** The tasks with one of them done, or to be done again. */
export function toggleTask(tasks: readonly Task[], id: number): readonly Task[] {
  return tasks.map((task) => (task.id === id ? { ...task, done: !task.done } : task));
}

/** How many tasks are still to be done. */
export function openTasks(tasks: readonly Task[]): number {
  return tasks.filter((task) => !task.done).length;
}
