/** Who has how much slot time, from one moment to another: tasks that began before or still run count with their part. */
export class SlotTime {
  readonly #usedMs: number[]
  readonly #tasks: number[]
  readonly #running = new Map<number, { readonly user: number; readonly sinceMs: number }>()
  #next = 0

  constructor(users: number) {
    this.#usedMs = Array.from({ length: users }, () => 0)
    this.#tasks = [...this.#usedMs]
  }

  /** A task of a user, counted from zero, takes a slot; the function that comes back gives it up. */
  begin(user: number, sinceMs: number): (atMs: number) => void {
    const key = this.#next++
    this.#running.set(key, { user, sinceMs })
    return (atMs) => {
      const task = this.#running.get(key)
      this.#running.delete(key)
      if (task === undefined) return
      this.#add(this.#usedMs, user, atMs - task.sinceMs)
      this.#add(this.#tasks, user, 1)
    }
  }

  /** Forgets everything that was before. */
  restart(atMs: number): void {
    this.#usedMs.fill(0)
    this.#tasks.fill(0)
    for (const [key, { user }] of this.#running) this.#running.set(key, { user, sinceMs: atMs })
  }

  /** Milliseconds by user. */
  usedMs(atMs: number): readonly number[] {
    const used = [...this.#usedMs]
    for (const { user, sinceMs } of this.#running.values()) this.#add(used, user, atMs - sinceMs)
    return used
  }

  /** Tasks that ended, by user. */
  get tasks(): readonly number[] {
    return [...this.#tasks]
  }

  #add(to: number[], user: number, amount: number): void {
    to[user] = (to[user] ?? 0) + amount
  }
}
