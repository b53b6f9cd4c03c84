import { Command, Option } from 'commander'
import type { Plan } from '../engine/policy.ts'
import { ownerNamed } from './owner.ts'
import type { Setting } from './setting.ts'
import { table } from './terminal.ts'
import { withCore } from './with-core.ts'

const plans = ['free', 'premium'] as const satisfies readonly Plan[]

/** `roundelay user add|list|plan` */
export function userCommand(setting: Setting): Command {
  const { terminal } = setting
  const user = new Command('user').description('the people whose music this is')
  user
    .command('add')
    .description('adds a user with a library of their own')
    .argument('<name>')
    .addOption(
      new Option('--plan <plan>', 'premium gets three tasks a turn').choices(plans).default('free'),
    )
    .action(async (name: string, flags: { plan: Plan }) => {
      await withCore(setting, (core) => core.registry.addOwner(name, flags.plan))
      terminal.say(`Added ${name}. Next: roundelay source add ADDRESS --for ${name}`)
    })
  user
    .command('list')
    .description('all users, their plans and what is going on')
    .action(async () => {
      const rows = await withCore(setting, async ({ registry }) => {
        const owners = await registry.owners(maxListed)
        const all = await Promise.all(owners.map(({ id }) => registry.ownerStatus(id)))
        return all.flatMap((owner) => (owner === null ? [] : [owner]))
      })
      terminal.say(
        table([
          ['user', 'plan', 'read', 'to do', 'skipped', 'failed'],
          ...rows.map(({ name, plan, counts }) => [
            name,
            plan,
            String(counts.done),
            String(counts.waiting + counts.running),
            String(counts.skipped),
            String(counts.failed),
          ]),
        ]),
      )
    })
  user
    .command('plan')
    .description('gives a user another plan, from the next turn on')
    .argument('<name>')
    .argument('<plan>', plans.join(' or '))
    .action(async (name: string, plan: string) => {
      const known = plans.find((each) => each === plan)
      if (known === undefined) return user.error(`A plan is ${plans.join(' or ')}, not "${plan}".`)
      await withCore(setting, async (core) => {
        const owner = await ownerNamed(core, name)
        await core.registry.setPlan(owner.id, known)
      })
      return terminal.say(`${name} is ${known} now.`)
    })
  return user
}

/** Users in one list. */
const maxListed = 1_000
