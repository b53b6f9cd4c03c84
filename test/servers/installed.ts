/** What a test needs and this machine may lack; without it the test is skipped, and shown to be. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Whether a program lies on the PATH. */
export function isInstalled(program: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.some((folder) => folder !== '' && isExecutable(join(folder, program)))
}

/** Whether nginx is here together with its module for WebDAV. */
export function isNginxInstalled(): boolean {
  return isInstalled('nginx') && existsSync(nginxDavModule)
}

/** Where Debian puts it. */
export const nginxDavModule = '/usr/lib/nginx/modules/ngx_http_dav_ext_module.so'

/** Whether Debian's Python can load a module. */
export function hasPythonModule(name: string): boolean {
  return spawnSync(python, ['-c', `import ${name}`]).status === 0
}

/** Debian's own: another one on the PATH does not see Debian's modules. */
export const python = '/usr/bin/python3'

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
