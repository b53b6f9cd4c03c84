/**
 * What is to be called when signals are aborted, with one listener a signal however many ask: each listener of a signal
 * looks through all that are there, and more than ten are taken for a leak.
 */
export class AbortListeners {
  readonly #signals = new Map<AbortSignal, Listening>()

  /** Calls `stop` when the signal is aborted, unless the function that comes back is called before. */
  add(signal: AbortSignal, stop: () => void): () => void {
    const listening = this.#signals.get(signal) ?? this.#listen(signal)
    listening.stops.add(stop)
    return () => {
      listening.stops.delete(stop)
      if (listening.stops.size === 0) this.#leave(signal, listening)
    }
  }

  #listen(signal: AbortSignal): Listening {
    const stops = new Set<() => void>()
    const listening = {
      stops,
      listener: () => {
        this.#leave(signal, listening)
        for (const stop of stops) stop()
      },
    }
    signal.addEventListener('abort', listening.listener, { once: true })
    this.#signals.set(signal, listening)
    return listening
  }

  #leave(signal: AbortSignal, listening: Listening): void {
    signal.removeEventListener('abort', listening.listener)
    if (this.#signals.get(signal) === listening) this.#signals.delete(signal)
  }
}

interface Listening {
  readonly stops: Set<() => void>
  readonly listener: () => void
}
