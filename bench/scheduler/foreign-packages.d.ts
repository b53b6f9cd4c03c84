/**
 * What the bench uses of packages that are installed only when it runs (bench/package.json): enough to check its own code
 * by, whether or not they are there.
 */

declare module 'bullmq' {
  interface Connection {
    readonly connection: { readonly host: string; readonly port: number }
  }

  export class Queue<Data> {
    constructor(name: string, options: Connection)
    addBulk(jobs: readonly { readonly name: string; readonly data: Data }[]): Promise<unknown>
    close(): Promise<void>
  }

  export class Worker<Data> {
    constructor(
      name: string,
      process: (job: { readonly data: Data }) => Promise<void>,
      options: Connection & { readonly concurrency: number },
    )
    waitUntilReady(): Promise<unknown>
    /** Resolves when no job runs any more. */
    pause(): Promise<void>
    resume(): void
  }
}

declare module 'graphile-worker' {
  import type { Pool } from 'pg'

  export class Logger {
    constructor(log: () => () => void)
    error(message: string): void
  }

  interface Shared {
    readonly logger: Logger
  }

  interface Job {
    readonly identifier: string
    readonly payload: unknown
    /** Smaller is sooner. */
    readonly priority: number
  }

  export function makeWorkerUtils(
    options: Shared & { readonly connectionString: string },
  ): Promise<{
    migrate(): Promise<void>
    addJobs(jobs: readonly Job[]): Promise<unknown>
    release(): Promise<void>
  }>

  export function run(
    options: Shared & {
      readonly pgPool: Pool
      readonly noHandleSignals: boolean
      readonly taskList: Readonly<Record<string, (payload: unknown) => Promise<void>>>
      readonly preset: {
        readonly worker: {
          readonly concurrentJobs: number
          readonly localQueue: { readonly size: number }
          /** Milliseconds that a completion waits for others; zero is until the loop comes round, -1 never. */
          readonly completeJobBatchDelay: number
        }
      }
    },
  ): Promise<{ stop(): Promise<void> }>
}

declare module 'pg-boss' {
  export class PgBoss {
    constructor(connectionString: string)
    on(event: 'error', listen: (error: Error) => void): void
    start(): Promise<unknown>
    createQueue(name: string): Promise<void>
    insert(name: string, jobs: readonly { readonly data: object }[]): Promise<unknown>
    work(
      name: string,
      options: {
        readonly localConcurrency: number
        readonly batchSize: number
        readonly burstWhenBatchFull: boolean
        readonly pollingIntervalSeconds: number
      },
      handle: (jobs: readonly { readonly data: unknown }[]) => Promise<void>,
    ): Promise<string>
    /** Resolves when no worker of it has a job any more. */
    offWork(name: string): Promise<void>
  }
}
