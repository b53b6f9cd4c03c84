/** Whatever else this process has to do comes first: a database in it answers before anybody else has had a turn. */
export function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
