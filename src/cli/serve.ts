import { Command } from 'commander'
import type { ContentConfig } from '../app/content-options.ts'
import { sayFirstKey } from './first-key.ts'
import type { Setting } from './setting.ts'

/** `roundelay serve` */
export function serveCommand(setting: Setting): Command {
  return new Command('serve')
    .description(
      'keeps every library up to date and answers over HTTP until it is told to stop; with --content it is a content node, too',
    )
    .action(async () => {
      const { startService } = await import('../app/service.ts')
      const config = setting.config()
      const service = await startService(config)
      sayFirstKey(service.core, setting)
      const does = doing(service.url, config.roles.has('api'))
      setting.terminal.say(`Roundelay ${does} (Ctrl-C stops it).`)
      if (config.content !== null) setting.terminal.say(nodeLine(service.url, config.content))
      await signalled()
      setting.terminal.say('Stopping: tasks under way are given a moment to end.')
      await service.stop()
    })
}

function doing(url: string | null, isAnswering: boolean): string {
  if (url === null) return 'works'
  return isAnswering ? `answers on ${url}` : `works, and tells /health and /metrics on ${url}`
}

/** What a content node is up to. */
function nodeLine(url: string | null, { path, isFirst, ...lists }: ContentConfig): string {
  const where = url === null ? '' : ` at ${new URL(path || '/', url).href}`
  const hasPeers = lists.peers.length > 0 || lists.peersUrl !== null || lists.peersDao !== null
  const peers = hasPeers ? 'follows its peers' : 'is given no peers to follow (--peers)'
  const first = isFirst ? ', and is the first of its network' : ''
  return `It is a content node${where}: it ${peers}${first}. roundelay node status tells how it stands.`
}

/** Resolves when the process is told to stop. */
function signalled(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
}
