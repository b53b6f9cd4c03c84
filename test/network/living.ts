import type { LifeClock } from '../sim/virtual-clock.ts'

/** What a dead process asked for is answered to nobody. */
export async function alive<T>(work: Promise<T>, life: LifeClock): Promise<T> {
  const done = await work
  if (life.isOver) await new Promise(() => undefined)
  return done
}

/** Of a process that is killed nothing is heard any more. */
export function living<T extends object>(part: T, life: LifeClock): T {
  return new Proxy(part, {
    get: (target, name) => {
      const found: unknown = Reflect.get(target, name)
      if (typeof found !== 'function') return found
      return (...values: unknown[]): unknown => {
        if (life.isOver) return new Promise(() => undefined)
        const given: unknown = found.apply(target, values)
        return given instanceof Promise ? alive(given, life) : given
      }
    },
  })
}

/** A part of whichever process there is. */
export function following<T extends object>(present: () => T): T {
  return new Proxy({} as T, {
    get: (_, name) => {
      const part = present()
      const found: unknown = Reflect.get(part, name)
      return typeof found === 'function' ? found.bind(part) : found
    },
  })
}
