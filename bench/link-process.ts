/** The link as a process of its own. */
import { systemClock } from '../src/base/clock.ts'
import { beChild } from './child.ts'
import { type LinkOptions, openLink } from './link.ts'

await beChild((options) =>
  openLink({ ...(options as Omit<LinkOptions, 'clock'>), clock: systemClock }),
)
