// `npm run bench -- NAME [options]`. The benches are TypeScript and run as they stand, through tsx.
import { register } from 'tsx/esm/api'

register()
await import('./command.ts')
