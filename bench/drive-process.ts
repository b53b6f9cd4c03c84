/** The drive that is nowhere, as a process of its own. */
import { beChild } from './child.ts'
import { type DriveOptions, openDrive } from './drive.ts'

await beChild((options) => openDrive(options as DriveOptions))
