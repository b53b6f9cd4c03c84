import { Command } from 'commander'
import type { Setting } from './setting.ts'

/** `roundelay serve` */
export function serveCommand(setting: Setting): Command {
  return new Command('serve')
    .description('keeps every library up to date and answers over HTTP until it is told to stop')
    .action(async () => {
      const { startService } = await import('../app/service.ts')
      const service = await startService(setting.config())
      const does = service.url === null ? 'works' : `answers on ${service.url}`
      setting.terminal.say(`Roundelay ${does} (Ctrl-C stops it).`)
      await signalled()
      setting.terminal.say('Stopping: tasks under way are given a moment to end.')
      await service.stop()
    })
}

/** Resolves when the process is told to stop. */
function signalled(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
}
