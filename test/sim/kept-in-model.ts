import { SyncError } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import { health } from '../../src/engine/breaker.ts'
import type { TaskStore } from '../../src/engine/task-store.ts'
import { MemoryRegistry } from '../../src/store/memory/memory-registry.ts'
import { MemoryTaskStore } from '../../src/store/memory/memory-task-store.ts'
import { emptyRows, type Rows } from '../../src/store/memory/rows.ts'
import { Killed } from './faulty-database.ts'
import type { Keeping, Kept, ProcessParts } from './keeping.ts'
import { modelFaults } from './model-laws.ts'
import { ShownInMemory } from './shown-files.ts'

/** Turns within which a doomed process dies. */
const maxTurnsLeft = 6

/** A world's rows in the model. A turn of it is one step: a process dies before it, or behind it. */
export class KeptInModel implements Keeping {
  readonly #rows = emptyRows()
  readonly #shown = new ShownInMemory()

  /** Nobody is told of what a person changes: whoever changes something wakes the engine. */
  open({ clock, policy, random }: ProcessParts): Kept {
    const rows = this.#rows
    const effects = this.#shown
    const store = new MemoryTaskStore({ rows, policy, clock, random, effects })
    const registry = new MemoryRegistry({ rows, clock, effects })
    return new ModelProcess({ rows, store, registry, shown: effects })
  }
}

interface ModelProcessParts {
  readonly rows: Rows
  readonly store: TaskStore
  readonly registry: MemoryRegistry
  readonly shown: ShownInMemory
}

class ModelProcess implements Kept {
  readonly registry: MemoryRegistry
  readonly shown: ShownInMemory
  readonly store: TaskStore
  readonly isHalfWritten = false
  isFull = false
  isDead = false
  readonly #rows: Rows
  #turnsLeft = Number.POSITIVE_INFINITY

  constructor({ rows, store, registry, shown }: ModelProcessParts) {
    this.#rows = rows
    this.registry = registry
    this.shown = shown
    this.store = {
      open: () => store.open(),
      close: () => store.close(),
      turn: async (...what) => {
        this.#pay()
        if (this.isFull) throw new SyncError('disk-full', 'There is no room for the turn.')
        return store.turn(...what)
      },
      stalls: () => store.stalls(),
      purge: (limit) => store.purge(limit),
    }
  }

  #pay(): void {
    this.#turnsLeft--
    if (this.#turnsLeft <= 0) this.isDead = true
    if (this.isDead) throw new Killed('killed before a turn')
  }

  doom(random: Random): void {
    this.#turnsLeft = 1 + Math.floor(random() * maxTurnsLeft)
  }

  isBusy(nowMs: number): boolean {
    const { tasks, slots, sources } = this.#rows
    if (slots.some(({ held }) => held !== null)) return true
    for (const { state } of tasks) if (state !== 'parked') return true
    for (const { items, round, dueMs, breaker } of sources.values()) {
      if (round !== null || breaker.health === health.resting) return true
      if (breaker.health === health.well && dueMs <= nowMs) return true
      for (const { state } of items.values()) if (state === 'owed') return true
    }
    return false
  }

  faults(): readonly string[] {
    return modelFaults(this.#rows)
  }

  waitingOwners(): readonly number[] {
    return this.#rows.lanes
      .filter(({ pool, workClass, isActive }) => pool === 'read' && workClass === 1 && isActive)
      .map(({ owner }) => owner.id)
  }

  describe(): object {
    return {
      tasks: [...this.#rows.tasks].slice(0, 5).map(({ kind, state, step }) => [kind, state, step]),
      sources: [...this.#rows.sources.values()].map(({ entry, breaker }) => [entry.id, breaker]),
    }
  }

  die(): void {
    this.isDead = true
  }

  close(): void {
    // There is nothing to let go of.
  }
}
