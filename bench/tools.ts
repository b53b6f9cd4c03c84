/** Programs of the system that a bench needs: where they are, and what they are started with. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Where distributions put what only an administrator starts, whatever the PATH of a user says. */
const systemFolders = ['/usr/sbin', '/usr/local/sbin', '/sbin']

/** The full path of a program, or null when it is not installed. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(':'), ...systemFolders]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null
}

/** What a fresh shell has: both sides start with the same, and with nothing that this machine alone sets. */
export function plainEnvironment(): Readonly<Record<string, string>> {
  const kept = ['PATH', 'HOME', 'USER', 'LANG', 'TZ']
  return Object.fromEntries(
    kept.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}
