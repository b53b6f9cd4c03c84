import { type RunningServer, type ServerOptions, startProcess } from './process.ts'

/** `rclone serve webdav`, without the five minutes for which it remembers folders. */
export function startRclone({ root, user, password }: ServerOptions): Promise<RunningServer> {
  return startProcess(async (port) => {
    const login = user === undefined ? [] : ['--user', user, '--pass', password ?? '']
    const addr = ['--addr', `127.0.0.1:${port}`, '--dir-cache-time', '0', '--config', '/dev/null']
    return { command: 'rclone', args: ['serve', 'webdav', root, ...addr, ...login] }
  })
}
