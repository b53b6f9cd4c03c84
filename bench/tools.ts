/** Programs of the system that a bench needs, and where they are. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Where distributions put what only an administrator starts, whatever the PATH of a user says. */
const systemFolders = ['/usr/sbin', '/usr/local/sbin', '/sbin']

/** The full path of a program, or null when it is not installed. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(':'), ...systemFolders]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null
}
