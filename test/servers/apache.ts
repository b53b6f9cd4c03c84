import { createHash } from 'node:crypto'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RunningServer, type ServerOptions, startProcess } from './process.ts'

/** Apache with mod_dav; with a user name and password it asks for them. Serves at `/dav/`. */
export function startApache(options: ServerOptions): Promise<RunningServer> {
  return startProcess(async (port, dir) => {
    await mkdir(join(dir, 'lock'))
    await chmod(join(dir, 'lock'), 0o777)
    const { user, password } = options
    if (user !== undefined) {
      const hash = createHash('sha1')
        .update(password ?? '')
        .digest('base64')
      await writeFile(join(dir, 'passwords'), `${user}:{SHA}${hash}\n`)
    }
    const conf = join(dir, 'apache.conf')
    await writeFile(conf, configuration(port, dir, options))
    return { command: 'apache2', args: ['-f', conf, '-DFOREGROUND'], path: '/dav/' }
  })
}

function configuration(port: number, dir: string, { root, user }: ServerOptions): string {
  const login = `AuthType Basic
    AuthName music
    AuthUserFile ${dir}/passwords
    Require valid-user`
  return `ServerRoot ${dir}
ServerName 127.0.0.1
Listen 127.0.0.1:${port}
PidFile ${dir}/apache.pid
Mutex file:${dir} default
ErrorLog ${dir}/error.log
LogFormat "%m %U %>s %B" short
CustomLog ${dir}/access.log short
User www-data
Group www-data
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
TypesConfig /etc/mime.types
DavLockDB ${dir}/lock/db
DocumentRoot ${dir}
Alias /dav ${root}
MaxRequestWorkers 50
<Directory ${root}>
    Dav On
    DirectoryIndex disabled
    ${user === undefined ? 'Require all granted' : login}
</Directory>
`
}

const modules = [
  'mpm_event',
  'authn_core',
  'authn_file',
  'authz_core',
  'authz_user',
  'auth_basic',
  'alias',
  'mime',
  'dir',
  'dav',
  'dav_fs',
]
