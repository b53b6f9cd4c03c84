import type { Reporter, TestModule } from 'vitest/node'

/** Closes a run with the plain line `N passed, N failed, N skipped`; with CI=true a skipped test fails the run. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0
    let failed = errors.length
    let skipped = 0
    for (const module of modules) {
      if (module.errors().length > 0) failed++
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed++
        else if (state === 'failed') failed++
        else skipped++
      }
    }
    if (process.env['CI'] === 'true' && skipped > 0) {
      console.error(`With CI=true a skipped test is a failed one: ${skipped} skipped.`)
      process.exitCode = 1
    }
    if (failed > 0 || passed === 0) process.exitCode = 1
    console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`)
  }
}
