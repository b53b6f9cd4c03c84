import { Denial } from './denial.ts'

/** How much is uploaded at the same time, by everybody together. */
export class UploadRoom {
  readonly #maxUploads: number
  readonly #maxHeldBytes: number
  #uploads = 0
  #heldBytes = 0

  constructor(limits: { readonly uploads: number; readonly heldBytes: number }) {
    this.#maxUploads = limits.uploads
    this.#maxHeldBytes = limits.heldBytes
  }

  /** Throws a Denial when there is no room for one more. Whoever comes in has to leave. */
  enter(): UploadPlace {
    if (this.#uploads >= this.#maxUploads) throw full()
    this.#uploads++
    let held = 0
    return {
      hold: (bytes) => {
        if (this.#heldBytes + bytes > this.#maxHeldBytes) throw full()
        this.#heldBytes += bytes
        held += bytes
      },
      leave: () => {
        this.#uploads--
        this.#heldBytes -= held
        held = 0
      },
    }
  }
}

export interface UploadPlace {
  /** So many bytes more are kept in memory for this upload. Throws a Denial when that is too much. */
  hold(bytes: number): void
  leave(): void
}

function full(): Denial {
  return new Denial(
    503,
    'Too much is being uploaded at the same time. Please try again in a few seconds.',
  )
}
