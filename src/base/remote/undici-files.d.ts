// Files of undici that its own types speak of only as parts of the whole.
declare module 'undici/lib/api/api-request.js' {
  import type { Pool } from 'undici'
  const request: Pool['request']
  export default request
}
declare module 'undici/lib/core/connect.js' {
  import type { buildConnector } from 'undici'
  const connect: typeof buildConnector
  export default connect
}
declare module 'undici/lib/core/errors.js' {
  import type { errors } from 'undici'
  const failures: typeof errors
  export default failures
}
declare module 'undici/lib/dispatcher/pool.js' {
  import type { Pool } from 'undici'
  const UndiciPool: typeof Pool
  export default UndiciPool
}
