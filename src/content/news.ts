/** Who waits for something new: told that there may be, and looks for himself. */
export class News {
  readonly #listeners = new Set<() => void>()

  /** Something may have been deployed. */
  tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** The function that comes back ends it. */
  onNews(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
