// Files of undici that its own types speak of only as parts of the whole.
declare module 'undici/lib/api/api-request.js' {
  const request: import('undici').Pool['request']
  export default request
}
declare module 'undici/lib/core/connect.js' {
  const connect: typeof import('undici').buildConnector
  export default connect
}
declare module 'undici/lib/core/errors.js' {
  const errors: typeof import('undici').errors
  export default errors
}
declare module 'undici/lib/dispatcher/pool.js' {
  const Pool: typeof import('undici').Pool
  export default Pool
}
