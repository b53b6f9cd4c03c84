import { Command } from 'commander'
import type { Setting } from './setting.ts'
import { printable } from './terminal.ts'
import { withCore } from './with-core.ts'

/** `roundelay doctor` */
export function doctorCommand(setting: Setting): Command {
  return new Command('doctor')
    .description(
      'looks whether database, key, drives and peers (--content) are in order, and says what to do',
    )
    .action(async () => {
      const { examine } = await import('../app/examination.ts')
      const findings = await withCore(setting, examine)
      for (const { verdict, text } of findings) {
        setting.terminal.say(`${verdict.padEnd(7)} ${printable(text)}`)
      }
      if (findings.some(({ verdict }) => verdict === 'trouble')) process.exitCode = 1
    })
}
