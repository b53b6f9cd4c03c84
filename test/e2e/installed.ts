import { spawnSync } from 'node:child_process'

/** Whether a program can be run here; what needs a missing one is skipped, and shown to be. */
export function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$0"', program]).status === 0
}

/** Whether Python can load a module. */
export function hasPythonModule(name: string): boolean {
  return spawnSync('/usr/bin/python3', ['-c', `import ${name}`]).status === 0
}
