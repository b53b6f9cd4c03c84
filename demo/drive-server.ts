import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { v2 as webdav } from 'webdav-server'

/** Somebody's drive: a real WebDAV server with a user name and a password, on this machine only. */
export interface DriveServer {
  readonly url: string
  readonly user: string
  readonly password: string
  switchOff(): Promise<void>
  switchOn(): Promise<void>
}

/** Serves a folder to read; every read of a file takes `delayMs` longer, as if the drive were far away. */
export async function startDrive(
  folder: string,
  user: string,
  delayMs: number,
): Promise<DriveServer> {
  const password = randomBytes(12).toString('hex')
  const users = new webdav.SimpleUserManager()
  const account = users.addUser(user, password, false)
  const privileges = new webdav.SimplePathPrivilegeManager()
  privileges.setRights(account, '/', ['canRead'])
  const make = async (port: number): Promise<webdav.WebDAVServer> => {
    const server = new webdav.WebDAVServer({
      hostname: '127.0.0.1',
      port,
      httpAuthentication: new webdav.HTTPBasicAuthentication(users, 'Roundelay demo'),
      privilegeManager: privileges,
    })
    await server.setFileSystemAsync('/', new webdav.PhysicalFileSystem(folder), true)
    server.beforeRequest(({ request }, next) => {
      setTimeout(next, request.method === 'GET' ? delayMs : 0)
    })
    await server.startAsync(port)
    return server
  }
  let server = await make(0)
  const { port } = nodeServer(server).address()
  return {
    url: `http://127.0.0.1:${port}/`,
    user,
    password,
    switchOff: () => stop(server),
    switchOn: async () => {
      server = await make(port)
    },
  }
}

/** A drive that is switched off answers nobody: open connections are cut. */
async function stop(server: webdav.WebDAVServer): Promise<void> {
  const node = nodeServer(server)
  const stopped = server.stopAsync()
  node.closeAllConnections()
  await stopped
}

/** Node's own server underneath, which the package keeps to itself; it listens, so its address has a port. */
function nodeServer(server: webdav.WebDAVServer): {
  address(): AddressInfo
  closeAllConnections(): void
} {
  return (server as unknown as { server: ReturnType<typeof nodeServer> }).server
}
