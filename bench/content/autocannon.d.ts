/** What the bench uses of it: it brings no types. */
declare module 'autocannon' {
  export interface Request {
    readonly method?: string
    readonly path?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: Buffer
    readonly setupRequest?: (request: Request) => Request
  }

  export interface Options {
    readonly url: string
    readonly connections: number
    /** Seconds. */
    readonly duration?: number
    /** Requests, instead of a time. */
    readonly amount?: number
    readonly requests: readonly Request[]
  }

  export interface Result {
    /** Seconds. */
    readonly duration: number
    readonly requests: { readonly total: number; readonly average: number }
    readonly '2xx': number
    readonly non2xx: number
    readonly errors: number
  }

  export default function autocannon(options: Options): Promise<Result>
}
