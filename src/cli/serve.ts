import { Command } from 'commander'
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
      await signalled()
      setting.terminal.say('Stopping: tasks under way are given a moment to end.')
      await service.stop()
    })
}

function doing(url: string | null, isAnswering: boolean): string {
  if (url === null) return 'works'
  return isAnswering ? `answers on ${url}` : `works, and tells /health and /metrics on ${url}`
}

/** Resolves when the process is told to stop. */
function signalled(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
}
