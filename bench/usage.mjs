// Loaded ahead of a command that is measured (node --import): when it ends, writes what it used to a file, worker threads
// included. Removes its own trace from the environment, so that no child of the command does the same.
import { writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const file = process.env['BENCH_USAGE']
delete process.env['BENCH_USAGE']
if (isMainThread && file !== undefined) {
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
    writeFileSync(
      file,
      JSON.stringify({ cpuMs: (userCPUTime + systemCPUTime) / 1000, peakBytes: maxRSS * 1024 }),
    )
  })
}
