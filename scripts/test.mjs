// `npm test`: lint, types, build, every test. The tests run last so that their closing line closes the run.
import { spawnSync } from 'node:child_process'

for (const script of ['lint', 'types', 'build', 'unit']) {
  const { status } = spawnSync('npm', ['run', '--silent', script], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
